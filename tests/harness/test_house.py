"""What CONTRIBUTING.md, README and SECURITY.md say of the house is so."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from harness.conftest import ROOT

PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


def house(root, *options):
    command = [sys.executable, str(root / "tools" / "house.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_picture_of_the_house_is_up_to_date():
    done = house(ROOT, "--check")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def another_house(tmp_path):
    """A house of two rooms and a third between them, with a page that has no picture yet."""
    rooms = {"a": "from . import b, c", "b": "from . import c", "c": ""}
    for package in ("grading", "reference", "student/lab"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text('"""A package."""\n')
    for name, imports in rooms.items():
        (tmp_path / "grading" / f"{name}.py").write_text(f'"""Room {name}. And more."""\n{imports}\n')
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "house.py").write_bytes((ROOT / "tools" / "house.py").read_bytes())
    (tmp_path / "CONTRIBUTING.md").write_text("before\n<!-- house: begin -->\n<!-- house: end -->\nafter\n")
    return tmp_path


def test_the_picture_is_drawn_from_the_code(another_house):
    assert house(another_house, "--check").returncode == 1
    assert house(another_house).returncode == 0
    page = (another_house / "CONTRIBUTING.md").read_text()
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "    a --> b\n    b --> c\n" in page
    assert "a --> c" not in page, "this follows from the other two"
    assert "| `b.py` | Room b. And more |" in page
    assert house(another_house, "--check").returncode == 0


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_links_to_are_there(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


def test_hooks_before_a_commit_fetch_nothing():
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in configuration["repos"]] == ["local"]
    hooks = configuration["repos"][0]["hooks"]
    assert {hook["id"] for hook in hooks} == {"ruff-check", "ruff-format", "mypy"}
    assert {hook["language"] for hook in hooks} == {"system"}


def test_ci_holds_a_floor_for_coverage():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["coverage"]["run"]["branch"] is True
    assert project["tool"]["coverage"]["report"]["fail_under"] >= 70
    assert "step .ci/coverage" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")

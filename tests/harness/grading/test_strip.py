"""Skeletons are made from the solution by stripping marked regions, and a badly marked solution is refused."""

import pytest
from harness.conftest import ROOT

from grading.assignment import load
from grading.authoring.strip import StripError, skeletons, strip

OPEN, CLOSE = "# >>> solution: task 1, f", "# <<< solution"


def test_a_region_becomes_a_stub_that_names_its_task():
    solution = f"def f():\n    '''Add.'''\n    {OPEN}\n    return 1 + 1\n    {CLOSE}\n\n\nX = 1\n"
    assert strip(solution, "s.py") == (
        "def f():\n    '''Add.'''\n    raise NotImplementedError(\"task 1, f\")\n\n\nX = 1\n"
    )


@pytest.mark.parametrize(
    ("solution", "line", "problem"),
    [
        (f"{OPEN}\n{OPEN}\n{CLOSE}\n{CLOSE}\n", 2, "inside"),
        (f"x\n{OPEN}\ny\n", 2, "never ends"),
        (f"x\n{CLOSE}\n", 2, "never began"),
        ("# >>> solution\nx\n# <<< solution\n", 1, "needs its task"),
        (f"{OPEN}\n  {CLOSE}\n", 2, "indented"),
        (f"{OPEN}\n{CLOSE}\n{OPEN}\n{CLOSE}\n", 3, "already solved at line 1"),
        (f"{OPEN}\nx\n#<<< Solution\n{CLOSE}\n", 3, "looks like a marker"),
    ],
)
def test_bad_markers_are_errors_that_name_their_line(solution, line, problem):
    with pytest.raises(StripError, match=problem) as caught:
        strip(solution, "s.py")
    assert str(caught.value).startswith(f"s.py:{line}:")


def test_a_solution_without_markers_is_not_given_away():
    with pytest.raises(StripError, match="give it away"):
        strip("def f():\n    return 2\n", "s.py")


def test_the_committed_skeletons_are_those_of_the_solution():
    made = skeletons(load(ROOT))
    assert [path.name for path in made] == ["simple_vae.py", "vae.py", "extensions.py"]
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: run vae-grade skeleton"


def test_no_line_of_a_solution_is_left_in_a_skeleton():
    solution = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
    inside, secret = False, set()
    for line in solution.splitlines():
        if "<<< solution" in line:
            inside = False
        if inside and len(line.strip()) > 8:
            secret.add(line.strip())
        if ">>> solution" in line:
            inside = True
    skeleton = (ROOT / "student" / "vae.py").read_text(encoding="utf-8")
    assert len(secret) > 20
    assert not [line for line in secret if line in skeleton]


def test_the_command_reports_a_stale_skeleton(vae_grade, tmp_path):
    for folder in ("tests", "reference", "student"):
        (tmp_path / folder).symlink_to(ROOT / folder) if folder != "student" else (tmp_path / folder).mkdir()
    assert vae_grade("skeleton", "--check", "--assignment", tmp_path).returncode == 1
    assert vae_grade("skeleton", "--assignment", tmp_path).returncode == 0
    assert vae_grade("skeleton", "--check", "--assignment", tmp_path).returncode == 0

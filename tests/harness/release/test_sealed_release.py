"""A release with the hidden tier sealed in it: graded with the key, closed without, and the same when made again."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from harness.release.conftest import commit, git
from harness.release.test_writing import HIDDEN, tree

pytestmark = pytest.mark.slow  # each of these makes a release, and most an audit

CALLED = "course/vae-grade-sealed/.github/workflows/grade-sealed.yml@" + "3" * 40


def new_key(vae_grade, folder, name="key"):
    made = vae_grade("hosted", "key", "--out", folder / name)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip(), (folder / name).read_text().strip()


def steps(workflow, repository, temporary, **environment):
    """Run the steps of the release's workflow as GitHub does, but for those that install; return how each ended."""
    ended = {}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    base = {"PATH": path, "RUNNER_TEMP": str(temporary), "GITHUB_STEP_SUMMARY": str(temporary / "summary")}
    base |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    (job,) = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    for step in job["steps"]:
        if "run" not in step or step["name"].startswith("Install"):
            continue
        own = environment if "env" in step else {}
        assert set(step.get("env", {})) <= {"VAE_GRADE_HIDDEN_KEY"}
        command = step["run"].replace("python bootstrap.py ", "")
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command], cwd=repository, env=base | own,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        ended[step["name"]] = done
        if done.returncode != 0:
            break
    return ended


def test_a_push_is_graded_with_both_tiers_by_who_has_the_key(course, audited, release, vae_grade, tmp_path):
    recipient, key = new_key(vae_grade, tmp_path)
    released = tmp_path / "released"
    status, shown = release(released, "--seal-hidden", recipient)
    assert status == 0, shown

    files = tree(released)
    sealed = files["hidden.age"]
    assert sealed.startswith(b"age-encryption.org/v1\n")
    everything = [path for path in (course / "tests").rglob("*.py") if "__pycache__" not in path.parts]
    lines = {line.strip().encode() for path in everything for line in path.read_text().splitlines()}
    assert any(HIDDEN.encode() in line for line in lines), "there was something to hide"
    assert not [line for line in lines if len(line) > 7 and line in sealed]
    assert key.encode() not in b"".join(files.values())
    manifest = json.loads(files["released.json"])
    assert {"hidden.age", ".github/workflows/grade-hidden.yml"} <= manifest["files"].keys()

    installed = re.findall(r"bootstrap\.py (--with \w+)", files[".github/workflows/grade-hidden.yml"].decode())
    assert installed == ["--with hosted"]
    specification = importlib.util.spec_from_file_location("released_bootstrap", released / "bootstrap.py")
    bootstrap = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(bootstrap)
    assert bootstrap.parse([*installed[0].split(), "vae-grade"]) == ("hosted", ["vae-grade"])
    with zipfile.ZipFile(next(released.glob("grader/*.whl"))) as wheel:
        (metadata,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/METADATA"))
    assert re.search(r"Requires-Dist: pyrage.*extra == .hosted", metadata)

    right = (course / "examples" / "1-right" / "work" / "line.py").read_text(encoding="utf-8")
    (released / "work" / "line.py").write_text(right, encoding="utf-8")
    commit(released)
    workflow = released / ".github" / "workflows" / "grade-hidden.yml"
    temporary = tmp_path / "runner"
    temporary.mkdir()
    ended = steps(workflow, released, temporary, VAE_GRADE_HIDDEN_KEY=key)
    assert [done.returncode for done in ended.values()] == [0] * len(ended), [d.stderr for d in ended.values()]
    student = json.loads((temporary / "student.json").read_text())
    assert set(student["tiers"]) == {"public", "hidden"}
    assert student["score"]["hidden"]["earned"] == student["score"]["hidden"]["possible"] > 0
    assert student["assignment"]["digest"] == manifest["complete_digest"]
    assert (student["problems"], student["authoritative"]) == ([], False)
    assert HIDDEN not in json.dumps(student)
    assert not (released / "tests" / "hidden").exists(), "the tree of the repository stays as it was released"
    assert key not in "".join(done.stdout + done.stderr for done in ended.values())

    _, other = new_key(vae_grade, tmp_path, "other")
    for number, (secret, told) in enumerate(
        [(other, "sealed for another key"), ("", "VAE_GRADE_HIDDEN_KEY is not set")]
    ):
        temporary = tmp_path / f"runner {number}"
        temporary.mkdir()
        *_, (name, done) = steps(workflow, released, temporary, VAE_GRADE_HIDDEN_KEY=secret).items()
        assert (name, done.returncode) == ("Open the hidden tier", 2)
        assert told in done.stderr
        assert not list(temporary.rglob("hidden"))

    # An edited workflow, and another file in the place of the sealed one, are seen.
    workflow.write_text(workflow.read_text().replace("timeout-minutes: 20", "timeout-minutes: 300"))
    (released / "hidden.age").write_bytes(sealed[:-1])
    done = vae_grade("run", released, "--assignment", course, "--json", tmp_path / "scores.json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["problems"] == [
        ".github/workflows/grade-hidden.yml is not as it was released",
        "hidden.age is not as it was released",
    ]


def test_it_is_sealed_anew_only_for_other_tests_or_another_recipient(course, audited, release, vae_grade, tmp_path):
    recipient, _ = new_key(vae_grade, tmp_path)
    for name in ("one", "two"):
        assert release(tmp_path / name, "--seal-hidden", recipient)[0] == 0
    assert git(tmp_path / "one", "rev-parse", "HEAD") == git(tmp_path / "two", "rev-parse", "HEAD")
    status, shown = release("--update", tmp_path / "one", "--seal-hidden", recipient)
    assert (status, "is up to date" in shown) == (0, True)
    another, _ = new_key(vae_grade, tmp_path, "another")
    assert release(tmp_path / "three", "--seal-hidden", another)[0] == 0
    with (course / "tests" / "steps.py").open("a") as stream:
        stream.write("\n# another edition\n")
    assert release(tmp_path / "four", "--seal-hidden", recipient, "--unaudited")[0] == 0
    assert len({(tmp_path / name / "hidden.age").read_bytes() for name in ("one", "three", "four")}) == 3


def test_a_push_calls_the_courses_workflow_at_its_commit(audited, release, tmp_path):
    status, shown = release(tmp_path / "released", "--call-sealed", CALLED)
    assert status == 0, shown
    workflow = tmp_path / "released" / ".github" / "workflows" / "grade-sealed.yml"
    content = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    (job,) = content["jobs"].values()
    assert job["uses"] == CALLED
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert "work/**" in content[True]["push"]["paths"]
    assert "secrets" not in job
    assert not (tmp_path / "released" / "hidden.age").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--seal-hidden", "age1nobody"), "is no recipient of age"),
        (("--call-sealed", CALLED.partition("@")[0] + "@main"), "names no workflow at a commit"),
        (("--seal-hidden", "age1nobody", "--call-sealed", CALLED), "two ways to the hidden tier"),
    ],
)
def test_nothing_is_released_for_nobody(course, release, tmp_path, arguments, told):
    status, shown = release(tmp_path / "released", "--unaudited", *arguments)
    assert status == 2
    assert told in shown
    assert not (tmp_path / "released").exists()
    assert not list((course / "solution").glob("sealed-*"))


def test_without_a_hidden_tier_there_is_nothing_to_seal(course, release, vae_grade, tmp_path):
    shutil.rmtree(course / "tests" / "hidden")
    text = (course / "tests" / "rubric.toml").read_text()
    kept, skipping = [], False
    for line in text.splitlines(keepends=True):
        skipping = line.startswith("[item.checks.hidden]") or (skipping and not line.startswith("["))
        kept += [line] * (not skipping)
    (course / "tests" / "rubric.toml").write_text("".join(kept))
    recipient, _ = new_key(vae_grade, tmp_path)
    status, shown = release(tmp_path / "released", "--unaudited", "--seal-hidden", recipient)
    assert (status, "no hidden tier to seal" in shown) == (2, True)

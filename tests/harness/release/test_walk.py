"""A release as a student has it: cloned, set up, solved function by function, updated underneath, and tampered with.

The steps of ``grade.yml`` are run as GitHub runs them, in an environment that borrows this one's packages.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from harness.release.conftest import commit, git
from harness.workflows.test_grade_workflow import ROOT, assert_succeeded, clone_of_the_working_tree, python, run_job

from grading.assignment import load

__all__ = ["python"]

pytestmark = [pytest.mark.slow, pytest.mark.long]  # grades five pushes

REGION = re.compile(r"^(?P<indent> *)# >>> solution: (?P<task>[^\n]*)\n(?P<code>.*?)^ *# <<< solution\n", re.M | re.S)


@pytest.fixture
def instructor(tmp_path):
    """The instructor's repository."""
    return clone_of_the_working_tree(tmp_path / "instructor")


def release(instructor, *arguments):
    """Run ``vae-grade release`` there. Unaudited, since an audit takes minutes and has tests of its own."""
    return command(instructor, "release", *arguments, "--unaudited").stdout


def command(instructor, *arguments):
    """Run a command of the instructor's own ``vae-grade``."""
    done = subprocess.run(
        [sys.executable, "-m", "grading.cli", *map(str, arguments)],
        cwd=instructor,
        env={**os.environ, "PYTHONPATH": str(instructor)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def implement(clone, count):
    """Fill in the first stubs of the student's files, so many in all, as the solution has them."""
    for name in ("simple_vae.py", "vae.py"):
        path = clone / "student" / name
        for match in REGION.finditer((ROOT / "reference" / name).read_text(encoding="utf-8")):
            stub = f'{match["indent"]}raise NotImplementedError("{match["task"]}")\n'
            text = path.read_text(encoding="utf-8")
            if stub in text and count > 0:
                path.write_text(text.replace(stub, match["code"]), encoding="utf-8")
            count -= 1


def test_a_student_solves_a_release_is_updated_and_caught(instructor, python, tmp_path):
    released = tmp_path / "released"
    release(instructor, released)
    clone = tmp_path / "a clone"
    git(tmp_path, "clone", "-q", str(released), str(clone))
    possible = sum(item.points["public"] for item in load(instructor).items)

    scores, problems = [], []
    for count in (0, 6, 12, 18):
        implement(clone, count)
        if count:
            commit(clone, f"{count} functions")
        job = run_job(clone, python)
        assert_succeeded(job)
        scores.append(job.scores["score"]["earned"])
        problems.append(job.scores["problems"])
        assert job.scores["score"]["possible"] == possible
        assert job.scores["tiers"] == ["public"]
        assert f"{scores[-1]:g} of {possible} points" in job.summary
        assert ("**Next: " in job.summary) == (scores[-1] < possible)
        assert job.annotations[-1][2] == f"{scores[-1]:g} of {possible} points"
        assert len(job.annotations) <= 10
    assert scores[0] == 0
    assert scores == sorted(set(scores)), "each step is worth something"
    assert scores[-1] == possible
    assert problems == [[]] * 4
    version = subprocess.run([python / "bin" / "vae-grade", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() in "".join(path.name for path in clone.glob("grader/*.whl")).replace(
        "vae_assignment-", "vae-grade "
    )

    handout = instructor / "student" / "README.md"
    handout.write_text(handout.read_text(encoding="utf-8") + "\nNew: nothing else.\n", encoding="utf-8")
    commit(instructor, "Handout")
    mine = {name: (clone / "student" / name).read_bytes() for name in ("vae.py", "simple_vae.py")}
    shutil.rmtree(tmp_path / "released")
    assert "updated" in release(instructor, "--update", clone)
    assert {name: (clone / "student" / name).read_bytes() for name in mine} == mine
    assert "New: nothing else." in (clone / "student" / "README.md").read_text(encoding="utf-8")
    assert git(clone, "log", "--format=%s").splitlines()[:2] == [
        "Variational Autoencoder, release 0.1.0",
        "18 functions",
    ]

    (clone / "tests" / "public" / "test_encode.py").write_text("def test_all_is_well():\n    pass\n")
    (clone / "tests" / "public" / "conftest.py").write_text("")
    (clone / "grading").mkdir()
    (clone / "grading" / "__init__.py").write_text("raise SystemExit(0)\n")
    workflow = clone / ".github" / "workflows" / "grade.yml"
    workflow.write_text(workflow.read_text(encoding="utf-8").replace("timeout-minutes: 15", "timeout-minutes: 350"))
    commit(clone, "Faster")
    expected = {
        "tests/public/test_encode.py is not as it was released",
        "tests/public/conftest.py was not released",
        ".github/workflows/grade.yml is not as it was released",
        "not read, because a grader has checks of its own: grading",
    }
    # The instructor's own record says what was released, whatever stands in the student's repository.
    release(instructor, tmp_path / "released")
    (clone / "released.json").write_text("{}")
    commit(clone, "Nothing to see")
    done = command(instructor, "run", f"{clone}@HEAD", "--only", "encode", "--json", tmp_path / "s.json")
    document = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert expected <= set(document["problems"])
    assert all(problem in done.stderr for problem in expected)
    assert document["score"]["earned"] == document["score"]["possible"], "the instructor's checks were run"


def test_what_a_student_changes_is_told_by_their_own_run(instructor, python, tmp_path):
    released = tmp_path / "released"
    release(instructor, released)
    with (released / "tests" / "public" / "test_encode.py").open("a") as stream:
        stream.write("# a remark\n")
    commit(released, "A remark")
    job = run_job(released, python)
    assert_succeeded(job)
    assert job.scores["problems"] == ["tests/public/test_encode.py is not as it was released"]
    assert "is not as it was released" in job.summary

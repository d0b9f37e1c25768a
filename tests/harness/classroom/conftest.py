"""What the tests of a class share: a small course, ways to hand in, and the real command."""

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.conftest import ROOT

from grading.classroom.model import Class, Outcome, load

SECOND = ROOT / "tests" / "harness" / "second" / "assignment"
RIGHT = (SECOND / "solution" / "line.py").read_bytes()
UPHILL = (SECOND / "examples" / "2-uphill" / "work" / "line.py").read_bytes()
STUBS = (SECOND / "work" / "line.py").read_bytes()
FULL, HALF = 9, 5


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """The second assignment, with the names of two files that are handed in."""
    folder = Path(shutil.copytree(SECOND, tmp_path_factory.mktemp("course") / "regression"))
    rubric = folder / "tests" / "rubric.toml"
    text = rubric.read_text(encoding="utf-8").replace('["line.py"]', '["vae.py", "simple_vae.py"]')
    rubric.write_text(text.replace('file = "line.py"', 'file = "vae.py"'), encoding="utf-8")
    (folder / "solution" / "line.py").rename(folder / "solution" / "vae.py")
    return folder


@dataclass(frozen=True)
class Run:
    """What one run of ``vae-grade class`` left behind."""

    status: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def graded(self) -> Class:
        """The finished class."""
        return load(self.folder)

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The outcome of each student by id."""
        return {outcome.student.id: outcome for outcome in self.graded.outcomes}

    @property
    def states(self) -> dict[str, str]:
        """What became of each student, by id."""
        return {identifier: str(outcome.state) for identifier, outcome in self.outcomes.items()}


@pytest.fixture
def grade_class(vae_grade, vae_grade_here, course, tmp_path):
    """Grade a class: in this process, or with so many jobs by the real command and processes of its own."""

    def run(submissions, *arguments, out="out", status=0, jobs=None):
        # Each process at work imports torch twice, which takes longer than to grade a few submissions of this course.
        where = ("--out", tmp_path / out, "--assignment", course, "--jobs", jobs or 1)
        done = (vae_grade if jobs else vae_grade_here)("class", submissions, *where, *arguments)
        assert done.returncode == status, done.stdout + done.stderr
        return Run(done.returncode, done.stdout, done.stderr, tmp_path / out)

    return run


@pytest.fixture
def hand_over(tmp_path):
    """Lay out files as a platform does, in a folder or a zip."""

    def lay(files, *, zipped=False, name="download"):
        if zipped:
            path = tmp_path / f"{name}.zip"
            with zipfile.ZipFile(path, "w") as archive:
                for member, content in files.items():
                    archive.writestr(member, content)
            return path
        for member, content in files.items():
            path = tmp_path / name / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / name

    return lay


@pytest.fixture
def write(tmp_path):
    """Write a file, such as a roster, and give its path."""

    def text(name, content):
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / name

    return text


def made_zip(path, members):
    """A zip of these members, each a name or a ``ZipInfo``, in this order."""
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path.read_bytes()

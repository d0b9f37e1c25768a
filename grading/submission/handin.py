"""What was handed in: the files that could be taken, and what is wrong with the others."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..assignment import Assignment
from ..boundary.shared.text import clean_line

MAX_FILE_SIZE = 1 << 20
# What lies beside the files of any assignment.
EXPECTED_BESIDE = {"README.md", ".ipynb_checkpoints", "__init__.py", "__pycache__"}
# Files that would change how Python or pytest runs, if anything here were run where they lie.
INFLUENTIAL = {
    "conftest.py",
    "pytest.ini",
    "setup.cfg",
    "sitecustomize.py",
    "usercustomize.py",
    "tox.ini",
    ".pytest.ini",
}


class SubmissionError(Exception):
    """Nothing that could be graded is there; the message says what was looked for, and where."""


@dataclass(frozen=True)
class Sought:
    """What an assignment asks for.

    Attributes:
        names: the files to take.
        folder: the folder of a repository that they are in; they may also lie bare.
        beside: what lies there besides and is no surprise.
    """

    names: tuple[str, ...]
    folder: str
    beside: frozenset[str] = frozenset()

    @classmethod
    def by(cls, assignment: Assignment) -> Sought:
        """What this assignment asks for."""
        return cls(assignment.files, assignment.folders.student, frozenset(assignment.beside))

    def others(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that the assignment does not know."""
        return [name for name in names if name not in {*self.names, *self.beside, *EXPECTED_BESIDE}]


@dataclass(frozen=True)
class Submission:
    """A student's files, as bytes.

    Attributes:
        id: a short name for people.
        source: where it came from.
        commit: the full id of the commit, if it came from git.
        files: the named files that could be taken.
        faults: why each of the others could not.
        problems: what an instructor should know besides.
    """

    id: str
    source: str
    commit: str | None
    files: dict[str, bytes]
    faults: dict[str, str]
    problems: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents, the same for the same files wherever they came from."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            digest.update(f"{name}\0{len(self.files[name])}\0".encode() + self.files[name])
        return digest.hexdigest()


@dataclass(frozen=True)
class Found:
    """What a source knows of one path: its bytes, or why there are none."""

    content: bytes | None
    fault: str | None


def assemble(
    name: str,
    specification: str,
    commit: str | None,
    found: dict[str, Found],
    sought: Sought,
    others: list[str],
    notes: Sequence[str] = (),
) -> Submission:
    """The submission made of what was found under each name, what lies beside, and what else is to be known."""
    files = {name: entry.content for name, entry in found.items() if entry.content is not None}
    if not found:
        looked = " or ".join(sought.names)
        where = f"neither it nor a folder {sought.folder}/ in it"
        raise SubmissionError(f"{clean_line(specification)}: {where} has {looked}; nothing to grade")
    missing = {name: f"{name} is missing from the submission" for name in sought.names if name not in found}
    faults = {name: entry.fault for name, entry in found.items() if entry.fault is not None} | missing
    problems = [*notes, *faults.values()]
    if others:
        shown = ", ".join(clean_line(other, 80) for other in sorted(others)[:20])
        more = f" and {len(others) - 20} more" if len(others) > 20 else ""
        problems.append(f"ignored, because the assignment does not name them: {shown}{more}")
    return Submission(clean_line(name, 100), clean_line(specification, 500), commit, files, faults, problems)


def file_type(mode: int) -> str:
    """What something is that is no regular file, by its mode."""
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"


def irregular(name: str, kind: str) -> Found:
    """A path that is something else than a regular file."""
    return Found(None, f"{name} is {kind}; only regular files are graded")


def capped(content: bytes, name: str) -> Found:
    """A file's bytes, unless they are more than any solution needs."""
    if len(content) > MAX_FILE_SIZE:
        return Found(None, f"{name} is larger than {MAX_FILE_SIZE >> 20} MiB; no solution needs that")
    return Found(content, None)

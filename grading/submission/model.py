"""What a submission is once its files have been taken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILE_SIZE = 1 << 20
"""Of a file that is graded, in bytes."""


class SubmissionError(Exception):
    """Nothing that could be graded is there; the message says what was looked for, and where."""


@dataclass(frozen=True)
class Submission:
    """A student's files, as bytes.

    Attributes:
        id: a short name for people.
        source: where it came from.
        commit: the full id of the commit, if it came from git.
        files: the files of the assignment that could be taken, under the assignment's names.
        faults: why each of the others could not.
        problems: what an instructor should know, the faults among it.
        origin: the folder, zip or repository that they were taken from, if it is on this machine.
        paths: where each of the files lies in what was handed in, by the assignment's names.
    """

    id: str
    source: str
    commit: str | None
    files: dict[str, bytes]
    faults: dict[str, str]
    problems: list[str] = field(default_factory=list)
    origin: Path | None = None
    paths: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents, the same for the same files wherever they came from."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            digest.update(f"{name}\0{len(self.files[name])}\0".encode() + self.files[name])
        return digest.hexdigest()

"""Take a student's files from a folder, a git commit or a zip, without running or trusting anything in there.

Only the files that the assignment names are taken, and only as regular files of a bounded size. Whatever else lies
beside them has no effect and is listed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..boundary.shared.text import clean_line
from .archive import from_zip
from .commit import from_git
from .folder import from_folder
from .handin import MAX_FILE_SIZE, Sought, Submission, SubmissionError

__all__ = ["MAX_FILE_SIZE", "Sought", "Submission", "SubmissionError", "staged", "take"]


def take(specification: str, sought: Sought) -> Submission:
    """Take the files that are sought from a folder, a zip, or ``REPOSITORY@COMMIT``.

    Raises:
        SubmissionError: there is no such place, or none of the files is in it.
    """
    try:
        return _take(specification, sought)
    except OSError as error:
        raise SubmissionError(f"{clean_line(specification)} cannot be read: {clean_line(str(error), 300)}") from error


def _take(specification: str, sought: Sought) -> Submission:
    path = Path(specification)
    if path.is_dir():
        return from_folder(path, specification, sought)
    if path.is_file():
        return from_zip(path, specification, sought)
    repository, _, commit = specification.rpartition("@")
    if repository and Path(repository).is_dir():
        return from_git(Path(repository), commit, specification, sought)
    raise SubmissionError(f"{clean_line(specification)}: no such folder, zip or REPOSITORY@COMMIT")


@contextmanager
def staged(submission: Submission) -> Iterator[Path]:
    """A temporary folder that holds the files of a submission and nothing else."""
    with tempfile.TemporaryDirectory(prefix="submission-") as folder:
        for name, content in submission.files.items():
            (Path(folder) / name).write_bytes(content)
        yield Path(folder)

"""Take a student's files from what was handed in, without running or trusting anything in there.

Only the files that the assignment names are taken, and only as regular files of a bounded size. Whatever else lies
beside them has no effect and is listed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..assignment import Assignment
from ..boundary.shared.text import clean_line
from .archive import in_zip
from .collect import collect
from .commit import from_commit
from .entries import in_folder, in_memory
from .model import MAX_FILE_SIZE, Submission, SubmissionError
from .names import Download, advice, meant

__all__ = ["MAX_FILE_SIZE", "Download", "Submission", "SubmissionError", "from_files", "staged", "take"]


def take(source: str, assignment: Assignment) -> Submission:
    """Take the assignment's files from a folder, a zip, ``REPOSITORY@COMMIT``, or one of them with its folder.

    Raises:
        SubmissionError: there is no such place, or none of the files is in it.
    """
    try:
        return _take(source, assignment)
    except OSError as error:
        raise SubmissionError(f"{clean_line(source)} cannot be read: {clean_line(str(error), 300)}") from error


def _take(source: str, assignment: Assignment) -> Submission:
    path = Path(source)
    if path.is_dir():
        return replace(_from_folder(path, source, assignment), origin=path)
    if path.is_file():
        return replace(_from_file(path, source, assignment), origin=path)
    repository, _, commit = source.rpartition("@")
    if repository and Path(repository).is_dir():
        return replace(from_commit(Path(repository), commit, source, assignment), origin=Path(repository))
    raise SubmissionError(f"{clean_line(source)}: no such folder, file or REPOSITORY@COMMIT")


def _from_folder(folder: Path, source: str, assignment: Assignment, named: str | None = None) -> Submission:
    resolved = folder.resolve()
    name = resolved.parent.name if resolved.name == assignment.folders.student else resolved.name
    notes = [f"{clean_line(named, 80)} was named, and the other files were taken from its folder"] if named else []
    return collect(in_folder(folder), source, assignment, identifier=name, notes=notes, named=named)


def _from_file(path: Path, source: str, assignment: Assignment) -> Submission:
    if meant(path.name, assignment.files):
        return _from_folder(path.parent, source, assignment, named=path.name)
    if said := advice(path.name):
        raise SubmissionError(f"{clean_line(source)} {said}")
    if path.suffix in {PurePosixPath(name).suffix for name in assignment.files}:
        raise SubmissionError(f"{clean_line(source)} is none of the assignment's files, {', '.join(assignment.files)}")
    with path.open("rb") as stream:
        entries, notes = in_zip(stream, source)
        return collect(entries, source, assignment, identifier=path.stem, notes=notes)


def from_files(
    files: Iterable[tuple[str, bytes]], assignment: Assignment, *, source: str, identifier: str
) -> Submission:
    """The submission among files that have been read already, such as those of one student in a platform's download.

    Args:
        files: the name of each, as the platform or the student gave it, and its content.
        assignment: whose files to take.
        source: where they came from.
        identifier: a short name of the submission, for people.

    Raises:
        SubmissionError: none of the assignment's files is among them.
    """
    return collect([in_memory(*file) for file in files], source, assignment, identifier=identifier)


@contextmanager
def staged(submission: Submission) -> Iterator[Path]:
    """A temporary folder that holds the files of a submission and nothing else."""
    with tempfile.TemporaryDirectory(prefix="submission-") as folder:
        for name, content in submission.files.items():
            (Path(folder) / name).write_bytes(content)
        yield Path(folder)

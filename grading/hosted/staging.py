"""The folder that goes from the step that fetches to the step that grades: files, and which commits they are of."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

from .. import files
from ..assignment import Assignment
from ..submission import Submission, SubmissionError, from_files
from .model import Commit, HostedError
from .results import dumps, read

MANIFEST = "manifest.json"
DOCUMENT = "instructor.json"
UNFIT = "unfit.json"


def stage(folder: Path, number: int, commit: Commit, contents: Mapping[str, bytes]) -> None:
    """Write the files of one commit, and last the note that they are complete."""
    target = folder / f"{number:05d}"
    (target / "files").mkdir(parents=True)
    for name, content in contents.items():
        (target / "files" / name).write_bytes(content)
    files.write_atomically(target / MANIFEST, dumps(commit.to_json()))


def staged(folder: Path) -> Iterator[tuple[str, Commit]]:
    """The names and commits in a folder, in the order in which they were staged.

    Raises:
        HostedError: one is not what was staged.
    """
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        yield path.parent.name, Commit.from_json(read(path))


def submission(folder: Path, name: str, commit: Commit, assignment: Assignment) -> Submission:
    """The submission that was staged under a name.

    Raises:
        SubmissionError: none of the assignment's files is there.
        HostedError: the assignment is not the one for which it was fetched.
    """
    if commit.digest != assignment.digest:
        raise HostedError("the files were fetched for another edition of the assignment; fetch them again")
    inside = folder / name / "files"
    contents = [(file, (inside / file).read_bytes()) for file in assignment.files if (inside / file).is_file()]
    source = f"{commit.repository}@{commit.sha}"
    if not contents:
        said = "; ".join([*commit.faults.values(), *commit.problems]) or "none of the assignment's files is there"
        raise SubmissionError(f"{source}: {said}")
    taken = from_files(contents, assignment, source=source, identifier=commit.student)
    missing = {file: why for file, why in taken.faults.items() if file not in commit.faults}
    return dataclasses.replace(
        taken,
        commit=commit.sha,
        faults={**missing, **commit.faults},
        problems=[*commit.problems, *commit.faults.values(), *missing.values(), *_others(taken)],
    )


def _others(taken: Submission) -> list[str]:
    return [problem for problem in taken.problems if problem not in taken.faults.values()]

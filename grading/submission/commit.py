"""A submission in a git repository, at a commit."""

from __future__ import annotations

from pathlib import Path

from ..assignment import Assignment
from ..boundary.shared.text import clean_line
from .collect import collect
from .git import opened
from .model import Submission, SubmissionError


def from_commit(repository: Path, commit: str, source: str, assignment: Assignment) -> Submission:
    """Take files from a commit of a repository."""
    with opened(repository) as git:
        full, note = git.resolve(commit)
        if full is None:
            raise SubmissionError(f"{clean_line(str(repository))} has no commit {clean_line(commit, 100)!r}")
        identifier = f"{repository.resolve().name}@{full[:10]}"
        notes = [f"{clean_line(note, 200)}: commit {full[:10]}"] if note else []
        return collect(git.top(full), source, assignment, identifier=identifier, commit=full, notes=notes)

"""A submission in a git repository, at a commit."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..boundary.shared.text import clean_line
from . import repository as repositories
from .git import Git
from .handin import INFLUENTIAL, Sought, Submission, SubmissionError, assemble


def from_git(repository: Path, commit: str, specification: str, sought: Sought) -> Submission:
    """Take files from a commit of a repository."""
    with tempfile.TemporaryDirectory(prefix="submission-git-") as folder:
        copied = Path(folder) / "copy.git"
        repositories.copy(repository, copied)
        git = Git(copied, str(repository))
        full, note = git.resolve(commit)
        if full is None:
            raise SubmissionError(f"{clean_line(str(repository))} has no commit {clean_line(commit, 100)!r}")
        top = git.top(full)
        _, kind, number = top.get(sought.folder, ("", "", ""))
        inner = git.tree(number) if kind == "tree" else {}
        base, tree = (sought.folder, inner) if any(name in inner for name in sought.names) else ("", top)
        found = {name: git.read(tree[name], name) for name in sought.names if name in tree}
        others = sought.others(tree)
        others = others if not base else [*others, *(name for name in top if name in INFLUENTIAL)]
        others = [other for other in others if not other.startswith(".git")]
        name = f"{repository.resolve().name}@{full[:10]}"
        notes = [f"{clean_line(note, 200)}: commit {full[:10]}"] if note else []
        return assemble(name, specification, full, found, sought, others, notes)

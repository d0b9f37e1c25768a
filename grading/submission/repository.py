"""A submitted repository, read through a git folder of our own.

Configuration and hooks make git run programs, and a repository can send git on to the objects of another one. So git
never works in a submitted repository: it is given a new git folder, with our configuration and a copy of the refs, and
reads from the submission only the objects. These have to be regular files, all in this one place.

A clone would rid us of configuration and hooks as well, but it would read everything that was ever committed, and it
would lack the commits that no branch or tag leads to any more, of which one may be the one to grade.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..boundary.shared.text import clean_line
from .entries import Unreadable, file_type, read_regular
from .model import SubmissionError

MAX_ENTRIES = 1_000_000
"""An honest repository has thousands of files, in the worst case one for each object."""
MAX_SIZE = 10 << 30
"""In bytes; hosting services refuse less."""
MAX_REFS_SIZE = 64 << 20
"""Of the files that are copied, in bytes."""

_REFS = ("HEAD", "packed-refs", "shallow", "refs", "reftable")
_ELSEWHERE = ("commondir", "objects/info/alternates", "objects/info/http-alternates")
"""Files by which git reads another repository instead of this one, or as well."""
_ADVICE = (
    "If this is your own worktree, submodule or shared clone, make a copy that needs no other repository, "
    "with `git clone --no-local --mirror`, and grade that"
)


def prepare(repository: Path, target: Path) -> Path:
    """Make a git folder that shows the refs of a repository under a configuration of ours.

    Args:
        repository: with ``.git`` in it, or a bare one.
        target: an existing folder, which becomes the git folder.

    Returns:
        Where the objects are.

    Raises:
        SubmissionError: it is no repository, some of it is elsewhere or no regular file, or it is too large.
        OSError: it cannot be read, or the refs cannot be written.
    """
    submitted = _whole(repository)
    for _ in _regular_files(submitted, ("objects",), MAX_SIZE):
        pass
    (target / "refs").mkdir()
    for path in _regular_files(submitted, _REFS, MAX_REFS_SIZE):
        copied = target / path.relative_to(submitted)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(read_regular(path, MAX_REFS_SIZE))
    (target / "config").write_text(_configuration(submitted), encoding="utf-8")
    return submitted / "objects"


def _whole(repository: Path) -> Path:
    """The git folder of a repository that has all of its objects."""
    folder = repository / ".git"
    if not os.path.lexists(folder):
        folder = repository
    elif not stat.S_ISDIR(mode := os.lstat(folder).st_mode):
        kind = "a file that names another place" if stat.S_ISREG(mode) else file_type(mode)
        raise SubmissionError(f"{clean_line(str(folder))} is {kind}, so what is there may be another's work. {_ADVICE}")
    if not all(os.path.lexists(folder / name) for name in ("HEAD", "objects")):
        raise SubmissionError(f"{clean_line(str(repository))} is not a git repository")
    for name in _ELSEWHERE:
        if os.path.lexists(folder / name):
            raise SubmissionError(
                f"{clean_line(str(folder / name))} leads to another repository, so what is there may be another's "
                f"work. {_ADVICE}"
            )
    return folder


def _regular_files(folder: Path, names: tuple[str, ...], max_size: int) -> Iterator[Path]:
    """Every file at or below these names, of which none may be anything but a file or folder. None is opened."""
    waiting = [path for name in names if os.path.lexists(path := folder / name)]
    seen = size = 0
    while waiting:
        path = waiting.pop()
        found = os.lstat(path)
        seen += 1
        if stat.S_ISDIR(found.st_mode):
            with os.scandir(path) as inside:
                waiting += [path / entry.name for entry in islice(inside, MAX_ENTRIES)]
        elif stat.S_ISREG(found.st_mode):
            size += found.st_size
        else:
            raise SubmissionError(
                f"{clean_line(str(path))} is {file_type(found.st_mode)}; only a repository of regular files and "
                "folders is read"
            )
        if seen + len(waiting) > MAX_ENTRIES or size > max_size:
            raise SubmissionError(
                f"{clean_line(str(folder))} has more than {MAX_ENTRIES:,} files or {max_size >> 20:,} MiB in "
                f"{', '.join(names)}; give a clone with less in it"
            )
        if stat.S_ISREG(found.st_mode):
            yield path


def _configuration(folder: Path) -> str:
    """How git has to read a repository: of its own settings, only those that say how it is stored."""
    try:
        own = read_regular(folder / "config", 1 << 20).decode("utf-8", "replace")
    except Unreadable:
        own = ""
    stored = re.findall(r"^\s*(objectformat|refstorage)\s*=\s*(sha1|sha256|files|reftable)\s*$", own, re.I | re.M)
    return "\n".join(
        [
            "[core]",
            "bare = true",
            f"repositoryformatversion = {int(bool(stored))}",
            # Both are made from the objects and could say something else than they do.
            "commitGraph = false",
            "multiPackIndex = false",
            # What git maps of a pack stays well below the memory that it is allowed.
            "packedGitLimit = 128m",
            "packedGitWindowSize = 32m",
            "[extensions]",
            *(f"{key} = {value}" for key, value in stored),
            "",
        ]
    )

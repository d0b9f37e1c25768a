"""A copy of a submitted repository: its commits and the names of them, and nothing else.

git is pointed at the copy alone. What else a repository can hold is not there: configuration, hooks, and references to
objects of another repository, by which somebody could hand in another's work. Only regular files are copied.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..boundary.shared.text import clean_line
from .folder import read_regular
from .handin import SubmissionError, file_type

MAX_ENTRIES = 1_000_000
"""An honest repository has thousands of files, in the worst case one for each object; a million is no hand-in."""
MAX_SIZE = 10 << 30
"""In bytes; hosting services refuse less."""

_COPIED = ("HEAD", "packed-refs", "shallow", "objects", "refs", "reftable")
_ELSEWHERE = ("commondir", "objects/info/alternates", "objects/info/http-alternates")
"""Files by which git reads another repository instead of this one, or as well."""
_ADVICE = (
    "If this is your own worktree, submodule or shared clone, make a copy that needs no other repository, "
    "with `git clone --no-local --mirror`, and grade that"
)


def copy(repository: Path, target: Path) -> None:
    """Copy a repository's objects and refs into a new folder.

    Args:
        repository: with ``.git`` in it, or a bare one.
        target: is made.

    Raises:
        SubmissionError: it is no repository, some of it is elsewhere or no regular file, or it is too large.
        OSError: it cannot be read, or the copy cannot be written.
    """
    source = _whole(repository)
    for name in ("objects", "refs"):
        (target / name).mkdir(parents=True)
    (target / "config").write_text(_configuration(source), encoding="utf-8")
    for path in _files(source):
        copied = target / path.relative_to(source)
        copied.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, copied)  # as git itself clones: at no cost, where both are on one disk
        except OSError:
            shutil.copyfile(path, copied, follow_symlinks=False)


def _whole(repository: Path) -> Path:
    """The folder with the objects of a repository that has all of them."""
    source = repository / ".git"
    if not os.path.lexists(source):
        source = repository
    elif not stat.S_ISDIR(mode := os.lstat(source).st_mode):
        kind = "a file that names another place" if stat.S_ISREG(mode) else file_type(mode)
        raise SubmissionError(f"{clean_line(str(source))} is {kind}, so what is there may be another's work. {_ADVICE}")
    if not all(os.path.lexists(source / name) for name in ("HEAD", "objects")):
        raise SubmissionError(f"{clean_line(str(repository))} is not a git repository")
    for name in _ELSEWHERE:
        if os.path.lexists(source / name):
            raise SubmissionError(
                f"{clean_line(str(source / name))} leads to another repository, so what is there may be another's "
                f"work. {_ADVICE}"
            )
    return source


def _files(source: Path) -> Iterator[Path]:
    """Every file that is to be copied. No link is followed, and nothing is opened."""
    waiting = [path for name in _COPIED if os.path.lexists(path := source / name)]
    seen = size = 0
    while waiting:
        path = waiting.pop()
        found = os.lstat(path)
        is_folder, is_file = stat.S_ISDIR(found.st_mode), stat.S_ISREG(found.st_mode)
        if not is_folder and not is_file:
            raise SubmissionError(
                f"{clean_line(str(path))} is {file_type(found.st_mode)}; only a repository of regular files and "
                "folders is read"
            )
        # Nothing in objects/info is needed, and some of it may lead elsewhere.
        if is_folder and path != source / "objects" / "info":
            with os.scandir(path) as inside:
                waiting += [path / entry.name for entry in islice(inside, MAX_ENTRIES)]
        seen += 1
        size += found.st_size if is_file else 0
        if seen + len(waiting) > MAX_ENTRIES or size > MAX_SIZE:
            raise SubmissionError(
                f"{clean_line(str(source))} has more than {MAX_ENTRIES:,} files or {MAX_SIZE >> 30} GiB; give a "
                "clone with less in it"
            )
        if is_file:
            yield path


def _configuration(source: Path) -> str:
    """How git has to read the copy: of the repository's own settings, only those that say how it is stored."""
    own = (read_regular(source / "config", "config").content or b"").decode("utf-8", "replace")
    stored = re.findall(r"^\s*(objectformat|refstorage)\s*=\s*(sha1|sha256|files|reftable)\s*$", own, re.I | re.M)
    # The limit keeps what git maps of a pack well below the memory that it is allowed.
    lines = [
        "[core]",
        "bare = true",
        f"repositoryformatversion = {int(bool(stored))}",
        "packedGitLimit = 128m",
        "packedGitWindowSize = 32m",
    ]
    return "\n".join([*lines, "[extensions]", *(f"{key} = {value}" for key, value in stored)]) + "\n"

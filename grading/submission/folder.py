"""A submission in a folder: a repository's working tree, or the bare files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..boundary.shared.text import clean_line
from .handin import (
    INFLUENTIAL,
    MAX_FILE_SIZE,
    Found,
    Sought,
    Submission,
    SubmissionError,
    assemble,
    capped,
    file_type,
    irregular,
)


def from_folder(folder: Path, specification: str, sought: Sought) -> Submission:
    """Take files from a folder."""
    base = folder / sought.folder
    if base.is_symlink():
        raise SubmissionError(f"{clean_line(str(base))} is a symbolic link; only regular files and folders are graded")
    # A repository keeps the files in a folder of theirs; a bare hand-in has them right here.
    if not base.is_dir() or not any(os.path.lexists(base / name) for name in sought.names):
        base = folder
    found = {name: read_regular(base / name, name) for name in sought.names if os.path.lexists(base / name)}
    others = sought.others(entry.name for entry in base.iterdir())
    if base == folder:
        others = [name for name in others if not name.startswith(".git")]
    else:
        others += [entry.name for entry in folder.iterdir() if entry.name in INFLUENTIAL]
    resolved = folder.resolve()
    name = resolved.parent.name if resolved.name == sought.folder else resolved.name
    return assemble(name, specification, None, found, sought, others)


def read_regular(path: Path, name: str) -> Found:
    """The bytes of a regular file, opened in a way that follows no link and waits for no pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        kind = "a symbolic link" if path.is_symlink() else f"not readable ({error.strerror})"
        return irregular(name, kind)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        return irregular(name, file_type(mode))
    with os.fdopen(descriptor, "rb") as stream:
        return capped(stream.read(MAX_FILE_SIZE + 1), name)

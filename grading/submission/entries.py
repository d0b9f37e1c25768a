"""What lies in a folder, a zip or a commit: names first, and contents when they are asked for."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..boundary.shared.text import clean_line
from .model import SubmissionError

FILE, FOLDER, LINK = "a file", "a folder", "a symbolic link"
MAX_ENTRIES = 100_000
"""In one folder; more is no submission."""


class Unreadable(Exception):
    """A file cannot be taken. The text goes on from its name: "is larger than 1 MiB"."""


def _no_file(limit: int) -> bytes:
    raise irregular(FOLDER)


@dataclass(frozen=True)
class Entry:
    """A name in a folder.

    Attributes:
        name: as it is written there.
        kind: ``FILE``, ``FOLDER``, ``LINK`` or, in words, what else it is.
        read: gives a file's bytes, unless they are more than so many; raises ``Unreadable``.
        inside: gives the entries of a folder.
    """

    name: str
    kind: str
    read: Callable[[int], bytes] = _no_file
    inside: Callable[[], list[Entry]] = list

    def content(self, limit: int) -> bytes:
        """The bytes of a regular file.

        Raises:
            Unreadable: it is something else, larger than ``limit`` bytes, or damaged.
        """
        if self.kind != FILE:
            raise irregular(self.kind)
        return self.read(limit)


def in_memory(name: str, content: bytes) -> Entry:
    """A file of which the content is known already."""
    return Entry(name, FILE, lambda limit: capped(content, limit))


def in_folder(folder: Path) -> list[Entry]:
    """What is in a folder on disk. No link is followed.

    Raises:
        SubmissionError: there is more than anybody submits.
        OSError: it cannot be read.
    """
    with os.scandir(folder) as found:
        inside = list(islice(found, MAX_ENTRIES + 1))
    if len(inside) > MAX_ENTRIES:
        raise SubmissionError(f"{clean_line(str(folder))} holds more than {MAX_ENTRIES:,} files and folders")
    return [_on_disk(Path(entry.path)) for entry in sorted(inside, key=lambda entry: entry.name)]


def _on_disk(path: Path) -> Entry:
    kind = file_type(os.lstat(path).st_mode)
    return Entry(path.name, kind, lambda limit: read_regular(path, limit), lambda: in_folder(path))


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file, opened in a way that follows no link and waits for no pipe.

    Raises:
        Unreadable: it is something else, or has more than ``limit`` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise Unreadable(f"is not readable ({error.strerror})") from error
    kind = file_type(os.fstat(descriptor).st_mode)
    if kind != FILE:
        os.close(descriptor)
        raise irregular(kind)
    with os.fdopen(descriptor, "rb") as stream:
        return capped(stream.read(limit + 1), limit)


def file_type(mode: int) -> str:
    """What something on disk, in a zip or in a commit is, by its mode."""
    kinds = {stat.S_IFREG: FILE, stat.S_IFDIR: FOLDER, stat.S_IFLNK: LINK, stat.S_IFIFO: "a pipe"}
    return kinds.get(stat.S_IFMT(mode), "a device or socket")


def irregular(kind: str) -> Unreadable:
    """Why something else than a regular file is not taken."""
    return Unreadable(f"is {kind}; only regular files are graded")


def capped(content: bytes, limit: int) -> bytes:
    """A file's bytes, unless they are more than any solution needs."""
    if len(content) > limit:
        raise too_large(limit)
    return content


def too_large(limit: int) -> Unreadable:
    """Why a file of more than ``limit`` bytes is not taken."""
    return Unreadable(f"is larger than {limit >> 20} MiB; no solution needs that")

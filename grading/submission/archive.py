"""What is in a zip, of which nothing is unpacked to disk."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from ..boundary.shared.text import clean_line
from .entries import FOLDER, Entry, Unreadable, capped, file_type
from .model import SubmissionError

MAX_MEMBERS = 50_000
MAX_DIRECTORY_SIZE = 16 << 20
"""Of a zip's list of members, in bytes: some hundred thousand of them, which are read to be counted."""

LEADS_OUT = "members of the zip that lead out of it are not read"
"""How it is said that a zip has names such as ``../a``, which no honest program makes."""

_Members = Sequence[tuple[tuple[str, ...], zipfile.ZipInfo]]


class _Bounded(io.BufferedIOBase):
    """A zip, of which zipfile reads the list of members at once, however long that says it is."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_SIZE:
            raise zipfile.BadZipFile("it has too many members")
        return self._stream.read(MAX_DIRECTORY_SIZE if size is None or size < 0 else size)


def in_zip(stream: IO[bytes], source: str) -> tuple[list[Entry], list[str]]:
    """What is in a zip, and what is to be said of it.

    Args:
        stream: the zip; it has to stay open while entries are read.
        source: what to call it in messages.

    Raises:
        SubmissionError: it is damaged, or larger than any submission.
    """
    try:
        archive = zipfile.ZipFile(_Bounded(stream))
        infos = archive.infolist()
    except Exception as error:  # a damaged or odd zip makes zipfile raise errors of nearly any kind
        raise SubmissionError(f"{clean_line(source)} is not a readable zip: {_reason(error)}") from error
    if len(infos) > MAX_MEMBERS:
        raise SubmissionError(
            f"{clean_line(source)} has more than {MAX_MEMBERS:,} members: leave out what is not asked for, or unpack it"
        )
    members, outside, backslashes = [], [], False
    for info in infos:
        name = info.filename.replace("\\", "/")
        backslashes |= name != info.filename
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/") or re.match("[A-Za-z]:", name):
            outside.append(info.filename)
        elif parts and not name.endswith("/"):
            members.append((parts, info))
    notes = ["the names in the zip have backslashes; they are read as folders"] if backslashes else []
    if outside:
        shown = ", ".join(clean_line(name, 80) for name in outside[:5])
        more = f" and {len(outside) - 5} more" if len(outside) > 5 else ""
        notes.append(f"{LEADS_OUT}: {shown}{more}")
    return _entries(archive, members), notes


def _entries(archive: zipfile.ZipFile, members: _Members) -> list[Entry]:
    entries: list[Entry] = []
    folders: dict[str, list[tuple[tuple[str, ...], zipfile.ZipInfo]]] = {}
    for (first, *rest), info in members:
        if rest:
            folders.setdefault(first, []).append((tuple(rest), info))
        else:
            mode = info.external_attr >> 16
            kind = file_type(mode if stat.S_IFMT(mode) else stat.S_IFREG)  # made where files have no mode
            entries.append(Entry(first, kind, partial(_read, archive, info)))
    for name, inside in folders.items():
        entries.append(Entry(name, FOLDER, inside=partial(_entries, archive, inside)))
    return entries


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    try:
        with archive.open(info) as stream:
            content = stream.read(limit + 1)
    except Exception as error:  # those of zipfile, and the decompressors have errors of their own
        raise Unreadable(f"cannot be read from the zip: {_reason(error)}") from error
    return capped(content, limit)


def _reason(error: Exception) -> str:
    """What an error says, or its name where it says nothing, as a MemoryError does."""
    return clean_line(str(error) or type(error).__name__, 200)

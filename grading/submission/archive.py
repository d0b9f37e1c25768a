"""A submission in a zip: of a repository, or of the bare files."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath

from ..boundary.shared.text import clean_line
from .handin import (
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


def from_zip(path: Path, specification: str, sought: Sought) -> Submission:
    """Take files from a zip."""
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged or odd zip makes zipfile raise errors of nearly any kind
        raise SubmissionError(f"{clean_line(specification)} is not a readable zip: {_reason(error)}") from error
    with archive:
        return _from_archive(archive, specification, sought)


def _from_archive(archive: zipfile.ZipFile, specification: str, sought: Sought) -> Submission:
    entries: dict[str, list[zipfile.ZipInfo]] = {}
    for info in archive.infolist():
        parts = PurePosixPath(info.filename).parts
        if parts and not info.is_dir() and ".." not in parts and not info.filename.startswith("/"):
            entries.setdefault("/".join(parts), []).append(info)
    # A zip that a website made of a repository has all of it in one folder.
    tops = {name.split("/")[0] for name in entries}
    prefix = f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in entries) else ""
    if prefix == f"{sought.folder}/":
        prefix = ""
    base = next(
        (b for b in (f"{prefix}{sought.folder}/", prefix) if any(b + name in entries for name in sought.names)), prefix
    )
    found = {name: _read_entry(archive, entries[base + name], name) for name in sought.names if base + name in entries}
    beside = [n.removeprefix(base).split("/")[0] for n in entries if n.startswith(base)]
    others = sorted(set(sought.others(beside)))
    return assemble(Path(specification).stem, specification, None, found, sought, others)


def _read_entry(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], name: str) -> Found:
    if len(infos) > 1:
        return Found(None, f"{name} is in the zip {len(infos)} times; which one counts cannot be told")
    (info,) = infos
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return irregular(name, file_type(mode))
    try:
        with archive.open(info) as stream:
            return capped(stream.read(MAX_FILE_SIZE + 1), name)
    except Exception as error:  # those of zipfile, and the decompressors have errors of their own
        return Found(None, f"{name} cannot be read from the zip: {_reason(error)}")


def _reason(error: Exception) -> str:
    """What an error says, or its name where it says nothing, as a MemoryError does."""
    return clean_line(str(error) or type(error).__name__, 200)

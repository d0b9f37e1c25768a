"""What a repository has changed of what was released to it and is not its own: checks, grader and workflows."""

from __future__ import annotations

from collections.abc import Iterable

from ..boundary.shared.text import clean_line
from ..released import Manifest, digest
from .entries import FILE, FOLDER, Entry, Unreadable

MAX_SIZE = 64 << 20
"""Of a file that was released, in bytes."""
MAX_SHOWN = 20


def changes(top: Iterable[Entry], manifest: Manifest) -> list[str]:
    """One line for each released file that is another or missing, and for each one beside them; none is believed.

    Where nothing that was released lies beside the student's folder, only the student's files were handed in, and
    nothing is said.

    Args:
        top: what is in the repository.
        manifest: what was released, in the instructor's words.
    """
    entries = {entry.name: entry for entry in top}
    folders = sorted({path.partition("/")[0] for path in manifest.protected if "/" in path})
    if not any(name in entries for name in folders):
        return []
    found = _files(entries, folders)
    told = []
    for path, expected in manifest.protected.items():
        entry = found.pop(path, None) or (entries.get(path) if "/" not in path else None)
        if entry is None:
            told.append(f"{path} was released and is missing")
        elif not _same(entry, expected):
            told.append(f"{path} is not as it was released")
    told += [f"{clean_line(path, 200)} was not released" for path in sorted(found)]
    return told[:MAX_SHOWN] + ([f"and {len(told) - MAX_SHOWN} more changes of the release"] * (len(told) > MAX_SHOWN))


def _files(entries: dict[str, Entry], folders: list[str]) -> dict[str, Entry]:
    """Every file and link below these folders by its path."""
    found: dict[str, Entry] = {}
    waiting = [(name, entries[name]) for name in folders if name in entries]
    while waiting:
        path, entry = waiting.pop()
        if entry.kind == FOLDER:
            waiting += [(f"{path}/{e.name}", e) for e in entry.inside() if e.name not in ("__pycache__", ".DS_Store")]
        else:
            found[path] = entry
    return found


def _same(entry: Entry, expected: str) -> bool:
    if entry.kind != FILE:
        return False
    try:
        content = entry.content(MAX_SIZE)
    except Unreadable:
        return False
    # A checkout on Windows may have changed the ends of lines, which changes nothing else.
    return expected in (digest(content), digest(content.replace(b"\r\n", b"\n")))

"""The files that were graded, kept by their content, so that a report can show them beside what it says of them.

A score document names the digests of a submission's files; ``files/<sha256>`` in the folder of a class has the bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import files


def keep(folder: Path, contents: Iterable[bytes]) -> None:
    """Keep files that were handed in.

    Raises:
        OSError: they cannot be written.
    """
    place = folder / "files"
    place.mkdir(exist_ok=True)
    for content in contents:
        path = place / hashlib.sha256(content).hexdigest()
        if not path.is_file():
            files.write_atomically(path, content)


def read(folder: Path, document: dict[str, Any]) -> dict[str, bytes]:
    """The files of a score document, by name, as far as they were kept."""
    found: dict[str, bytes] = {}
    for name, known in document["submission"]["files"].items():
        try:
            content = (folder / "files" / known["sha256"]).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest() == known["sha256"]:
            found[name] = content
    return found

"""What is known in the instructor's repository: a folder for each commit and edition of the assignment.

    <student>/<commit>/<digest>/about.json       which commit it is
                                instructor.json  the score document
                                student.json     the redacted one
                                unfit.json       instead of both: why there was nothing to grade
                                published.json   the check run

There is no other state: a commit has been graded if its document is there, and published if the check run is noted.
Each file is written at once or not at all, so that a run may end anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import files
from ..classroom.model import safe_name
from .model import Commit, HostedError

LISTINGS = "listings.json"


@dataclass(frozen=True)
class Result:
    """The folder of one commit."""

    folder: Path

    @property
    def done(self) -> bool:
        """Whether it has been graded."""
        return any((self.folder / name).is_file() for name in ("student.json", "unfit.json"))

    @property
    def published(self) -> bool:
        """Whether its check run is noted."""
        return (self.folder / "published.json").is_file()

    @property
    def commit(self) -> Commit:
        """Which commit it is."""
        return Commit.from_json(read(self.folder / "about.json"))

    def keep(self, commit: Commit, **documents: str) -> None:
        """Write what was found; the last document is the one by which it counts as graded."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files.write_atomically(self.folder / "about.json", dumps(commit.to_json()))
        for name, text in documents.items():
            files.write_atomically(self.folder / f"{name}.json", text)


def place(root: Path, commit: Commit) -> Result:
    """Where the result of a commit lies, whether or not it is there."""
    return Result(root / safe_name(commit.student) / commit.sha / commit.digest[:16])


def unpublished(root: Path) -> Iterator[Result]:
    """What has been graded and is not known to be published."""
    for about in sorted(root.glob("*/*/*/about.json")):
        result = Result(about.parent)
        if result.done and not result.published:
            yield result


def read(path: Path) -> Any:
    """The JSON value in a file.

    Raises:
        HostedError: it cannot be read, or is none.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HostedError(f"cannot read {path}: {error}") from None


def dumps(value: Any) -> str:
    """A value as the text of a JSON file."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

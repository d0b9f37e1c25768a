"""The manifest of a release: what the instructor gave to students, by digest, so that an edit of it is seen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .assignment import Assignment

NAME = "released.json"
"""In a student's repository, and beside the solution as the instructor's own record."""
SCHEMA_VERSION = 1


class ManifestError(Exception):
    """A manifest that cannot be read; the message says why."""


@dataclass(frozen=True)
class Manifest:
    """What was released.

    Attributes:
        name: of the assignment.
        version: of this project.
        public_digest: of the rubric and checks that are in the release, as score documents name them.
        complete_digest: the same of the instructor's, hidden checks included.
        audited: the audit has passed for ``complete_digest``.
        student: the folder that is the student's own.
        files: SHA-256 of each file, by its path with forward slashes. The manifest itself is not among them.
    """

    name: str
    version: str
    public_digest: str
    complete_digest: str
    audited: bool
    student: str
    files: dict[str, str]

    @property
    def protected(self) -> dict[str, str]:
        """The files that are not the student's to change."""
        return {path: digest for path, digest in self.files.items() if not path.startswith(f"{self.student}/")}

    def dumps(self) -> str:
        """The manifest as JSON, the same text for the same release."""
        content = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str | bytes) -> Manifest:
        """Read a manifest.

        Raises:
            ManifestError: it is none.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            if found.pop("schema_version") != SCHEMA_VERSION:
                raise ManifestError("the manifest is of another version of the format")
            manifest = cls(**found)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ManifestError(f"the manifest cannot be read: {error!r}") from error
        texts = (manifest.name, manifest.version, manifest.public_digest, manifest.complete_digest, manifest.student)
        if not isinstance(manifest.files, dict) or not isinstance(manifest.audited, bool):
            raise ManifestError("the manifest names no files, or does not say whether they were audited")
        if not all(isinstance(text, str) for text in (*texts, *manifest.files, *manifest.files.values())):
            raise ManifestError("a name or digest in the manifest is no text")
        return manifest


def digest(content: bytes) -> str:
    """SHA-256 of a file, as the manifest writes it."""
    return hashlib.sha256(content).hexdigest()


def record(assignment: Assignment) -> Path:
    """Where the instructor keeps the manifest of what was released last."""
    return assignment.reference / NAME


def load(assignment: Assignment) -> Manifest | None:
    """The manifest that belongs to an assignment: the instructor's record, or the release's own; None without one.

    Raises:
        ManifestError: there is one that cannot be read.
    """
    for path in (record(assignment), assignment.root / NAME):
        if path.is_file():
            return Manifest.loads(path.read_bytes())
    return None

"""What the steps hand to each other: a commit to grade, and how one is named."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Self

REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class HostedError(Exception):
    """Something that was given cannot be used; the message says what, where, and what to do."""


class RemoteError(Exception):
    """The service could not be asked, or gave an answer that is none."""


@dataclass(frozen=True)
class Commit:
    """A commit of a student's repository.

    Attributes:
        student: the id in the roster.
        repository: ``owner/name`` on the service.
        sha: the commit's full id.
        digest: the digest of the assignment that it is graded by.
        folder: where the student's files are in the repository; "" at the top.
        faults: why files of the assignment could not be taken.
        problems: what an instructor should know.
    """

    student: str
    repository: str
    sha: str
    digest: str
    folder: str = ""
    faults: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse what could lead out of a folder or of an address.

        Raises:
            HostedError: the repository or the commit is not written as one.
        """
        if not REPOSITORY.fullmatch(self.repository):
            raise HostedError(f"{self.repository!r} is no repository of the form owner/name")
        if not COMMIT.fullmatch(self.sha):
            raise HostedError(f"{self.sha!r} is no full id of a commit")
        if not re.fullmatch(r"[0-9a-f]{16,}", self.digest):
            raise HostedError(f"{self.digest!r} is no digest of an assignment")

    @property
    def external_id(self) -> str:
        """By which its check run is found again: one for each edition of the assignment."""
        return f"vae-grade:{self.digest}"

    def to_json(self) -> dict[str, Any]:
        """The commit as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The commit that ``to_json`` wrote.

        Raises:
            HostedError: it is none.
        """
        try:
            return cls(**value)
        except TypeError as error:
            raise HostedError(f"this describes no commit: {error}") from None

"""What was asked of a submission and what it answered, kept so that the same can be asked of another file."""

from __future__ import annotations

from dataclasses import dataclass, field

LIMIT = 32 << 20
"""Bytes that are kept of one check; what comes after is not known."""


@dataclass
class Transcript:
    """The frames of one conversation, oldest first: requests with their replies, the loading of the file included."""

    exchanges: list[tuple[bytes, bytes]] = field(default_factory=list)
    size: int = 0

    def add(self, request: bytes, reply: bytes) -> None:
        """Keep one exchange, unless there is too much already: a transcript never has a gap."""
        self.size += len(request) + len(reply)
        if self.size <= LIMIT:
            self.exchanges.append((request, reply))

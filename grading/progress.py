"""How far long work has come, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far something has come.

    Attributes:
        done: pieces of work that are finished.
        total: all pieces.
        current: what is being done.
    """

    done: int
    total: int
    current: str = ""


Watch = Callable[[Progress], None]
"""Is told as work goes on."""

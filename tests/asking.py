"""Several questions to one function in one process, where what it remembers of one shows in its answer to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from grading.checks import Draws

T = TypeVar("T")

ROUNDS = 3


def many(draws: Draws) -> int:
    """How many calls an answer comes after, where nothing may depend on how many there were."""
    return draws.integer(250, 400)


def in_turn(questions: Sequence[T]) -> list[T]:
    """All questions, one after the other, and then all of them again, twice."""
    return [*questions] * ROUNDS

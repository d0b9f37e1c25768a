"""Whether a factor is a number, or follows from the sizes of what it is a factor of."""

from __future__ import annotations

from collections.abc import Callable

from .reading import Part, Reading, read

Answered = tuple[object, tuple[Part, ...]]
"""An answer, and what should have come back."""


def reading(asked: Answered, elsewhere: Callable[[], Answered | None]) -> Reading:
    """What an answer is, where a factor in it is told as a number only if it is the same at other sizes.

    Args:
        asked: the answer.
        elsewhere: asks the same at other sizes, where there may be no answer.
    """
    plain = read(*asked)
    known = plain.known
    sized = {name: (words, change.by_size) for name, (words, change) in known.items() if change.by_size is not None}
    other = elsewhere() if sized else None
    if other is None:
        return plain
    as_numbers = read(*other, known, deep=False).unexplained
    by_size = read(*other, known | sized, deep=False).unexplained
    follows = {name: found for name, found in sized.items() if name in as_numbers and name not in by_size}
    return read(*asked, known | follows) if follows else plain

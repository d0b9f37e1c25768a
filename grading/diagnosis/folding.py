"""Sentences that say the same of several gradients or values, as one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .laws.law import listed

_Parts = tuple[tuple[str, ...], ...]
"""A sentence, cut into words and what stands between them; in the place of a word may be several names."""
_LEADS = {"of", "for", "at", "the"}
"""What stands before the name of what has a gradient."""


def folded(sentences: Iterable[str]) -> list[str]:
    """Sentences on gradients, or on what stands in some place, that differ in a name alone become one with all names.

    "The gradient of mu is cut off." and "The gradient of logvar is cut off." become "The gradient of mu and logvar is
    cut off."

    Args:
        sentences: in the order in which they are told; what is said twice is told once.
    """
    kept: list[_Parts] = []
    for sentence in dict.fromkeys(sentences):
        parts: _Parts = tuple((part,) for part in re.findall(r"\w+|\W+", sentence))
        place, at = 0, len(kept)
        while place < len(kept):
            both = _folded(kept[place], parts)
            if both is None:
                place += 1
            else:  # which may fit to another one: the weight and bias of one layer, the weight and bias of the next
                del kept[place]
                parts, at, place = both, min(at, place), 0
        kept.insert(at, parts)
    return ["".join(map(listed, parts)) for parts in kept]


def _folded(one: _Parts, other: _Parts) -> _Parts | None:
    """Both as one, if they differ in nothing but a name."""
    if len(one) != len(other) or not {("gradient",), ("stands",)} & {*one}:
        return None
    places = [i for i, (mine, theirs) in enumerate(zip(one, other, strict=True)) if mine != theirs]
    if len(places) != 1 or places[0] < 2:
        return None
    (i,) = places
    # What stands in the place of something may be made of anything; the name of the place is what comes right behind.
    if ("gradient",) not in one and one[max(0, i - 4) : i - 1 : 2] != (("place",), ("of",)):
        return None
    if one[i - 2][-1] not in _LEADS or not all(name.isidentifier() for name in one[i] + other[i]):
        return None
    return (*one[:i], one[i] + other[i], *one[i + 1 :])

"""Whether the size of noise depends on how many numbers are drawn at once, as it never should."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch

from laws import noise

Tensor = torch.Tensor
SIZES = (16, 112, 784)
"""Numbers of rows or columns, each seven times the one before."""
OTHER = 24
"""How many there are of the other."""
LEAST = 6_000
"""So many numbers tell a size to 1.5 %."""
HALF = 0.6745
"""Half of all normal numbers are nearer to 0 than this."""
POWERS = ((-0.5, "divided by the root of", "falls with the root of"), (-1.0, "divided by", "falls with"),
          (0.5, "multiplied by the root of", "grows with the root of"),
          (1.0, "multiplied by", "grows with"))  # fmt: skip


def sentences(sample: noise.Noise) -> Iterator[str]:
    """On what the size of the noise of a call depends.

    Args:
        sample: noise of so many rows and columns.
    """
    if noise.sharing(sample(40, 30)) is not None:
        return  # too few numbers are different ones to know their size
    for axis, words in ((0, "batch size"), (1, "number of latent dimensions")):
        sizes = [_size(sample, *((count, OTHER) if axis == 0 else (OTHER, count))) for count in SIZES]
        if not all(0 < size < math.inf for size in sizes):
            continue
        told = _dependence(sizes)
        if told is not None:
            yield f"The size of the noise depends on the {words}: it {told} {words}. Sigma alone decides on it."


def _size(sample: noise.Noise, rows: int, columns: int) -> float:
    """By the middle of all sizes, on which no single number has a say."""
    calls = -(-LEAST // (rows * columns))
    return float(torch.cat([sample(rows, columns).flatten() for _ in range(calls)]).abs().median())


def _dependence(sizes: list[float]) -> str | None:
    """How sizes change that belong to ``SIZES``, as the end of a sentence but for one name; None where they do not."""
    steps = [math.log(later / earlier) for earlier, later in itertools.pairwise(sizes)]
    ratio = math.log(SIZES[1] / SIZES[0])
    for power, exactly, roughly in POWERS:
        if all(abs(step - power * ratio) < 0.15 for step in steps):
            own = sum(math.log(size / HALF) - power * math.log(count) for size, count in zip(sizes, SIZES, strict=True))
            return f"is {exactly} the" if abs(own / len(sizes)) < 0.06 else f"{roughly} the"
    if all(step < -0.3 for step in steps):
        return "falls with the"
    return "grows with the" if all(step > 0.3 for step in steps) else None

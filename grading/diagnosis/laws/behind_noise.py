"""What is done to numbers beside the noise that they get, as far as many answers to one question show it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .law import number

MANY = 24
"""Fewer numbers than this tell nothing through noise."""
PILED = 0.03
"""So many of them are equal at a bound only."""
FACTORS = (0.5, 2.0, -1.0, 0.25, 4.0)


def words(right: torch.Tensor, several: torch.Tensor) -> Iterator[str]:
    """Bounds at which numbers pile up, and a factor.

    Args:
        right: what they should be.
        several: what came back, many times.
    """
    if right.numel() < MANY:
        return
    low, high = several.min(), several.max()
    piled = [_is_bound(several == end, right) for end in (low, high)]
    if piled == [True, False] and not float(low) and bool((right < 0).any()):
        yield "goes through a ReLU: what is negative is lost"
        return
    if any(piled) and low < high:
        places = [f"below {number(round(float(low), 3))}"] * piled[0]
        yield f"is cut off {' and '.join([*places, *[f'above {number(round(float(high), 3))}'] * piled[1]])}"
        return
    found, wanted = several.double().mean(0).reshape(-1, 1), right.double().reshape(-1)
    columns = torch.stack([wanted, torch.ones_like(wanted)], 1)
    slope, offset = torch.linalg.lstsq(columns, found, driver="gelsd").solution[:, 0].tolist()
    gap = found[:, 0] - slope * wanted - offset
    factor = next((f for f in FACTORS if abs(slope - f) < 0.05 * abs(f)), None)
    if factor is not None and abs(offset) < 0.1 and float(gap.var()) < 0.01 * float(found.var()):
        yield f"is multiplied by {number(factor)}"


def _is_bound(at_end: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether numbers that should be different ones come to the same end."""
    places = right[at_end.any(0)]
    return float(at_end.double().mean()) > PILED and len(places) > 2 and float(places.max() - places.min()) > 0.5

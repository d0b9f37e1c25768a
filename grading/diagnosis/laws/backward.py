"""What becomes of gradients on their way back, where that is not in proportion to what comes back.

A gradient that is cut off, or of which only the sign goes on, looks as if it were multiplied by a number, as long as it
is asked about with cotangents of one size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from .law import number

Tensor = torch.Tensor
LARGE = 1024.0
SIZES = (1.0, -1.0, 1 / LARGE, -1 / LARGE, LARGE, -LARGE)
NEAR = 2e-3


def sentences(
    name: str,
    own: Tensor,
    predicted: Tensor,
    leaves: Mapping[str, Tensor],
    known: Sequence[Tensor | None] | None = None,
) -> list[str]:
    """What is done to gradients that is not the same for large ones and small ones; empty where all is in proportion.

    Args:
        name: of what is differentiated.
        own: what was answered.
        predicted: the same numbers, with the gradients that they should have.
        leaves: what both are differentiated for, by name.
        known: the gradients of the sum of what was answered for them, if they were asked for already.
    """
    ones = torch.ones_like(own.detach())
    if not own.requires_grad or not predicted.requires_grad or not leaves:
        return []
    usual = _back(own, list(leaves.values()), ones) if known is None else [_double(one) for one in known]
    if all(one is None for one in usual):
        return []  # nor does a larger one arrive
    far = _back(own, list(leaves.values()), -LARGE * ones)
    bent = [
        leaf for leaf, one, other in zip(leaves, usual, far, strict=True) if one is not None and not _times(one, other)
    ]
    if not bent:
        return []
    tensors = [leaves[leaf] for leaf in bent]
    wanted = _back(predicted, tensors, ones)
    given = {size: _back(own, tensors, size * ones) for size in SIZES}
    passed = {size: _share(found, wanted) for size, found in given.items()}
    if len(bent) == sum(one is not None for one in usual) and all(math.isfinite(share) for share in passed.values()):
        return [f"{_whole(name, own, predicted, tensors, passed)}."]
    return [
        f"The gradient of {name} for {leaf} {_of_leaf(wanted[i], {s: found[i] for s, found in given.items()})}."
        for i, leaf in enumerate(bent)
    ]


def _back(output: Tensor, leaves: Sequence[Tensor], cotangent: Tensor) -> list[Tensor | None]:
    # Of a product, as torch loads half a second of modules to look at a cotangent that it is given itself.
    whole = (output * cotangent).sum()
    return [*map(_double, torch.autograd.grad(whole, list(leaves), retain_graph=True, allow_unused=True))]


def _double(gradient: Tensor | None) -> Tensor | None:
    return None if gradient is None else gradient.double()


def _near(one: Tensor, other: Tensor) -> bool:
    return bool(((one - other).abs() <= NEAR * float(other.abs().max()) + 1e-9).all())


def _times(one: Tensor, other: Any) -> bool:
    """Whether the second gradient is the first one as often as its cotangent is."""
    if other is None or not bool(torch.isfinite(one).all()):
        return True  # what overflows tells nothing
    return _near(other, -LARGE * one)


def _share(found: Sequence[Tensor | None], wanted: Sequence[Tensor | None]) -> float:
    """By which number all gradients are multiplied, of which the cotangent is one number; not finite if by none."""
    pairs = [(own, right) for own, right in zip(found, wanted, strict=True) if own is not None and right is not None]
    if len(pairs) < len(wanted):
        return math.nan
    own, right = (torch.cat([pair[k].reshape(-1) for pair in pairs]) for k in (0, 1))
    share = float((own * right).sum() / right.square().sum())
    return share if _near(own, share * right) else math.nan


def _whole(name: str, own: Tensor, predicted: Tensor, leaves: Sequence[Tensor], passed: Mapping[float, float]) -> str:
    """What is done to all that comes back."""
    places = torch.arange(own.numel()).reshape(own.shape)
    # Of all sizes and both signs, in no order.
    mixed = 2.0 ** ((places * 7) % 13 - 6) * (1 - 2 * ((places * 5) % 7 % 2)).to(own.dtype)
    mixed = mixed.to(own.dtype)

    def holds(of: Callable[[Tensor], Tensor]) -> bool:
        seen = all(abs(float(of(torch.full_like(mixed, s)).reshape(-1)[0]) - f) <= NEAR * abs(f) + 1e-6
                   for s, f in passed.items())  # fmt: skip
        for cotangent in (mixed, -LARGE * mixed) if seen else ():
            found, right = _back(own, leaves, cotangent), _back(predicted, leaves, of(cotangent))
            pairs = zip(found, right, strict=True)
            seen = seen and all(a is not None and b is not None and _near(a, b) for a, b in pairs)
        return seen

    low, high = passed[-LARGE], passed[LARGE]
    what = f"The gradient that comes back through {name}"
    if holds(lambda g: torch.full_like(g, high)):
        return f"{what} is not used: those that go on are the same for any, and should be multiplied by it"
    if low <= 0 <= high and holds(lambda g: g.clamp(low, high)):
        return f"{what} is cut off {_bounds(low, high)}"
    if holds(lambda g: high * g.sign()):
        return f"Of the gradient that comes back through {name} only the sign goes on, and not the size"
    norm = high * math.sqrt(own.numel())
    if holds(lambda g: g * (norm / g.norm()).clamp(max=1)):
        return f"{what} is made smaller as a whole where its norm is above {number(round(norm, 3))}"
    return f"{what} does not go on in proportion: large gradients become another multiple of what they are than small"


def _bounds(low: float, high: float) -> str:
    """Where something is cut off, of which one end may be as far as it was asked about."""
    ends = [(word, end) for word, end in (("below", low), ("above", high)) if abs(end) < 0.99 * LARGE]
    return " and ".join(f"{word} {number(round(end, 4) + 0.0)}" for word, end in ends)


def _of_leaf(wanted: Tensor | None, given: Mapping[float, Tensor | None]) -> str:
    """What is done to the gradient for one argument alone, as the end of a sentence."""
    found = {size: own for size, own in given.items() if own is not None}
    if wanted is not None and len(found) == len(given):
        low = min(float(own.min()) for own in found.values())
        high = max(float(own.max()) for own in found.values())
        most = LARGE * float(wanted.abs().max())
        if low <= 0 <= high and all(_near(own, (size * wanted).clamp(low, high)) for size, own in found.items()):
            ends = [(w, e) for w, e in (("below", low), ("above", high)) if abs(e) < 0.99 * most]
            if abs(low + high) < NEAR * high and len(ends) > 1:
                return f"is cut off beyond -{number(round(high, 4))} and {number(round(high, 4))}"
            return f"is cut off {' and '.join(f'{word} {number(round(end, 4) + 0.0)}' for word, end in ends)}"
        if all(_near(own, wanted) for own in found.values()):
            return "does not depend on what comes back through the result, by which it should be multiplied"
        if all(_near(own, high * (size * wanted).sign()) for size, own in found.items()):
            return "has only the sign of what it should be, and not its size"
    return "is not in proportion to what comes back: large ones become another multiple of what they are than small"

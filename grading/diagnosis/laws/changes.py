"""What may be done to a tensor of numbers: found by trying, in words and as a function that predicts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import torch

from .asking import alike
from .law import number

Tensor = torch.Tensor
MANY = 200
"""Rows in another order are looked for among no more: each is held against each."""


class Change(NamedTuple):
    """Something that is done to a tensor.

    Attributes:
        words: the end of a sentence; empty where nothing is done.
        of: the function.
        by_size: what gives the same numbers here, but others where a tensor has another size; None if nothing does.
    """

    words: str
    of: Callable[[Tensor], Tensor]
    by_size: Change | None = None


def _spread(t: Tensor, axes: int | tuple[int, ...]) -> Tensor:
    """Numbers from 0 to 1, as large as those that are given lie between their ends."""
    low, high = t.amin(axes, keepdim=True), t.amax(axes, keepdim=True)
    return (t - low) / (high - low)


def _normalized(t: Tensor, axis: int, *, unbiased: bool = True, small: float = 0.0) -> Tensor:
    """With the spread that ``std`` gives, which unbiased is no number for a single one, and a small number added."""
    spread = t.std(axis, keepdim=True, unbiased=unbiased and t.shape[axis] > 1)
    return (t - t.mean(axis, keepdim=True)) / (spread + small)


ELEMENTWISE: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("goes through a ReLU: what is negative is lost", torch.relu),
    ("goes through a sigmoid, so that it stays between 0 and 1", torch.sigmoid),
    ("goes through tanh, so that it stays between -1 and 1", torch.tanh),
    (
        "goes through the logarithm of softplus, which bends it where it is large",
        lambda t: torch.nn.functional.softplus(t).log(),
    ),
    (
        "goes through the logarithm of softplus plus a small constant, so that it is bounded below",
        lambda t: (torch.nn.functional.softplus(t) + 1e-6).log(),
    ),
    ("goes through softplus, so that it is never negative", torch.nn.functional.softplus),
    ("goes through a LeakyReLU", lambda t: torch.nn.functional.leaky_relu(t, 0.01)),
    ("goes through ELU", torch.nn.functional.elu),
    ("goes through GELU", torch.nn.functional.gelu),
    ("goes through SiLU", torch.nn.functional.silu),
    ("goes through softsign", torch.nn.functional.softsign),
    ("goes through a softmax, so that a row adds up to 1", lambda t: t.softmax(-1)),
    ("goes through a log-softmax", lambda t: t.log_softmax(-1)),
    ("goes through a log-sigmoid", torch.nn.functional.logsigmoid),
    ("goes through the exponential", torch.exp),
    ("goes through the exponential of its half", lambda t: (t / 2).exp()),
    ("goes through a logarithm", lambda t: t.log()),
    ("goes through a logarithm of its size", lambda t: t.abs().log()),
    ("goes through the sigmoid twice", lambda t: t.sigmoid().sigmoid()),
    ("loses its sign", torch.abs),
    ("is squared", torch.square),
    ("is rounded", torch.round),
    ("goes through the sine", torch.sin),
    ("is spread from a sigmoid to -1 and 1", lambda t: 2 * t.sigmoid() - 1),
    ("goes through the sigmoid and a threshold of one half", lambda t: (t > 0).to(t.dtype)),
    ("has its sign turned round", torch.neg),
    ("is normalized in every row, to mean 0 and variance 1", lambda t: torch.nn.functional.layer_norm(t, t.shape[-1:])),
    ("is normalized in every row, to length 1", lambda t: torch.nn.functional.normalize(t, dim=-1)),
    (
        "is normalized over the batch, to mean 0 and variance 1",
        lambda t: (t - t.mean(0)) / (t.var(0, unbiased=False) + 1e-5).sqrt(),
    ),
    *(
        (
            f"is normalized {where}, to mean 0 and variance 1",
            partial(_normalized, axis=axis, unbiased=False, small=small),
        )
        for small in (1e-5, 1e-8)
        for where, axis in (("in every row", -1), ("over the batch", 0))
    ),
    ("is normalized in every row, by its mean and its unbiased spread", lambda t: _normalized(t, -1)),
    ("is normalized over the batch, by its mean and its unbiased spread", lambda t: _normalized(t, 0)),
    ("has the mean of its row taken off", lambda t: t - t.mean(-1, keepdim=True)),
    ("is divided by the largest of its row", lambda t: t / t.amax(-1, keepdim=True)),
    ("is divided by the largest of all its numbers", lambda t: t / t.max()),
    ("is divided by the largest of all its numbers where that is above 1", lambda t: t / t.max().clamp(min=1)),
    ("is divided by the largest of its row where that is above 1", lambda t: t / t.amax(-1, keepdim=True).clamp(min=1)),
    ("is spread in every row from 0 for the smallest to 1 for the largest", lambda t: _spread(t, -1)),
    ("is spread from 0 for the smallest of all to 1 for the largest", lambda t: _spread(t, (-2, -1))),
    ("is normalized by mean and spread of all its numbers", lambda t: (t - t.mean()) / t.std()),
    ("has the mean of all its numbers taken off", lambda t: t - t.mean()),
    ("has the mean of the batch taken off", lambda t: t - t.mean(0)),
    ("is averaged over the batch", lambda t: t.mean(0, keepdim=True).expand_as(t)),
    ("is averaged over each row", lambda t: t.mean(-1, keepdim=True).expand_as(t)),
    ("has its rows in reverse order", lambda t: t.flip(0)),
    ("has its columns in reverse order", lambda t: t.flip(-1)),
    ("has its rows moved by one", lambda t: t.roll(1, 0)),
    ("has its columns moved by one", lambda t: t.roll(1, -1)),
    ("is that of the first row everywhere", lambda t: t[:1].expand_as(t)),
)
"""What may be done to a matrix of numbers, as the end of a sentence."""
NOTHING = Change("", lambda t: t)


def find_change(true: Tensor, own: Any, *, in_places: bool = True) -> Change | None:
    """What makes ``own`` of ``true``, in some rows or columns too; None if nothing that is known does."""
    if not isinstance(own, torch.Tensor) or own.shape != true.shape:
        return None
    own, true = own.detach().to(true.dtype), true.detach()
    if alike(own, true):
        return NOTHING
    if bool(own.isnan().all()):
        return Change(f"is not a number{' anywhere' * bool(own.dim())}", lambda t: torch.full_like(t, torch.nan))
    if bool(own.isinf().all()):
        return Change(f"is infinite{' everywhere' * bool(own.dim())}", lambda t: torch.full_like(t, torch.inf))
    if not bool(torch.isfinite(own).all() and torch.isfinite(true).all()):
        return None
    if not bool(own.any()):
        return Change("is always 0", torch.zeros_like)
    if own.dim() == 2:
        for words, of in ELEMENTWISE:
            if alike(own, of(true)):
                return Change(words, of)
    found = _bounded(true, own) or _linear(true, own) or _squashed(true, own) or _ordered(true, own)
    found = found or _softly_bounded(true, own)
    if found is not None or not in_places or own.dim() != 2:
        return found
    return _composed(true, own) or _in_places(true, own)


def _composed(true: Tensor, own: Tensor) -> Change | None:
    """One of the known functions, and then a factor and a constant."""
    for words, of in ELEMENTWISE if own.numel() > 7 else ():
        changed = of(true)
        if not bool(torch.isfinite(changed).all()) or float(changed.std()) < 1e-6:
            continue
        then = _linear(changed, own)
        if then is not None and then.words:
            sized = then.by_size
            also = sized and Change(f"{words}, and then {sized.words}", partial(_both, of, sized.of))
            return Change(f"{words}, and then {then.words}", partial(_both, of, then.of), also)
    return None


def _bounded(true: Tensor, own: Tensor) -> Change | None:
    low, high = float(own.min()), float(own.max())
    if not low < high or not alike(own, true.clamp(low, high)):
        return None
    below, above = bool(true.min() < low), bool(true.max() > high)
    places = ([f"below {number(round(low, 3))}"] if below else []) + (
        [f"above {number(round(high, 3))}"] if above else []
    )
    bounds = (low if below else None, high if above else None)
    return Change(f"is cut off {' and '.join(places)}", lambda t: t.clamp(*bounds))


SQUASHED: tuple[tuple[str, Callable[[Tensor], Tensor], Callable[[float], float]], ...] = (
    ("tanh", torch.tanh, math.tanh),
    ("softsign", torch.nn.functional.softsign, lambda t: t / (1 + t)),
    ("a sigmoid from -1 to 1", lambda t: 2 * t.sigmoid() - 1, lambda t: math.tanh(t / 2)),
)
"""Each for tensors, and for one positive number, of which many have to be tried."""


def _stretched(of: Callable[[Tensor], Tensor], bound: float, t: Tensor) -> Tensor:
    return bound * of(t / bound)


def _squashed(true: Tensor, own: Tensor) -> Change | None:
    """A bound that is approached smoothly, where small numbers stay as they are."""
    largest = true.abs().reshape(-1).argmax()
    x, y = float(true.reshape(-1)[largest].abs()), float((own * true.sign()).reshape(-1)[largest])
    if not 0.05 < y < 0.999 * x:
        return None
    for words, of, single in SQUASHED:
        low, high = y / 2, 1e4 * x
        for _ in range(80):
            bound = (low * high) ** 0.5
            low, high = (low, bound) if bound * single(x / bound) > y else (bound, high)
        bound = float(f"{high:.3g}")
        if alike(own, _stretched(of, bound, true.double()).to(own.dtype)):
            said = f"goes through {words} that is stretched to stay between -{bound:g} and {bound:g}"
            return Change(said, partial(_stretched, of, bound))
    return None


def _softly(low: float, high: float, t: Tensor) -> Tensor:
    """Kept below one bound and then above another one, each by a softplus of the distance from it."""
    softplus = torch.nn.functional.softplus
    t = t if math.isinf(high) else high - softplus(high - t)
    return t if math.isinf(low) else low + softplus(t - low)


def _softly_bounded(true: Tensor, own: Tensor) -> Change | None:
    """A bound or two of the kind that moves all numbers, those far from it hardly."""
    order = true.reshape(-1).argsort()
    x, y = true.double().reshape(-1)[order], own.double().reshape(-1)[order]
    if len(x) < 8 or not bool((y.diff() >= -1e-6).all()) or not bool((y.diff() <= 1.001 * x.diff() + 1e-6).all()):
        return None
    down, up = float(x[-1] - y[-1]), float(y[0] - x[0])
    low, high = -math.inf, math.inf
    for _ in range(30):
        if down > 1e-4:
            high = _solved(lambda b: float(_softly(low, b, x[-1])) - float(y[-1]), float(y[-1]), float(x[-1]) + 12)  # noqa: B023
        if up > 1e-4:
            low = _solved(lambda b: float(_softly(b, high, x[0])) - float(y[0]), float(x[0]) - 12, float(y[0]))  # noqa: B023
    if math.isinf(low) and math.isinf(high):
        return None
    low, high = (bound if math.isinf(bound) else float(f"{bound:.3g}") for bound in (low, high))
    if not alike(own, _softly(low, high, true.double()).to(own.dtype)):
        return None
    ends = [f"above {number(low)}"] * math.isfinite(low) + [f"below {number(high)}"] * math.isfinite(high)
    said = f"is kept {' and '.join(ends)} by softplus, which moves all numbers a little"
    return Change(said, partial(_softly, low, high))


def _solved(gap: Callable[[float], float], low: float, high: float) -> float:
    """Where a growing function is 0."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if gap(middle) > 0 else (middle, high)
    return (low + high) / 2


def _ordered(true: Tensor, own: Tensor) -> Change | None:
    """Rows in another order."""
    if own.dim() != 2 or not 3 <= len(own) <= MANY:
        return None
    if not torch.allclose(own.sum(1).sort().values, true.sum(1).sort().values, rtol=1e-3, atol=1e-3):
        return None
    near = [[i for i, row in enumerate(true) if alike(own_row, row)] for own_row in own]
    places = [found[0] for found in near if len(found) == 1]
    if sorted(places) != list(range(len(own))):
        return None
    return Change("has its rows in another order", lambda t: t[places])


def _linear(true: Tensor, own: Tensor) -> Change | None:
    """A factor and a constant, found by least squares."""
    flat = true.double().reshape(-1)
    if flat.numel() == 1:
        if not float(true):
            return Change(f"is {number(float(own))} where it should be 0", lambda t: t + float(own))
        ratio = float(own / true)
        if abs(ratio - 1) < 1e-3 and true.dtype is torch.float64:
            # Of numbers in float64 one in 2 ** 29 is one of float32 by chance.
            cause = ", as where float32 is used on the way" if bool(own == own.float().double()) else ""
            return Change(f"is right to a few digits only{cause}", lambda t: ratio * t)
        # What is near 1 comes out the same to four digits by chance.
        words = f"{ratio:.6g}" if abs(ratio - 1) < 0.1 else number(ratio)
        return Change(f"is {words} times what it should be", lambda t: ratio * t)
    if not _may_be_linear(flat, own.double().reshape(-1)):
        return None
    columns = torch.stack([flat, torch.ones_like(flat)], 1)
    sizes = own.double().reshape(-1, 1)
    weights = 1 / (sizes.abs() + 0.1)  # near 0 a small constant shows best
    slope, offset = torch.linalg.lstsq(weights * columns, weights * sizes, driver="gelsd").solution[:, 0].tolist()
    if not alike(own, (slope * true + offset).to(own.dtype)):
        return None
    said = [f"is multiplied by {number(slope)}"] if abs(slope - 1) > 1e-4 else []
    said += [f"has {number(float(f'{offset:.2g}'))} added"] if abs(offset) > 2e-5 else []
    if not said:
        return None
    sized = _by_size(slope, own) if abs(offset) <= 2e-5 else None
    return Change(" and ".join(said), lambda t: slope * t + offset, sized)


SIMPLE = (1.0, 2.0, 0.5, -1.0)
POWERS = ((-0.5, "divided by the root of"), (-1.0, "divided by"), (0.5, "multiplied by the root of"),
          (1.0, "multiplied by"))  # fmt: skip


def _by_size(slope: float, own: Tensor) -> Change | None:
    """A factor as what it may be of the number of columns or rows."""
    for factor, (power, words), axis in itertools.product(SIMPLE, POWERS, (-1, 0) if own.dim() == 2 else ()):
        if abs(slope - factor * own.shape[axis] ** power) < 1e-4 * abs(slope):
            first = "" if factor == 1 else f"multiplied by {number(factor)} and "
            said = f"is {first}{words} the number of its {'columns' if axis else 'rows'}"
            return Change(said, partial(_times_size, factor, power, axis))
    return None


def _times_size(factor: float, power: float, axis: int, t: Tensor) -> Tensor:
    share: float = factor * float(t.shape[axis]) ** power
    return t * share


def _may_be_linear(true: Tensor, own: Tensor) -> bool:
    """Whether the line through two points, those furthest apart, comes near to others."""
    low, high = int(true.argmin()), int(true.argmax())
    width = float(true[high] - true[low])
    if width <= 0:
        return True
    line = own[low] + (true - true[low]) * ((own[high] - own[low]) / width)
    return bool((line - own).abs().max() <= 0.05 * own.abs().max() + 1e-4)


def _both(first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    return second(first(t))


PLACES: tuple[tuple[str, int, Callable[[int], slice]], ...] = (
    ("first row", 0, lambda size: slice(0, 1)),
    ("last row", 0, lambda size: slice(size - 1, size)),
    ("first column", 1, lambda size: slice(0, 1)),
    ("last column", 1, lambda size: slice(size - 1, size)),
    ("rows of even number", 0, lambda size: slice(0, size, 2)),
    ("columns of even number", 1, lambda size: slice(0, size, 2)),
)


def _in_places(true: Tensor, own: Tensor) -> Change | None:
    """What is done in some rows or columns alone."""
    for name, axis, where in PLACES:
        chosen = torch.zeros(true.shape[axis], dtype=torch.bool)
        chosen[where(true.shape[axis])] = True
        if len(chosen) < 3:
            continue
        for places, rows in ((f"in the {name}", chosen), (f"except in the {name}", ~chosen)):
            rest = (~rows).nonzero()[:, 0]
            index = rows.nonzero()[:, 0]
            if not alike(own.index_select(axis, rest), true.index_select(axis, rest)):
                continue
            part = find_change(true.index_select(axis, index), own.index_select(axis, index), in_places=False)
            if part is not None and part.words:
                return Change(f"{part.words}, {places}", partial(_only, part, axis, index))

    return None


def _only(part: Change, axis: int, index: Tensor, t: Tensor) -> Tensor:
    return t.index_copy(axis, index, part.of(t.index_select(axis, index)))


def change_between(true: Tensor, own: Any) -> str | None:
    """How ``own`` comes from ``true``, as the end of a sentence: empty where it is the same, None if nothing fits."""
    found = find_change(true, own)
    return None if found is None else found.words


def identify(own: Any, candidates: Iterable[tuple[str, Tensor]]) -> tuple[str, Tensor, Change] | None:
    """Which of the candidates ``own`` comes from, and what was done to it: the plainest first."""
    listed = [
        (words, tensor) for words, tensor in candidates if isinstance(own, torch.Tensor) and tensor.shape == own.shape
    ]
    for words, tensor in listed:
        if alike(own.detach().to(tensor.dtype), tensor.detach()):
            return words, tensor, NOTHING
    for words, tensor in listed:
        change = find_change(tensor, own, in_places=False)
        if change is not None and change.words:
            return words, tensor, change
    return None

"""A result as a combination of parts: which of them it is made of, and with which weights."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from grading.diagnosis.laws import number


@dataclass(frozen=True)
class Asked:
    """One call: its options, its answer, and what that may be made of.

    Attributes:
        recon_loss: the likelihood.
        beta: the weight.
        answer: loss, recon and kl.
        parts: by name, what the right answers are made of.
        find_others: asks for what else they may be made of, by name, and for what may be added to the right parts.
    """

    recon_loss: str
    beta: float
    answer: tuple[Any, ...]
    parts: dict[str, float]
    find_others: Callable[[], tuple[dict[str, float], dict[str, float]]]

    @functools.cached_property
    def others(self) -> tuple[dict[str, float], dict[str, float]]:
        """What ``find_others`` has found: it takes most of the questions, and only wrong answers need it."""
        return self.find_others()


def combination(values: list[float], asked: list[Asked], right: dict[str, float]) -> dict[str, float] | None:
    """The fewest parts that give the values, with their weights; the right ones, where they do."""
    wanted = torch.tensor(values, dtype=torch.float64)
    values_of = [one.parts for one in asked]  # of others only once these do not give the values

    def fits(names: tuple[str, ...]) -> dict[str, float] | None:
        columns = torch.tensor([[one[name] for name in names] for one in values_of], dtype=torch.float64)
        rows = torch.isfinite(columns).all(1) & torch.isfinite(wanted)  # what is divided by beta has no value at 0
        if int(rows.sum()) < len(names) + 2:  # else some combination fits by chance
            return None
        columns, values = columns[rows], wanted[rows]
        weights = torch.linalg.lstsq(columns, values[:, None], driver="gelsd").solution[:, 0]
        rounded = torch.tensor([_snapped(float(weight)) for weight in weights], dtype=weights.dtype)
        near = (columns @ rounded - values).abs() <= _rounding(values)
        return dict(zip(names, rounded.tolist(), strict=True)) if bool(near.all()) else None

    found = fits(tuple(right))
    if found is not None and all(abs(found[name] - weight) < 1e-3 for name, weight in right.items()):
        return dict(right)
    values_of = [one.parts | one.others[0] | one.others[1] for one in asked]
    others, added = asked[0].others
    names = [*asked[0].parts, *others]
    for size in (1, 2):
        for chosen in _possible(list(itertools.combinations(names, size)), values_of, wanted):
            found = fits(chosen)
            if found is not None and all(abs(weight) > 1e-3 for weight in found.values()):
                return found
    for third in (*names, *added):
        found = fits((*right, third)) if third not in right and len(right) == 2 else None
        if found is not None and sum(_is_simple(weight) for weight in found.values()) > 1:
            return {name: weight for name, weight in found.items() if abs(weight) > 1e-3}
    return None


def _rounding(values: torch.Tensor) -> torch.Tensor:
    return 1e-4 * values.abs() + 2e-5


def _possible(
    combinations: list[tuple[str, ...]], values_of: list[dict[str, float]], wanted: torch.Tensor
) -> Iterator[tuple[str, ...]]:
    """Those of the combinations that may give the values, found for all of them at once.

    Weights that fit within rounding are no nearer than those of least squares.
    """
    columns = torch.tensor(
        [[[one[name] for name in chosen] for one in values_of] for chosen in combinations], dtype=torch.float64
    )
    finite = torch.isfinite(columns).all(2).all(1) & torch.isfinite(wanted).all()
    values = wanted.nan_to_num(0.0, 0.0, 0.0)[:, None].expand(len(combinations), -1, 1)
    columns = columns.nan_to_num(0.0, 0.0, 0.0)
    weights = torch.linalg.lstsq(columns, values, driver="gelsd").solution
    near = (columns @ weights - values).norm(dim=1)[:, 0] <= _rounding(wanted).norm()
    for chosen, possible in zip(combinations, (near | ~finite).tolist(), strict=True):
        if possible:
            yield chosen


def _is_simple(weight: float) -> bool:
    return abs(weight * 24 - round(weight * 24)) < 1e-6


def _snapped(weight: float) -> float:
    """The weight as somebody may have written it, if it is near to that."""
    near = (round(weight * 24) / 24, float(f"{weight:.1g}"), float(f"{weight:.2g}"))
    return next((w for w in near if w and abs(w - weight) < min(1e-3, 0.02 * abs(w))), weight)


def weighted(asked: Asked, of: Callable[[float], float]) -> Asked:
    """The same call, were the KL weighted with another function of beta."""
    parts = {"recon": asked.parts["recon"], "kl": asked.parts["kl"]}
    return replace(asked, parts=parts | {"beta kl": of(asked.beta) * parts["kl"]}, find_others=lambda: ({}, {}))


def expression(weights: dict[str, float]) -> str:
    """A combination as mathematics."""
    terms: list[str] = []
    for name, weight in weights.items():
        size = "" if abs(abs(weight) - 1) < 1e-6 and name != "1" else f"{number(abs(weight))} "
        what = number(abs(weight)) if name == "1" else f"{size}{name}"
        sign = "- " if weight < 0 else "+ " if terms else ""
        terms.append(f"{sign}{what}")
    return " ".join(terms) or "0"

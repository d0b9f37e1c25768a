"""Gradients of a layer's output that are cut off beyond bounds, while its values are handed on as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import networks
import torch

from grading.boundary.errors import RefusedError, StudentError
from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import alike, facts, number
from grading.diagnosis.laws.asking import UNUSABLE
from grading.diagnosis.laws.reading import NOT_OF_VALUE

Ask = Callable[[Model, torch.Tensor], torch.Tensor]
SIZES = 6, 8, 400
"""Of a model, of which each output but the data's is wide: each number of a row shows by its bias what it hands on."""
REACH = 30.0


def instead(ordinary: facts.Fact, outputs: Mapping[str, tuple[str, str, Ask]]) -> facts.Fact:
    """A fact on ordinary answers, with the bounds of a gradient where it is only said that it is another one.

    Args:
        ordinary: the fact.
        outputs: what a student calls each output, with the name of its layer, that of its argument's layer, and what
            gives it for rows.
    """

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        for sentence in facts.sentences_of(ordinary, submission, draws):
            about = [name for name in outputs if sentence == f"The gradient of {name} {NOT_OF_VALUE}."]
            bounds: list[str] = []
            with contextlib.suppress(StudentError, RefusedError, *UNUSABLE):  # then it is no more than that
                bounds = [said for name in about if (said := _bounds(name, *outputs[name], submission, draws))]
            yield from bounds or [sentence]

    return fact


def _bounds(name: str, last: str, first: str, ask: Ask, submission: Submission, draws: Draws) -> str | None:
    """Between which values of an output its gradient goes through, if it is cut off beyond and whole between."""
    wide = (SIZES[2], SIZES[1], SIZES[0]) if first.startswith("dec") else SIZES
    model = networks.build(submission, *wide)
    networks.begin_anew(model, draws)
    bias = model.parameters[f"{last}.bias"]
    model.set(f"{last}.bias", torch.linspace(-REACH, REACH, bias.numel()))
    row = draws.normal(1, model.parameters[f"{first}.weight"].shape[1])
    values = ask(model, row)
    true = networks.decode(model.parameters, row) if first.startswith("dec") else _encoded(model, row)[last]
    if not alike(values, true):
        return None
    (gradient,) = torch.autograd.grad(values.sum(), bias, allow_unused=True)
    if gradient is None or not bool(((gradient == 0) | (gradient == 1)).all()):
        return None
    through, values = gradient == 1, values.detach()[0]
    if not bool(through.any()) or bool(through.all()):
        return None
    low, high = float(values[through].min()), float(values[through].max())
    below, above = values[~through & (values < low)], values[~through & (values > high)]
    if len(below) + len(above) < int((~through).sum()):
        return None  # some of those between are cut off as well
    ends = [f"below {_written(float(below.max()), low)}"] if len(below) else []
    ends += [f"above {_written(high, float(above.min()))}"] if len(above) else []
    return (
        f"No gradient comes back through {name} where it is {' or '.join(ends)}, though its value is handed on there."
    )


def _encoded(model: Model, row: torch.Tensor) -> dict[str, torch.Tensor]:
    mu, logvar = networks.encode(model.parameters, row)
    return {"mu": mu, "logvar": logvar}


def _written(low: float, high: float) -> str:
    """The roundest number from one to another one."""
    for digits in range(1, 7):
        rounded = float(f"{(low + high) / 2:.{digits}g}")
        if low <= rounded <= high:
            return number(rounded)
    return number((low + high) / 2)

"""``VAE.encode``: ``h = relu(...)``, and ``mu`` and ``logvar`` linear in ``h``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import networks
import torch

from grading.checks import Draws, Model, Submission, unpack
from grading.diagnosis.laws import NO_GRADIENT, Law, Probe, facts, gradients

SIZES = (11, 13, 3)


def model_of(submission: Submission, reach: float = 12.0) -> Model:
    """A model whose heads reach far to both sides, so that a bound shows."""
    model = networks.build(submission, *SIZES)
    networks.spread_heads(model, reach)
    return model


def hidden(parameters: networks.Parameters, x: torch.Tensor, activation: Any = torch.relu) -> torch.Tensor:
    """The hidden features, with the activation or another one."""
    h = x
    for i in itertools.count(step=2):
        if f"enc.{i}.weight" not in parameters:
            return h
        h = activation(networks.linear(parameters, f"enc.{i}", h))
    raise AssertionError


def features(parameters: networks.Parameters, x: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """What the heads may read, with words for what is wrong about it."""
    yield "", hidden(parameters, x)
    yield "without the ReLU of the hidden layer", hidden(parameters, x, lambda h: h)
    yield "with tanh in place of the ReLU", hidden(parameters, x, torch.tanh)
    yield "with a sigmoid in place of the ReLU", hidden(parameters, x, torch.sigmoid)
    for words, of in facts.ELEMENTWISE:
        yield f"where x {words}", hidden(parameters, of(x))
        yield f"where the hidden layer's output {words}", of(hidden(parameters, x))
    yield "where x is doubled", hidden(parameters, 2 * x)
    yield "where x is spread from 0 and 1 to -1 and 1", hidden(parameters, 2 * x - 1)
    yield "where x is turned round, 1 - x", hidden(parameters, 1 - x)
    yield "where x is divided by 255", hidden(parameters, x / 255)
    yield "where x is made 0 and 1, at one half", hidden(parameters, (x > 0.5).to(x.dtype))


def outputs(submission: Submission, draws: Draws) -> Iterator[tuple[str, Any, list[tuple[str, torch.Tensor]]]]:
    """Each output with its name, and what it may be."""
    model = model_of(submission)
    x = draws.uniform(6, SIZES[0])
    own = unpack(model.encode(x), ("mu", "logvar"), "encode")
    heads = {"mu": "the mu head", "logvar": "the logvar head"}
    found = []
    for read, h in features(model.parameters, x):
        found += [
            (f"{words} on the hidden features {read}".strip(), networks.linear(model.parameters, name, h))
            for name, words in heads.items()
        ]
    for name, value in zip(heads, own, strict=True):
        yield name, value, found


def _of(position: int) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        name, own, candidates = list(outputs(submission, draws))[position]
        right = f"the {name} head on the hidden features"
        first = sorted(candidates, key=lambda c: (c[0] != right, not c[0].endswith("features")))
        found = facts.identify(own, first)
        if found is None or found == (right, ""):
            return None
        what, change = found
        if what == right:
            return f"After its head {name} {change}; it should be returned as the head gives it."
        then = f", and then {change}" if change else ""
        return f"What stands in the place of {name} is {what}{then}."

    return fact


def _gradients(submission: Submission, draws: Draws) -> str | None:
    model = model_of(submission)
    x = draws.uniform(5, SIZES[0]).requires_grad_()
    own = unpack(model.encode(x), ("mu", "logvar"), "encode")
    cut = [n for n, value in zip(("mu", "logvar"), own, strict=True) if gradients(value, [x])[0] is NO_GRADIENT]
    return f"No gradient passes through {' and '.join(cut)}: the encoder cannot learn from it." if cut else None


FACTS = (_of(0), _of(1), _gradients)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What each output is."""
    return facts.explain(FACTS, submission, draws)


def probes() -> list[Probe]:
    """Where each output may be right and where not."""

    def value(position: int, batch: int = 0, mode: bool = True, layers: int = 1, double: bool = False) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            model = networks.build(submission, *SIZES, layers=layers).train(mode)
            model = model.double() if double else model
            x = draws.uniform(batch or draws.integer(3, 7), SIZES[0])
            x = x.double() if double else x
            return model.encode(x)[position], networks.encode(model.parameters, x)[position].detach()

        return put

    def far(position: int) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            model = model_of(submission, 200.0)
            x = draws.uniform(5, SIZES[0])
            return model.encode(x)[position], networks.encode(model.parameters, x)[position].detach()

        return put

    def slope(position: int) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            model = networks.build(submission, *SIZES)
            x = draws.uniform(5, SIZES[0]).requires_grad_()
            right = networks.encode(model.parameters, x)[position]
            return gradients(model.encode(x)[position], [x])[0], gradients(right, [x])[0]

        return put

    return [
        probe
        for i, name in enumerate(("mu", "logvar"))
        for probe in (
            Probe("", value(i), name),
            Probe("for a batch of one", value(i, batch=1), name),
            Probe("in eval mode", value(i, mode=False), name),
            Probe("with two hidden layers", value(i, layers=2), name),
            Probe("in float64", value(i, double=True), name),
            Probe("for outputs far from 0", far(i), name),
            Probe("", slope(i), f"The gradient of {name} for x"),
        )
    ]

"""``VAE.decode``: hidden layers with ReLU, and a last layer without activation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networks
import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import Law, Probe, facts, gradients

SIZES = (11, 13, 3)


def model_of(submission: Submission, layers: int = 1, reach: float = 15.0) -> Model:
    """A model whose outputs reach far to both sides, so that a bound shows."""
    model = networks.build(submission, *SIZES, layers=layers)
    model.set(f"dec.{2 * layers}.bias", torch.linspace(-reach, reach, SIZES[0]))
    return model


def _output(submission: Submission, draws: Draws) -> str | None:
    model = model_of(submission)
    z = draws.normal(6, SIZES[2], std=2.0)
    own, parameters = model.decode(z), model.parameters
    first = networks.linear(parameters, "dec.0", z)
    last: list[tuple[str, torch.Tensor]] = [
        ("", networks.decode(parameters, z)),
        ("without the ReLU of the hidden layer", networks.linear(parameters, "dec.2", first)),
        ("with tanh in place of the ReLU", networks.linear(parameters, "dec.2", first.tanh())),
        ("with a sigmoid in place of the ReLU", networks.linear(parameters, "dec.2", first.sigmoid())),
        *((f"of a z that {words}", networks.decode(parameters, of(z))) for words, of in facts.ELEMENTWISE),
        *((f"of a z times {factor:g}", networks.decode(parameters, factor * z)) for factor in (0.5, 2.0, -1.0)),
        *((f"of a z cut off beyond {b:g}", networks.decode(parameters, z.clamp(-b, b))) for b in (1.0, 2.0, 3.0)),
        (
            "without the bias of the last layer",
            torch.nn.functional.linear(torch.relu(first), parameters["dec.2.weight"]),
        ),
    ]
    found = facts.identify(own, last)
    if found is None or found == ("", ""):
        return None
    what, change = found
    if not what:
        return f"The output {change}; it should be returned as the last layer gives it."
    return f"The output is that {what}{', and then ' + change if change else ''}."


def _gradient(submission: Submission, draws: Draws) -> str | None:
    model = model_of(submission)
    own = model.decode(draws.normal(4, SIZES[2]).requires_grad_())
    if isinstance(own, torch.Tensor) and not own.requires_grad:
        return "No gradient passes through the output: the decoder cannot learn."
    return None


FACTS = (_output, _gradient)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What the output is."""
    return facts.explain(FACTS, submission, draws)


def probes() -> list[Probe]:
    """Where the output may be right and where not."""

    def value(batch: int = 0, mode: bool = True, layers: int = 1, double: bool = False, reach: float = 1.0) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            model = model_of(submission, layers, reach).train(mode)
            model = model.double() if double else model
            z = draws.normal(batch or draws.integer(3, 7), SIZES[2])
            z = z.double() if double else z
            return model.decode(z), networks.decode(model.parameters, z).detach()

        return put

    def slope(submission: Submission, draws: Draws) -> tuple[Any, Any]:
        model = model_of(submission)
        z = draws.normal(5, SIZES[2]).requires_grad_()
        return gradients(model.decode(z), [z])[0], gradients(networks.decode(model.parameters, z), [z])[0]

    return [
        Probe("", value()),
        Probe("for a batch of one", value(batch=1)),
        Probe("in eval mode", value(mode=False)),
        Probe("with two hidden layers", value(layers=2)),
        Probe("in float64", value(double=True)),
        Probe("for outputs far from 0", value(reach=200.0)),
        Probe("", slope, "The gradient for z"),
    ]

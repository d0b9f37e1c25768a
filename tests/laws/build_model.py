"""``build_model``: a new ``VAE`` with every field of the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networks
from configurations import DEFAULTS, built

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Law, Probe, facts

SIZES = ("input_dim", "hidden_dim", "latent_dim", "num_hidden_layers")


def _config(draws: Draws) -> dict[str, Any]:
    one, two, three = draws.distinct(3, 5, 19)
    return {
        "input_dim": one,
        "hidden_dim": two,
        "latent_dim": three,
        "num_hidden_layers": draws.integer(2, 4),
        "recon_loss": "laplace",
        "beta": 0.25 + draws.integer(2, 9),
    }


def _sizes(submission: Submission, draws: Draws) -> str | None:
    config = _config(draws)
    model = built(submission, config)
    own = {name: tuple(parameter.shape) for name, parameter in model.parameters.items()}
    wanted = [config[name] for name in SIZES]
    if own == networks.shapes(*wanted):
        return None
    for i, name in enumerate(SIZES):
        for words, value in [
            (f"its default, {DEFAULTS[name]}", DEFAULTS[name]),
            *((f"the value of {other}", config[other]) for other in SIZES if other != name),
            ("one less than it should be", wanted[i] - 1),
            ("one more than it should be", wanted[i] + 1),
            ("half of what it should be", wanted[i] // 2),
            ("twice what it should be", 2 * wanted[i]),
            *((str(constant), constant) for constant in (1, 2, 3, 10, 64, 128, 256, 512)),
        ]:
            changed = [*wanted]
            changed[i] = value
            if value > 0 and own == networks.shapes(*changed):
                return f"In place of {name} the model is built with {words}."
    for i, j in ((0, 1), (0, 2), (1, 2)):
        swapped = [*wanted]
        swapped[i], swapped[j] = swapped[j], swapped[i]
        if own == networks.shapes(*swapped):
            return f"{SIZES[i]} and {SIZES[j]} stand in each other's place."
    ignored: list[Any] = [DEFAULTS[name] for name in SIZES]
    if own == networks.shapes(*ignored):
        return "No size of the configuration has any effect: the model is built with the defaults."
    return None


def _attribute(name: str) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        config = _config(draws)
        value = built(submission, config).attributes.get(name)
        if value == config[name]:
            return None
        if value == DEFAULTS[name]:
            return f"The field {name} of the configuration has no effect: the model keeps the default."
        return f"model.{name} is not what the field {name} of the configuration says."

    return fact


def _fresh(submission: Submission, draws: Draws) -> str | None:
    config = _config(draws)
    one, other = built(submission, config), built(submission, config)
    if one.number == other.number:
        return "Two calls return the same model; each should give a new one."
    pairs = [(one.parameters[name], other.parameters.get(name)) for name in one.parameters]
    if pairs and all(b is not None and a.shape == b.shape and bool((a == b).all()) for a, b in pairs):
        return "Two models begin with the same weights, as if a seed were fixed or one were a copy."
    if all(not bool(parameter.any()) for parameter, _ in pairs):
        return "All weights of a new model are 0."
    return None


FACTS = (_sizes, _attribute("recon_loss"), _attribute("beta"), _fresh)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """Which field has no effect, or another's."""
    return facts.explain(FACTS, submission, draws)


def probes() -> list[Probe]:
    """For which configurations the model is right."""

    def shapes(**fields: Any) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            config = _config(draws) | fields
            own = {n: tuple(p.shape) for n, p in built(submission, config).parameters.items()}
            return own, networks.shapes(*(config[name] for name in SIZES))

        return put

    return [
        Probe("", shapes(), "The model"),
        Probe("with one hidden layer", shapes(num_hidden_layers=1), "The model"),
        Probe("for the default likelihood", shapes(recon_loss="bernoulli"), "The model"),
        Probe("for beta = 1", shapes(beta=1.0), "The model"),
    ]

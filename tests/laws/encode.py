"""``VAE.encode``: ``h = relu(...)``, and ``mu`` and ``logvar`` linear in ``h``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import networks
import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import ORDINARY, Asked, Law, Part, Probe, Question, Setting, facts, question
from laws import given, layers, random_layers, rest, straight_through

HEADS = ("mu", "logvar")


def _ask(model: Model, draws: Draws, setting: Setting, change: layers.Change | None = None) -> Asked:
    x = layers.rows(draws, setting, model.parameters["enc.0.weight"].shape[1])
    return judged(model.encode(x), model.parameters, x, setting, change=change)


def judged(
    answer: Any,
    parameters: networks.Parameters,
    x: torch.Tensor,
    setting: Setting,
    activation: Callable[[torch.Tensor], torch.Tensor] = torch.relu,
    change: layers.Change | None = None,
) -> Asked:
    """An answer of encode, and what it should be with these parameters, this activation, and this done to x."""
    names, leaf_x = list(layers.weights(parameters, "enc")), x
    x = x if change is None else change(x)
    hidden = layers.through(parameters, names, x, activation)

    def others(name: str) -> Iterator[tuple[str, torch.Tensor]]:
        other = HEADS[1 - HEADS.index(name)]
        yield f"the output of the {other} head", networks.linear(parameters, other, hidden)
        yield "the hidden features themselves", hidden
        yield "its head without the bias", hidden @ parameters[f"{name}.weight"].T
        for head in (name, other):
            for words, h in list(layers.features(parameters, names, x, "x"))[1:]:
                yield f"the output of the {head} head {words}", networks.linear(parameters, head, h)

    def part(name: str) -> Part:
        leaves = layers.leaves(parameters, {"its head": name, "the hidden layers": names[-1]})
        leaves |= {"x": leaf_x} if setting.leaves else {}
        # Heads may be parts of one layer, or have no bias.
        leaves = {words: leaf for words, leaf in leaves.items() if leaf.is_leaf and leaf.requires_grad}
        return Part(name, networks.linear(parameters, name, hidden), lambda: others(name), leaves)

    return Asked(answer, tuple(part(name) for name in HEADS))


def _pair(head: int) -> random_layers.Pair:
    return random_layers.Pair("enc.0", HEADS[head], HEADS[head], "x", lambda m, x, seed: m.seeded(seed).encode(x)[head])


PAIRS = [_pair(0), _pair(1)]


def _random(submission: Submission, draws: Draws) -> Iterator[str]:
    """What is random in mu and logvar, where anything is."""
    return random_layers.sentences(layers.model(submission, draws, ORDINARY), PAIRS, draws)


ENCODE = Question(
    layers.model, _ask, HEADS, ("x",), layers.SETTINGS, apart=(layers.DATA, *layers.APART), chance=_random
)


def _mu(model: Model, x: torch.Tensor) -> torch.Tensor:
    mu: torch.Tensor = model.encode(x)[0]
    return mu


def _logvar(model: Model, x: torch.Tensor) -> torch.Tensor:
    logvar: torch.Tensor = model.encode(x)[1]
    return logvar


OUTPUTS = {"mu": ("mu", "enc.0", _mu), "logvar": ("logvar", "enc.0", _logvar)}
FIRST = "Only the first layer of enc is applied: the ReLU behind it and all further hidden layers are left out."
CLAIMS = {"encode.without_activation": layers.is_linear("enc", _mu)}
"""What is said of encoders of any depth, of which the public checks ask for one."""


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What each output is."""
    ordinary, *others = question.facts_of(ENCODE)
    ordinary = layers.first_alone(ordinary, "enc", _mu, FIRST)
    ordinary = straight_through.instead(ordinary, OUTPUTS)
    both = rest.facts_of(ordinary, HEADS, "x", layers.SIZES[0], lambda model, x: model.encode(x))

    def of_changed(change: layers.Change) -> Iterable[facts.Fact]:
        return question.facts_of(replace(ENCODE, ask=partial(_ask, change=change)))

    return given.explain((*both, *others), PAIRS[0], " before it is encoded", of_changed, submission, draws)


def probes() -> list[Probe]:
    """Where each output may be right and where not."""
    return question.probes_of(ENCODE)

"""``VAE.decode``: hidden layers with ReLU, and a last layer without activation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import networks
import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import ORDINARY, Asked, Law, Part, Probe, Question, Setting, facts, question
from laws import given, layers, random_layers, rest, straight_through

OUTPUT = "the output"


def _ask(model: Model, draws: Draws, setting: Setting, change: layers.Change | None = None) -> Asked:
    parameters = model.parameters
    *names, last = layers.weights(parameters, "dec")
    z = layers.rows(draws, setting, parameters["dec.0.weight"].shape[1])
    answer, leaf_z = model.decode(z), z
    z = z if change is None else change(z)
    hidden = layers.through(parameters, names, z)

    def others() -> Iterator[tuple[str, torch.Tensor]]:
        yield "the hidden features, without the last layer", hidden
        yield "that without the bias of the last layer", hidden @ parameters[f"{last}.weight"].T
        for words, h in list(layers.features(parameters, names, z, "z"))[1:]:
            yield f"that {words}", networks.linear(parameters, last, h)

    leaves = layers.leaves(parameters, {"the last layer": last, "the hidden layers": names[-1]})
    leaves |= {"z": leaf_z} if setting.leaves else {}
    return Asked(answer, (Part(OUTPUT, networks.linear(parameters, last, hidden), others, leaves),))


PAIR = random_layers.Pair("dec.0", "dec.2", OUTPUT, "z", lambda model, z, seed: model.seeded(seed).decode(z))


def _random(submission: Submission, draws: Draws) -> Iterator[str]:
    """What is random in the output, where anything is."""
    return random_layers.sentences(layers.model(submission, draws, ORDINARY), [PAIR], draws)


DECODE = Question(layers.model, _ask, (OUTPUT,), ("z",), layers.SETTINGS, apart=layers.APART, chance=_random)


def _output(model: Model, z: torch.Tensor) -> torch.Tensor:
    output: torch.Tensor = model.decode(z)
    return output


FIRST = "Only the first and the last layer of dec are applied: what is between them, ReLUs and layers, is left out."
CLAIMS = {"decode.without_activation": layers.is_linear("dec", _output)}
"""What is said of decoders of any depth, of which the public checks ask for one."""


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What the output is."""
    ordinary, *others = question.facts_of(DECODE)
    ordinary = layers.first_alone(ordinary, "dec", _output, FIRST)
    ordinary = straight_through.instead(ordinary, {OUTPUT: ("dec.2", "dec.0", _output)})
    both = rest.facts_of(ordinary, (OUTPUT,), "z", layers.SIZES[2], lambda model, z: model.decode(z))

    def of_changed(change: layers.Change) -> Iterable[facts.Fact]:
        return question.facts_of(replace(DECODE, ask=partial(_ask, change=change)))

    return given.explain((*both, *others), PAIR, " before it is decoded", of_changed, submission, draws)


def probes() -> list[Probe]:
    """Where the output may be right and where not."""
    return question.probes_of(DECODE)

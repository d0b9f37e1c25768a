"""The layers of ``VAE`` as laws see them: models in all settings, and a stack of layers with mistakes in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import networks
import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import EVERYWHERE, Setting, changes, facts
from grading.diagnosis.laws.asking import alike

Change = Callable[[torch.Tensor], torch.Tensor]
"""What is done to what layers are given."""
SIZES = (11, 13, 5)
OF_HANDOUT = (784, 400, 20)
LARGE = Setting("for a batch of 128", options={"batch": 128})
FIELDS = (
    Setting("for recon_loss = 'gaussian'", options={"recon_loss": "gaussian"}),
    Setting("for recon_loss = 'laplace'", options={"recon_loss": "laplace"}),
    Setting("for another beta than 1", options={"beta": 4.0}),
    Setting("for beta = 0", options={"beta": 0.0}),
)
SETTINGS = (
    *EVERYWHERE,
    Setting("for a batch of one", options={"batch": 1}),
    LARGE,
    Setting("with two hidden layers", options={"layers": 2}),
    Setting("with three hidden layers", options={"layers": 3}),
    Setting("at the sizes of the handout", options={"sizes": OF_HANDOUT, "batch": 40}),
    Setting("for numbers of the order of 1000", options={"scale": 1000.0}),
    *FIELDS,
)
DATA = Setting("for data between 0 and 1", options={"data": True})
APART = (*EVERYWHERE, *FIELDS)
"""Circumstances under which a mistake may not be made, of which sizes are none."""
WHOLE = tuple(setting for setting in SETTINGS if "scale" not in setting.options)
"""Those for a whole pass, in which no variance may overflow."""
ACTIVATIONS: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("without the ReLU", lambda h: h),
    ("with tanh in place of the ReLU", torch.tanh),
    ("with a sigmoid in place of the ReLU", torch.sigmoid),
    ("with GELU in place of the ReLU", torch.nn.functional.gelu),
    ("with SiLU in place of the ReLU", torch.nn.functional.silu),
    ("with ELU in place of the ReLU", torch.nn.functional.elu),
    ("with softplus in place of the ReLU", torch.nn.functional.softplus),
    ("with a sine in place of the ReLU", torch.sin),
    ("with the absolute value in place of the ReLU", torch.abs),
    ("with ReLU6 in place of the ReLU", torch.nn.functional.relu6),
    ("with a LeakyReLU in place of the ReLU", lambda h: torch.nn.functional.leaky_relu(h, 0.01)),
    ("with a LeakyReLU in place of the ReLU", lambda h: torch.nn.functional.leaky_relu(h, 0.2)),
    ("with an exponential in place of the ReLU", torch.exp),
    ("with a square in place of the ReLU", torch.square),
    ("with the square of the ReLU", lambda h: torch.relu(h) ** 2),
)


def model(submission: Submission, draws: Draws, setting: Setting) -> Model:
    """A model in a setting, with weights of its own and biases near 0 and far from it, so that a bound shows."""
    options: dict[str, Any] = {
        name: setting.options[name] for name in ("recon_loss", "beta", "layers") if name in setting.options
    }
    sizes, depth = setting.options.get("sizes", SIZES), setting.options.get("layers", 1)
    made = setting.of(networks.build(submission, *sizes, **options))  # a cast forgets what was set before
    networks.begin_anew(made, draws)
    for name, reach in (("mu", 12.0), ("logvar", -12.0), (f"dec.{2 * depth}", 15.0)):
        made.set(f"{name}.bias", reach * torch.linspace(-1.0, 1.0, made.parameters[f"{name}.bias"].numel()) ** 3)
    return made


def leaves(parameters: networks.Parameters, named: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """The weight and the bias of each of some layers, by what a student calls them.

    Args:
        parameters: of a model.
        named: the name of each layer, by what it is called.
    """
    return {
        f"the {part} of {words}": parameters[f"{name}.{part}"]
        for words, name in named.items()
        for part in ("weight", "bias")
    }


def rows(draws: Draws, setting: Setting, width: int) -> torch.Tensor:
    """Arguments of a setting, some of them beyond 1 and below 0 where they are not to be as data are."""
    if "data" in setting.options:
        return setting.leaf(draws.uniform(6, width))
    drawn = draws.normal(setting.options.get("batch", 6), width, mean=0.3, std=setting.options.get("scale", 1.0))
    return setting.leaf(drawn)


def is_linear(part: str, ask: Callable[[Model, torch.Tensor], torch.Tensor]) -> Callable[[Submission, Draws], bool]:
    """A claim: with two hidden layers, ``enc`` or ``dec`` has no activation at all.

    Args:
        part: which of them.
        ask: gives what the last layer behind it, ``mu`` or ``dec.4``, makes of rows of numbers.
    """
    return lambda submission, draws: _is_made_of(part, ask, slice(None), submission, draws)


def first_alone(
    ordinary: facts.Fact, part: str, ask: Callable[[Model, torch.Tensor], torch.Tensor], words: str
) -> facts.Fact:
    """A fact on ordinary answers, where one hidden layer without its ReLU may be all that is applied of several.

    Args:
        ordinary: the fact.
        part: ``enc`` or ``dec``.
        ask: as in ``is_linear``.
        words: what is told then, in the place of the missing ReLU.
    """

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        said = facts.sentences_of(ordinary, submission, draws)
        without = [sentence for sentence in said if sentence.endswith(NO_RELU)]
        if without and _is_made_of(part, ask, slice(1), submission, draws):
            yield words
            said = tuple(sentence for sentence in said if sentence not in without)
        yield from said

    return fact


NO_RELU = "without the ReLU of the hidden layer."


def _is_made_of(
    part: str,
    ask: Callable[[Model, torch.Tensor], torch.Tensor],
    which: slice,
    submission: Submission,
    draws: Draws,
) -> bool:
    """Whether of two hidden layers these are what is applied, and no activation."""
    made = model(submission, draws, Setting("", options={"layers": 2}))
    names = list(weights(made.parameters, part))
    x = draws.normal(6, made.parameters[f"{names[0]}.weight"].shape[1])
    *names, last = [*names, "mu"] if part == "enc" else names
    hidden = through(made.parameters, names[which], x, lambda h: h)
    return alike(ask(made, x), networks.linear(made.parameters, last, hidden))


def weights(parameters: networks.Parameters, part: str) -> Iterator[str]:
    """The layers of a stack, ``enc`` or ``dec``, in order."""
    for i in itertools.count(step=2):
        if f"{part}.{i}.weight" not in parameters:
            return
        yield f"{part}.{i}"


def through(
    parameters: networks.Parameters,
    names: list[str],
    x: torch.Tensor,
    activation: Callable[[torch.Tensor], torch.Tensor] = torch.relu,
) -> torch.Tensor:
    """``x`` through these layers, each with an activation behind it."""
    for name in names:
        x = activation(networks.linear(parameters, name, x))
    return x


def features(
    parameters: networks.Parameters, names: list[str], x: torch.Tensor, of: str
) -> Iterator[tuple[str, torch.Tensor]]:
    """What a last layer may read from hidden layers, with words for what is wrong about it; the right one first."""
    right = through(parameters, names, x)
    yield "", right
    for words, activation in ACTIVATIONS:
        yield f"{words} of the hidden layer", through(parameters, names, x, activation)
    for i, name in enumerate(names[1:], start=2):
        rest = [other for other in names if other != name]
        yield f"without hidden layer {i}", through(parameters, rest, x)
    if len(names) > 2:
        yield "without all hidden layers but the first", through(parameters, names[:1], x)
    last = networks.linear(parameters, names[-1], through(parameters, names[:-1], x))
    yield "without the ReLU of the last hidden layer", last  # which may be the only one
    if len(names) > 1:
        linked = before = through(parameters, names[:1], x)
        for name in names[1:]:
            linked = linked + torch.relu(networks.linear(parameters, name, linked))
            before = torch.relu(before + networks.linear(parameters, name, before))
        yield "where each hidden layer but the first is added to what goes into it", linked
        yield "where each hidden layer but the first is added to what goes into it, before its ReLU", before
    for words, change in changes.ELEMENTWISE:
        yield f"where {of} {words}", through(parameters, names, change(x))
    for words, change in changes.ELEMENTWISE:
        yield f"where the hidden layer's output {words}", change(right)
    for factor in (0.5, 2.0, -1.0):
        yield f"where {of} is multiplied by {factor:g}", through(parameters, names, factor * x)
        yield f"where the hidden layer's output is multiplied by {factor:g}", factor * right
    for bound in (1.0, 2.0, 3.0, 5.0):
        yield (
            f"where {of} is cut off beyond -{bound:g} and {bound:g}",
            through(parameters, names, x.clamp(-bound, bound)),
        )
    yield f"where {of} is cut off below 0 and above 1", through(parameters, names, x.clamp(0, 1))
    yield f"where {of} is spread from 0 and 1 to -1 and 1", through(parameters, names, 2 * x - 1)
    yield f"where {of} has 1/2 taken off", through(parameters, names, x - 0.5)
    yield f"where {of} is turned round, 1 - {of}", through(parameters, names, 1 - x)
    yield f"where {of} is divided by 255", through(parameters, names, x / 255)
    yield f"where {of} is made 0 and 1, at one half", through(parameters, names, (x > 0.5).to(x.dtype))
    for begin, which in ((0, "first"), (1, "second")):
        some = torch.arange(x.shape[-1]) % 2 == begin
        yield (
            f"where every second value of {of}, from the {which} on, counts as 0",
            through(parameters, names, x * ~some),
        )
    yield f"where {of} does not count", through(parameters, names, torch.zeros_like(x))

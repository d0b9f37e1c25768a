"""``VAE.forward``: ``mu, logvar = encode(x)``, ``z`` a sample of them, ``logits = decode(z)``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networks
import torch

from grading.checks import Draws, Model, Submission, unpack
from grading.diagnosis.laws import NO_GRADIENT, Law, Probe, alike, facts, gradients

NAMES = ("logits", "mu", "logvar", "z")
SIZES = (11, 13, 3)


def _outputs(model: Model, x: torch.Tensor) -> tuple[Any, ...]:
    return unpack(model(x), NAMES, "forward")


def _parts(model: Model, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """mu and logvar as the submission's own encode gives them, asked alone; the true ones where it gives none."""
    own = model.alone().encode(x)
    usable = isinstance(own, (tuple, list)) and len(own) == 2 and all(isinstance(t, torch.Tensor) for t in own)
    mu, logvar = own if usable else networks.encode(model.parameters, x)
    return mu.detach(), logvar.detach()


def _decoded(model: Model, z: torch.Tensor) -> torch.Tensor:
    own = model.alone().decode(z)
    return (own if isinstance(own, torch.Tensor) else networks.decode(model.parameters, z)).detach()


def _named(model: Model, x: torch.Tensor, own: tuple[Any, ...]) -> list[tuple[str, torch.Tensor]]:
    """Everything that an output may be, with words."""
    mu, logvar = _parts(model, x)
    found = [
        ("mu", mu),
        ("logvar", logvar),
        ("sigma, the exponential of half of logvar", (logvar / 2).exp()),
        ("the variance, the exponential of logvar", logvar.exp()),
        ("mu + sigma", mu + (logvar / 2).exp()),
        ("mu + logvar", mu + logvar),
        ("decode(mu)", _decoded(model, mu)),
        ("x", x),
        ("decode(logvar)", _decoded(model, logvar)),
    ]
    for position, value in enumerate(own):
        if isinstance(value, torch.Tensor) and tuple(value.shape) == tuple(mu.shape):
            value = value.detach()
            found.append((f"decode of what is returned as {NAMES[position]}", _decoded(model, value)))
            noise = (value - mu) / (logvar / 2).exp()
            found.append((f"decode of the noise in {NAMES[position]}", _decoded(model, noise)))
    return found


RIGHT = {"mu": "mu", "logvar": "logvar", "logits": "decode of what is returned as z"}


def _output(name: str) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        model = networks.build(submission, *SIZES)
        x = draws.uniform(6, SIZES[0])
        own = _outputs(model, x)
        value = own[NAMES.index(name)]
        if value is None:
            return f"What is returned as {name} is None."
        named = _named(model, x, own)
        first = sorted(named, key=lambda one: one[0] != RIGHT[name])
        found = facts.identify(value, first)
        if found is None:
            if name == "logits" and tuple(value.shape) == tuple(x.shape):
                return "The logits are not decode(z) of the z that is returned with them."
            return None
        what, change = found
        if what == RIGHT[name] and not change:
            return None
        if what == RIGHT[name]:
            return f"What is returned as {name} is right, but then {change}."
        return f"What is returned as {name} is {what}{', which ' + change if change else ''}."

    return fact


def _sample(submission: Submission, draws: Draws) -> str | None:
    """What z is, with and without training mode."""
    model = networks.build(submission, *SIZES)
    x = draws.uniform(6, SIZES[0])
    mu, _ = _parts(model, x)
    said = {}
    for mode in (True, False):
        model.train(mode)
        first, second = (_outputs(model, x)[3] for _ in range(2))
        if not isinstance(first, torch.Tensor):
            return "What is returned as z is no tensor."
        if tuple(first.shape) != tuple(mu.shape):
            return None
        first, second = first.detach(), second.detach()
        found = facts.identify(first, [n for n in _named(model, x, ()) if n[1].shape == mu.shape])
        if found is not None and found[1] == "":
            said[mode] = f"z is {found[0]}, without any noise"
        elif torch.equal(first, second):
            said[mode] = "z is the same in two calls: its noise is not fresh"
    if not said:
        return None
    if len(said) == 2 and said[True] == said[False]:
        return f"{'The code ' + said[True]}; it should be a sample of N(mu, sigma squared)."
    mode = True in said
    return f"In {'train' if mode else 'eval'} mode {said[mode]}; it should be a sample in both modes."


def _spread(submission: Submission, draws: Draws) -> str | None:
    """Whether z has the mean and the spread that mu and logvar say."""
    model = networks.build(submission, *SIZES)
    x = draws.uniform(1, SIZES[0]).repeat(4000, 1)
    mu, logvar = (part[:1] for part in _parts(model, x[:1]))
    z = _outputs(model, x)[3]
    if not isinstance(z, torch.Tensor) or tuple(z.shape) != (4000, SIZES[2]):
        return None
    eps = (z.detach() - mu) / (logvar / 2).exp()
    if not bool((eps.std(0) > 1e-3).all()) and bool((eps == eps[:1]).all()):
        return "All examples of a batch share the noise of z." if bool(eps.any()) else None
    ratio = eps.std(0).log().mean().exp()
    own = model.alone().reparameterize(mu.expand(4000, -1), logvar.expand(4000, -1))
    alone = ((own.detach() - mu) / (logvar / 2).exp()).std(0).log().mean().exp()
    if abs(float(ratio / alone) - 1) > 0.06:
        return "The spread of z is not that of reparameterize(mu, logvar)."
    return None


def _gradients(submission: Submission, draws: Draws) -> str | None:
    said = []
    for mode in (True, False):
        model = networks.build(submission, *SIZES).train(mode)
        x = draws.uniform(5, SIZES[0])
        own = _outputs(model, x)
        heads = {n: [model.parameters[f"{n}.weight"]] for n in ("mu", "logvar")}
        needs = {"mu": ["mu"], "logvar": ["logvar"], "z": ["mu", "logvar"], "logits": ["mu", "logvar"]}
        cut = [
            f"from {name} to the {head} head"
            for name, value in zip(NAMES, own, strict=True)
            for head in needs[name]
            if gradients(value, heads[head])[0] is NO_GRADIENT
        ]
        if cut:
            said.append((mode, f"no gradient passes {', nor '.join(cut)}"))
    if len(said) == 2 and said[0][1] == said[1][1]:
        return f"{said[0][1][0].upper()}{said[0][1][1:]}."
    return f"In {'train' if said[0][0] else 'eval'} mode {said[0][1]}." if said else None


FACTS = (*(_output(name) for name in RIGHT), _sample, _spread, _gradients)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """Which part each output is, what was decoded and what was sampled."""
    return facts.explain(FACTS, submission, draws)


def probes() -> list[Probe]:
    """Where the outputs fit together and where not."""

    def fits(batch: int = 0, mode: bool = True, layers: int = 1, silent: bool = False) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            model = networks.build(submission, *SIZES, layers=layers).train(mode)
            x = draws.uniform(batch or draws.integer(3, 7), SIZES[0])
            with torch.set_grad_enabled(not silent):
                logits, mu, logvar, z = _outputs(model, x)
            true = networks.encode(model.parameters, x)
            together = alike(logits, networks.decode(model.parameters, z)) and alike((mu, logvar), true)
            return together, True

        return put

    aspect = "What forward returns"
    return [
        Probe("", fits(), aspect),
        Probe("for a batch of one", fits(batch=1), aspect),
        Probe("in eval mode", fits(mode=False), aspect),
        Probe("with two hidden layers", fits(layers=2), aspect),
        Probe("under torch.no_grad()", fits(silent=True), aspect),
    ]

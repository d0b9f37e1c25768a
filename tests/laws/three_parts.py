"""How ``compute_elbo`` and ``vae_loss`` are called: unknown names, defaults, repeated calls, and gradients."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import elbo
import oracles
import points
import torch

from grading.checks import Draws, StudentError, Submission, unpack
from grading.diagnosis.laws import NO_GRADIENT, alike, facts, gradients, inside, random_loss, start
from laws import (
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

PARTS = ("loss", "recon", "kl")
BETAS = (2.0, 0.5)
"""With which it is seen whether a gradient is weighted by beta."""
MINUS_BETAS = -BETAS[0], -BETAS[1]
Call = Callable[[Submission, points.Point, dict[str, Any]], Any]


def code(point: points.Point) -> torch.Tensor:
    """The ``z`` beside ``mu`` and ``logvar`` where a model's output is handed over: another number everywhere."""
    return torch.linspace(-3.0, 5.0, point.mu.numel(), dtype=point.mu.dtype).reshape(point.mu.shape)


def scalar(submission: Submission, name: str, arguments: tuple[torch.Tensor, ...], true: torch.Tensor) -> float:
    """A part as the submission computes it; the true one where it gives no number."""
    try:
        value = getattr(submission.alone(), name)(*arguments)
    except StudentError:
        value = true
    usable = isinstance(value, torch.Tensor) and value.numel() == 1 and bool(torch.isfinite(value).all())
    return float(value) if usable else float(true)


def unknown_fact(call: Call) -> facts.Fact:
    """What an unknown name does."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        point = points.draw(draws, 4, 5, 3)
        try:
            answer = call(submission, point, {"recon_loss": "poisson", "beta": 1.0})
        except StudentError as error:
            if isinstance(error, ValueError):
                missing = [name for name in elbo.LIKELIHOODS if name not in error.message]
                return f"The error for an unknown recon_loss does not name {', '.join(missing)}." if missing else None
            return f"An unknown recon_loss ends in {error.type_name}; it should be a ValueError that names the three."
        for name in elbo.LIKELIHOODS:
            if alike(answer, call(submission, point, {"recon_loss": name, "beta": 1.0})):
                return f"An unknown recon_loss is taken for {name!r}; it should raise a ValueError."
        return "An unknown recon_loss raises nothing; it should raise a ValueError that names the three."

    return fact


def defaults_fact(call: Call) -> facts.Fact:
    """What recon_loss and beta are where they are not given."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        point = points.draw(draws, 4, 5, 3)
        for name, given, default, words in (
            ("beta", {"recon_loss": "gaussian"}, {"beta": 1.0}, "with beta = 1"),
            ("recon_loss", {"beta": 2.0}, {"recon_loss": "bernoulli"}, "for 'bernoulli'"),
        ):
            right = call(submission, point, given | default)
            try:
                own = call(submission, point, given)
            except StudentError as error:
                yield f"Without {name} {error.type_name} is raised; it has a default, {next(iter(default.values()))!r}."
                continue
            if not alike(own, right):
                yield f"Without {name} the result is another one than {words}, which is its default."

    return fact


def gradient_fact(call: Call) -> facts.Fact:
    """Which of the three carry gradients to what they depend on."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        cut = {name: _cut(call, submission, draws, name) for name in elbo.LIKELIHOODS}
        where = [name for name, said in cut.items() if said]
        if not where:
            return None
        words = f"o gradient passes {', nor '.join(cut[where[0]])}."
        if len(where) == len(cut) and len(set(map(tuple, cut.values()))) == 1:
            return f"N{words}"
        return f"For recon_loss = {where[0]!r} n{words}"

    return fact


def _cut(call: Call, submission: Submission, draws: Draws, recon_loss: str) -> list[str]:
    """Between what no gradient passes with one likelihood, near to the prior and far from it."""
    found = [_missing(call, submission, draws, recon_loss, scale) for scale in (1.0, 5.0)]
    both = {part: [name for name in missing if name in found[1][part]] for part, missing in found[0].items()}
    return [f"from {part} to {' and '.join(names)}" for part, names in both.items() if names]


def _missing(call: Call, submission: Submission, draws: Draws, recon_loss: str, scale: float) -> dict[str, list[str]]:
    """To which of the arguments no gradient passes from each of the three."""
    x, logits, mu, logvar = points.draw(draws, 4, 5, 3)
    point = points.with_gradients(points.Point(x, logits, scale * mu, logvar), "logits", "mu", "logvar")
    answer = unpack(call(submission, point, {"recon_loss": recon_loss, "beta": 2.0}), PARTS, "the function")
    needs = {"loss": ("logits", "mu", "logvar"), "recon": ("logits",), "kl": ("mu", "logvar")}
    missing = {}
    moved = {name: _moved(call, submission, draws, point, name, recon_loss) for name in needs["loss"]}
    for i, (part, value) in enumerate(zip(PARTS, answer, strict=True)):
        found = gradients(value, [getattr(point, name) for name in needs[part]])
        pairs = zip(needs[part], found, strict=True)
        silent = [name for name, g in pairs if g is NO_GRADIENT or not bool(g.any())]
        # Of what does not depend on an argument at all it is the value that is wrong.
        missing[part] = [name for name in silent if _moves([value, moved[name]()[i]])]
    return missing


def stray_fact(call: Call) -> facts.Fact:
    """Whose gradient arrives where a value is no function: of recon at the posterior, of kl at the logits."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        for part, names in (("recon", ("mu", "logvar")), ("kl", ("logits",))):
            factors = tuple(_stray(call, submission, draws, part, names, beta) for beta in BETAS)
            if None in factors:
                continue
            other = "recon" if part == "kl" else "kl"
            known = {(1.0, 1.0): "the", (-1.0, -1.0): "minus the", BETAS: "beta", MINUS_BETAS: "minus beta"}
            whose = next((words for times, words in known.items() if times == factors), None)
            rest = f": what arrives is that of {whose} {other}" if whose else ""
            yield f"A gradient passes from {part} to {' and '.join(names)}, of which it is no function{rest}."

    return fact


def unweighted_fact(call: Call) -> facts.Fact:
    """Whether the gradient of the loss for the posterior is that of the kl, though beta is in its value."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        for beta in (*BETAS, 4.0):
            point = points.with_gradients(points.draw(draws, 4, 5, 3), "mu", "logvar")
            options = {"recon_loss": "gaussian", "beta": beta}
            loss, recon, kl = unpack(call(submission, point, options), PARTS, "the function")
            leaves = [point.mu, point.logvar]
            if not (alike(loss, recon + beta * kl) and alike(gradients(loss, leaves), gradients(kl, leaves))):
                return None
        return (
            "The gradient of the loss for mu and logvar is that of the kl, whatever beta is: it counts in values alone."
        )

    return fact


def _stray(
    call: Call, submission: Submission, draws: Draws, part: str, names: tuple[str, ...], beta: float
) -> float | None:
    """How many times the other part's gradient arrives where there should be none; not a number for something else."""
    point = points.with_gradients(points.draw(draws, 4, 5, 3), *names)
    options, place = {"recon_loss": "gaussian", "beta": beta}, PARTS.index(part)
    value = unpack(call(submission, point, options), PARTS, "the function")[place]
    x, logits, mu, logvar = point
    other = oracles.kl(mu, logvar) if part == "recon" else elbo.LIKELIHOODS["gaussian"](logits, x)
    leaves = [getattr(point, name) for name in names]
    own = [
        torch.zeros_like(g) if f is NO_GRADIENT else f for f, g in zip(gradients(value, leaves), leaves, strict=True)
    ]
    flat = torch.cat([gradient.flatten() for gradient in own])
    if not bool(flat.any()) or any(
        _moves([value, _moved(call, submission, draws, point, name, "gaussian", beta)()[place]]) for name in names
    ):
        return None  # none arrives, or it is a function of them, which shows in its values
    expected = torch.cat([gradient.flatten() for gradient in gradients(other, leaves)])
    factor = round(float(flat @ expected / (expected @ expected)), 3)
    return factor if torch.allclose(flat, factor * expected, rtol=1e-2, atol=1e-3) else math.nan


def _moved(
    call: Call, submission: Submission, draws: Draws, point: points.Point, name: str, recon_loss: str, beta: float = 2.0
) -> Callable[[], tuple[Any, ...]]:
    """The answer where one argument is another one, once it is needed."""
    x, logits, mu, logvar = points.draw(draws, 4, 5, 3)
    other = point._replace(**{name: getattr(points.Point(x, logits, mu, logvar), name)})
    options = {"recon_loss": recon_loss, "beta": beta}
    return functools.cache(lambda: unpack(call(submission, other, options), PARTS, "the function"))


def random_fact(call: Call) -> facts.Fact:
    """Which of the three differ between calls with the same arguments, though the parts themselves do not."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        random: dict[tuple[str, ...], list[str]] = {}
        for name in elbo.LIKELIHOODS:
            point = points.draw(draws, 4, 5, 3)
            options = {"recon_loss": name, "beta": 2.0}
            answers = [unpack(call(submission, point, options), PARTS, "the function") for _ in range(REPEATS)]
            moving = tuple(part for i, part in enumerate(PARTS) if _moves([answer[i] for answer in answers]))
            x, logits, mu, logvar = point
            alone = getattr(submission.alone(), f"reconstruction_loss_{name}")
            kl = submission.alone().kl_divergence
            if moving and not any(
                _moves([part() for _ in range(2)]) for part in (lambda: alone(logits, x), lambda: kl(mu, logvar))
            ):
                random.setdefault(moving, []).append(name)
        for moving, names in random.items():
            where = "" if len(names) == len(elbo.LIKELIHOODS) else f"for recon_loss = {' and '.join(map(repr, names))} "
            told = tuple(_how_random(call, submission, draws, moving, names[0]))
            yield from (start(f"{where}{words}") for words in told)
            if not told:
                yield start(
                    f"{where}the {' and the '.join(moving)} {'is' if len(moving) == 1 else 'are'} random: "
                    "calls with the same arguments give different numbers."
                )

    return fact


FORMULAS = {
    "bernoulli": reconstruction_loss_bernoulli.BERNOULLI,
    "gaussian": reconstruction_loss_gaussian.GAUSSIAN,
    "laplace": reconstruction_loss_laplace.LAPLACE,
}


def _how_random(
    call: Call, submission: Submission, draws: Draws, moving: tuple[str, ...], recon_loss: str
) -> Iterator[str]:
    """What is random in the recon or the kl, as it is found of a loss alone; the loss has it from them."""

    def part(name: str) -> Callable[[Submission, tuple[torch.Tensor, ...]], Any]:
        def asked(submission: Submission, arguments: tuple[torch.Tensor, ...]) -> Any:
            rows = len(arguments[0])
            mu, logvar = arguments if name == "kl" else torch.zeros(2, rows, 1)
            logits, x = arguments if name == "recon" else torch.zeros(2, rows, 1)
            answer = call(submission, points.Point(x, logits, mu, logvar), {"recon_loss": recon_loss, "beta": 1.0})
            return unpack(answer, PARTS, "the function")[PARTS.index(name)]

        return asked

    for name, formula in (("recon", FORMULAS[recon_loss]), ("kl", kl_divergence.KL)):
        if name in moving:
            words = random_loss.known(replace(formula, call=part(name)), submission, draws)
            if words is not None:
                yield f"in the {name}, {inside(words)}"


REPEATS = 10
"""Calls of which one differs from the others, unless what is random happens seldom."""


def _moves(answers: list[Any]) -> bool:
    """Whether some of these scalars differ from the first of them."""
    first, *others = (float(a.detach()) if isinstance(a, torch.Tensor) else float(a) for a in answers)
    return any(abs(other - first) > 1e-4 * (1 + abs(first)) for other in others)

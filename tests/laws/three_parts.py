"""How ``compute_elbo`` and ``vae_loss`` are called: unknown names, defaults, repeated calls, and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import elbo

from grading.checks import Draws, StudentError, Submission, unpack
from grading.diagnosis.laws import NO_GRADIENT, alike, facts, gradients, start

PARTS = ("loss", "recon", "kl")
Call = Callable[[Submission, elbo.Point, dict[str, Any]], Any]


def unknown_fact(call: Call) -> facts.Fact:
    """What an unknown name does."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        point = elbo.draw(draws, 4, 5, 3)
        try:
            answer = call(submission, point, {"recon_loss": "poisson", "beta": 1.0})
        except StudentError as error:
            if isinstance(error, ValueError):
                missing = [name for name in elbo.LIKELIHOODS if name not in error.message]
                return f"The error for an unknown recon_loss does not name {', '.join(missing)}." if missing else None
            return f"An unknown recon_loss ends in {error.type_name}; it should be a ValueError that names the three."
        for name in elbo.LIKELIHOODS:
            if alike(answer, call(submission, point, {"recon_loss": name, "beta": 1.0})):
                return f"An unknown recon_loss is taken for {name!r} without a word; it should raise a ValueError."
        return "An unknown recon_loss raises nothing; it should raise a ValueError that names the three."

    return fact


def defaults_fact(call: Call) -> facts.Fact:
    """What recon_loss and beta are where they are not given."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        point = elbo.draw(draws, 4, 5, 3)
        if not alike(
            call(submission, point, {"recon_loss": "gaussian"}),
            call(submission, point, {"recon_loss": "gaussian", "beta": 1.0}),
        ):
            return "Without beta the result is another one than with beta = 1, which is its default."
        if not alike(
            call(submission, point, {"beta": 2.0}), call(submission, point, {"recon_loss": "bernoulli", "beta": 2.0})
        ):
            return "Without recon_loss the result is another one than for 'bernoulli', which is its default."
        return None

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
    """Between what no gradient passes with one likelihood."""
    point = elbo.with_gradients(elbo.draw(draws, 4, 5, 3), "logits", "mu", "logvar")
    answer = unpack(call(submission, point, {"recon_loss": recon_loss, "beta": 2.0}), PARTS, "the function")
    needs = {"loss": ("logits", "mu", "logvar"), "recon": ("logits",), "kl": ("mu", "logvar")}
    cut = []
    for part, value in zip(PARTS, answer, strict=True):
        found = gradients(value, [getattr(point, name) for name in needs[part]])
        missing = [n for n, g in zip(needs[part], found, strict=True) if g is NO_GRADIENT or not bool(g.any())]
        if missing:
            cut.append(f"from {part} to {' and '.join(missing)}")
    return cut


def random_fact(call: Call) -> facts.Fact:
    """Which of the three differ between calls with the same arguments, though the parts themselves do not."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        random: dict[tuple[str, ...], list[str]] = {}
        for name in elbo.LIKELIHOODS:
            point = elbo.draw(draws, 4, 5, 3)
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
            yield start(
                f"{where}the {' and the '.join(moving)} {'is' if len(moving) == 1 else 'are'} random: "
                "calls with the same arguments give different numbers."
            )

    return fact


REPEATS = 10
"""Calls of which one differs from the others, unless what is random happens seldom."""


def _moves(answers: list[Any]) -> bool:
    """Whether some of these scalars differ from the first of them."""
    first, *others = map(float, answers)
    return any(abs(other - first) > 1e-4 * (1 + abs(first)) for other in others)

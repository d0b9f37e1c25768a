"""The noise of ``VAE.forward``: whether ``z`` is sampled as it should be, or as the submission's own parts do it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import blaming
import own_pass
import parts
import torch
from noise import (
    assert_calls_vary,
    assert_independent,
    assert_independent_draws,
    assert_no_repetition,
    assert_standard_moments,
    assert_standard_normal,
    assert_uncorrelated,
    assert_unrelated_to,
    in_rows,
    standardized,
)
from own_pass import OwnPass, Pass

from grading.boundary.shared.arrival import Arrival
from grading.checks import CheckFailure, Model, Submission


def assert_samples(submission: Submission, model: Model, x: torch.Tensor, seed: int) -> torch.Tensor | None:
    """``z``, 42,000 numbers or more, is drawn from ``N(mu, sigma ** 2)``, or by the own ``reparameterize``."""
    case = parts.Case(submission, model, x, seed)
    output = case.forward()

    def judge(eps: torch.Tensor) -> None:
        assert_standard_moments(eps, "(z - mu) / sigma")
        assert_uncorrelated(eps, "(z - mu) / sigma")
        assert_standard_normal(eps, "(z - mu) / sigma")
        assert_independent_draws(eps, "(z - mu) / sigma")
        assert_no_repetition(eps, "(z - mu) / sigma")
        assert_unrelated_to(eps, (output.mu, output.logvar), "(z - mu) / sigma")

    with blaming.what_remembers(model, x):
        return case.judged_noise(output, judge)


def assert_samples_anew(submission: Submission, model: Model, x: torch.Tensor, seed: int, what: str) -> None:
    """Two passes sample ``z`` as ``assert_samples`` has it, and the second has nothing to do with the first.

    Unless the own parts, asked alone, draw numbers that have.
    """
    seeds = seed, seed + 1
    first, second = (assert_samples(submission, model, x, s) for s in seeds)
    if first is None or second is None:
        return
    try:
        assert_independent(first, second, what)
    except CheckFailure:
        own = [own_pass.own(submission, model, x, s) for s in seeds]
        first, second = (standardized(one.z, one.mu, one.logvar) for one in own)
        try:
            assert_independent(first, second, what)
        except CheckFailure:
            submission.rely_on("reparameterize", "encode")
            return
        raise


def assert_fresh_unseeded(submission: Submission, model: Model, x: torch.Tensor) -> None:
    """Two passes one after the other, for which nobody seeds torch, do not draw the same numbers.

    Noise that follows from the seed, and not from how much was drawn since, is fresh for every seed. Of 20,000
    independent numbers the correlation is 1/2 less often than once in 10^500 times; a single number that all of them
    share has one of 1 each time, as the own parts show.
    """
    passes = [own_pass.forward(model, x, None) for _ in range(2)]
    if not _come_again(passes):
        return
    twin, own = model.alone(), []
    for _ in passes:
        mu, logvar = blaming.own_encoded(twin, x)
        z = blaming.as_tensor("reparameterize", lambda m=mu, v=logvar: twin.reparameterize(m, v))  # type: ignore[misc]
        own.append(Pass(z, mu, logvar, z))
    if not _come_again(own):
        if "z" in own_pass.own(submission, model, x, len(x)).overwritten:
            submission.rely_on("decode")  # whose bounds, and no noise, are what comes again
            return
        message = "two calls one after the other draw the same noise: it follows from the seed alone"
        raise CheckFailure("statistics", message, expected="fresh noise", actual="the same numbers")
    submission.rely_on("reparameterize", "encode")


def _come_again(passes: Sequence[Pass]) -> bool:
    """Whether the noise of two passes is nearly the same."""
    noise = []
    for output in passes:
        if output.z.shape != output.mu.shape or output.mu.shape != output.logvar.shape:
            return False  # which other checks tell
        z, mu, logvar = (value.detach().double() for value in (output.z, output.mu, output.logvar))
        noise.append(((z - mu) / torch.exp(logvar / 2)).flatten())
    one, other = noise
    return bool(abs(one @ other) > 0.5 * one.norm() * other.norm() > 0)


def assert_noise_of_calls(outputs: Sequence[Pass]) -> None:
    """``z`` is drawn from ``N(mu, sigma ** 2)`` anew in each of these passes, of which every ten are in one mode."""
    noise = [standardized(output.z, output.mu, output.logvar).flatten() for output in outputs]
    assert_independent_draws(torch.stack(noise), "(z - mu) / sigma", row="call", column="place")
    for mode in (0, 1):
        assert_calls_vary([eps for i, eps in enumerate(noise) if i // 10 % 2 == mode], "(z - mu) / sigma")


def assert_noise_of_all(outputs: Sequence[Pass]) -> None:
    """``z`` is drawn from ``N(mu, sigma ** 2)`` in passes of all sizes."""
    noise = [standardized(output.z, output.mu, output.logvar) for output in outputs]
    eps = in_rows(noise)
    assert_independent_draws(eps, "(z - mu) / sigma")
    assert_standard_normal(eps, "(z - mu) / sigma")
    assert_calls_vary(noise, "(z - mu) / sigma")


def assert_noise_of_modes(outputs: Sequence[Pass]) -> None:
    """``z`` varies from pass to pass, in the first half of them, which is in train mode, in the second, and in all."""
    noise = [standardized(output.z, output.mu, output.logvar) for output in outputs]
    half = len(noise) // 2
    for some in (noise[:half], noise[half:], noise):
        assert_calls_vary(some, "(z - mu) / sigma")


def assert_as_normal_as(output: Pass, answers: Iterable[Pass]) -> None:
    """The noise of one pass is standard normal, unless one of the own parts' answers is the same, or as far from it."""
    try:
        eps = standardized(output.z, output.mu, output.logvar)
        assert_standard_normal(eps, "(z - mu) / sigma")
    except CheckFailure:
        for own in answers:  # many: what is wrong in some calls alone need not be so in the first
            try:
                of_parts = standardized(own.z, own.mu, own.logvar)
                assert_standard_normal(of_parts, "(z - mu) / sigma")
            except CheckFailure:
                return
            # What no seed repeats may be nearer to it by chance.
            if parts.same(output.z, own.z) or parts.have_one_law(eps, of_parts):
                return
        raise


@dataclass(frozen=True)
class Call:
    """One of many passes.

    Attributes:
        x: its data.
        seed: what its noise is drawn with.
        training: whether the model is in train mode.
        gradients: whether gradients are recorded.
    """

    x: torch.Tensor
    seed: int
    training: bool
    gradients: bool


def assert_sampled(
    submission: Submission, model: Model, calls: Sequence[Call], judge: Callable[[Sequence[Pass]], None]
) -> None:
    """``judge`` finds the noise of these passes right; or else neither that of the submission's own parts."""
    outputs: list[Pass] = []
    arrived = []
    for call in calls:
        with torch.set_grad_enabled(call.gradients):
            outputs.append(own_pass.forward(model.train(call.training), call.x, call.seed))
        arrived.append(submission.asked)
    try:
        judge(outputs)
    except CheckFailure:
        own: list[OwnPass] = []
        try:
            for call, output, how in zip(calls, outputs, arrived, strict=True):
                question = model.train(call.training), call.x, call.seed
                own.append(own_as_asked(submission, output, question, call.gradients, how))
            judge(own)
        except CheckFailure:
            submission.rely_on("encode", "reparameterize")
        else:
            if not any(one.overwritten for one in own):
                raise
            submission.rely_on("reparameterize", "decode")


def own_noise(
    submission: Submission, output: Pass, model: Model, x: torch.Tensor, seed: int, *, gradients: bool | None = None
) -> OwnPass:
    """What the parts give where noise is judged: a sample that no part gives is none that says how it should be."""
    own = own_pass.own(submission, model, x, seed, gradients=gradients, output=output)
    if "z" in own.taken:
        raise own.taken["z"]
    return own


def own_as_asked(
    submission: Submission,
    output: Pass,
    question: tuple[Model, torch.Tensor, int],
    gradients: bool | None,
    asked: tuple[Arrival, int],
) -> OwnPass:
    """What the parts give, asked as ``forward`` was for this question."""
    submission.asked = asked
    return own_noise(submission, output, *question, gradients=gradients)

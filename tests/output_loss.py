"""``vae_loss`` held against the true ELBO, or against the submission's own ``compute_elbo`` on the same fields."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from elbo import LIKELIHOODS, PARTS, Case, Point, slope

from grading.checks import (
    Blocked,
    CheckFailure,
    Draws,
    StudentError,
    Submission,
    assert_answers_differ,
    assert_close,
    assert_finite,
    assert_gradient,
    assert_tensor,
    assert_true_or_own,
    prerequisite,
    same,
    unpack,
)


class OutputCase:
    """A submission and a model's output at one point; ``vae_loss`` is always called with the same options.

    Args:
        submission: whose ``vae_loss`` is judged.
        draws: where the codes ``z`` come from, which the loss must not depend on.
        point: the data and the other fields of the output.
        by_position: the further arguments of ``vae_loss``, ``recon_loss`` and ``beta``.
        by_name: the same.
    """

    def __init__(self, submission: Submission, draws: Draws, point: Point, *by_position: Any, **by_name: Any) -> None:
        self.submission, self.point, self.by_position, self.by_name = submission, point, by_position, by_name
        self.options = options = dict(zip(("recon_loss", "beta"), by_position, strict=False)) | by_name
        self.parts = Case(submission, point, options.get("recon_loss", "bernoulli"))
        z = draws.normal(*point.mu.shape, dtype=point.mu.dtype)
        self.output = submission.record("VAEOutput", logits=point.logits, mu=point.mu, logvar=point.logvar, z=z)

    def vae_loss(self) -> Any:
        """What the submission returns; if it crashes because of ``compute_elbo``, the check is blocked by that."""
        try:
            return self.submission.seeded(0).vae_loss(self.output, self.point.x, *self.by_position, **self.by_name)
        except StudentError as fault:
            if not isinstance(fault, NotImplementedError):
                self.require_elbo()
            raise

    def own_elbo(self, point: Point | None = None) -> Any:
        elbo, asked = self.submission.alone().seeded(0).compute_elbo, point or self.point
        return prerequisite("compute_elbo", lambda: elbo(*asked, **self.options), shape=None)

    def true_elbo(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        recon, kl = self.parts.true_recon(), self.parts.true_kl()
        return recon + self.options.get("beta", 1.0) * kl, recon, kl

    def assert_right(self) -> None:
        """``(loss, recon, kl)`` are those of ``compute_elbo`` on the fields of the output."""
        try:
            result = self.vae_loss()
        except Blocked:
            if self.is_refused_alike():
                self.rely_on_elbo()
                return
            raise

        def is_true() -> None:
            for value, true, name in zip(unpack(result, PARTS, "vae_loss"), self.true_elbo(), PARTS, strict=True):
                assert_close(value, true, f"{name} of vae_loss")

        def is_own() -> bool:
            if not same(result, self.own_elbo()):
                return False
            assert_answers_differ("compute_elbo", [self.own_elbo(), self.own_elbo(self.parts.elsewhere().point)])
            return True

        assert_true_or_own(self.submission, is_true, is_own, *self.elbo_items, usable=self.require_elbo)

    def assert_gradient(self, wanted: torch.Tensor, what: str) -> None:
        """The gradient of the loss for a field of the output is that of the ELBO."""
        with contextlib.suppress(Blocked):  # compute_elbo by itself, which may remember, is asked as often
            self.own_elbo()
        result = self.vae_loss()
        (true,) = torch.autograd.grad(self.true_elbo()[0], wanted)
        assert_true_or_own(
            self.submission,
            lambda: assert_gradient(unpack(result, PARTS, "vae_loss")[0], wanted, true, what),
            lambda: same(self.own_slopes(wanted), slopes(result, wanted)),
            *self.elbo_items,
            usable=self.require_elbo,
        )

    def own_slopes(self, wanted: torch.Tensor) -> list[torch.Tensor]:
        """The gradients of the submission's own ELBO; if it cannot be differentiated, that blocks the check."""
        try:
            found: list[torch.Tensor] = prerequisite(
                "compute_elbo", lambda: slopes(self.own_elbo(), wanted), shape=None
            )
        except Blocked:
            for leaf in (self.point.mu, self.point.logvar):
                if leaf.requires_grad:
                    self.parts.own_slope("kl_divergence", leaf)  # which may be the reason
            raise
        return found

    def assert_errors_pass_through(self) -> None:
        """An unknown ``recon_loss`` ends as it does in ``compute_elbo``: with a ``ValueError``."""
        self.vae_loss()  # what is missing altogether shows here
        error = error_of(lambda: self.submission.vae_loss(self.output, self.point.x, recon_loss="poisson"))
        if not isinstance(error, ValueError):
            own = error_of(lambda: self.submission.alone().compute_elbo(*self.point, recon_loss="poisson"))
            if type(error) is not type(own):
                message = "vae_loss does not pass on the error of compute_elbo for an unknown recon_loss"
                raise CheckFailure("structure", message, expected="ValueError", actual=str(error or "no error"))
            self.rely_on_elbo()

    def assert_unchanged(self) -> None:
        """``vae_loss`` changes no argument in place, beyond what ``compute_elbo`` changes on its own."""
        self.vae_loss()
        self.submission.vae_loss(output=self.output, x=self.point.x, **self.options)
        changed = {name.removeprefix("output.") for name in self.submission.mutated}
        if changed:
            alone = self.submission.alone()
            alone.compute_elbo(**self.point._asdict(), **self.options)
            self.rely_on_elbo()
            changed -= set(alone.mutated)
        if changed:
            message = "vae_loss changes its arguments in place"
            raise CheckFailure("mutation", message, expected="arguments left as they were", actual=", ".join(changed))

    def is_refused_alike(self) -> bool:
        """Whether ``compute_elbo`` works for some likelihood but not here, and ``vae_loss`` passes its error on."""
        elbo = self.submission.alone().compute_elbo
        works = any(error_of(partial(elbo, *self.point, recon_loss=name)) is None for name in LIKELIHOODS)
        own = error_of(lambda: elbo(*self.point, **self.options))
        error = error_of(lambda: self.submission.vae_loss(self.output, self.point.x, **self.options))
        return works and own is not None and type(error) is type(own)

    def rely_on_elbo(self) -> None:
        """``compute_elbo`` or a part of it does not give what it should here: it has to be wrong elsewhere too."""
        self.submission.rely_on(*self.elbo_items)

    @property
    def elbo_items(self) -> tuple[str, str, str]:
        """The items of which one is wrong where ``compute_elbo`` is."""
        return "compute_elbo", self.parts.recon_item, "kl_divergence"

    def require_elbo(self) -> None:
        """``compute_elbo`` gives three finite scalars, or else the check is blocked by it or by one of its parts."""
        try:
            values = prerequisite("compute_elbo", self.own_elbo, shape=None)
            for value in unpack(values, PARTS, "compute_elbo"):
                assert_finite(assert_tensor(value, (), None, "compute_elbo"), "compute_elbo")
        except (Blocked, CheckFailure) as failure:
            self.parts.require_parts()
            raise Blocked("compute_elbo", str(failure)) from None


def slopes(result: Any, wanted: torch.Tensor) -> list[torch.Tensor]:
    """The gradients of all that a function returned, with respect to ``wanted``."""
    values = result.values() if isinstance(result, dict) else result if isinstance(result, (tuple, list)) else [result]
    return [slope(value, wanted) for value in values]


def error_of(call: Callable[[], Any]) -> StudentError | None:
    """The exception that ``call`` raises on the submission's side, or None."""
    try:
        call()
    except StudentError as error:
        return error
    return None

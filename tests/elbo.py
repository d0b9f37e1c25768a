"""``compute_elbo`` and ``vae_loss`` held against the true values, or against the parts they are made of.

Whichever of the two a result agrees with, it is right: a bug in a part costs the part alone. Where it agrees with
neither and a part is of no use (it raises, or gives no finite scalar), the check is blocked by that part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import oracles
import torch

from grading.checks import (
    Blocked,
    CheckFailure,
    Draws,
    StudentError,
    Submission,
    assert_answers_differ,
    assert_close,
    assert_gradient,
    assert_raises,
    assert_true_or_own,
    prerequisite,
    same,
    short,
    unpack,
)

LIKELIHOODS = {"bernoulli": oracles.bernoulli, "gaussian": oracles.gaussian, "laplace": oracles.laplace}
PARTS = ("loss", "recon", "kl")


class Point(NamedTuple):
    """The arguments of ``compute_elbo`` that are tensors, in its order."""

    x: torch.Tensor
    logits: torch.Tensor
    mu: torch.Tensor
    logvar: torch.Tensor


def draw(draws: Draws, batch: int, features: int, latent: int, dtype: torch.dtype = torch.float32) -> Point:
    """Data in ``[0, 1]``, and a decoder output that is neither 0 nor equal to the data anywhere."""
    x, error = draws.uniform(batch, features, dtype=dtype), oracles.away_from_zero(draws, batch, features)
    mu, logvar = draws.normal(batch, latent, dtype=dtype), draws.normal(batch, latent, dtype=dtype)
    return Point(x, x + error.to(dtype), mu, logvar)


def with_gradients(point: Point, *names: str) -> Point:
    """The same point, where gradients for the named tensors are asked for."""
    return point._replace(**{name: getattr(point, name).clone().requires_grad_() for name in names})


@dataclass(frozen=True)
class Case:
    """A submission at one point, for one likelihood. Every call starts from the same random state."""

    submission: Submission
    point: Point
    recon_loss: str = "gaussian"

    def compute_elbo(self, **options: Any) -> tuple[Any, Any, Any]:
        """``(loss, recon, kl)`` for this case's likelihood, as the submission computes them with these options."""
        return self.compute_elbo_of(**{"recon_loss": self.recon_loss} | options)

    def compute_elbo_of(self, *args: Any, **options: Any) -> tuple[Any, Any, Any]:
        """The same with exactly these arguments after the tensors."""
        result = self._guarded(lambda: self.submission.seeded(0).compute_elbo(*self.point, *args, **options))
        loss, recon, kl = unpack(result, PARTS, "compute_elbo")
        return loss, recon, kl

    @property
    def recon_item(self) -> str:
        """The item of this case's reconstruction loss."""
        return f"reconstruction_loss_{self.recon_loss}"

    def own_recon(self) -> Any:
        loss = getattr(self.submission.alone().seeded(0), self.recon_item)
        return prerequisite(self.recon_item, lambda: loss(self.point.logits, self.point.x), shape=None)

    def own_kl(self) -> Any:
        kl = self.submission.alone().seeded(0).kl_divergence
        return prerequisite("kl_divergence", lambda: kl(self.point.mu, self.point.logvar), shape=None)

    def true_recon(self) -> torch.Tensor:
        return LIKELIHOODS[self.recon_loss](self.point.logits, self.point.x).to(self.point.x.dtype)

    def true_kl(self) -> torch.Tensor:
        return oracles.kl(self.point.mu, self.point.logvar).to(self.point.x.dtype)

    def assert_recon(self, recon: Any) -> None:
        what = f"the reconstruction term for recon_loss = {self.recon_loss!r}"
        true = self.true_recon().detach()
        self._either(lambda: assert_close(recon, true, what), lambda: same(recon, self.own_recon()), self.recon_item)

    def assert_kl(self, kl: Any) -> None:
        what, true = "the KL term, which beta does not multiply,", self.true_kl().detach()
        self._either(lambda: assert_close(kl, true, what), lambda: same(kl, self.own_kl()), "kl_divergence")

    def assert_sum(self, loss: Any, recon: Any, kl: Any, beta: float) -> None:
        """``loss = recon + beta * kl`` of the very parts that were returned with it."""
        try:
            sizes = [part.numel() for part in (recon, kl) if isinstance(part, torch.Tensor)]
            if math.prod(sizes) > 1_000_000:  # a column and a row, which would fill the memory with their sums
                raise TypeError("too large")
            expected = torch.as_tensor(recon + beta * kl).detach()
        except (TypeError, RuntimeError):  # no numbers, or shapes that do not go together
            self.require_parts()
            actual = short((recon, kl))
            raise CheckFailure("structure", "recon and kl do not add up", expected="scalars", actual=actual) from None
        what = f"the loss, recon + beta * kl at beta = {beta:g},"
        true = (self.true_recon() + beta * self.true_kl()).detach()
        if not same(loss, true):  # zeros add up too
            self.require_that_parts_show(self.recon_item, "kl_divergence")
            options = {"recon_loss": self.recon_loss, "beta": beta}
            if same(loss, self.elsewhere().compute_elbo(**options)[0]):
                raise CheckFailure("value", f"{what} does not depend on anything", actual=short(loss))
        self._either(
            lambda: assert_close(loss, expected, what), lambda: same(loss, expected), self.recon_item, "kl_divergence"
        )

    def assert_recon_gradient(self, output: Any, what: str) -> None:
        """The gradient of ``output`` for the decoder output is that of the reconstruction term."""
        logits = self.point.logits
        (true,) = torch.autograd.grad(self.true_recon(), logits)
        self._either(
            lambda: assert_gradient(output, logits, true, what),
            lambda: same(self.own_slope(self.recon_item, logits), slope(output, logits)),
            *(self.recon_item, "kl_divergence"),  # the loss has the shape of either
        )

    def assert_kl_gradient(self, output: Any, wanted: torch.Tensor, factor: float, what: str) -> None:
        """The gradient of ``output`` for ``mu`` or ``logvar`` is ``factor`` times that of the KL term."""
        (true,) = torch.autograd.grad(self.true_kl(), wanted)
        self._either(
            lambda: assert_gradient(output, wanted, factor * true, what),
            lambda: same(factor * self.own_slope("kl_divergence", wanted), slope(output, wanted)),
            *(self.recon_item, "kl_divergence"),
        )

    def own_slope(self, item: str, wanted: torch.Tensor) -> torch.Tensor:
        """The gradient of the submission's own part; a part that cannot be differentiated blocks the check."""
        part = self.own_kl if item == "kl_divergence" else self.own_recon
        found: torch.Tensor = prerequisite(item, lambda: slope(part(), wanted), shape=None)
        return found

    def assert_value_error(self, *args: Any, **options: Any) -> str:
        """The message of the ``ValueError`` that ``compute_elbo`` raises for these further arguments."""
        known = {"recon_loss": self.recon_loss}
        self._guarded(
            lambda: self.submission.compute_elbo(*self.point, **known)
        )  # what is missing altogether shows here
        what = "compute_elbo with an unknown recon_loss"
        return assert_raises(ValueError, lambda: self.submission.compute_elbo(*self.point, *args, **options), what)

    def assert_unchanged(self) -> None:
        """``compute_elbo`` changes no argument in place, beyond what its parts change on their own."""
        self._guarded(lambda: self.submission.compute_elbo(**self.point._asdict(), recon_loss=self.recon_loss))
        changed = set(self.submission.mutated)
        if changed:
            alone = self.submission.alone()
            self.own_recon()
            by_recon = renamed(alone.mutated, ("logits", "x"))
            self.own_kl()
            by_kl = renamed(alone.mutated, ("mu", "logvar"))
            for item, by_part in ((self.recon_item, by_recon), ("kl_divergence", by_kl)):
                if changed & by_part:
                    self.submission.rely_on(item)
                    changed -= by_part
        if changed:
            message = "compute_elbo changes its arguments in place"
            raise CheckFailure("mutation", message, expected="arguments left as they were", actual=", ".join(changed))

    def require_parts(self) -> None:
        """Both parts give finite scalars, or else the check is blocked by the one that does not."""
        for item, own in ((self.recon_item, self.own_recon), ("kl_divergence", self.own_kl)):
            value = prerequisite(item, own)
            if not bool(torch.isfinite(value)):
                raise Blocked(item, f"it returns {short(value)}")

    def _guarded(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except StudentError as fault:
            if not isinstance(fault, NotImplementedError):
                self.require_parts()
            raise

    def elsewhere(self) -> Case:
        """The same at another point, where every true value is another."""
        point = Point(*(0.5 * tensor.detach() + 0.25 for tensor in self.point))
        return Case(self.submission, point, self.recon_loss)

    def require_that_parts_show(self, *items: str) -> None:
        """No part of these gives the same at another point."""
        other = self.elsewhere()
        for item in items:
            asked = ("own_kl", "own_recon")[item != "kl_divergence"]
            assert_answers_differ(item, [getattr(case, asked)() for case in (self, other)])

    def _either(self, is_true: Callable[[], None], is_own: Callable[[], bool], *items: str) -> None:
        def is_visibly_own() -> bool:
            if not is_own():
                return False
            self.require_that_parts_show(*items)
            return True

        assert_true_or_own(self.submission, is_true, is_visibly_own, *items, usable=self.require_parts)


def slope(output: Any, wanted: torch.Tensor) -> torch.Tensor:
    """The gradient of the mean of ``output``; zero where none arrives."""
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        return torch.zeros_like(wanted)
    (found,) = torch.autograd.grad(output.mean(), wanted, retain_graph=True, allow_unused=True)
    return torch.zeros_like(wanted) if found is None else found


def renamed(mutated: tuple[str, ...], names: tuple[str, ...]) -> set[str]:
    """What a call with positional arguments changed, by the names that the caller has for them."""
    return {name for i, name in enumerate(names) if f"argument {i + 1}" in mutated}

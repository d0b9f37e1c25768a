"""What a check of ``vae_loss`` needs: an output, and what the submission's own ``compute_elbo`` says of its fields.

A check writes down both sides of an equation: what is asked of ``vae_loss``, and what that is of ``compute_elbo``. Here
the second is worked out with the true ELBO and, where that is not what comes, with the submission's own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from asking import is_worn, unasked
from elbo import LIKELIHOODS, TERMS, Case, assert_slope, slope, true_part
from oracles import assert_no_gradients
from points import Point, elsewhere

from grading.checks import (
    Blocked,
    CheckFailure,
    Draws,
    StudentError,
    Submission,
    assert_answers_differ,
    assert_close,
    assert_finite,
    assert_tensor,
    assert_true_or_own,
    prerequisite,
    same,
    unpack,
)

Ask = Callable[[Callable[..., Any]], Any]
"""A call of the function that it is given."""


def true_elbo(
    x: torch.Tensor,
    logits: torch.Tensor,
    mu: torch.Tensor,
    logvar: torch.Tensor,
    recon_loss: str = "bernoulli",
    beta: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``(loss, recon, kl)`` as they should be."""
    recon, kl = true_part(f"reconstruction_loss_{recon_loss}", logits, x), true_part("kl_divergence", mu, logvar)
    return recon + beta * kl, recon, kl


class OutputCase:
    """A submission and a model's output at one point.

    Args:
        submission: whose ``vae_loss`` is judged.
        draws: where the codes ``z`` come from, which the loss must not depend on.
        point: the data and the other fields of the output.
        times: how many calls like it come before each one.
    """

    def __init__(self, submission: Submission, draws: Draws, point: Point, times: int = 0) -> None:
        self._times = times
        self.submission, self.point, self.parts = submission, point, Case(submission, point)
        self.z = draws.normal(*point.mu.shape, dtype=point.mu.dtype).requires_grad_(point.mu.requires_grad)
        self.output = submission.record("VAEOutput", logits=point.logits, mu=point.mu, logvar=point.logvar, z=self.z)

    def assert_equal(self, asked: Ask, of_elbo: Ask) -> None:
        """What is asked of ``vae_loss`` gives the three terms that ``compute_elbo`` gives."""
        try:
            result = self.vae_loss(asked, of_elbo)
        except Blocked:
            if self._is_refused_alike(asked, of_elbo):
                self.rely_on_elbo()
                return
            raise
        self._assert_values(result, of_elbo)

    def _assert_values(self, result: Any, of_elbo: Ask) -> None:
        def is_true() -> None:
            for value, true, name in zip(unpack(result, TERMS, "vae_loss"), of_elbo(true_elbo), TERMS, strict=True):
                assert_close(value, true, f"{name} of vae_loss")

        def is_own() -> bool:
            if not self._is_own(result, of_elbo):
                return False
            assert_answers_differ("compute_elbo", [self.own_elbo(of_elbo), self.own_elbo(of_elbo, elsewhere)])
            return True

        self._either(of_elbo, is_true, is_own)

    def assert_gradient(self, asked: Ask, of_elbo: Ask, wanted: torch.Tensor, what: str) -> None:
        """The loss that is asked of ``vae_loss`` is what ``compute_elbo`` gives, and so is its gradient."""
        with contextlib.suppress(Blocked):  # compute_elbo by itself, which may remember, is asked as often
            self.own_elbo(of_elbo)
        result = self.vae_loss(asked, of_elbo)
        true_loss = of_elbo(true_elbo)[0]
        (true,) = torch.autograd.grad(true_loss, wanted)

        def is_true() -> None:
            loss, _, _ = unpack(result, TERMS, "vae_loss")
            with self._blocked_by_elbo(of_elbo, wanted):
                assert_slope(loss, wanted, true, what, self.parts.atol)
            assert_close(loss, true_loss.detach(), f"the loss, asked for {what},")

        def is_own() -> bool:
            with self._blocked_by_elbo(of_elbo, wanted):
                alike = same(self.own_slopes(of_elbo, wanted), slopes(result, wanted))
            return alike and self._is_own(result, of_elbo)

        self._either(of_elbo, is_true, is_own)

    def assert_gradients_of_terms(self, asked: Ask, of_elbo: Ask, **leaves: torch.Tensor) -> None:
        """All three terms that are asked of ``vae_loss`` are those that ``compute_elbo`` gives, and their gradients."""
        result = self.vae_loss(asked, of_elbo)
        self._assert_values(result, of_elbo)
        for name, wanted in leaves.items():
            self._assert_gradients(result, of_elbo, wanted, f"the gradients of loss, recon and kl for {name}")
        for name, value in zip(TERMS, self._terms(result, of_elbo), strict=False):
            if isinstance(value, torch.Tensor) and self.z.requires_grad:
                assert_no_gradients(value, {"z": self.z}, f"{name} of vae_loss")

    def _terms(self, result: Any, of_elbo: Ask) -> list[Any]:
        """The three terms, or whatever ``compute_elbo`` gives in their place."""
        try:
            return list(unpack(result, TERMS, "vae_loss"))
        except CheckFailure:
            if not same(result, self.own_elbo(of_elbo)) and not self._elbo_remembers(of_elbo):
                raise
            self.rely_on_elbo()
            return values_of(result)

    def _is_own(self, result: Any, of_elbo: Ask) -> bool:
        """Whether it is what the submission's own ``compute_elbo`` gives, or the terms that it gives in a dict."""
        own = self.own_elbo(of_elbo)
        if isinstance(own, dict) and not isinstance(result, dict) and set(TERMS) <= own.keys():
            return same(unpack(result, TERMS, "vae_loss"), [own[name] for name in TERMS])
        return same(result, own)

    def _assert_gradients(self, result: Any, of_elbo: Ask, wanted: torch.Tensor, what: str) -> None:
        with self._blocked_by_elbo(of_elbo, wanted):
            found = slopes(result, wanted)
        if not same(found, slopes(of_elbo(true_elbo), wanted)):
            if not same(found, self.own_slopes(of_elbo, wanted)) and not self._elbo_remembers(of_elbo):
                message = f"{what} are not those of compute_elbo"
                raise CheckFailure("gradient", message, expected="the same gradients", actual="others, or none")
            self.rely_on_elbo()

    @contextlib.contextmanager
    def _blocked_by_elbo(self, of_elbo: Ask, wanted: torch.Tensor) -> Iterator[None]:
        """A gradient inside that cannot be computed is put down to ``compute_elbo`` where its own cannot be either."""
        try:
            yield
        except StudentError:
            self.own_slopes(of_elbo, wanted, unasked(self.submission))
            raise

    def vae_loss(self, asked: Ask, of_elbo: Ask) -> Any:
        """What the submission returns; if it crashes because of ``compute_elbo``, the check is blocked by that."""
        of_elbo(self._note_likelihood)
        try:
            return asked(self.submission.after(self._times, self.parts.seed).vae_loss)
        except StudentError as fault:
            if not isinstance(fault, NotImplementedError):
                self.require_elbo(of_elbo)
            raise

    def own_elbo(
        self,
        of_elbo: Ask,
        at: Callable[[torch.Tensor], torch.Tensor] = lambda tensor: tensor,
        alone: Submission | None = None,
        times: int = 0,
    ) -> Any:
        """What the submission's own ``compute_elbo`` gives alone, here or at another point, after so many calls."""
        elbo = (alone or self.submission.alone()).after(times, self.parts.seed).compute_elbo

        def elsewhere_or_here(*args: Any, **options: Any) -> Any:
            return elbo(*(at(arg) if isinstance(arg, torch.Tensor) else arg for arg in args), **options)

        return prerequisite("compute_elbo", lambda: of_elbo(elsewhere_or_here), shape=None)

    def own_slopes(self, of_elbo: Ask, wanted: torch.Tensor, new: Submission | None = None) -> list[torch.Tensor]:
        """The gradients of the submission's own ELBO; if it cannot be differentiated, that blocks the check.

        In a ``new`` process it is asked twice, so that a graph that it keeps is used up.
        """
        times = 0 if new is None else 1
        try:
            found: list[torch.Tensor] = prerequisite(
                "compute_elbo", lambda: slopes(self.own_elbo(of_elbo, alone=new, times=times), wanted), shape=None
            )
        except Blocked:
            self.parts.require_gradients()  # a part may be the reason
            raise
        return found

    def assert_errors_pass_through(self, asked: Ask, of_elbo: Ask) -> None:
        """What is asked of ``vae_loss`` ends as it does in ``compute_elbo``: with a ``ValueError``."""
        self.vae_loss(
            lambda vae_loss: vae_loss(self.output, self.point.x, recon_loss="gaussian"),
            lambda compute_elbo: compute_elbo(*self.point, recon_loss="gaussian"),
        )
        error = error_of(lambda: asked(self.submission.vae_loss))
        if not isinstance(error, ValueError):
            own = error_of(lambda: of_elbo(self.submission.alone().compute_elbo))
            if type(error) is not type(own):
                message = "vae_loss does not pass on the error of compute_elbo for an unknown recon_loss"
                raise CheckFailure("structure", message, expected="ValueError", actual=str(error or "no error"))
            self.rely_on_elbo()

    def assert_unchanged(self, **options: Any) -> None:
        """``vae_loss`` changes no argument nor torch's state, beyond what ``compute_elbo`` changes on its own."""
        for _ in range(2):  # what is changed for good shows at the first call alone
            self.vae_loss(
                lambda vae_loss: vae_loss(output=self.output, x=self.point.x, **options),
                lambda compute_elbo: compute_elbo(*self.point, **options),
            )
            mutated = {name.removeprefix("output.") for name in self.submission.mutated}
            if changed := (mutated | {*self.submission.disturbed}) - self._changed_by_elbo(**options):
                message = "vae_loss changes its arguments in place, or torch's own state"
                actual = ", ".join(sorted(changed))
                raise CheckFailure("mutation", message, expected="all left as it was", actual=actual)

    def _changed_by_elbo(self, **options: Any) -> set[str]:
        """What ``compute_elbo`` changes by itself, asked as ``vae_loss`` was; not asked where that changed nothing."""
        if not (self.submission.mutated or self.submission.disturbed):
            return set()
        self.rely_on_elbo()
        alone, found = self.submission.alone(), set[str]()
        for at in (elsewhere, torch.clone, torch.clone):  # in an answer shows what it does to the one before
            point = Point(*(at(tensor.detach()).requires_grad_(tensor.requires_grad) for tensor in self.point))
            alone.seeded(self.parts.seed).compute_elbo(**point._asdict(), **options)
            found |= {*alone.mutated, *alone.disturbed}
        return found

    def _either(self, of_elbo: Ask, is_true: Callable[[], None], is_own: Callable[[], bool]) -> None:
        usable = partial(self.require_elbo, of_elbo)
        try:
            assert_true_or_own(self.submission, is_true, is_own, *self.elbo_items, usable=usable)
        except CheckFailure:
            if not self._elbo_remembers(of_elbo):
                raise
            raise Blocked("compute_elbo", "it answers the same question in another way when asked again") from None

    def _elbo_remembers(self, of_elbo: Ask) -> bool:
        """Whether ``compute_elbo`` answers otherwise after the earlier questions of this check, another one, and more.

        These are asked first in a second process of their own: what one remembers may be its very first question.
        """
        first, another = self.own_elbo(of_elbo), self.submission.alone().alone()
        for call in self.submission.calls:
            if call.name == "vae_loss" and call.args:
                output, x, *options = call.args
                point = Point(x, *(output.fields[name] for name in ("logits", "mu", "logvar")))
                self.own_elbo(lambda compute_elbo: compute_elbo(*point, *options, **call.kwargs), alone=another)
        self.own_elbo(of_elbo, elsewhere, another)
        if not same(first, self.own_elbo(of_elbo, alone=another)):
            return True
        later = partial(self.own_elbo, of_elbo, alone=unasked(self.submission))
        return is_worn(lambda times: later(times=times), later(times=1))

    def _is_refused_alike(self, asked: Ask, of_elbo: Ask) -> bool:
        """Whether ``compute_elbo`` works for some likelihood but not here, and ``vae_loss`` passes its error on."""
        elbo = self.submission.alone().compute_elbo
        works = any(error_of(partial(elbo, *self.point, recon_loss=name)) is None for name in LIKELIHOODS)
        own = error_of(lambda: of_elbo(elbo))
        error = error_of(lambda: asked(self.submission.vae_loss))
        return works and own is not None and type(error) is type(own)

    def _note_likelihood(self, *args: Any, **options: Any) -> None:
        self.parts.args, self.parts.options = args[len(self.point) :], options

    def rely_on_elbo(self) -> None:
        """``compute_elbo`` or a part of it does not give what it should here: it has to be wrong elsewhere too."""
        self.submission.rely_on(*self.elbo_items)

    @property
    def elbo_items(self) -> tuple[str, str, str]:
        """The items of which one is wrong where ``compute_elbo`` is."""
        return "compute_elbo", self.parts.recon_item, "kl_divergence"

    def require_elbo(self, of_elbo: Ask) -> None:
        """``compute_elbo`` gives three finite scalars, or else the check is blocked by it or by one of its parts."""
        try:
            for value in unpack(self.own_elbo(of_elbo), TERMS, "compute_elbo"):
                assert_finite(assert_tensor(value, (), None, "compute_elbo"), "compute_elbo")
        except (Blocked, CheckFailure) as failure:
            self.parts.require_parts()
            raise Blocked("compute_elbo", str(failure)) from None


def slopes(result: Any, wanted: torch.Tensor) -> list[torch.Tensor]:
    """The gradients of all that a function returned, with respect to ``wanted``."""
    return [slope(value, wanted) for value in values_of(result)]


def values_of(result: Any) -> list[Any]:
    """All that a function returned, in whatever it is put."""
    if isinstance(result, dict):
        return list(result.values())
    return list(result) if isinstance(result, (tuple, list)) else [result]


def error_of(call: Callable[[], Any]) -> StudentError | None:
    """The exception that ``call`` raises on the submission's side, or None."""
    try:
        call()
    except StudentError as error:
        return error
    return None

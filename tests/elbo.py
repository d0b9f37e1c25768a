"""What a check of ``compute_elbo`` needs: a point, the submission's answer there, and the parts that it is made of.

A check writes down an equation, once: ``recon`` is ``part.reconstruction_loss_gaussian(logits, x)``. Here it is worked
out with the true parts and, where that is not what the submission gives, with its own: a bug in a part costs the part
alone. Where the answer agrees with neither and a part is of no use (it raises, or gives no finite scalar), the check is
blocked by that part.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import oracles
import points
import torch
from asking import is_worn, unasked

from grading.boundary.errors import SubmissionFault
from grading.checks import (
    Blocked,
    CheckFailure,
    StudentError,
    Submission,
    assert_answers_differ,
    assert_close,
    assert_gradient,
    assert_raises,
    assert_true_or_own,
    is_rounded,
    prerequisite,
    same,
    short,
    unpack,
)
from grading.checks.compare import TOLERANCES, digits_lost
from grading.results import Kind

LIKELIHOODS = {"bernoulli": oracles.bernoulli, "gaussian": oracles.gaussian, "laplace": oracles.laplace}
TRUE_PARTS = {"kl_divergence": oracles.kl} | {f"reconstruction_loss_{name}": f for name, f in LIKELIHOODS.items()}
TERMS = ("loss", "recon", "kl")
MANY_CALLS = 40
"""After so many calls what remembers some of them shows."""


class Parts:
    """The functions that ``compute_elbo`` is made of, by their names: the true ones, or a submission's own.

    Args:
        answer: gives what a part answers, from its name and arguments.

    Attributes:
        asked: every question so far.
    """

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer
        self.asked: list[tuple[str, tuple[torch.Tensor, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*args: torch.Tensor) -> Any:
            self.asked.append((name, args))
            return self._answer(name, *args)

        return ask


Equation = Callable[[Parts], Any]
"""What something equals, in terms of the parts."""


def true_part(name: str, *args: torch.Tensor) -> torch.Tensor:
    """What the part of this name should answer, in the dtype of its arguments."""
    return TRUE_PARTS[name](*args).to(args[0].dtype)


class Case:
    """A submission at one point. Every call starts from the same random state.

    Args:
        submission: whose ``compute_elbo`` is judged.
        point: where.
        times: how many calls like it come before each one.
    """

    def __init__(self, submission: Submission, point: points.Point, times: int = 0) -> None:
        self.submission, self.point, self._times = submission, point, times
        # Drawn as its numbers are: a part must not tell by the seed who asks.
        self.seed = zlib.crc32(point.mu.detach().numpy().tobytes()) >> 1
        self.args: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}
        self.terms: tuple[Any, Any, Any] = (None, None, None)

    def compute_elbo(self, *args: Any, **options: Any) -> tuple[Any, Any, Any]:
        """``(loss, recon, kl)``, as the submission computes them with these arguments after the tensors."""
        self.args, self.options = args, options
        asked = self.submission.after(self._times, self.seed)
        result = self._guarded(lambda: asked.compute_elbo(*self.point, *args, **options))
        loss, recon, kl = unpack(result, TERMS, "compute_elbo")
        self.terms = loss, recon, kl
        return self.terms

    @property
    def named(self) -> dict[str, Any]:
        """``recon_loss`` and ``beta`` of the last call."""
        given = dict(zip(("recon_loss", "beta"), self.args, strict=False)) | self.options
        return {"recon_loss": "bernoulli", "beta": 1.0} | given

    @property
    def atol(self) -> float:
        """By how much a gradient may be off: beta multiplies what has cancelled out in that of the KL, near 0."""
        return TOLERANCES[self.point.mu.dtype][1] * max(1.0, abs(float(self.named["beta"])))

    @property
    def recon_item(self) -> str:
        """The item of the reconstruction loss that was asked for."""
        return f"reconstruction_loss_{self.named['recon_loss']}"

    def assert_equal(self, actual: Any, equation: Equation, what: str) -> None:
        """``actual`` is what the equation gives, with the true parts or with the submission's own."""
        parts = Parts(true_part)
        true = equation(parts).detach()
        self._either(parts, lambda: assert_close(actual, true, what), lambda: same(actual, self.own(equation)))

    def assert_all_digits(self, actual: Any, equation: Equation, item: str, what: str) -> None:
        """A term in double precision is not rounded to single precision, unless this part of it is."""
        if not isinstance(actual, torch.Tensor) or not is_rounded(actual):
            return
        own = self.own(equation)
        if isinstance(own, torch.Tensor) and not is_rounded(own.double()):
            raise digits_lost(f"{what} in float64")
        self.submission.rely_on(item)

    def assert_gradient(self, output: Any, wanted: torch.Tensor, equation: Equation, what: str) -> None:
        """The gradient of ``output`` for ``wanted`` is that of what the equation gives."""
        parts = Parts(true_part)
        (true,) = torch.autograd.grad(equation(parts), wanted)
        self._either(
            parts,
            lambda: assert_slope(output, wanted, true, what, self.atol),
            lambda: same(
                self.own(lambda part: slope(equation(part), wanted)), self._slope(output, wanted), atol=self.atol
            ),
            [self.recon_item, "kl_divergence"],  # the loss has the shape of either
        )

    def assert_no_gradient(self, output: Any, *leaves: torch.Tensor, what: str) -> None:
        """``output`` is no function of these tensors, as gradients show; but where a part makes it one."""
        found = [self._slope(output, leaf) for leaf in leaves]
        if not any(bool(gradient.any()) for gradient in found):
            return
        for item, args in self.questions:
            own = self.own_part(item, *args)
            if all(same(slope(own, leaf), gradient) for leaf, gradient in zip(leaves, found, strict=True)):
                self.submission.rely_on(item)
                return
        raise CheckFailure("gradient", f"{what} has a gradient for what it is no function of", expected="none")

    def _slope(self, output: Any, wanted: torch.Tensor) -> torch.Tensor:
        """The gradient of what ``compute_elbo`` gave.

        Raises:
            Blocked: it cannot be computed, and neither can that of a part.
        """
        try:
            return slope(output, wanted)
        except StudentError:
            self.require_gradients()
            raise

    def require_gradients(self) -> None:
        """Gradients of both parts can be computed, also at the second time, and after many calls they are the same.

        Raises:
            Blocked: those of one cannot, or are not.
        """
        for item, args in self.questions:
            leaves = [argument.detach().clone().requires_grad_() for argument in args]
            found = []
            for times in (1, MANY_CALLS):
                new = unasked(self.submission).after(times, self.seed)
                value = prerequisite(item, partial(getattr(new, item), *(leaf + 0 for leaf in leaves)), shape=None)
                try:
                    found.append(slope(value, leaves[0]))
                except StudentError as fault:
                    raise Blocked(item, f"its gradients cannot be computed: {fault}") from fault
            if not same(*found):
                raise Blocked(item, f"after {MANY_CALLS} calls its gradient is another one")

    def assert_loss(self, equation: Callable[[Any, Any], Any]) -> None:
        """The loss is the true one, or what the equation gives of the very terms that were returned with it."""
        loss, recon, kl = self.terms
        what = f"the loss, recon + beta * kl at beta = {self.named['beta']:g},"
        true = equation(*(true_part(item, *args) for item, args in self.questions)).detach()
        if same(loss, true):  # whatever stands beside it
            return
        try:
            sizes = [term.numel() for term in (recon, kl) if isinstance(term, torch.Tensor)]
            if math.prod(sizes) > 1_000_000:  # a column and a row, which would fill the memory with their sums
                raise TypeError("too large")
            expected = torch.as_tensor(equation(recon, kl)).detach()
        except (TypeError, RuntimeError):  # no numbers, or shapes that do not go together
            self.require_parts()
            actual = short((recon, kl))
            raise CheckFailure("structure", "recon and kl do not add up", expected="scalars", actual=actual) from None
        self._require_to_show(self.questions)  # zeros add up too
        # Elsewhere, so that the parts still follow the call that is judged.
        other = Case(self.submission.alone().alone(), points.Point(*map(points.elsewhere, self.point)))
        if same(loss, other.compute_elbo(*self.args, **self.options)[0]):
            raise CheckFailure("value", f"{what} does not depend on anything", actual=short(loss))
        try:
            assert_close(loss, expected, what)
        except CheckFailure:
            if not same(loss, expected):  # as it is where both are NaN
                self.require_parts()
                raise
            self.submission.rely_on(self.recon_item, "kl_divergence")

    def assert_value_error(self, *args: Any, **options: Any) -> str:
        """The message of the ``ValueError`` that ``compute_elbo`` raises for these further arguments."""
        self.compute_elbo(recon_loss="gaussian")  # what is missing altogether shows here
        what = "compute_elbo with an unknown recon_loss"
        messages = [  # at the second time too
            assert_raises(ValueError, lambda: self.submission.compute_elbo(*self.point, *args, **options), what)
            for _ in range(2)
        ]
        return messages[-1]

    def assert_unchanged(self, **options: Any) -> None:
        """``compute_elbo`` changes no argument nor torch's state, beyond what its parts change on their own."""
        self.options = options
        self._guarded(lambda: self.submission.compute_elbo(**self.point._asdict(), **options))
        changed = {*self.submission.mutated, *self.submission.disturbed}
        for (item, args), names in zip(self.questions, (("logits", "x"), ("mu", "logvar")), strict=True):
            if changed:
                alone, by_part = self.submission.alone(), set[str]()
                for asked in (
                    map(points.elsewhere, args),
                    args,
                    args,
                ):  # the one before shows what an answer overwrites
                    self.own_part(item, *asked)
                    by_part |= renamed(alone.mutated, names) | set(alone.disturbed)
                if changed & by_part:
                    self.submission.rely_on(item)
                    changed -= by_part
        if changed:
            message = "compute_elbo changes its arguments in place, or torch's own state"
            raise CheckFailure("mutation", message, expected="all left as it was", actual=", ".join(sorted(changed)))

    @property
    def questions(self) -> list[tuple[str, tuple[torch.Tensor, ...]]]:
        """The parts that ``compute_elbo`` has to ask here, and what: for ``recon``, and for ``kl``."""
        x, logits, mu, logvar = self.point
        return [(self.recon_item, (logits, x)), ("kl_divergence", (mu, logvar))]

    def own_part(self, name: str, *args: torch.Tensor) -> Any:
        """What the submission's own part answers, in a process that has seen nothing of ``compute_elbo``."""
        return prerequisite(name, lambda: getattr(self.submission.alone().seeded(self.seed), name)(*args), shape=None)

    def own(self, work: Callable[[Parts], Any]) -> Any:
        """What comes of work with the submission's own parts.

        Raises:
            Blocked: the last part that was asked is in the way.
        """
        parts = Parts(self.own_part)
        try:
            return work(parts)
        except (SubmissionFault, TypeError, RuntimeError) as fault:
            raise Blocked(parts.asked[-1][0], f"nothing follows from what it returns: {fault}") from fault

    def ask_parts(self, recon_loss: str) -> None:
        """Ask both parts alone, so that they have been asked as often as ``compute_elbo`` has asked them."""
        self.options = {"recon_loss": recon_loss}
        for item, args in self.questions:
            self.own_part(item, *args)

    def wrong_parts(self) -> list[str]:
        """The parts that do not answer the truth, asked once more."""
        return [item for item, args in self.questions if not same(self.own_part(item, *args), true_part(item, *args))]

    def worn_parts(self) -> list[str]:
        """The parts that answer otherwise after some of hundreds of calls, in a process of their own."""
        far = unasked(self.submission)
        return [
            item
            for item, args in self.questions
            if is_worn(lambda times: getattr(far.after(times, self.seed), item)(*args), true_part(item, *args))
        ]

    def parts_that_remember(self) -> list[str]:
        """The parts that, asked alone, answer otherwise after earlier questions of this check, or these all alike.

        What they gave to ``compute_elbo`` cannot be known then.
        """
        earlier = [call.args for call in self.submission.calls if call.name == "compute_elbo"]
        found = []
        for item, args in self.questions:
            first = self.own_part(item, *args)
            repeats = False
            for x, logits, mu, logvar, *_ in [asked for asked in earlier if len(asked) >= len(self.point)]:
                others = (mu, logvar) if item == "kl_divergence" else (logits, x)
                answer = self.own_part(item, *others)
                repeats |= not same(others, args) and same(answer, first)
            if repeats or not same(first, self.own_part(item, *args)) or self._wears(item, args):
                found.append(item)
        return found

    def _wears(self, item: str, args: tuple[torch.Tensor, ...]) -> bool:
        """Whether a part answers otherwise after some of hundreds of calls than at first, in a process of its own."""
        new = unasked(self.submission)

        def ask(times: int) -> Any:
            return prerequisite(item, partial(getattr(new.after(times, self.seed), item), *args), shape=None)

        return is_worn(ask, ask(1))

    def require_parts(self) -> None:
        """Both parts give finite scalars, or else the check is blocked by the one that does not."""
        for item, args in self.questions:
            value = prerequisite(item, partial(self.own_part, item, *args))
            if not bool(torch.isfinite(value)):
                raise Blocked(item, f"it returns {short(value)}")

    def _require_to_show(self, questions: list[tuple[str, tuple[torch.Tensor, ...]]]) -> None:
        """No part answers the same at another point."""
        for name, args in questions:
            assert_answers_differ(name, [self.own_part(name, *at) for at in (args, tuple(map(points.elsewhere, args)))])

    def _guarded(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except StudentError as fault:
            if not isinstance(fault, NotImplementedError):
                self.require_parts()
            raise

    def _either(
        self, parts: Parts, is_true: Callable[[], None], is_own: Callable[[], bool], also: Collection[str] = ()
    ) -> None:
        def is_visibly_own() -> bool:
            if not is_own():
                return False
            self._require_to_show(parts.asked)
            return True

        items = {*also, *(name for name, _ in parts.asked)}
        try:
            assert_true_or_own(self.submission, is_true, is_visibly_own, *items, usable=self.require_parts)
        except CheckFailure:
            for item in self.parts_that_remember():
                if item in items:
                    raise Blocked(item, "it answers the same question in another way when it is asked again") from None
            raise


def assert_slope(output: Any, wanted: torch.Tensor, expected: torch.Tensor, what: str, atol: float) -> None:
    """As ``assert_gradient``; where it is zero everywhere (beta is 0), none is as good."""
    if not expected.any() and isinstance(output, torch.Tensor):
        assert_close(slope(output, wanted), expected, what, atol=atol, kind=Kind.GRADIENT)
    else:
        assert_gradient(output, wanted, expected, what, atol=atol)


def slope(output: Any, wanted: torch.Tensor) -> torch.Tensor:
    """The gradient of the mean of ``output``; zero where none arrives."""
    if not isinstance(output, torch.Tensor) or not output.requires_grad:
        return torch.zeros_like(wanted)
    (found,) = torch.autograd.grad(output.mean(), wanted, retain_graph=True, allow_unused=True)
    return torch.zeros_like(wanted) if found is None else found


def renamed(mutated: tuple[str, ...], names: tuple[str, ...]) -> set[str]:
    """What a call with positional arguments changed, by the names that the caller has for them."""
    return {name for i, name in enumerate(names) if f"argument {i + 1}" in mutated}

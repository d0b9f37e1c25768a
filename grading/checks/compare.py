"""Comparisons for checks: structure before shape, shape before dtype, dtype before value, and never by broadcasting.

A NaN never passes. Every failure is a ``CheckFailure`` that says what was expected and what came.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..boundary.errors import StudentError
from ..boundary.proxy import Model, Opaque, Submission
from ..results import Kind
from .failures import CheckFailure

# Relative and absolute tolerances by dtype. A float32 sum of a few thousand terms, in any order and through any
# algebraically equal formula that the contract allows, stays within a few hundred ulps (1.2e-7 each). Where all else is
# float64, a constant may have been made in float32, such as ``torch.tensor(0.1)``: it is off by up to 6e-8. And
# ``F.softplus(l)`` is ``l`` above 20, where ``exp(-l)`` is up to 2e-9.
TOLERANCES: dict[torch.dtype, tuple[float, float]] = {
    torch.float32: (1e-4, 1e-5),
    torch.float64: (1e-6, 1e-7),
}


@dataclass(frozen=True)
class Statistic:
    """One use of ``assert_statistic``.

    Attributes:
        what: what was measured.
        deviation: by how many standard errors it was off.
        rate: how often it is off by too much by chance.
    """

    what: str
    deviation: float
    rate: float


STATISTICS: list[Statistic] = []
"""What ``assert_statistic`` was asked since this list was last cleared, for whoever audits the checks."""


def unpack(value: Any, names: Sequence[str], what: str) -> tuple[Any, ...]:
    """The parts of a tuple or list, which must be exactly ``names`` in number.

    Raises:
        CheckFailure: ``value`` has another structure.
    """
    expected = f"a tuple ({', '.join(names)})"
    if not isinstance(value, (tuple, list)):
        raise CheckFailure(
            "structure", f"{what} returns something else than a tuple", expected=expected, actual=short(value)
        )
    if len(value) != len(names):
        message = f"{what} returns {len(value)} values instead of {len(names)}"
        raise CheckFailure("structure", message, expected=expected, actual=short(value))
    return tuple(value)


def assert_tensor(value: Any, shape: Sequence[int], dtype: torch.dtype | None, what: str) -> torch.Tensor:
    """``value`` itself, once it is known to be a plain tensor of this shape and dtype (``None``: any floating one)."""
    if not isinstance(value, torch.Tensor):
        raise CheckFailure("structure", f"{what} is not a tensor", expected="a tensor", actual=short(value))
    if tuple(value.shape) != tuple(shape):
        message = f"{what} has the wrong shape"
        raise CheckFailure("shape", message, expected=str(tuple(shape)), actual=str(tuple(value.shape)))
    if value.dtype != dtype and not (dtype is None and value.dtype.is_floating_point):
        wanted = "a floating-point dtype" if dtype is None else _name(dtype)
        raise CheckFailure("dtype", f"{what} has the wrong dtype", expected=wanted, actual=_name(value.dtype))
    return value


def assert_close(
    actual: Any,
    expected: torch.Tensor,
    what: str,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    kind: Kind = Kind.VALUE,
) -> None:
    """``actual`` is a tensor of the shape and dtype of ``expected`` and equals it within the tolerance of the dtype."""
    tensor = assert_tensor(actual, expected.shape, expected.dtype, what)
    if not _close(tensor, expected, rtol, atol):
        raise _difference(tensor, expected, what, rtol, atol, kind)


def assert_all_digits(actual: torch.Tensor, what: str) -> None:
    """Numbers in double precision that are not all rounded to single precision: one is by chance once in 2^29 times.

    Where a constant of single precision was on the way, as a right function may have, they have all digits and are off.
    """
    if is_rounded(actual):
        raise digits_lost(what)


def digits_lost(what: str) -> CheckFailure:
    """What is said of numbers in double precision that are rounded to single precision."""
    message = f"{what} has the digits of single precision only, as where it is computed in float32"
    return CheckFailure("value", message, expected="16 right digits", actual="7 or 8 of them")


def is_rounded(actual: torch.Tensor) -> bool:
    """Whether all of these numbers, in double precision, could be of single precision."""
    value = actual.detach()
    return value.dtype == torch.float64 and bool((value == value.float().double()).all())


def assert_names_in_order(source: Submission, names: Sequence[str], what: str) -> None:
    """What the last call returned, if it is a named tuple with these names, has them in this order.

    Raises:
        CheckFailure: they are in another one, so that a name stands for another value.
    """
    if source.field_names != tuple(names) and sorted(source.field_names) == sorted(names):
        message = f"the names of what {what} returns are in another order, so that each stands for another value"
        raise CheckFailure("structure", message, expected=", ".join(names), actual=", ".join(source.field_names))


def assert_close_to_any(
    actual: Any,
    candidates: Sequence[torch.Tensor],
    what: str,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    kind: Kind = Kind.VALUE,
) -> None:
    """``actual`` equals at least one of the candidates; a failure speaks of the first one.

    The candidates are the true value and the one that follows from the submission's own parts, so that a bug in a part
    costs the part alone.
    """
    if not isinstance(actual, torch.Tensor) or not any(tuple(actual.shape) == tuple(c.shape) for c in candidates):
        assert_tensor(actual, candidates[0].shape, None, what)
    fitting = [c for c in candidates if c.shape == actual.shape and c.dtype == actual.dtype]
    if not fitting:
        assert_tensor(actual, candidates[0].shape, candidates[0].dtype, what)
    if not any(_close(actual, candidate, rtol, atol) for candidate in fitting):
        raise _difference(actual, fitting[0], what, rtol, atol, kind)


def assert_number(actual: Any, expected: float, what: str, *, atol: float = 1e-6) -> None:
    """``actual`` is a Python number or a scalar tensor, and equals ``expected``."""
    if isinstance(actual, torch.Tensor) and actual.dim() == 0:
        actual = actual.item()
    if isinstance(actual, bool) or not isinstance(actual, (int, float)):
        raise CheckFailure("structure", f"{what} is not a number", expected=short(expected), actual=short(actual))
    if not math.isfinite(actual) or abs(actual - expected) > atol:
        raise CheckFailure("value", f"{what} is wrong", expected=short(expected), actual=short(actual))


def assert_finite(actual: torch.Tensor, what: str) -> None:
    """No element is infinite or NaN."""
    if not bool(torch.isfinite(actual).all()):
        raise CheckFailure("value", f"{what} is not finite", expected="finite numbers", actual=short(actual))


_OWNERS = {
    "what it returned before": ("earlier answers",),
    "what it was given before": ("earlier arguments",),
    "what it is given": ("hooks of arguments",),
    "its model": ("attributes", "buffers", "hooks", "mode", "parameters", "which parameters take gradients"),
    "gradients": ("gradients", "earlier gradients"),
}
"""Whose what a call has left otherwise is, where it is not torch's."""


def assert_unchanged(source: Submission, what: str, *, draws: bool = False) -> None:
    """The last call changed none of its arguments in place, and left torch, its model and earlier answers as they were.

    Args:
        source: whose last call it was.
        what: what was called.
        draws: whether it may take numbers from torch's generator.
    """
    disturbed = [name for name in source.disturbed if not (draws and name == "generator")]
    if disturbed:
        whose = next((owner for owner, names in _OWNERS.items() if set(names) & {*disturbed}), "torch's own state")
        message = f"{what} changes {whose}, for everyone who calls it"
        raise CheckFailure("mutation", message, expected="all left as it was", actual=", ".join(disturbed))
    if source.mutated:
        message = f"{what} changes its arguments in place"
        raise CheckFailure(
            "mutation", message, expected="arguments left as they were", actual=", ".join(source.mutated)
        )


def gradient(output: Any, wanted: torch.Tensor, what: str) -> torch.Tensor:
    """The gradient of ``output`` (summed, if it is no scalar) with respect to ``wanted``; the graph is kept.

    Raises:
        CheckFailure: no gradient reaches ``wanted``.
    """
    if not isinstance(output, torch.Tensor):
        raise CheckFailure(
            "structure", f"{what}: the result is not a tensor", expected="a tensor", actual=short(output)
        )
    found = None
    if output.requires_grad:
        # Of one scalar: given cotangents, torch imports half a second of modules for symbolic shapes.
        (found,) = torch.autograd.grad(output.sum(), wanted, retain_graph=True, allow_unused=True)
    if found is None:
        message = f"{what}: no gradient arrives, the computation is cut off from it"
        raise CheckFailure("gradient", message, expected="a gradient", actual="none")
    return found


def assert_gradient(
    output: Any,
    wanted: torch.Tensor,
    expected: torch.Tensor | Sequence[torch.Tensor],
    what: str,
    *,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """The gradient of ``output`` with respect to ``wanted`` is ``expected``, or one of several candidates."""
    candidates = [expected] if isinstance(expected, torch.Tensor) else list(expected)
    assert_close_to_any(gradient(output, wanted, what), candidates, what, rtol=rtol, atol=atol, kind=Kind.GRADIENT)


def assert_statistic(
    actual: float,
    expected: float,
    standard_error: float,
    what: str,
    *,
    errors: float = 7.0,
    rate: float | None = None,
) -> None:
    """A statistic of many draws lies within ``errors`` standard errors of its expectation.

    Args:
        actual: the statistic.
        expected: its expectation, if the submission is right.
        standard_error: its standard deviation, if the submission is right.
        what: what it is.
        errors: how many standard errors it may be off.
        rate: how often that many are exceeded by chance, at most; needed where the statistic is not nearly normal. A
            normal one exceeds seven standard errors once in 4e11 times.
    """
    if rate is None:
        rate = math.erfc(errors / math.sqrt(2))
    STATISTICS.append(Statistic(what, (actual - expected) / standard_error, rate))
    if not abs(actual - expected) <= errors * standard_error:
        margin = f"{expected:.4g} ± {errors * standard_error:.2g}"
        raise CheckFailure("statistics", f"{what} is off", expected=margin, actual=f"{actual:.4g}")


def assert_raises(error: type[Exception], call: Callable[[], Any], what: str) -> str:
    """The message of the exception of class ``error``, or of a subclass of it, that ``call`` raises."""
    try:
        value = call()
    except StudentError as fault:
        if isinstance(fault, error):
            return fault.message
        message = f"{what} raises something else"
        raise CheckFailure("structure", message, expected=error.__name__, actual=str(fault)) from fault
    raise CheckFailure("structure", f"{what} raises nothing", expected=error.__name__, actual=short(value))


def short(value: Any) -> str:
    """``value`` for a message: type and shape, and the numbers where they are few."""
    if isinstance(value, torch.Tensor):
        if value.dim() == 0:
            return f"{value.item():.7g}" if value.dtype.is_floating_point else str(value.item())
        numbers = ", ".join(f"{float(number):.5g}" for number in value.detach().reshape(-1)[:4])
        return f"tensor of shape {tuple(value.shape)}: [{numbers}{', …' if value.numel() > 4 else ''}]"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(short(item) for item in value[:6])
        return f"a {type(value).__name__} of {len(value)}: ({inner}{', …' if len(value) > 6 else ''})"
    if isinstance(value, dict):
        return f"a dict with the keys {', '.join(list(value)[:6])}"
    if isinstance(value, Model):
        return f"a model of class {value.class_name}"
    if isinstance(value, Opaque):
        return value.description
    if isinstance(value, float):
        return f"{value:.7g}"
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _tolerance(dtype: torch.dtype, rtol: float | None, atol: float | None) -> tuple[float, float]:
    default_rtol, default_atol = TOLERANCES.get(dtype, (1e-2, 1e-2))
    return (default_rtol if rtol is None else rtol), (default_atol if atol is None else atol)


def _close(actual: torch.Tensor, expected: torch.Tensor, rtol: float | None, atol: float | None) -> bool:
    rtol, atol = _tolerance(expected.dtype, rtol, atol)
    return torch.allclose(actual.detach(), expected.detach(), rtol=rtol, atol=atol)


def _difference(
    actual: torch.Tensor, expected: torch.Tensor, what: str, rtol: float | None, atol: float | None, kind: Kind
) -> CheckFailure:
    actual, expected = actual.detach(), expected.detach()
    message = f"{what} is wrong"
    if expected.dim() == 0:
        wanted, found = _apart(expected, actual)
        return CheckFailure(kind, message, expected=wanted, actual=found)
    rtol, atol = _tolerance(expected.dtype, rtol, atol)
    wrong = ~torch.isclose(actual, expected, rtol=rtol, atol=atol)
    index = tuple(int(i) for i in wrong.nonzero()[0])
    place = f"at [{', '.join(map(str, index))}]"
    count = int(wrong.sum())
    message = f"{message} ({count} of {wrong.numel()} elements)"
    wanted, found = _apart(expected[index], actual[index])
    return CheckFailure(kind, message, expected=f"{wanted} {place}", actual=f"{found} {place}")


def _apart(expected: torch.Tensor, actual: torch.Tensor) -> tuple[str, str]:
    """Both numbers, with as many digits as it takes to see that they differ."""
    wanted, found = short(expected), short(actual)
    if wanted != found or not expected.dtype.is_floating_point:
        return wanted, found
    return f"{expected.item():.17g}", f"{actual.item():.17g}"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

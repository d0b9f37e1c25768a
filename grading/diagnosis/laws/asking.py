"""What an experiment came to, and when two answers are the same: with the tolerances of the checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...boundary.errors import RefusedError, StudentError
from ...checks.compare import TOLERANCES
from ...checks.failures import CheckFailure


@dataclass(frozen=True)
class Raised:
    """An exception instead of an answer.

    Attributes:
        name: of its class.
    """

    name: str


def ask(call: Callable[[], Any]) -> Any:
    """What a call answers, or what it raises; a process that hangs or dies ends the whole experiment.

    Raises:
        SubmissionFault: the process gives no answer.
    """
    try:
        return call()
    except StudentError as error:
        return Raised(error.type_name)
    except RefusedError as error:
        return Raised(f"what cannot be answered ({error.kind})")


def alike(answer: Any, expected: Any) -> bool:
    """Whether an answer is what is expected: structure, shape, dtype, and numbers within the checks' tolerance."""
    if isinstance(expected, torch.Tensor):
        if not isinstance(answer, torch.Tensor) or answer.shape != expected.shape or answer.dtype != expected.dtype:
            return False
        rtol, atol = TOLERANCES.get(expected.dtype, (0.0, 0.0))
        # One number tells most of them apart, in a tenth of the time.
        if answer.numel() and answer.dtype.is_floating_point:
            one, other = (float(t.detach().reshape(-1)[-1]) for t in (answer, expected))
            if math.isfinite(one - other) and abs(one - other) > 1.01 * (atol + rtol * abs(other)):
                return False
        return torch.allclose(answer.detach(), expected.detach(), rtol=rtol, atol=atol, equal_nan=True)
    if isinstance(expected, (tuple, list)):
        if not isinstance(answer, (tuple, list)) or len(answer) != len(expected):
            return False
        return all(alike(a, e) for a, e in zip(answer, expected, strict=True))
    if isinstance(expected, dict):
        if not isinstance(answer, dict) or answer.keys() != expected.keys():
            return False
        return all(alike(answer[key], expected[key]) for key in expected)
    if isinstance(expected, Raised):
        return isinstance(answer, Raised) and answer.name == expected.name
    if isinstance(expected, float):
        number = number_of(answer)
        return number is not None and abs(number - expected) <= 1e-6 * max(1.0, abs(expected))
    return not isinstance(answer, torch.Tensor) and bool(answer == expected)


def number_of(answer: Any) -> float | None:
    """A Python number or a scalar tensor as a number; None for everything else."""
    if isinstance(answer, torch.Tensor) and answer.dim() == 0:
        return float(answer.item())
    if isinstance(answer, (int, float)) and not isinstance(answer, bool):
        return float(answer)
    return None


NO_GRADIENT = "no gradient"
UNUSABLE = (CheckFailure, ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError)
"""What an experiment ends with that cannot work with an answer, such as a tuple where a tensor belongs."""


def gradients(output: Any, wanted: Sequence[torch.Tensor]) -> list[Any]:
    """The gradients of the sum of ``output``, ``NO_GRADIENT`` where none arrives.

    Raises:
        TypeError: it is no tensor.
    """
    if not isinstance(output, torch.Tensor):
        raise TypeError("no tensor to differentiate")
    if not output.requires_grad:
        return [NO_GRADIENT] * len(wanted)
    found = torch.autograd.grad(output.sum(), list(wanted), retain_graph=True, allow_unused=True)
    return [NO_GRADIENT if gradient is None else gradient for gradient in found]

"""Judging a function that calls others of the same submission: one bug costs one item.

A caller is right if it gives the true value, or what follows from the submission's own parts. The parts are asked in a
process of their own (``submission.alone()``), which has not seen the caller, so that a part excuses only the deviation
that it shows by itself. A part that answers the same whatever it is asked excuses nobody: nothing shows through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..boundary.errors import StudentError, SubmissionFault
from ..boundary.proxy import Submission
from .compare import TOLERANCES, short
from .failures import Blocked, CheckFailure


def same(one: Any, other: Any, *, rtol: float | None = None, atol: float | None = None) -> bool:
    """Tensors or numbers in the same structure, of the same shapes and dtypes, equal within tolerance or both NaN."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        usual_rtol, usual_atol = TOLERANCES.get(one.dtype, (1e-2, 1e-2))
        rtol, atol = usual_rtol if rtol is None else rtol, usual_atol if atol is None else atol
        alike = one.shape == other.shape and one.dtype == other.dtype
        return alike and torch.allclose(one.detach(), other.detach(), rtol=rtol, atol=atol, equal_nan=True)
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(map(same, one.values(), other.values()))
    return isinstance(one, float) and isinstance(other, float) and one == other


def assert_true_or_own(
    submission: Submission,
    is_true: Callable[[], None],
    is_own: Callable[[], bool],
    *items: str,
    usable: Callable[[], None] = lambda: None,
) -> None:
    """The true value, or what follows from the submission's own parts.

    Args:
        submission: whose caller is judged.
        is_true: raises a ``CheckFailure`` unless the caller gives the true value.
        is_own: whether it gives what follows from its own parts, asked alone.
        items: the parts, of which one has to be wrong elsewhere too.
        usable: raises ``Blocked`` if a part cannot be used, which is then what is told.

    Raises:
        CheckFailure: the caller gives neither.
        Blocked: a part is in the way.
    """
    try:
        is_true()
    except (CheckFailure, StudentError):
        if not is_own():
            usable()
            raise
        submission.rely_on(*items)


def assert_answers_differ(item: str, answers: Sequence[Any]) -> None:
    """A part answers different questions differently.

    Args:
        item: the part.
        answers: what it answers to questions whose true answers differ.

    Raises:
        Blocked: it gives the same each time, so that it shows nothing of what calls it.
    """
    if all(same(answers[0], answer) for answer in answers[1:]):
        raise Blocked(item, f"it gives {short(answers[0])}, whatever it is asked")


def prerequisite(item: str, compute: Callable[[], Any], shape: Sequence[int] | None = ()) -> Any:
    """What the submission's own ``item`` gives, for a check of another item that is judged relative to it.

    Args:
        item: the item that is needed.
        compute: calls it.
        shape: the shape that its result must have to be of use; ``None`` accepts anything.

    Raises:
        Blocked: it does not work.
    """
    try:
        value = compute()
    except SubmissionFault as fault:
        raise Blocked(item, f"it does not run: {fault}") from fault
    if shape is not None and not (isinstance(value, torch.Tensor) and tuple(value.shape) == tuple(shape)):
        raise Blocked(item, f"it returns {short(value)} instead of a tensor of shape {tuple(shape)}")
    return value

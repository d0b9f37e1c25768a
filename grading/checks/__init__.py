"""The vocabulary in which checks are written."""

from ..boundary.errors import StudentError
from ..boundary.proxy import Model, Opaque, Record, Submission
from .compare import (
    assert_all_digits,
    assert_close,
    assert_close_to_any,
    assert_finite,
    assert_gradient,
    assert_names_in_order,
    assert_number,
    assert_raises,
    assert_statistic,
    assert_tensor,
    assert_unchanged,
    gradient,
    is_rounded,
    short,
    unpack,
)
from .draws import Draws
from .failures import Blocked, CheckFailure
from .parts import assert_answers_differ, assert_true_or_own, prerequisite, same

__all__ = [
    "Blocked",
    "CheckFailure",
    "Draws",
    "Model",
    "Opaque",
    "Record",
    "StudentError",
    "Submission",
    "assert_all_digits",
    "assert_answers_differ",
    "assert_close",
    "assert_close_to_any",
    "assert_finite",
    "assert_gradient",
    "assert_names_in_order",
    "assert_number",
    "assert_raises",
    "assert_statistic",
    "assert_tensor",
    "assert_true_or_own",
    "assert_unchanged",
    "gradient",
    "is_rounded",
    "prerequisite",
    "same",
    "short",
    "unpack",
]

"""Several questions to one function in one process, where what it remembers of one shows in its answer to another."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from grading.boundary.errors import RefusedError
from grading.checks import Draws, StudentError, Submission, same

T = TypeVar("T")

ROUNDS = 3
USUAL_SIZES = (16, 32, 64, 100, 256, 512)
"""Batch sizes that programs are run with, beside the handout's 128."""

HANDOUT_CALLS = (128,) * 12
USUAL_CALLS = tuple(size for size in USUAL_SIZES for _ in range(4))
"""Batch sizes of as many calls as show that noise is made otherwise in calls of the handout's size, or of another."""


def through_many(draws: Draws) -> list[int]:
    """How many calls come before each of some answers, some 400 in all: so many since the answer before.

    What is otherwise between two of these numbers alone is found if it is for as long as they are apart.
    """
    at = [draws.integer(low, high) for low, high in itertools.pairwise((10, 30, 60, 100, 150, 220, 300, 400))]
    return [at[0], *(later - earlier for earlier, later in itertools.pairwise(at))]


def unasked(submission: Submission) -> Submission:
    """The submission in a process of its own that has not been asked for anything yet."""
    alone = submission.alone()
    return unasked(alone) if alone.calls else alone


def beside_a_model(submission: Submission, draws: Draws) -> None:
    """Let there be models with a likelihood and a weight of their own, in the process of the callers and the parts'.

    What they are made with is no default of any function. Whether they can be made is a matter of other checks; they
    are not called, so that of what is judged here no other function has a part in it.
    """
    fields = {
        "input_dim": 6,
        "hidden_dim": 5,
        "latent_dim": 3,
        "recon_loss": "laplace",
        "beta": 1.0 + draws.integer(2, 9),
    }
    for asked in (submission, submission.alone()):
        with contextlib.suppress(StudentError, RefusedError):
            asked.VAE(6, 5, 3, recon_loss="laplace", beta=fields["beta"])
        with contextlib.suppress(StudentError, RefusedError):
            asked.build_model(asked.record("VAEConfig", **fields))


def is_worn(ask: Callable[[int], Any], right: Any) -> bool:
    """Whether an answer is another one after some of hundreds of calls.

    Args:
        ask: gives the answer after so many more calls.
        right: what it should be.
    """
    return any(not same(ask(times), right) for times in (10, 40, 60, 60, 60, 80, 90))


def sizes_of_every_kind(draws: Draws, largest: int = 5_000) -> list[int]:
    """One, and one number from each of some ranges: what is otherwise in a range is found.

    Every second one is a usual size, where its range has any. A matrix of all pairs of rows has room in a worker.
    """
    found = [1]
    for low, high in itertools.pairwise((2, 17, 65, 129, 401, 1_001, 2_001, 5_001)):
        usual = [size for size in USUAL_SIZES if low <= size < high]
        if high - 1 <= largest:
            chosen = usual and draws.integer(0, 1)
            found.append(usual[draws.integer(0, len(usual) - 1)] if chosen else draws.integer(low, high - 1))
    return found


def in_turn(questions: Sequence[T]) -> list[T]:
    """All questions, one after the other, and then all of them again, twice."""
    return [*questions] * ROUNDS

"""What is done to the numbers that two layers are given, read where the layers hand on what they get.

So it is told beside whatever else is wrong with what comes out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

import torch

from grading.boundary.errors import RefusedError, StudentError
from grading.checks import Draws, Submission
from grading.diagnosis.laws import DOUBLE, facts, start
from grading.diagnosis.laws.asking import UNUSABLE
from grading.diagnosis.laws.changes import Change, find_change
from laws import layers
from laws.random_layers import ROWS, Pair, handed_on

FAR = (100.0, 200.0)
"""What is added before the ReLU, so that it lets all numbers pass: either way the same has to be read."""
SPREAD = 3.0


def change_of(submission: Submission, draws: Draws, pair: Pair) -> Change | None:
    """What is done to what the first layer is given; None where that cannot be read, or where nothing is done."""
    model = layers.model(submission, draws, DOUBLE)
    found: list[Change] = []
    for far in FAR:
        read, count = handed_on(model, pair, far)
        values = draws.normal(ROWS, count, std=SPREAD, dtype=torch.float64)
        own = read(values.reshape(-1), draws.seed()).reshape(ROWS, count)
        change = find_change(values, own, in_places=False)
        if change is None or not change.words:
            return None
        found.append(change)
    return found[0] if found[0].words == found[1].words else None


def _read(submission: Submission, draws: Draws, pair: Pair) -> Change | None:
    """The same, and None where the layers answer in no way that can be read."""
    with contextlib.suppress(StudentError, RefusedError, *UNUSABLE):
        return change_of(submission, draws, pair)
    return None


def fact(pair: Pair, end: str) -> facts.Fact:
    """What is done to it, as a sentence."""

    def said(submission: Submission, draws: Draws) -> Iterator[str]:
        change = _read(submission, draws, pair)
        if change is not None:
            yield f"{start(pair.given)} {change.words}{end}."

    return said


def beside(said: facts.Fact, pair: Pair) -> Callable[[Submission, Draws], Change | None]:
    """What is done to it, where nothing that is said of the outputs tells it."""

    def found(submission: Submission, draws: Draws) -> Change | None:
        told = facts.sentences_of(said, submission, draws)
        if any(re.search(rf"\b{pair.given}\b", sentence) for sentence in told):
            return None
        return _read(submission, draws, pair)

    return found

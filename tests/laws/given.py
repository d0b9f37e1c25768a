"""What is done to the numbers that two layers are given, read where the layers hand on what they get.

So it is told beside whatever else is wrong with what comes out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from grading.boundary.errors import RefusedError, StudentError
from grading.checks import Draws, Submission
from grading.diagnosis.laws import DOUBLE, Law, alike, facts, start
from grading.diagnosis.laws.asking import UNUSABLE
from grading.diagnosis.laws.changes import Change, find_change
from laws import layers
from laws.random_layers import ROWS, Pair, handed_on

FAR = (100.0, 200.0)
"""What is added before the ReLU, so that it lets all numbers pass: either way the same has to be read."""
SPREAD = 3.0


def change_of(submission: Submission, draws: Draws, pair: Pair) -> Change | None:
    """What is done to what the first layer is given; None where that cannot be read, or where nothing is done."""
    found: list[Change] = []
    with contextlib.suppress(StudentError, RefusedError, *UNUSABLE):  # layers that answer in no way that can be read
        model = layers.model(submission, draws, DOUBLE)
        for far in FAR:
            read, count = handed_on(model, pair, far)
            values = draws.normal(ROWS, count, std=SPREAD, dtype=torch.float64)
            own = read(values.reshape(-1), draws.seed()).reshape(ROWS, count)
            change = find_change(values, own, in_places=False)
            if change is None or not change.words:
                return None
            # What is done where numbers are large may not be done to data between 0 and 1.
            within = draws.uniform(ROWS, count, dtype=torch.float64)
            own = read(within.reshape(-1), draws.seed()).reshape(ROWS, count)
            if not alike(own, change.of(within)):
                return None
            found.append(change)
        return found[0] if found[0].words == found[1].words else None
    return None


def explain(
    of_outputs: Sequence[facts.Fact],
    pair: Pair,
    end: str,
    of_changed: Callable[[layers.Change], Iterable[facts.Fact]],
    submission: Submission,
    draws: Draws,
) -> Iterator[Law]:
    """What layers give; where what is done to what they are given is not told by that, it is told first.

    Args:
        of_outputs: explain what they give, the first one in ordinary cases.
        pair: the first layer, and one that shows what it is given.
        end: of a sentence on what is done to that.
        of_changed: explain what they give of what this has made of it.
        submission: is asked.
        draws: of the inputs.
    """
    ordinary, *others = of_outputs
    laws = [*facts.explain((ordinary,), submission, draws)]
    said = [sentence for law in laws for sentence in law.sentences]
    # What an output would be where something is done to what is given is better told of that itself, and once.
    told = any(re.search(rf"\b(?<!where ){pair.given}\b", sentence) for sentence in said)
    change = None if told else change_of(submission, draws, pair)
    if change is None:
        yield from laws
        yield from facts.explain(others, submission, draws)
        return

    def of_given(submission: Submission, draws: Draws) -> str | None:
        found = change_of(submission, draws, pair)
        return None if found is None else f"{start(pair.given)} {found.words}{end}."

    yield from facts.explain((of_given, *of_changed(change.of)), submission, draws)

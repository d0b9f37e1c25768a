"""What is told of the outputs of layers where nothing explains their numbers: on what they depend, and on what not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import ORDINARY, alike, facts, start
from laws import layers


def facts_of(
    ordinary: facts.Fact, names: tuple[str, ...], argument: str, width: int, ask: Callable[[Model, torch.Tensor], Any]
) -> tuple[facts.Fact, facts.Fact]:
    """What is told of ordinary answers, and where that is nothing, what leaves them as they are.

    Args:
        ordinary: explains ordinary answers.
        names: of the outputs.
        argument: what they are computed of.
        width: of its rows.
        ask: gives the outputs, one tensor or several.
    """
    told, said = facts.kept(ordinary)
    explained: list[bool] = []

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        if not explained:  # to try a sentence again it need not be asked again, which takes long
            explained.append(bool(said(submission, draws)))
        if explained[0]:
            return
        model, rows = layers.model(submission, draws, ORDINARY), draws.normal(8, width)

        def outputs(x: torch.Tensor) -> list[torch.Tensor]:
            answer = ask(model, x)
            return [t.detach() for t in (answer if isinstance(answer, (tuple, list)) else (answer,))]

        whole, again, few, twice, more = map(outputs, (rows, rows, rows[:5], 2 * rows, rows + 1))
        if not alike(whole, again):
            return
        mixed = [n for n, a, b in zip(names, whole, few, strict=True) if not alike(a[:5], b)]
        if mixed:
            depend = f"{' and '.join(mixed)} of an example {'depend' if len(mixed) > 1 else 'depends'}"
            yield f"{start(depend)} on the others of its batch: examples do not know of each other."
        for words, others in ((f"{argument} is twice as large", twice), (f"1 is added to all of {argument}", more)):
            same = [n for n, a, b in zip(names, whole, others, strict=True) if _near(a, b)]
            if same:
                verb = "do" if len(same) > 1 else "does"
                yield f"{start(' and '.join(same))} {verb} not change where {words}."

    return told, fact


def _near(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether numbers are the same but for a small constant that keeps a quotient finite."""
    return one.shape == other.shape and bool((one - other).abs().max() <= 1e-3 * one.abs().max())

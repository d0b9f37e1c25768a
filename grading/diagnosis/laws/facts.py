"""Facts: what is measured of a function that the right one would not show.

A fact is a function that asks and gives sentences, none where it has nothing to say. A law is made of each sentence by
asking again with fresh inputs in a fresh process: it is told only if the same sentence comes out every time.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator

from ...boundary.errors import RefusedError, StudentError
from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .asking import UNUSABLE
from .law import Law, Trial

Fact = Callable[[Submission, Draws], str | Iterable[str] | None]
"""Gives one sentence, several, or None."""
AGAIN = 2
"""So often it is asked once more."""


def explain(facts: Iterable[Fact], submission: Submission, draws: Draws) -> Iterator[Law]:
    """A law for each sentence that a fact has to say."""
    for fact in facts:
        again: list[tuple[str, ...]] = []
        for said in sentences_of(fact, submission, draws):

            def trials(
                submission: Submission,
                draws: Draws,
                fact: Fact = fact,
                said: str = said,
                again: list[tuple[str, ...]] = again,
            ) -> Iterator[Trial]:
                for i in range(AGAIN):
                    if len(again) == i:  # what was asked for one sentence serves the others of the same fact
                        again.append(sentences_of(fact, submission, draws))
                    yield Trial(said in again[i], not again[i])

            yield Law((said,), trials)


def unless(said: Fact, fact: Fact) -> Fact:
    """A fact that is asked only where another one, which would be the reason for what it finds, says nothing."""
    return lambda submission, draws: (
        () if sentences_of(said, submission, draws) else sentences_of(fact, submission, draws)
    )


def sentences_of(fact: Fact, submission: Submission, draws: Draws) -> tuple[str, ...]:
    """What a fact says; nothing of what raises, or has another structure, which the checks tell."""
    try:
        said = fact(submission, draws)
        return () if said is None else (said,) if isinstance(said, str) else tuple(said)
    except (StudentError, RefusedError, *UNUSABLE):
        return ()


def kept(fact: Fact) -> tuple[Fact, Fact]:
    """A fact to be told, and what it said last of a process, for others that depend on it: asked only if it was not."""
    known: weakref.WeakKeyDictionary[Submission, tuple[str, ...]] = weakref.WeakKeyDictionary()

    def told(submission: Submission, draws: Draws) -> tuple[str, ...]:
        known[submission] = sentences_of(fact, submission, draws)
        return known[submission]

    def said(submission: Submission, draws: Draws) -> tuple[str, ...]:
        return known[submission] if submission in known else told(submission, draws)

    return told, said

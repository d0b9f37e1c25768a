"""Where no law fits: where a function is right and where it is wrong, as it was measured.

Each sentence is tried once more with fresh inputs before it is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .asking import NO_GRADIENT, UNUSABLE, Raised, alike, ask
from .law import Law, Trial, listed, number, ordinal


@dataclass(frozen=True)
class Probe:
    """One question whose right answer is known.

    Attributes:
        where: when it is asked, as in "for a batch of one"; empty for the ordinary question.
        ask: puts it and gives the answer and the right one.
        aspect: what is judged, as the subject of a sentence.
        also: puts the same question with numbers of another kind, which has to be answered rightly too before a
            function is said to be right here; None where there is none.
    """

    where: str
    ask: Callable[[Submission, Draws], tuple[Any, Any]]
    aspect: str = "What comes back"
    also: Callable[[Submission, Draws], tuple[Any, Any]] | None = None


CALLS = 14
"""So many questions of one shape are put to see whether something is kept."""
REPEATS = 4
"""So often it is tried with fresh inputs that a function is right here and wrong there."""
LARGER = 100
"""So many times as large as in an ordinary case an answer may be to say anything by being right."""
MOST = 3
"""More places than this are not told: whoever reads the list would learn nothing."""


def explain(probes: Sequence[Probe], submission: Submission, draws: Draws) -> Iterator[Law]:
    """A contrast for each aspect in which some answer is wrong."""
    if probes:
        with contextlib.suppress(*UNUSABLE):
            yield from remembers(probes[0], submission.alone(), draws)
            yield from differs(probes[0], submission, 1)
            yield from changes_arguments(probes[0], submission, draws)
    unanswered = False
    for aspect in dict.fromkeys(probe.aspect for probe in probes):
        asked = [probe for probe in probes if probe.aspect == aspect]
        try:
            seen = [(probe, *put(probe, submission, draws)) for probe in asked]
        except UNUSABLE:
            continue  # an answer of another structure, which the checks tell
        wrong = [(p, a, r) for p, a, r in seen if not agrees(a, r)]
        if not wrong:
            continue
        if unanswered and aspect != probes[0].aspect:
            break  # what raises has no gradients either
        unanswered = any(isinstance(a, Raised) for p, a, _ in wrong if not p.where)
        said = _sentence(aspect, seen, wrong, lambda probe: agrees(*put(probe, submission, draws)))
        if said is not None:
            yield said


def put(probe: Probe, submission: Submission, draws: Draws) -> tuple[Any, Any]:
    """The answer to a probe, or what was raised, and the right one."""
    found: list[Any] = []

    def call() -> Any:
        answer, right = probe.ask(submission, draws)
        found.append(right)
        return answer

    answer = ask(call)
    return answer, found[0] if found else None


def agrees(answer: Any, right: Any) -> bool:
    """Whether an answer is the right one; no gradient is as good as one of zeros."""
    if isinstance(answer, Raised):
        return isinstance(right, Raised) and right.name == answer.name
    if answer is NO_GRADIENT or right is NO_GRADIENT:
        present = right if answer is NO_GRADIENT else answer
        return present is NO_GRADIENT or (isinstance(present, torch.Tensor) and not bool(present.any()))
    return alike(answer, right)


Seen = tuple[Probe, Any, Any]


def _sentence(aspect: str, seen: list[Seen], wrong: list[Seen], is_right: Callable[[Probe], bool]) -> Law | None:
    losing = {probe.where for probe, _, _ in wrong}
    ordinary = next((s for s in seen if not s[0].where), seen[0])
    # Where the right answer is far larger what is wrong may be lost in rounding.
    most = LARGER * _size(ordinary[2])
    winning = [probe for probe, _, right in seen if probe.where not in losing and not _size(right) > most]
    if ordinary[0].where not in losing:
        chosen = wrong[:MOST]
        raised = {answer.name for _, answer, _ in chosen if isinstance(answer, Raised)}
        how = (
            f"raises {raised.pop()}"
            if len(raised) == 1 and all(isinstance(a, Raised) for _, a, _ in chosen)
            else ("is wrong" + _how(chosen[0][1], chosen[0][2]))
        )
        places = listed(probe.where for probe, _, _ in chosen)
        return _law(
            f"{aspect} is right in an ordinary case, but {how} {places}.", [ordinary[0]], [p for p, _, _ in chosen]
        )
    if winning:
        winning = [probe for probe in winning if all(map(is_right, _otherwise(probe)))][:MOST]
        if not winning:
            return None
        places = listed(probe.where for probe in winning)
        how = _how(ordinary[1], ordinary[2])
        good = [*winning, *(other for probe in winning for other in _otherwise(probe))]
        return _law(f"{aspect} is right {places}, but wrong in an ordinary case{how}.", good, [ordinary[0]])
    relation = _relation(wrong)
    if relation is None:
        return None
    words, holds = relation

    def trials(submission: Submission, draws: Draws) -> Iterator[Trial]:
        for probe, _, _ in wrong:
            answer, right = put(probe, submission, draws)
            yield Trial(holds(answer, right), agrees(answer, right))

    return Law((f"{aspect} {words}.",), trials, contrast=True)


def _otherwise(probe: Probe) -> list[Probe]:
    """The same question with numbers of another kind, if there is one."""
    return [] if probe.also is None else [replace(probe, ask=probe.also)]


def _size(right: Any) -> float:
    return float(right.detach().abs().max()) if isinstance(right, torch.Tensor) and right.numel() else 0.0


def _law(words: str, good: list[Probe], bad: list[Probe]) -> Law:
    def trials(submission: Submission, draws: Draws) -> Iterator[Trial]:
        for _ in range(REPEATS):
            for probe in good:
                right = agrees(*put(probe, submission, draws))
                yield Trial(right, right)
            for probe in bad:
                right = agrees(*put(probe, submission, draws))
                yield Trial(not right, right)

    return Law((words,), trials, contrast=True)


def _how(answer: Any, right: Any) -> str:
    """How an answer is wrong, where that is plain to see; with a word in front."""
    if isinstance(answer, Raised):
        return f" (it raises {answer.name})"
    if answer is NO_GRADIENT:
        return " (none arrives)"
    if not isinstance(answer, torch.Tensor) or not isinstance(right, torch.Tensor):
        return ""
    if answer.shape != right.shape:
        return f" (shape {tuple(answer.shape)} where {tuple(right.shape)} is right)"
    if answer.dtype != right.dtype:
        return " (another dtype)"
    if not bool(torch.isfinite(answer).all()):
        return " (not finite)"
    return ""


Relation = tuple[str, Callable[[Any, Any], bool]]


def _relation(wrong: list[Seen]) -> Relation | None:
    """What all answers have in common, all of them being wrong."""
    pairs = [(answer, right) for _, answer, right in wrong]
    for words, holds in _relations(*pairs[0]):
        if all(holds(answer, right) for answer, right in pairs):
            return words, holds
    return None


def _relations(answer: Any, right: Any) -> Iterator[Relation]:
    if not isinstance(right, torch.Tensor):  # an exception of the student's own is told by the check
        return
    if answer is NO_GRADIENT:
        yield "never arrives: its computation is cut off", lambda a, r: a is NO_GRADIENT
        return
    if not isinstance(answer, torch.Tensor):
        return
    if answer.shape == right.shape:
        if answer.dtype != right.dtype:
            yield (
                "has the right numbers in another dtype than the arguments",
                lambda a, r: isinstance(a, torch.Tensor) and a.dtype != r.dtype and alike(a.to(r.dtype), r),
            )
        yield "is never finite", lambda a, r: isinstance(a, torch.Tensor) and not bool(torch.isfinite(a).all())
        yield (
            "is always 0",
            lambda a, r: isinstance(a, torch.Tensor) and bool((a == 0).all()) and not bool((r == 0).all()),
        )
        biggest = right.detach().abs().argmax()
        ratio = float(answer.detach().reshape(-1)[biggest] / right.detach().reshape(-1)[biggest])
        if ratio == ratio and abs(ratio) > 1e-6:
            yield (
                f"is always {number(ratio)} times what is right",
                lambda a, r: isinstance(a, torch.Tensor) and a.shape == r.shape and alike(a.to(r.dtype), ratio * r),
            )
        gap = float((answer.detach() - right.detach()).reshape(-1)[biggest])
        if gap == gap:
            yield (
                f"is always off by the same {number(gap)}",
                lambda a, r: isinstance(a, torch.Tensor) and a.shape == r.shape and alike(a.to(r.dtype), r + gap),
            )
        if right.dim() == 2:
            yield from _of_rows(answer, right)
        return
    if answer.numel() == right.numel():
        yield (
            "has the right numbers in another shape",
            lambda a, r: (
                isinstance(a, torch.Tensor)
                and a.numel() == r.numel()
                and a.shape != r.shape
                and alike(a.reshape(r.shape).to(r.dtype), r)
            ),
        )
    if right.dim() == 0:
        for what, reduce in (("sum", torch.Tensor.sum), ("mean", torch.Tensor.mean)):
            yield (
                f"is no single number; the {what} of it would be right",
                lambda a, r, reduce=reduce: isinstance(a, torch.Tensor) and alike(reduce(a).to(r.dtype), r),  # type: ignore[misc]
            )


def _of_rows(answer: torch.Tensor, right: torch.Tensor) -> Iterator[Relation]:
    """The first or the last row or column is right, or wrong, alone."""
    places: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
        ("first row", lambda t: t[:1]),
        ("last row", lambda t: t[-1:]),
        ("first column", lambda t: t[:, :1]),
        ("last column", lambda t: t[:, -1:]),
    )
    others: tuple[Callable[[torch.Tensor], torch.Tensor], ...] = (
        lambda t: t[1:], lambda t: t[:-1], lambda t: t[:, 1:], lambda t: t[:, :-1]
    )  # fmt: skip
    for (name, single), rest in zip(places, others, strict=True):
        for words, good, bad in (
            (f"is right in the {name} alone, and wrong in the others", single, rest),
            (f"is wrong in the {name} alone, and right in the others", rest, single),
        ):

            def holds(a: Any, r: Any, good: Any = good, bad: Any = bad, along: int = int("column" in name)) -> bool:
                comparable = isinstance(a, torch.Tensor) and a.shape == r.shape and good(r).numel() and bad(r).numel()
                if not comparable or not alike(good(a), good(r)):
                    return False
                pairs = zip(bad(a).unbind(along), bad(r).unbind(along), strict=True)
                return not any(alike(*pair) for pair in pairs)  # each of them is wrong, not only some

            yield words, holds


def remembers(probe: Probe, submission: Submission, draws: Draws) -> Iterator[Law]:
    """Whether an answer is wrong after others that is right to the same question in a fresh process."""

    def first_spoilt(submission: Submission, draws: Draws) -> int | None:
        seeds = [draws.seed() for _ in range(CALLS)]
        for place, seed in enumerate(seeds, start=1):
            if not agrees(*put(probe, submission, Draws(seed))):
                alone = place > 1 and agrees(*put(probe, submission.alone(), Draws(seed)))
                return place if alone else None
        return None

    found = first_spoilt(submission, draws)
    if found is not None:

        def trials(submission: Submission, draws: Draws) -> Iterator[Trial]:
            now = first_spoilt(submission, draws)
            yield Trial(now is not None, now is None)

        told = (
            f"The answer to a question is right in a fresh process, but wrong after others (the {ordinal(found)} in a "
            "row was the first): something is kept from one call to the next."
        )
        yield Law((told,), trials, contrast=True)


def differs(probe: Probe, submission: Submission, seed: int) -> Iterator[Law]:
    """Whether the same question has different answers, where nothing is random."""

    def gap(submission: Submission, seed: int) -> bool:
        (one, right), (other, _) = (put(probe, submission, Draws(seed)) for _ in range(2))
        return isinstance(right, torch.Tensor) and not isinstance(one, Raised) and not agrees(one, other)

    if gap(submission, seed):

        def trials(submission: Submission, draws: Draws) -> Iterator[Trial]:
            now = gap(submission, draws.seed())
            yield Trial(now, not now)

        yield Law(("Two calls with the same arguments give different results.",), trials, contrast=True)


def changes_arguments(probe: Probe, submission: Submission, draws: Draws) -> Iterator[Law]:
    """Whether a call changes what it is given."""

    def changed(submission: Submission, draws: Draws) -> tuple[str, ...]:
        put(probe, submission, draws)
        return submission.mutated

    names = changed(submission, draws)
    if names:

        def trials(submission: Submission, draws: Draws) -> Iterator[Trial]:
            now = changed(submission, draws)
            yield Trial(now == names, not now)

        told = f"It changes {' and '.join(names)} in place: whoever called it finds other numbers there than before."
        yield Law((told,), trials, contrast=True)

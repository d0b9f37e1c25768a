"""``beta_schedule``: straight from 0 at step 0 to ``beta_max`` at step ``warmup_steps``, then constant."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

import torch

from grading.checks import Draws, StudentError, Submission
from grading.diagnosis.laws import Asked, Law, Part, Probe, Question, Setting, facts, number, number_of, question
from laws import curves

LENGTHS = (23, 29, 31, 37, 41, 43)
"""Shares of these have no end as decimals, so that they show what is rounded, and no step of a staircase is theirs."""


def _cases(draws: Draws) -> list[tuple[int, int, float]]:
    w = LENGTHS[draws.integer(0, len(LENGTHS) - 1)]
    steps = [0, 1, 2, w // 3, w // 2, w - 1, w, w + 1, w + 2, 2 * w + 3, *(n * w + 1 for n in range(2, 11))]
    return [(step, w, beta) for beta in (0.5, 3.0) for step in steps]


def _right(step: int, w: int, beta: float) -> float:
    return beta if w <= 0 else beta * min(step / w, 1.0)


def _curve(submission: Submission, draws: Draws) -> tuple[str, ...]:
    return _found(submission, draws)[0]


def _found(submission: Submission, draws: Draws) -> tuple[tuple[str, ...], curves.Curve]:
    """The curve, in words and as a function; the right one where no other is found."""
    cases = _cases(draws)
    answers = [number_of(submission.beta_schedule(*case)) for case in cases]
    own = [value for value in answers if value is not None and math.isfinite(value)]
    found = curves.find(cases, own) if len(own) == len(cases) else None
    if found is None:
        return (), _right
    words, curve = found
    return words, lambda step, w, beta: curve(step, w, beta) if w > 0 else _right(step, w, beta)


def _without(submission: Submission, draws: Draws) -> str | None:
    """What comes without a warm-up, at its first step and later."""
    said: dict[str, list[str]] = {}
    for w, words in ((0, "warmup_steps = 0"), (-3, "warmup_steps below 0")):
        now = {step: _at_once(submission, step, w) for step in (0, draws.integer(1, 9))}
        if len({*now.values()}) > 1 and all(now.values()):  # as it is where a ramp goes the other way
            now = dict.fromkeys(now, "it is not beta_max")
        for step, wrong in now.items():
            if wrong and wrong not in [before for other, before in now.items() if other < step]:
                alone = not step and wrong not in list(now.values())[1:]
                said.setdefault(wrong, []).append(f"{'at step 0 ' if alone else ''}for {words}")
    ends = [f"{' and '.join(places)} {wrong}" for wrong, places in said.items()]
    return f"Without a warm-up the final weight should hold at once, but {' and '.join(ends)}." if ends else None


def _at_once(submission: Submission, step: int, w: int) -> str:
    """What is wrong at a step without a warm-up; empty for nothing."""
    betas = (2.0, 0.6, 0.1, 7.0)
    try:
        values = [number_of(submission.beta_schedule(step, w, beta)) for beta in betas]
    except StudentError as error:
        return f"{error.type_name} is raised"
    own = [value for value in values if value is not None]
    if len(own) < len(betas):
        return "no number comes back"
    shares = [value / beta for value, beta in zip(own, betas, strict=True)]
    right = [abs(share - 1) <= 1e-6 for share in shares]
    if all(right):
        return ""
    if max(own) - min(own) <= 1e-6:
        return f"it is {number(own[0])}, whatever beta_max is" if own[0] else "it is 0"
    if max(shares) - min(shares) <= 1e-6:
        return f"it is {number(shares[0])} times beta_max"
    return "it is not always beta_max" if any(right) else "it is not beta_max"


def _late(submission: Submission, draws: Draws) -> str | None:
    """Whether something else than a number comes at some time."""
    w = draws.integer(7, 40)
    for words, step in (("during the warm-up", w // 2), ("at its end", w), ("after it", 2 * w)):
        if number_of(submission.beta_schedule(step, w, 2.0)) is None:
            return f"What comes back {words} is no number."
    return None


def _default(submission: Submission, draws: Draws) -> str | None:
    value, right, again = (number_of(submission.beta_schedule(10, 10, *rest)) for rest in ((), (1.0,), (1.0,)))
    return "Without beta_max the final weight is not 1." if value != right == again else None


SETTINGS = (
    Setting("at step 0", options={"step": lambda w: 0}),
    Setting("at step 1", options={"step": lambda w: 1}),
    Setting("one step before the end", options={"step": lambda w: w - 1}),
    Setting("at the end of the warm-up", options={"step": lambda w: w}),
    Setting("one step after the end", options={"step": lambda w: w + 1}),
    Setting("long after the warm-up", options={"step": lambda w: 9 * w}),
    Setting("for beta_max = 0", options={"beta": 0.0}),
    Setting("for beta_max = 1", options={"beta": 1.0}),
    Setting("for a beta_max below 1", options={"beta": 0.3}),
    Setting("for a beta_max of 10", options={"beta": 10.0}),
    Setting("for a warm-up of one step", options={"warmup": 1, "step": lambda w: 1}),
    Setting("for a warm-up of 10000 steps", options={"warmup": 10_000}),
    Setting("for a warm-up of 4 steps", options={"warmup": 4}),
    Setting("for a warm-up of 10 steps", options={"warmup": 10}),
    Setting("for a warm-up of 100 steps", options={"warmup": 100}),
)


def _question(curve: curves.Curve) -> Question:
    """What comes back under all circumstances, held against a curve."""

    def ask(submission: Submission, draws: Draws, setting: Setting) -> Asked:
        w, beta = setting.options.get("warmup", draws.integer(7, 40)), float(draws.uniform(1, low=1.5, high=4.0))
        # One and the same question would have the same number each time, of which anything may be said.
        beta, share = setting.options.get("beta", beta), float(draws.uniform(1, low=0.1, high=0.9))
        step = setting.options.get("step", lambda w: max(int(share * w), 1))(w)
        own = number_of(submission.beta_schedule(step, w, beta))
        right = float(curve(step, w, beta))
        if not math.isfinite(right):  # the curve that was found says nothing of so short a warm-up
            right = _right(step, w, beta)
        if own is not None and abs(own - right) <= 1e-6 * max(1.0, abs(right)):
            own = right  # as near as a float32 tensor can be
        answer = None if own is None else torch.tensor(own, dtype=torch.float64)
        others = {"beta_max": beta, "1": 1.0, "what it would be for beta_max = 1": float(curve(step, w, 1.0))}
        of_others = [(words, torch.tensor(value, dtype=torch.float64)) for words, value in others.items()]
        return Asked(answer, (Part("the weight", torch.tensor(right, dtype=torch.float64), lambda: of_others),))

    return Question(lambda s, draws, setting: s, ask, ("the weight",), ("step", "warmup_steps", "beta_max"), SETTINGS)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """The curve: start, end, shape and what scales it; and where it is left."""
    curve = _found(submission, draws)[1]
    return facts.explain((_curve, _without, _late, _default, *question.facts_of(_question(curve))), submission, draws)


def examined(submission: Submission, draws: Draws) -> tuple[None, None]:
    """Asks for weights with a warm-up and without, of which the checks ask for the first step alone."""
    w = draws.integer(7, 40)
    for warmup in (w, 0, -w):
        for step in (0, 1, w // 3, w - 1, w, 9 * w):
            for beta in (1.0, 2.0, 0.0):
                with contextlib.suppress(StudentError):
                    submission.beta_schedule(step, warmup, beta)
    return None, None


def probes() -> list[Probe]:
    """Where the curve may be right and where not."""

    def value(
        *steps: Callable[[int], float], beta: float = 2.0
    ) -> Callable[[Submission, Draws], tuple[torch.Tensor, torch.Tensor]]:
        def put(submission: Submission, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
            w = draws.integer(7, 40)
            asked = [int(step(w)) for step in steps]
            own = [number_of(submission.beta_schedule(step, w, beta)) for step in asked]
            found = [math.nan if number is None else number for number in own]
            return torch.tensor(found), torch.tensor([_right(step, w, beta) for step in asked])

        return put

    def third(w: int) -> float:
        return w / 3

    def late(w: int) -> float:
        return 9 * w

    return [
        Probe("", value(third)),
        Probe("at step 0", value(lambda w: 0)),
        Probe("at step 1", value(lambda w: 1)),
        Probe("right before the end", value(lambda w: w - 1)),
        Probe("at the end of the warm-up", value(lambda w: w)),
        Probe("long after the warm-up", value(late)),
        Probe("for beta_max = 1", value(third, late, beta=1.0)),
        Probe("for beta_max = 0", value(third, late, beta=0.0)),
    ]

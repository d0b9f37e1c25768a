"""``beta_schedule``: straight from 0 at step 0 to ``beta_max`` at step ``warmup_steps``, then constant."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

from grading.checks import Draws, StudentError, Submission
from grading.diagnosis.laws import Law, Probe, facts, number_of

Share = Callable[[int, int], float]

SHARES: tuple[tuple[str, Share], ...] = (
    ("", lambda s, w: s / w),
    ("It is one step ahead: step 0 does not give 0.", lambda s, w: (s + 1) / w),
    ("It arrives one step late: the warm-up takes one step more.", lambda s, w: s / (w + 1)),
    ("It arrives one step early.", lambda s, w: s / (w - 1) if w > 1 else math.nan),
    ("It is one step behind.", lambda s, w: max(s - 1, 0) / w),
    ("It divides without a remainder: until the end of the warm-up it stays at 0.", lambda s, w: float(s // w)),
    ("It runs the other way: it begins at the end and falls.", lambda s, w: 1 - s / w),
    ("It takes twice as long.", lambda s, w: s / (2 * w)),
    ("It takes half as long.", lambda s, w: 2 * s / w),
    ("It begins anew after each warm-up: it is periodic.", lambda s, w: (s % w) / w),
    ("It begins anew after each warm-up: it is periodic.", lambda s, w: (s % (w + 1)) / w),
    ("The ratio is upside down: the warm-up over the step.", lambda s, w: w / s if s else math.nan),
    ("There is no warm-up: the final weight holds at once.", lambda s, w: 1.0),
    ("It stays at 0 for the whole warm-up, and then jumps.", lambda s, w: 1.0 if s >= w else 0.0),
    ("It jumps one step late.", lambda s, w: 1.0 if s > w else 0.0),
    ("It is always 0.", lambda s, w: 0.0),
)
SHAPES: tuple[tuple[str, Callable[[float], float]], ...] = (
    ("", lambda t: t),
    ("The warm-up is not straight: it rises with the square.", lambda t: t * t),
    ("The warm-up is not straight: it rises with the third power.", lambda t: t**3),
    ("The warm-up is not straight: it rises with the root.", lambda t: math.sqrt(t) if t >= 0 else math.nan),
    ("The warm-up is not straight: it is half of a cosine.", lambda t: (1 - math.cos(math.pi * t)) / 2),
    ("The warm-up is not straight: it is a quarter of a sine.", lambda t: math.sin(math.pi * t / 2)),
    ("The warm-up is not straight: it is a quarter of a cosine.", lambda t: 1 - math.cos(math.pi * t / 2)),
    ("The warm-up is not straight: it is the hyperbolic tangent.", math.tanh),
    ("The warm-up is not straight: it is an exponential.", lambda t: math.expm1(t) / math.expm1(1)),
    ("The warm-up is not straight: it comes closer and closer.", lambda t: 1 - math.exp(-t)),
    ("The warm-up is not straight: it comes closer and closer.", lambda t: 1 - math.exp(-5 * t)),
    ("The warm-up is not straight: it is a sigmoid.", lambda t: 1 / (1 + math.exp(-12 * (t - 0.5)))),
    ("The warm-up is not straight: it is a sigmoid.", lambda t: 1 / (1 + math.exp(-10 * (t - 0.5)))),
    ("The warm-up is not straight: it is smoothed at both ends.", lambda t: t * t * (3 - 2 * t)),
    ("The result is rounded to whole numbers.", lambda t: float(round(t))),
    ("The result is rounded to one decimal.", lambda t: round(t, 1)),
    ("The result is rounded to two decimals.", lambda t: round(t, 2)),
)
ENDS: tuple[tuple[str, Callable[[float, float], float]], ...] = (
    ("", lambda t, b: b * min(t, 1.0)),
    ("It goes on rising after the warm-up.", lambda t, b: b * t),
    ("beta_max is ignored: the final weight is 1.", lambda t, b: min(t, 1.0)),
    ("The bound is 1, not beta_max.", lambda t, b: min(b * t, 1.0)),
    ("The share is bounded by beta_max but not multiplied by it.", lambda t, b: min(t, b)),
    ("After the warm-up it falls back to 0.", lambda t, b: b * t if t <= 1 else 0.0),
    ("After the warm-up it falls back to 0.", lambda t, b: b * t if t < 1 else 0.0),
    ("After the warm-up it is 1, not beta_max.", lambda t, b: b * t if t < 1 else 1.0),
    ("beta_max is squared.", lambda t, b: b * b * min(t, 1.0)),
    ("The result is bounded by 1.", lambda t, b: min(b * min(t, 1.0), 1.0)),
    ("It is divided by beta_max instead of multiplied.", lambda t, b: min(t, 1.0) / b),
    ("The final weight is twice beta_max.", lambda t, b: 2 * b * min(t, 1.0)),
    ("The final weight is half of beta_max.", lambda t, b: b * min(t, 1.0) / 2),
    ("It begins at one tenth and not at 0.", lambda t, b: b * (0.1 + 0.9 * min(t, 1.0))),
    ("The sign is wrong.", lambda t, b: -b * min(t, 1.0)),
    ("It is never less than one thousandth.", lambda t, b: b * max(min(t, 1.0), 1e-3)),
    ("It is never less than one hundredth.", lambda t, b: b * max(min(t, 1.0), 1e-2)),
)


def _cases(draws: Draws) -> list[tuple[int, int, float]]:
    w = draws.integer(7, 40)
    steps = [0, 1, 2, w // 3, w // 2, w - 1, w, w + 1, w + 2, 2 * w + 3, 5 * w + 1]
    return [(step, w, beta) for beta in (0.5, 3.0) for step in steps]


def _curve(submission: Submission, draws: Draws) -> str | None:
    cases = _cases(draws)
    own = [number_of(submission.beta_schedule(*case)) for case in cases]
    if any(value is None or not math.isfinite(value) for value in own):
        return None
    every = itertools.product(SHARES, SHAPES, ENDS)
    for chosen in sorted(every, key=lambda parts: sum(bool(words) for words, _ in parts)):
        (a, share), (b, shape), (c, end) = chosen
        if sum(map(bool, (a, b, c))) > 2:
            return None
        if _fits(own, cases, share, shape, end):
            return " ".join(words for words in (a, b, c) if words) or None
    return None


def _fits(
    own: list[float | None],
    cases: list[tuple[int, int, float]],
    share: Share,
    shape: Callable[[float], float],
    end: Callable[[float, float], float],
) -> bool:
    for value, (step, w, beta) in zip(own, cases, strict=True):
        try:
            t = share(step, w)
            # Beyond the end only a curve that is never bounded is asked for.
            predicted = end(shape(t) if t <= 1 or end(2.0, 1.0) > 1 else t, beta)
        except (OverflowError, ValueError):
            return False
        if value is None or not abs(value - predicted) <= 1e-6 * max(1.0, abs(predicted)):
            return False
    return True


def _without(submission: Submission, draws: Draws) -> str | None:
    """What comes without a warm-up."""
    said = []
    for w, words in ((0, "warmup_steps = 0"), (-3, "warmup_steps below 0")):
        try:
            value = number_of(submission.beta_schedule(draws.integer(1, 9), w, 2.0))
        except StudentError as error:
            said.append(f"for {words} {error.type_name} is raised")
            continue
        if value is None:
            said.append(f"for {words} no number comes back")
        elif abs(value - 2.0) > 1e-6:
            said.append(f"for {words} it is not beta_max")
    return f"Without a warm-up the final weight should hold at once, but {' and '.join(said)}." if said else None


def _late(submission: Submission, draws: Draws) -> str | None:
    """Whether something else than a number comes at some time."""
    w = draws.integer(7, 40)
    for words, step in (("during the warm-up", w // 2), ("at its end", w), ("after it", 2 * w)):
        if number_of(submission.beta_schedule(step, w, 2.0)) is None:
            return f"What comes back {words} is no number."
    return None


def _default(submission: Submission, draws: Draws) -> str | None:
    value, right = (number_of(submission.beta_schedule(10, 10, *rest)) for rest in ((), (1.0,)))
    return "Without beta_max the final weight is not 1." if value != right else None


FACTS = (_curve, _without, _late, _default)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """The curve: start, shape, end and what scales it."""
    return facts.explain(FACTS, submission, draws)


def probes() -> list[Probe]:
    """Where the curve may be right and where not."""

    def value(step: Callable[[int], float], beta: float = 2.0) -> Callable[[Submission, Draws], tuple[float, float]]:
        def put(submission: Submission, draws: Draws) -> tuple[float, float]:
            w = draws.integer(7, 40)
            own = number_of(submission.beta_schedule(int(step(w)), w, beta))
            return math.nan if own is None else own, beta * min(int(step(w)) / w, 1.0)

        return put

    return [
        Probe("", value(lambda w: w / 3)),
        Probe("at step 0", value(lambda w: 0)),
        Probe("at step 1", value(lambda w: 1)),
        Probe("right before the end", value(lambda w: w - 1)),
        Probe("at the end of the warm-up", value(lambda w: w)),
        Probe("long after the warm-up", value(lambda w: 9 * w)),
        Probe("for beta_max = 1", value(lambda w: w / 3, 1.0)),
        Probe("for beta_max = 0", value(lambda w: w / 3, 0.0)),
    ]

"""``beta_schedule``: straight from 0 at step 0 to ``beta_max`` at step ``warmup_steps``, then constant."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from grading.checks import Draws, StudentError, Submission
from grading.diagnosis.laws import Asked, Law, Part, Probe, Question, Setting, facts, number_of, question

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
STEPPED = "The warm-up has {n} steps and is not straight."
CLOSER = "The warm-up is not straight: it comes closer and closer."
SIGMOID = "The warm-up is not straight: it is a sigmoid."
EARLY = (0.1, 0.25, 0.3, 0.5, 0.75, 0.8, 0.9)
FAMILIES: tuple[tuple[str, Callable[[float], float]], ...] = (
    *((f"The warm-up is not straight: it rises with the power {p:g}.", lambda t, p=p: t**p if t >= 0 else math.nan)
      for p in (0.25, 0.75, 1.5, 2.5, 4.0, 5.0)),
    *((STEPPED.format(n=n), lambda t, n=n: math.floor(t * n + 1e-9) / n) for n in range(2, 21)),
    *((STEPPED.format(n=n), lambda t, n=n: math.ceil(t * n - 1e-9) / n) for n in range(2, 21)),
    *((f"It begins at {a:g} of the final weight and not at 0.", lambda t, a=a: a + (1 - a) * t)
      for a in (0.001, 0.01, 0.05, 0.1, 0.2, 0.25, 0.5)),
    *((f"It stays at 0 for {a:g} of the warm-up.", lambda t, a=a: max(0.0, (t - a) / (1 - a)))
      for a in (0.1, 0.2, 0.25, 0.5, 0.75)),
    *((f"It arrives after {a:g} of the warm-up.", lambda t, a=a: min(1.0, t / a)) for a in EARLY),
    *((f"The end is never reached: it comes to {a:g} of it.", lambda t, a=a: a * t)
      for a in (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)),
    *((CLOSER, lambda t, k=k: -math.expm1(-k * t)) for k in (2, 3, 4, 10)),
    *((SIGMOID, lambda t, k=k: 1 / (1 + math.exp(-k * (t - 0.5)))) for k in (4, 5, 6, 8, 20)),
)  # fmt: skip
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
    *FAMILIES,
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
    ("It rises to 1 and then jumps to beta_max.", lambda t, b: t if t < 1 else b),
    ("It is beta_max to the power of the share.", lambda t, b: b ** min(t, 1.0)),
    ("It is beta_max less than it should be: the final weight is taken off.", lambda t, b: b * min(t, 1.0) - b),
    ("beta_max enters by its root.", lambda t, b: b**0.5 * min(t, 1.0)),
    ("1 is added.", lambda t, b: 1 + b * min(t, 1.0)),
    ("beta_max is added instead of multiplied.", lambda t, b: b + min(t, 1.0)),
)


def _cases(draws: Draws) -> list[tuple[int, int, float]]:
    w = draws.integer(7, 40)
    steps = [0, 1, 2, w // 3, w // 2, w - 1, w, w + 1, w + 2, 2 * w + 3, 5 * w + 1]
    return [(step, w, beta) for beta in (0.5, 3.0) for step in steps]


Curve = Callable[[int, int, float], float]


def _right(step: int, w: int, beta: float) -> float:
    return beta if w <= 0 else beta * min(step / w, 1.0)


def _curve(submission: Submission, draws: Draws) -> tuple[str, ...]:
    return _found(submission, draws)[0]


def _found(submission: Submission, draws: Draws) -> tuple[tuple[str, ...], Curve]:
    """The curve, in words and as a function; the right one where no other is found."""
    cases = _cases(draws)
    own = [number_of(submission.beta_schedule(*case)) for case in cases]
    if any(value is None or not math.isfinite(value) for value in own):
        return (), _right
    for wrong in range(3):
        for (a, share), (b, shape), (c, end) in itertools.product(SHARES, SHAPES, ENDS):
            if sum(map(bool, (a, b, c))) == wrong and _fits(own, cases, share, shape, end):

                def curve(step: int, w: int, beta: float, parts: Any = (share, shape, end)) -> float:
                    return _value(step, w, beta, *parts) if w > 0 else _right(step, w, beta)

                return tuple(words for words in (a, b, c) if words), curve
    return (), _right


def _value(
    step: int, w: int, beta: float, share: Share, shape: Callable[[float], float], end: Callable[[float, float], float]
) -> float:
    t = share(step, w)
    # Beyond the end only a curve that is never bounded is asked for.
    return end(shape(t) if t <= 1 or end(2.0, 1.0) > 1 else t, beta)


def _fits(
    own: list[float | None],
    cases: list[tuple[int, int, float]],
    share: Share,
    shape: Callable[[float], float],
    end: Callable[[float, float], float],
) -> bool:
    for value, (step, w, beta) in zip(own, cases, strict=True):
        try:
            predicted = _value(step, w, beta, share, shape, end)
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


def _question(curve: Curve) -> Question:
    """What comes back under all circumstances, held against a curve."""

    def ask(submission: Submission, draws: Draws, setting: Setting) -> Asked:
        w, beta = setting.options.get("warmup", draws.integer(7, 40)), setting.options.get("beta", 2.0)
        step = setting.options.get("step", lambda w: max(w // 3, 1))(w)
        own = number_of(submission.beta_schedule(step, w, beta))
        right = float(curve(step, w, beta))
        if own is not None and abs(own - right) <= 1e-6 * max(1.0, abs(right)):
            own = right  # as near as a float32 tensor can be
        answer = None if own is None else torch.tensor(own, dtype=torch.float64)
        return Asked(answer, (Part("the weight", torch.tensor(right, dtype=torch.float64)),))

    return Question(lambda s, draws, setting: s, ask, ("the weight",), ("step", "warmup_steps", "beta_max"), SETTINGS)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """The curve: start, end, shape and what scales it; and where it is left."""
    curve = _found(submission, draws)[1]
    return facts.explain((_curve, _without, _late, _default, *question.facts_of(_question(curve))), submission, draws)


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

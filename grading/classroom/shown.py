"""A class in words: a line for each submission, and a summary at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from ..boundary.shared.text import clean_line
from .model import Class, Outcome, State

MOST_SHOWN = 20
BAR = 30


def line(outcome: Outcome) -> str:
    """What became of one submission, on one line."""
    student, late = outcome.student, outcome.lateness
    who = clean_line(" ".join(filter(None, (student.id, student.name))), 80)
    parts = [who, str(outcome.state)]
    if outcome.raw is not None and outcome.possible is not None and outcome.adjusted is not None:
        parts.append(f"{number(outcome.adjusted)} / {number(outcome.possible)}")
        if outcome.adjusted != outcome.raw:
            parts.append(f"({number(outcome.raw)} before lateness)")
    if late.days_late:
        taken = f", {late.late_days_used} of the late days used" if late.late_days_used else ""
        parts.append(f"{late.days_late} {'day' if late.days_late == 1 else 'days'} late{taken}")
    elif late.marked:
        parts.append("marked as late")
    told = f": {clean_line(outcome.note, 300)}" if outcome.note else ""
    return " ".join(parts) + told


def number(value: Fraction) -> str:
    """Points with at most two decimals, rounded once, half to even."""
    hundredths = round(value * 100)
    return f"{hundredths // 100}.{hundredths % 100:02}".rstrip("0").rstrip(".")


def summary(graded: Class) -> list[str]:
    """How the class did, which mistakes it shares, who is missing, and what a person has to look at."""
    states = Counter(outcome.state for outcome in graded.outcomes)
    lines = ["", ", ".join(f"{states[state]} {state}" for state in State if states[state])]
    lines += _distribution([o for o in graded.outcomes if o.adjusted is not None])
    lines += _mistakes(graded.outcomes)
    lines += _list("missing", [o for o in graded.outcomes if o.state is State.MISSING])
    lines += _list("needs a look", [o for o in graded.outcomes if o.needs_a_look])
    lines += _list("it is not known when these came in", [
        o for o in graded.outcomes if o.lateness.due and o.lateness.received is None and o.state is State.GRADED
    ])  # fmt: skip
    lines += _list("not in the roster", graded.strangers)
    return [*lines, f"wrote {graded.folder}"]


def _distribution(outcomes: list[Outcome]) -> list[str]:
    shares = sorted(o.adjusted / o.possible for o in outcomes if o.adjusted is not None and o.possible)
    if not shares:
        return []
    middle = (shares[(len(shares) - 1) // 2] + shares[len(shares) // 2]) / 2
    mean = sum(shares, Fraction(0)) / len(shares)
    tens = Counter(min(9, int(share * 10)) for share in shares)
    most = max(tens.values())
    lines = [f"{len(shares)} scores: mean {number(mean * 100)} %, median {number(middle * 100)} %"]
    for ten in range(10):
        bar = "#" * -(-BAR * tens[ten] // most)
        lines.append(f"  {10 * ten:3}-{10 * ten + 10:3} % {tens[ten]:5} {bar}".rstrip())
    return lines


def _mistakes(outcomes: Iterable[Outcome]) -> list[str]:
    """The mistakes that the most students made, each counted once a student."""
    made: Counter[str] = Counter()
    for outcome in outcomes:
        document = outcome.document or {"items": []}
        named = (check["misconception"] for item in document["items"] for check in item["checks"])
        made.update({clean_line(entry["name"], 120) for entry in named if entry})
    if not made:
        return []
    ranked = sorted(made.items(), key=lambda pair: (-pair[1], pair[0]))
    return ["most frequent mistakes:", *(f"  {count:5} {name}" for name, count in ranked[:5])]


def _list(title: str, outcomes: Iterable[Outcome]) -> list[str]:
    listed = [line(outcome) for outcome in outcomes]
    if not listed:
        return []
    more = [f"  and {len(listed) - MOST_SHOWN} more"] if len(listed) > MOST_SHOWN else []
    return [f"{title} ({len(listed)}):", *(f"  {text}" for text in listed[:MOST_SHOWN]), *more]

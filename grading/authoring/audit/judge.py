"""What an audit's results mean: which of its demands are met, and by what they are broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ...assignment import AssignmentError, Item, verify_collected
from ...catalogue import Answer
from .. import strip
from .config import Config
from .plan import Audit
from .tasks import Result

GREATEST_RATE = 1e-6
"""How often a right submission may fail a run by chance."""
LEAST_LOCALISED = 0.97
LEAST_NAMED, LEAST_NAMED_SAMPLED = 0.85, 0.60


@dataclass(frozen=True)
class Demand:
    """One thing that makes an assignment sound.

    Attributes:
        title: what is demanded.
        result: what was found, in short form.
        broken: what is wrong, one entry for each; none means that the demand is met.
    """

    title: str
    result: str
    broken: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.broken


@dataclass(frozen=True)
class Case:
    """What became of one wrong answer.

    Attributes:
        answer: the wrong answer.
        killed_by: the checks of its item that it fails.
        kind: how the first of them ends, as in the score document; None where it fails none.
        lost: items other than its own that it loses points in, each with what failed first.
        blocked: items other than its own of which checks could not be made because of it.
        named: the mistakes that the diagnosis named.
    """

    answer: Answer
    killed_by: tuple[str, ...]
    kind: str | None
    lost: dict[str, str]
    blocked: tuple[str, ...]
    named: tuple[str, ...]

    @property
    def diagnosis(self) -> str:
        """right (it alone), among (it and others), silent, or wrong."""
        if not self.named:
            return "silent"
        if self.answer.name not in self.named:
            return "wrong"
        return "right" if len(self.named) == 1 else "among"


@dataclass(frozen=True)
class Verdict:
    """An audit, judged.

    Attributes:
        audit: what was judged.
        demands: in the order in which they are told.
        cases: of all wrong answers.
        kills: by check, how many wrong answers it fails.
        rates: by check, the false-failure rate that its statistics state.
    """

    audit: Audit
    demands: tuple[Demand, ...]
    cases: tuple[Case, ...]
    kills: Counter[str]
    rates: dict[str, float] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether every demand is met."""
        return all(demand.met for demand in self.demands)


def judge(audit: Audit, config: Config) -> Verdict:
    """Hold the results of an audit against what is demanded of an assignment."""
    cases = tuple(_cases(audit))
    kills = Counter(check for case in cases for check in case.killed_by)
    rates = _rates(audit)
    demands = [
        _full_marks(audit, "reference", "the solution gets full marks"),
        *_when(audit, "skeleton", _skeleton),
        *_when(audit, "misconception", lambda a: _detection(cases)),
        *_when(audit, "misconception", lambda a: _localisation(cases, config)),
        *_when(audit, "misconception", lambda a: _every_check_kills(a, kills, config)),
        *_when(audit, "misconception", lambda a: _diagnosis(cases, config)),
        *_when(audit, "variant", lambda a: _full_marks(a, "variant", "correct variants get full marks")),
        _false_failures(rates),
        _agreement(audit, config),
        Demand("the audit itself ran well", "", tuple(p for result in audit.results for p in result.problems)),
    ]
    return Verdict(audit, tuple(demands), cases, kills, rates)


def _when(audit: Audit, group: str, demand: Any) -> Iterator[Demand]:
    if group in audit.options.groups:
        yield demand(audit)


def _cases(audit: Audit) -> Iterator[Case]:
    results = {result.name: result for result in audit.group("misconception")}
    for answer in audit.catalogue.misconceptions:
        if answer.name in results:
            yield _case(answer, results[answer.name])


def _case(answer: Answer, result: Result) -> Case:
    killed_by: list[str] = []
    blocked: dict[str, bool] = {}
    lost: dict[str, str] = {}
    for check, outcome in result.checks.items():
        item = check.split("/")[1]
        if outcome.passed:
            continue
        if outcome.blocked and item != answer.item and outcome.blocked_by == answer.item:
            blocked[item] = True
        elif item != answer.item:
            lost.setdefault(item, f"{check}: {outcome.message}")
        elif not outcome.blocked:
            killed_by.append(check)
    named = next((outcome.named for outcome in result.checks.values() if outcome.named), ())
    kind = result.checks[killed_by[0]].kind if killed_by else None
    return Case(answer, tuple(killed_by), kind, lost, tuple(blocked), named)


def _full_marks(audit: Audit, group: str, title: str) -> Demand:
    results = audit.group(group)
    broken = [
        f"{result.name} ({result.key}): {check}: {outcome.message}"
        for result in results
        for check, outcome in result.checks.items()
        if not outcome.passed
    ]
    names = len({result.name for result in results})
    runs = f" in {len(results)} runs" if len(results) > names else ""
    return Demand(title, f"{names}{runs}", tuple(broken))


def _skeleton(audit: Audit) -> Demand:
    title = "the skeleton gets nothing, every item not implemented"
    results = audit.group("skeleton")
    if not results:
        return Demand(title, "none", ("a file of student/ is missing",))
    broken = [
        f"{check} is {outcome.status}: {outcome.message}"
        for check, outcome in results[0].checks.items()
        if outcome.status != "not_implemented"
    ]
    return Demand(title, f"{len(results[0].checks)} checks", tuple(broken))


def _detection(cases: tuple[Case, ...]) -> Demand:
    broken = [f"{case.answer.name} passes every check of its item" for case in cases if not case.killed_by]
    return Demand(
        "every wrong answer loses points in its item", f"{len(cases) - len(broken)} of {len(cases)}", tuple(broken)
    )


def _localisation(cases: tuple[Case, ...], config: Config) -> Demand:
    local = [case for case in cases if not case.lost]
    stray = [case for case in cases if case.lost and case.answer.name not in config.exceptions]
    broken = [
        f"{case.answer.name} loses points in {item}: {what}" for case in stray for item, what in case.lost.items()
    ]
    if cases and len(local) < LEAST_LOCALISED * len(cases):
        broken.append(f"only {len(local)} of {len(cases)} fail no other item; {LEAST_LOCALISED:.0%} are demanded")
    needless = set(config.exceptions) & {case.answer.name for case in local}
    broken += [f"{name} is explained as an exception, but is none" for name in sorted(needless)]
    explained = len(cases) - len(local) - len(stray)
    blocking = sum(bool(case.blocked) for case in cases)
    result = f"{len(local)} of {len(cases)}, {explained} exceptions explained; {blocking} block checks elsewhere"
    return Demand("... and in no other", result, tuple(broken))


def _every_check_kills(audit: Audit, kills: Counter[str], config: Config) -> Demand:
    made = {check for result in audit.group("misconception") for check in result.checks}
    idle = [c.id for c in audit.assignment.checks() if c.id in made and not kills[c.id]]
    broken = [
        f"{check} is failed by no wrong answer, and guards nothing named"
        for check in idle
        if not config.guards.get(check)
    ]
    if audit.options.limit is not None:
        return Demand("every check is failed by a wrong answer", "not asked of a sample")
    ids = {check.id for check in audit.assignment.checks()}
    broken += [
        f"{check} is listed as a guard, but there is no such check" for check in config.guards if check not in ids
    ]
    broken += [f"{check} is listed as a guard, but {kills[check]} fail it" for check in config.guards if kills[check]]
    guards = sum(check in config.guards for check in idle)
    result = f"{len(made) - len(idle)} of {len(made)}, {guards} guard something named"
    return Demand("every check is failed by a wrong answer", result, tuple(broken))


def _diagnosis(cases: tuple[Case, ...], config: Config) -> Demand:
    found = {True: Counter[str](), False: Counter[str]()}
    for case in cases:
        found[case.answer.item in config.sampled][case.diagnosis] += 1
    broken = [
        f"{case.answer.name} is told that it is {', '.join(case.named)}" for case in cases if case.diagnosis == "wrong"
    ]
    parts = []
    for sampled, least in ((False, LEAST_NAMED), (True, LEAST_NAMED_SAMPLED)):
        counted, total = found[sampled], sum(found[sampled].values())
        if total:
            share = (counted["right"] + counted["among"]) / total
            kind = "sampled" if sampled else "deterministic"
            parts.append(f"{kind}: {share:.0%} ({counted['right']} alone, {counted['among']} among others)")
            if share < least and total >= 10:
                broken.append(f"of {kind} items {share:.0%} are told their mistake; {least:.0%} are demanded")
    return Demand("wrong answers are told their mistake", "; ".join(parts), tuple(broken))


def _rates(audit: Audit) -> dict[str, float]:
    """By check, the greatest sum of the rates that its statistics state, over all correct submissions."""
    rates: dict[str, float] = {}
    for result in (*audit.group("reference"), *audit.group("variant")):
        for check, outcome in result.checks.items():
            if outcome.statistics:
                rates[check] = max(rates.get(check, 0.0), sum(rate for _, _, rate in outcome.statistics))
    return rates


def _false_failures(rates: dict[str, float]) -> Demand:
    total = sum(rates.values())
    broken = (f"the stated rates add up to {total:.2g} a run; at most {GREATEST_RATE:g} is allowed",)
    result = f"{total:.1e} a run, from {len(rates)} checks"
    return Demand("a right submission does not fail by chance", result, broken if total >= GREATEST_RATE else ())


def _agreement(audit: Audit, config: Config) -> Demand:
    assignment = audit.assignment
    broken: list[str] = []
    try:
        verify_collected(assignment, list(audit.collected), audit.options.tiers)
    except AssignmentError as error:
        broken.append(str(error))
    try:
        for path, text in strip.skeletons(assignment).items():
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                broken.append(f"{path.name} in student/ is not what the solution gives: run 'vae-grade skeleton'")
    except strip.StripError as error:
        broken.append(str(error))
    broken += _handout(audit)
    items = {item.id: item for item in assignment.items}
    for answer in audit.catalogue.misconceptions:
        broken += _misplaced(answer, items.get(answer.item or ""))
    return Demand("rubric, checks, skeleton, handout and catalogue agree", "", tuple(broken))


def _handout(audit: Audit) -> list[str]:
    """Sections that the rubric names, but the handout lacks."""
    handout = audit.assignment.student / "README.md"
    if not handout.is_file():
        return []
    lines = handout.read_text(encoding="utf-8").splitlines()
    headings = [" ".join(line.lstrip("#").split()) for line in lines if line.startswith("#")]
    return [
        f"{item.id} refers to {item.section!r}, but no heading of student/README.md begins so"
        for item in audit.assignment.items
        if not any(heading.startswith(item.section) for heading in headings)
    ]


def _misplaced(answer: Answer, item: Item | None) -> list[str]:
    if item is None:
        return [f"{answer.name} belongs to {answer.item!r}, which is no item"]
    name = (answer.replaces or "").rpartition(".")[2]
    if answer.file != item.file or name not in item.functions:
        return [f"{answer.name} replaces {answer.replaces} of {answer.file}, which {item.id} does not judge"]
    return []

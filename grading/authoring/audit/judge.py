"""What an audit's results mean: which requirements the assignment meets, and by what others are violated."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ...catalogue import Answer
from . import agreement
from .config import Config
from .plan import Audit
from .tasks import Result

GREATEST_RATE = 1e-6
"""How often a right submission may fail a run by chance."""
LEAST_LOCALISED = 0.97
LEAST_SHARED, LEAST_SHARE = 5, 0.6
"""So many of an item's wrong answers, and such a share of those that experiments explain, do not share a mistake."""
LEAST_NAMED, LEAST_NAMED_SAMPLED = 0.85, 0.60


@dataclass(frozen=True)
class Violation:
    """One cause for which a requirement is not met.

    Attributes:
        cause: what is wrong.
        subjects: whose submissions show it; empty where it is not shown by a submission.
    """

    cause: str
    subjects: tuple[str, ...] = ()

    def told(self, most: int | None = None) -> str:
        """Cause and subjects in one line, with at most so many of the subjects' names."""
        if not self.subjects:
            return self.cause
        shown = ", ".join(self.subjects[:most])
        rest = len(self.subjects) - len(self.subjects[:most])
        return f"{self.cause} — {shown}{f' and {rest} more' if rest else ''}"


@dataclass(frozen=True)
class Requirement:
    """One thing that makes an assignment sound.

    Attributes:
        title: what is required.
        result: what was found, in short form.
        violations: what is wrong, one for each cause; none means that the requirement is met.
    """

    title: str
    result: str
    violations: tuple[Violation, ...] = ()

    @property
    def met(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.violations


@dataclass(frozen=True)
class Finding:
    """What became of one wrong answer.

    Attributes:
        answer: the wrong answer.
        failed: the checks of its item that it fails.
        kind: how it first shows: the kind of the first of them in the score document; None where it fails none.
        lost: items other than its own that it loses points in, each with what failed first.
        blocked: items other than its own of which checks could not be run because of it.
        named: the mistakes that the diagnosis named.
    """

    answer: Answer
    failed: tuple[str, ...]
    kind: str | None
    lost: dict[str, str]
    blocked: tuple[str, ...]
    named: tuple[str, ...]

    @classmethod
    def of(cls, answer: Answer, result: Result) -> Finding:
        """Read the outcomes of the answer's checks. Those that ended in an error of the grader's say nothing."""
        failed: list[str] = []
        blocked: dict[str, bool] = {}
        lost: dict[str, str] = {}
        for check, outcome in result.checks.items():
            item = check.split("/")[1]
            if outcome.passed or outcome.is_error:
                continue
            if item == answer.item:
                failed += [] if outcome.blocked else [check]
            elif outcome.blocked and outcome.blocked_by == answer.item:
                blocked[item] = True
            else:
                lost.setdefault(item, f"{check}: {outcome.message}")
        kind = result.checks[failed[0]].kind if failed else None
        named = next((outcome.named for outcome in result.checks.values() if outcome.named), ())
        return cls(answer, tuple(failed), kind, lost, tuple(blocked), named)

    @property
    def diagnosis(self) -> str:
        """What the report named: "right" (it alone), "among" (it and others), "silent" or "wrong"."""
        if not self.named:
            return "silent"
        if self.answer.name not in self.named:
            return "wrong"
        return "right" if len(self.named) == 1 else "among"


@dataclass(frozen=True)
class Facts:
    """What an audit has shown, and what its configuration says of it.

    Attributes:
        audit: the audit.
        config: what is known of this assignment.
        findings: on every wrong answer.
        failures: by check, how many wrong answers fail it.
        rates: by check, the false-failure rate that its statistics state.
    """

    audit: Audit
    config: Config
    findings: tuple[Finding, ...]
    failures: Counter[str]
    rates: dict[str, float]


@dataclass(frozen=True)
class Verdict(Facts):
    """An audit, judged.

    Attributes:
        requirements: in the order in which they are told.
    """

    requirements: tuple[Requirement, ...]

    @property
    def sound(self) -> bool:
        """Whether every requirement is met."""
        return all(requirement.met for requirement in self.requirements)


def judge(audit: Audit, config: Config) -> Verdict:
    """Hold the results of an audit against what is required of an assignment."""
    results = {result.name: result for result in audit.group("misconception")}
    answers = [answer for answer in audit.catalogue.misconceptions if answer.name in results]
    findings = tuple(Finding.of(answer, results[answer.name]) for answer in answers)
    failures = Counter(check for finding in findings for check in finding.failed)
    facts = Facts(audit, config, findings, failures, _rates(audit))
    asked = {None, *audit.options.groups}
    requirements = tuple(require(facts) for group, require in REQUIREMENTS if group in asked)
    return Verdict(**vars(facts), requirements=requirements)


def _rates(audit: Audit) -> dict[str, float]:
    """By check, the greatest sum of the rates that its statistics state, over all correct submissions."""
    rates: dict[str, float] = {}
    for result in (*audit.group("reference"), *audit.group("variant")):
        for check, outcome in result.checks.items():
            if outcome.statistics:
                rates[check] = max(rates.get(check, 0.0), sum(rate for _, _, rate in outcome.statistics))
    return rates


def _by_cause(shown: Iterable[tuple[str, str]]) -> Iterator[Violation]:
    """One violation for each cause, from pairs of a cause and who shows it."""
    subjects = defaultdict(list)
    for cause, subject in shown:
        subjects[cause].append(subject)
    for cause, names in subjects.items():
        yield Violation(cause, tuple(names))


def _full_marks(facts: Facts, group: str, title: str) -> Requirement:
    results = facts.audit.group(group)
    lost = (
        (f"{check}: {outcome.message}", f"{result.name} ({result.key})")
        for result in results
        for check, outcome in result.checks.items()
        if not outcome.passed and not outcome.is_error
    )
    names = len({result.name for result in results})
    runs = f" in {len(results)} runs" if len(results) > names else ""
    return Requirement(title, f"{names}{runs}", tuple(_by_cause(lost)))


def _solution(facts: Facts) -> Requirement:
    return _full_marks(facts, "reference", "the solution gets full marks")


def _variants(facts: Facts) -> Requirement:
    return _full_marks(facts, "variant", "correct variants get full marks")


def _skeleton(facts: Facts) -> Requirement:
    title = "the skeleton gets nothing, every item not implemented"
    results = facts.audit.group("skeleton")
    if not results:
        return Requirement(
            title, "none", (Violation(f"a file of {facts.audit.assignment.folders.student}/ is missing"),)
        )
    (result,) = results
    other = (
        (f"a check is {outcome.status}: {outcome.message}", check)
        for check, outcome in result.checks.items()
        if not outcome.is_not_implemented and not outcome.is_error
    )
    return Requirement(title, f"{len(result.checks)} checks", tuple(_by_cause(other)))


def _detection(facts: Facts) -> Requirement:
    missed = [finding.answer for finding in facts.findings if not finding.failed]
    shown = ((f"every check of {answer.item} is passed", answer.name) for answer in missed)
    total = len(facts.findings)
    title = "every wrong answer loses points in its item"
    return Requirement(title, f"{total - len(missed)} of {total}", tuple(_by_cause(shown)))


def _localisation(facts: Facts) -> Requirement:
    findings, exceptions = facts.findings, facts.config.exceptions
    local = [finding for finding in findings if not finding.lost]
    stray = [finding for finding in findings if finding.lost and finding.answer.name not in exceptions]
    violations = list(
        _by_cause(
            (f"points are lost in {item}: {what}", finding.answer.name)
            for finding in stray
            for item, what in finding.lost.items()
        )
    )
    if findings and len(local) < LEAST_LOCALISED * len(findings):
        share = f"{LEAST_LOCALISED:.0%} are required"
        violations.append(Violation(f"only {len(local)} of {len(findings)} fail no other item; {share}"))
    needless = sorted(set(exceptions) & {finding.answer.name for finding in local})
    violations += _by_cause(("explained as an exception, but is none", name) for name in needless)
    explained = len(findings) - len(local) - len(stray)
    blocking = sum(bool(finding.blocked) for finding in findings)
    result = f"{len(local)} of {len(findings)}, {explained} exceptions explained; {blocking} block checks elsewhere"
    return Requirement("... and in no other", result, tuple(violations))


def _every_check_is_failed(facts: Facts) -> Requirement:
    title = "every check is failed by a wrong answer"
    if facts.audit.options.limit is not None:
        return Requirement(title, "not asked of a sample")
    failures, guards = facts.failures, facts.config.guards
    run = {check for result in facts.audit.group("misconception") for check in result.checks}
    ids = [check.id for check in facts.audit.assignment.checks()]
    idle = [check for check in ids if check in run and not failures[check]]
    violations = [
        *(
            Violation(f"{check} is failed by no wrong answer, and guards nothing named")
            for check in idle
            if check not in guards
        ),
        *(
            Violation(f"{check} is listed as a guard, but there is no such check")
            for check in guards
            if check not in ids
        ),
        *(
            Violation(f"{check} is listed as a guard, but {failures[check]} fail it")
            for check in guards
            if failures[check]
        ),
    ]
    guarding = sum(check in guards for check in idle)
    result = f"{len(run) - len(idle)} of {len(run)}, {guarding} guard something named"
    return Requirement(title, result, tuple(violations))


def _diagnosis(facts: Facts) -> Requirement:
    wrong = (
        (f"told that it is {', '.join(finding.named)}", finding.answer.name)
        for finding in facts.findings
        if finding.diagnosis == "wrong"
    )
    violations, parts = list(_by_cause(wrong)), []
    for kind, sampled, least in (("deterministic", False, LEAST_NAMED), ("sampled", True, LEAST_NAMED_SAMPLED)):
        told = Counter(f.diagnosis for f in facts.findings if (f.answer.item in facts.config.sampled) is sampled)
        if not told:
            continue
        share = (told["right"] + told["among"]) / told.total()
        parts.append(f"{kind}: {share:.0%} ({told['right']} alone, {told['among']} among others)")
        if share < least and told.total() >= 10:
            violations.append(
                Violation(f"of {kind} items {share:.0%} are told their mistake; {least:.0%} are required")
            )
    return Requirement("wrong answers are told their mistake", "; ".join(parts), tuple(violations))


def _other_clothes(facts: Facts) -> Requirement:
    """What a catalogue recognizes must not be its own text alone."""
    answers = {answer.name: answer for answer in facts.audit.catalogue.misconceptions}
    findings = [Finding.of(answers[result.name], result) for result in facts.audit.group("dressed")]
    told = Counter(finding.diagnosis for finding in findings)
    wrong = ((f"told that it is {', '.join(f.named)}", f.answer.name) for f in findings if f.diagnosis == "wrong")
    named = told["right"] + told["among"]
    violations = list(_by_cause(wrong))
    if named < LEAST_NAMED_SAMPLED * len(findings):
        violations.append(Violation(f"{named} of {len(findings)} are told; {LEAST_NAMED_SAMPLED:.0%} are required"))
    return Requirement("... and in other clothes as well", f"{named} of {len(findings)}", tuple(violations))


def _no_failure_by_chance(facts: Facts) -> Requirement:
    total = sum(facts.rates.values())
    cause = f"the stated rates add up to {total:.2g} a run; at most {GREATEST_RATE:g} is allowed"
    return Requirement(
        "a right submission does not fail by chance",
        f"{total:.1e} a run, from {len(facts.rates)} checks",
        (Violation(cause),) if total >= GREATEST_RATE else (),
    )


def _agreement(facts: Facts) -> Requirement:
    title = "rubric, checks, skeleton, handout and catalogue agree"
    return Requirement(title, "", tuple(map(Violation, agreement.disagreements(facts.audit))))


def _written_for_this_solution(facts: Facts) -> Requirement:
    """A wrong answer is the solution but for one mistake: the one that its sentence names.

    Those that are edits of the solution are this by themselves. The others were written beside it; where it has changed
    since, they are wrong in the old way too, whatever their sentences say, and experiments find that in all of them.
    """
    explained = [(f, result.why) for f, result in _with_results(facts) if result.why]
    shared: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for finding, why in explained:
        for sentence in why:
            shared[finding.answer.item, sentence].append(finding.answer.name)
    of_item = Counter(finding.answer.item for finding, _ in explained)
    stale = [
        (f"written for another solution, for experiments say of all of them: {sentence}", name)
        for (item, sentence), names in shared.items()
        if len(names) >= LEAST_SHARED and len(names) > LEAST_SHARE * of_item[item]
        for name in names
    ]
    title = "wrong answers are the solution but for the mistake that is told"
    return Requirement(title, f"{len(explained)} asked by experiments", tuple(_by_cause(stale)))


def _with_results(facts: Facts) -> Iterator[tuple[Finding, Result]]:
    results = {result.name: result for result in facts.audit.group("misconception")}
    return ((finding, results[finding.answer.name]) for finding in facts.findings)


def _no_errors(facts: Facts) -> Requirement:
    """A check that ends in an error judges nobody: it is a fault of the checks, whoever's submission shows it."""
    errors = (
        (f"{check}: {outcome.message}", result.name)
        for result in facts.audit.results
        for check, outcome in result.checks.items()
        if outcome.is_error
    )
    return Requirement("no check ends in an error of its own", "", tuple(_by_cause(errors)))


def _ran_well(facts: Facts) -> Requirement:
    problems = (problem for result in facts.audit.results for problem in result.problems)
    return Requirement("the audit itself ran well", "", tuple(map(Violation, problems)))


REQUIREMENTS: tuple[tuple[str | None, Callable[[Facts], Requirement]], ...] = (
    (None, _solution),
    ("skeleton", _skeleton),
    ("misconception", _detection),
    ("misconception", _localisation),
    ("misconception", _every_check_is_failed),
    ("misconception", _diagnosis),
    ("misconception", _other_clothes),
    ("variant", _variants),
    (None, _no_failure_by_chance),
    (None, _agreement),
    ("misconception", _written_for_this_solution),
    (None, _no_errors),
    (None, _ran_well),
)
"""Each with the group of submissions that it is asked of, in the order in which they are told; None for always."""

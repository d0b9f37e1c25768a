"""Grades a class into a folder, again and again if need be, until every submission is graded."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .. import grade
from ..assignment import POINT_UNITS, Assignment
from ..boundary.shared.text import clean_line
from ..progress import Progress
from ..seeds import derive_key
from ..submission import Submission, SubmissionError
from ..submission.archive import LEADS_OUT
from . import deadlines, farm, fetch, platforms, roster
from .farm import Farm
from .identity import Candidate, reconcile
from .model import Class, ClassError, Lateness, Outcome, State, Student, document_path, load, student_path
from .platforms import Handed
from .store import Store
from .work import Result, Setting, Task, fingerprint

__all__ = ["Plan", "Told", "run"]

FETCHED_AT_ONCE = 8


@dataclass(frozen=True)
class Plan:
    """What is to be graded, and how.

    Attributes:
        submissions: a platform's download, a folder, or a roster with repositories.
        out: the folder of the class.
        roster: who is in the class, where that is not in ``submissions``.
        deadlines: the rules for lateness.
        tiers: the tiers to run.
        isolation: the level at which the students' code runs.
        regrade: ids of students to grade anew; "all" is everybody.
        reason: why.
        secret: what the seeds of hidden checks are derived from.
    """

    submissions: Path
    out: Path
    roster: Path | None
    deadlines: Path | None
    tiers: tuple[str, ...]
    isolation: str
    regrade: tuple[str, ...]
    reason: str
    secret: str | None


Told = Callable[[Outcome | str, Progress], None]
"""Is told each outcome, or a notice, and how far the class is."""


def run(plan: Plan, assignment: Assignment, root: str | None, workers: Farm, tell: Told) -> Class:
    """Grade a class.

    What is in the folder already is not graded again, as long as submission, assignment, grader and seed are the same.

    Args:
        plan: what and how.
        assignment: what to grade by.
        root: how workers find the assignment; None for their own.
        workers: where to grade.
        tell: is told what happens.

    Raises:
        ClassError: the input cannot be used.
        StorageError: the folder cannot be written to.
        UnavailableIsolationError, SkewError, AssignmentError: the workers cannot grade.
    """
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(plan.out))
        return _Run(plan, assignment, root, store, tell).finish(workers, stack)


class _Run:
    """One run; see ``run``."""

    def __init__(self, plan: Plan, assignment: Assignment, root: str | None, store: Store, tell: Told) -> None:
        self._plan, self._assignment, self._store, self._tell = plan, assignment, store, tell
        self._setting = Setting(root, fingerprint(assignment), plan.tiers, plan.isolation)
        self._possible = Fraction(sum(check.units for check in assignment.checks(plan.tiers)), POINT_UNITS)
        self._rules: deadlines.Deadlines | None = None
        self._roster: tuple[Student, ...] = ()
        self._notices: list[str] = []
        self._rows: list[Candidate] = []
        self._done = 0
        self._regrades: dict[str, str] = {}
        self._waiting: dict[str, list[tuple[int, Submission, Lateness]]] = {}

    def finish(self, workers: Farm, stack: ExitStack) -> Class:
        platform = self._gather(stack)
        self._store.begin(
            assignment={
                "name": self._assignment.name,
                "version": self._assignment.version,
                "digest": self._assignment.digest,
            },
            platform=platform,
            notices=self._notices,
        )
        count = f"{len(self._rows)} student" + "s" * (len(self._rows) != 1)
        for line in (f"{platform}: {count}", *self._notices):
            self._say(line)
        self._ask_regrades()
        with closing(farm.results(workers, self._tasks())) as results:
            for key, result in results:
                self._graded(key, result)
        self._store.finish(row.student.id for row in self._rows)
        return load(self._plan.out)

    def _gather(self, stack: ExitStack) -> str:
        """Find out who is in the class, and what each handed in."""
        place = self._plan.submissions
        by_repository = place.is_file() and place.suffix.casefold() in (".csv", ".tsv")
        listed = place if by_repository else self._plan.roster
        if by_repository and self._plan.roster is not None:
            raise ClassError(f"{place} is a roster already: leave --roster out")
        if listed is not None:
            self._roster, said = roster.load(listed)
            self._notices += said
        if self._plan.deadlines is not None:
            self._rules = deadlines.load(self._plan.deadlines, self._roster)
        if by_repository:
            self._rows = self._fetched(place)
            self._notices += self._nobodies()
            return "a roster with repositories"
        if self._plan.out.resolve().is_relative_to(place.resolve()):
            raise ClassError(
                f"{self._plan.out} lies in {place}, where it would be taken for a submission: name another with --out"
            )
        found = platforms.find(place, self._assignment, stack)
        self._rows, said = reconcile(found.handed, self._roster)
        self._notices += [*found.notices, *said, *self._nobodies()]
        return found.platform

    def _nobodies(self) -> list[str]:
        """A typo in an id would cost a student the extension without a word."""
        unknown = self._rules.unknown(row.student for row in self._rows) if self._rules else []
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        names = ", ".join(clean_line(name, 80) for name in unknown[:10])
        return [f"the deadlines name nobody of the class, and no group: {names}{more}"] if unknown else []

    def _fetched(self, listed: Path) -> list[Candidate]:
        """The repositories of a roster, fetched several at a time."""
        students = [student for student in self._roster if not student.staff]
        staff = [student for student in self._roster if student.staff]
        if not any(student.repository for student in students):
            raise ClassError(f"{listed} names no repository: give it with --roster, beside the submissions")

        def one(student: Student) -> Candidate:
            if not student.repository:
                return Candidate(student)
            repository = self._plan.out / "repositories" / f"{student.safe_name}.git"
            try:
                _twice(lambda: fetch.fetch(student, repository))
                commit = fetch.choose(student, repository, self._rules, staff, listed)
            except fetch.FetchError as error:
                return Candidate(student, unfetched=str(error))
            except fetch.NothingError as error:
                return Candidate(student, nothing=str(error))
            handed = Handed(
                student.id,
                lambda assignment: fetch.taken(student, repository, commit, assignment),
                student.repository,
                received=commit.received,
                clock=commit.clock,
                notes=(commit.note,) if commit.note else (),
            )
            return Candidate(student, handed)

        self._say(f"fetching {sum(bool(student.repository) for student in students)} repositories")
        with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
            return list(pool.map(one, students))

    def _ask_regrades(self) -> None:
        known = {row.student.id for row in self._rows}
        wanted = known if "all" in self._plan.regrade else {roster.plain(who) for who in self._plan.regrade}
        if unknown := sorted(wanted - known):
            raise ClassError(f"nobody in the class has the id {clean_line(unknown[0], 80)!r}")
        if wanted:
            self._store.ask_regrade(sorted(wanted), self._plan.reason)
        self._regrades = self._store.regrades()

    def _tasks(self) -> Iterator[tuple[str, Task]]:
        """What has to be graded; rows that need no grading are finished on the way."""
        for position, row in enumerate(self._rows):
            submission = self._submission(position, row)
            if submission is None or row.handed is None:
                continue
            late = self._lateness(row.student, row.handed)
            seed = self._seed(submission)
            key = self._key(submission, seed)
            if key in self._waiting:
                self._waiting[key].append((position, submission, late))
            elif row.student.id not in self._regrades and (found := self._store.cached(key)) is not None:
                self._write(position, submission, late, found["document"], found["redacted"])
            else:
                self._waiting[key] = [(position, submission, late)]
                yield key, Task(self._setting, submission, seed)

    def _submission(self, position: int, row: Candidate) -> Submission | None:
        """What is to be graded of a row; if nothing is, the row is finished."""
        if row.unclear:
            self._ungraded(position, State.AMBIGUOUS, row.unclear)
        elif row.unfetched:
            self._ungraded(position, State.ERROR, f"the repository cannot be fetched: {row.unfetched}")
        elif row.handed is None:
            self._ungraded(position, State.MISSING, row.nothing or "nothing was handed in")
        else:
            try:
                submission = row.handed.take(self._assignment)
            except (SubmissionError, OSError) as error:
                self._ungraded(position, State.INVALID, clean_line(str(error), 1000))
                return None
            submission = dataclasses.replace(
                submission,
                id=clean_line(row.student.id, 100),
                problems=[*row.handed.notes, *submission.problems],
            )
            outside = next((problem for problem in submission.problems if problem.startswith(LEADS_OUT)), None)
            if outside or not submission.files:
                self._ungraded(position, State.INVALID, outside or "; ".join(submission.faults.values()), submission)
                return None
            return submission
        return None

    def _lateness(self, student: Student, handed: Handed) -> Lateness:
        received, clock, note = handed.received, handed.clock, ""
        if received is not None and received.tzinfo is None:
            zone = self._rules.due.tzinfo if self._rules else None
            if isinstance(zone, ZoneInfo):
                received, note = received.replace(tzinfo=zone), f"the platform's time, read as one of {zone.key}"
            else:
                received, clock = None, ""
                note = "the platform tells a time without a zone, which `zone` in the deadlines has to give"
        elif clock == "commit":
            note = "the commit's own time decided, which its author can set"
        note = note if self._rules else ""
        return deadlines.lateness(self._rules, student, received, clock, marked=handed.marked, note=note)

    def _seed(self, submission: Submission) -> str:
        """The same whenever the same files are graded by the same assignment, and in each of several runs."""
        secret = self._plan.secret or derive_key(self._assignment.digest, "class")
        return grade.choose_seed(submission, None, secret)

    def _key(self, submission: Submission, seed: str) -> str:
        setting = self._setting
        parts = [submission.digest, sorted(submission.faults.items()), seed, setting.fingerprint]
        return hashlib.sha256(json.dumps([*parts, setting.tiers, setting.isolation]).encode()).hexdigest()

    def _graded(self, key: str, result: Result | Exception) -> None:
        rows = self._waiting.pop(key)
        if isinstance(result, Exception):
            for position, submission, _ in rows:
                note = f"the grader failed twice: {clean_line(str(result) or type(result).__name__, 500)}"
                self._ungraded(position, State.ERROR, note, submission)
            return
        if not result.faulty:
            self._store.cache(key, {"document": result.document, "redacted": result.redacted})
        for position, submission, late in rows:
            self._write(position, submission, late, result.document, result.redacted, faulty=result.faulty)

    def _write(
        self,
        position: int,
        submission: Submission,
        late: Lateness,
        document: dict[str, Any],
        redacted: dict[str, Any],
        *,
        faulty: bool = False,
    ) -> None:
        """Finish a row that is graded: the documents under this student's name, then the outcome."""
        student = self._rows[position].student
        whole, shown = (_of(submission, content) for content in (document, redacted))
        self._store.keep_files(submission.files.values())
        self._store.write(student.id, whole, shown, self._regrades.get(student.id))
        if student.id in self._regrades and not faulty:
            self._store.regraded(student.id)
        raw = Fraction(round(whole["score"]["earned"] * POINT_UNITS), POINT_UNITS)
        state, note = State.GRADED, ""
        if faulty:
            state, note = State.ERROR, "the grader could not make some of the checks, twice; their points are open"
        self._record(
            position,
            Outcome(
                student,
                state,
                submission.source,
                None if faulty else raw,
                self._possible,
                late,
                note,
                tuple(whole["problems"]),
                document_path(self._plan.out, student.id),
                student_path(self._plan.out, student.id),
            ),
        )

    def _ungraded(self, position: int, state: State, note: str, submission: Submission | None = None) -> None:
        row = self._rows[position]
        handed = row.handed
        self._store.drop(row.student.id, f"{state}: {note}")
        if state is not State.ERROR:
            self._store.regraded(row.student.id)
        self._record(
            position,
            Outcome(
                row.student,
                state,
                clean_line(handed.source, 500) if handed else "",
                possible=self._possible,
                lateness=self._lateness(row.student, handed) if handed else Lateness(),
                note=note,
                problems=tuple(submission.problems) if submission else handed.notes if handed else (),
            ),
        )

    def _record(self, position: int, outcome: Outcome) -> None:
        if outcome.student.hold:
            held = f"held: {outcome.student.hold}" if outcome.student.hold.casefold() not in _YES else "held"
            note = f"{held}; {outcome.state}" + (f", {outcome.note}" if outcome.note else "")
            outcome = dataclasses.replace(outcome, state=State.HOLD, note=note)
        self._store.record(outcome, position, stranger=self._rows[position].stranger)
        self._done += 1
        self._tell(outcome, self._progress())

    def _say(self, text: str) -> None:
        self._tell(text, self._progress())

    def _progress(self) -> Progress:
        return Progress(self._done, len(self._rows))


def _twice(fetch_it: Callable[[], None]) -> None:
    """A network may fail once."""
    try:
        fetch_it()
    except fetch.FetchError:
        fetch_it()


_YES = {"1", "yes", "true", "y", "x"}


def _of(submission: Submission, content: dict[str, Any]) -> dict[str, Any]:
    """A document as this student's: the same files, handed in by somebody else, come to the same."""
    told = {"id": submission.id, "source": submission.source, "commit": submission.commit}
    return {
        **content,
        "submission": {**content["submission"], **told},
        "problems": [*submission.problems, *content["problems"]],
    }

"""A class and its folder: who is in it, what became of each submission, and where everything lies.

The folder of a class holds::

    documents, student      <name>.json: the instructor's score document of each student, and the redacted one
    history/<name>          <n>.json: documents that later ones have replaced
    files                   <sha256>: what was handed in, by its content
    cache                   <key>.json: documents by what they depend on
    repositories            <name>.git: what was fetched for a roster with repositories
    state.sqlite            the outcomes, and what was done when and why
    gradebook.*             made of all that

where ``<name>`` is ``safe_name`` of the student's id.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

LAYOUT_VERSION = 1

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)")


class ClassError(Exception):
    """Something that the instructor gave cannot be used; the message says what, where, and what to do."""


class State(StrEnum):
    """What became of a student's submission."""

    GRADED = "graded"
    MISSING = "missing"
    """Nothing was handed in. It is no zero unless somebody says so."""
    INVALID = "invalid"
    """Something was handed in that cannot be graded; the note says why."""
    ERROR = "error"
    """The grader failed twice; nothing is known of the submission, so it has no score."""
    HOLD = "hold"
    """The roster holds the score back; it is graded all the same, where it can be."""
    AMBIGUOUS = "ambiguous"
    """Which submission is this student's cannot be told without guessing."""


@dataclass(frozen=True)
class Student:
    """A row of the roster, or what a platform's download says of somebody where there is no roster.

    Attributes:
        id: what identifies the student everywhere; texts are in Unicode's form NFC.
        name: as the roster writes it; "" if it is not known.
        login: the account on the platform, such as the one on GitHub.
        email: the address.
        section: the section of the course.
        group: the group that shares late days.
        repository: where the submission is fetched from.
        commit: the commit that counts, if the instructor pinned one.
        reason: why it is pinned.
        activity: the file that lists the pushes to the repository.
        extension: days, or a time with a zone, as the roster writes it.
        hold: why the score is held back; "" if it is not.
        staff: the row is no student's; what this account pushes is no submission.
        line: the line of the roster; 0 without a roster.
    """

    id: str
    name: str = ""
    login: str = ""
    email: str = ""
    section: str = ""
    group: str = ""
    repository: str = ""
    commit: str = ""
    reason: str = ""
    activity: str = ""
    extension: str = ""
    hold: str = ""
    staff: bool = False
    line: int = 0

    @property
    def safe_name(self) -> str:
        """The name of this student's files in the folder of the class."""
        return safe_name(self.id)


@dataclass(frozen=True)
class Lateness:
    """What the deadline's rules say of one submission.

    Attributes:
        received: when it came in, with a zone; None if nothing tells.
        clock: what told it: "platform", "activity" (the service's list of pushes), "commit" (which its author can
            set) or "" (nothing did).
        marked: the platform has marked it as late.
        due: until when it was on time, the student's extension included; None without a deadline.
        days_late: days by the local wall clock, each begun one counted; None if it cannot be told.
        late_days_granted: days that the student's bank, or the group's, had at the beginning of the course.
        late_days_used: days of the bank that this submission takes.
        late_days_left: days that the bank still has after it.
        penalty: the share of the earned points that is taken off, from 0 to 1.
        note: anything else that a reader of the gradebook should know.
    """

    received: datetime | None = None
    clock: str = ""
    marked: bool = False
    due: datetime | None = None
    days_late: int | None = None
    late_days_granted: int = 0
    late_days_used: int = 0
    late_days_left: int = 0
    penalty: Fraction = Fraction(0)
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        times = {name: time.isoformat() if (time := getattr(self, name)) else None for name in ("received", "due")}
        return {**asdict(self), **times, "penalty": str(self.penalty)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What ``to_json`` wrote."""
        times = {name: datetime.fromisoformat(value[name]) if value[name] else None for name in ("received", "due")}
        return cls(**{**value, **times, "penalty": Fraction(value["penalty"])})


@dataclass(frozen=True)
class Outcome:
    """What became of one student's submission.

    Attributes:
        student: whose it is.
        state: what became of it.
        source: where it was found.
        raw: the points of the score document, exactly; None if there are none.
        possible: the points that could be earned.
        lateness: what the deadline's rules say.
        note: why the state is what it is.
        problems: what an instructor should know of the submission.
        path: the instructor's score document, if there is one.
        student_path: the redacted one.
    """

    student: Student
    state: State
    source: str = ""
    raw: Fraction | None = None
    possible: Fraction | None = None
    lateness: Lateness = field(default_factory=Lateness)
    note: str = ""
    problems: tuple[str, ...] = ()
    path: Path | None = None
    student_path: Path | None = None

    @property
    def adjusted(self) -> Fraction | None:
        """The points after the penalty for lateness, exactly; whoever shows them rounds once."""
        return None if self.raw is None else self.raw * (1 - self.lateness.penalty)

    @property
    def needs_a_look(self) -> bool:
        """Whether a person has to decide something."""
        return self.state in (State.INVALID, State.ERROR, State.AMBIGUOUS, State.HOLD)

    @property
    def document(self) -> dict[str, Any] | None:
        """The instructor's score document, read anew each time, so that a large class fits into memory."""
        return _read(self.path)

    @property
    def student_document(self) -> dict[str, Any] | None:
        """The student's score document, read anew each time."""
        return _read(self.student_path)

    def to_json(self) -> dict[str, Any]:
        """All but the paths, as JSON values."""
        return {
            "student": asdict(self.student),
            "state": self.state.value,
            "source": self.source,
            "raw": None if self.raw is None else str(self.raw),
            "possible": None if self.possible is None else str(self.possible),
            "lateness": self.lateness.to_json(),
            "note": self.note,
            "problems": list(self.problems),
            "has_document": self.path is not None,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any], folder: Path) -> Self:
        """What ``to_json`` wrote, with the paths in the folder of a class."""
        student = Student(**value["student"])
        written = value["has_document"]
        return cls(
            student,
            State(value["state"]),
            value["source"],
            None if value["raw"] is None else Fraction(value["raw"]),
            None if value["possible"] is None else Fraction(value["possible"]),
            Lateness.from_json(value["lateness"]),
            value["note"],
            tuple(value["problems"]),
            document_path(folder, student.id) if written else None,
            student_path(folder, student.id) if written else None,
        )


@dataclass(frozen=True)
class Class:
    """A class that has been graded.

    Attributes:
        folder: where it lies.
        assignment: name, version and digest, as in the score documents.
        platform: what handed the submissions over, in words.
        outcomes: one for each student, in the order of the roster, else by id.
        strangers: what became of submissions of people who are not in the roster.
        notices: what was said of the class as a whole, such as the roster's encoding.
    """

    folder: Path
    assignment: dict[str, str]
    platform: str
    outcomes: tuple[Outcome, ...]
    strangers: tuple[Outcome, ...] = ()
    notices: tuple[str, ...] = ()


def load(folder: Path) -> Class:
    """Read the folder of a class that has been graded.

    Raises:
        ClassError: it is none, or grading it has not come to its end.
    """
    path = state_path(folder)
    if not path.is_file():
        raise ClassError(f"{folder} is not the folder of a class: it has no {path.name}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            facts = {name: json.loads(value) for name, value in database.execute("SELECT name, value FROM fact")}
            rows = database.execute("SELECT stranger, record FROM outcome ORDER BY stranger, position").fetchall()
    except (sqlite3.Error, ValueError) as error:
        raise ClassError(f"{path} cannot be read: {error}") from error
    if facts.get("layout_version") != LAYOUT_VERSION:
        raise ClassError(f"{folder} was written by another version of the grader; grade the class into a new folder")
    if not facts.get("finished"):
        raise ClassError(f"{folder} is not finished: give the same `vae-grade class` command again")
    found = [(bool(stranger), Outcome.from_json(json.loads(record), folder)) for stranger, record in rows]
    return Class(
        folder,
        facts["assignment"],
        facts["platform"],
        tuple(outcome for stranger, outcome in found if not stranger),
        tuple(outcome for stranger, outcome in found if stranger),
        tuple(facts["notices"]),
    )


def state_path(folder: Path) -> Path:
    """The database of a class."""
    return folder / "state.sqlite"


def document_path(folder: Path, student: str) -> Path:
    """The instructor's document of a student."""
    return folder / "documents" / f"{safe_name(student)}.json"


def student_path(folder: Path, student: str) -> Path:
    """The redacted document of a student."""
    return folder / "student" / f"{safe_name(student)}.json"


def safe_name(identifier: str) -> str:
    """A file name for any text, the same on every system and different for different texts.

    Ids of small letters, digits, "_" and "-" stay as they are. Others get a digest behind what can be kept of them:
    some systems take "Ada" and "ada" for one name, and some ids would lead out of the folder.
    """
    if _PLAIN.fullmatch(identifier) and not _RESERVED.fullmatch(identifier):
        return identifier
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    # The point keeps these apart from ids that stay as they are.
    return f"{re.sub(r'[^a-z0-9]+', '-', identifier.casefold()).strip('-')[:40]}.{digest}"


def _read(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document

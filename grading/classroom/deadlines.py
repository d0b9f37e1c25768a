"""When a submission was due, how late it is, and what that costs: one pure function decides."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..boundary.shared.text import clean_line
from .model import ClassError, Lateness, Student

_KEYS = {"due", "zone", "grace", "penalty", "cap", "closes", "late_days", "extensions"}
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(-?\d)?")
_BANK_KEYS = {"granted", "per_assignment", "used"}


@dataclass(frozen=True)
class Extension:
    """More time for one student.

    Attributes:
        days: so many days by the local wall clock.
        until: the student's own deadline, in place of days.
    """

    days: int = 0
    until: datetime | None = None


@dataclass(frozen=True)
class Deadlines:
    """The rules for lateness.

    Attributes:
        due: when the submission is due, with a zone.
        grace: how much later still counts as on time.
        penalty: the share of the earned points that each day costs.
        cap: the largest share that lateness costs.
        closes: what comes later is not accepted; it moves with a student's extension.
        granted: late days that each student, or each group, has for the course.
        per_assignment: how many of them one assignment may take.
        used: how many others have taken, by id or group.
        extensions: by id or group.
    """

    due: datetime
    grace: timedelta = timedelta(0)
    penalty: Fraction = Fraction(0)
    cap: Fraction = Fraction(1)
    closes: datetime | None = None
    granted: int = 0
    per_assignment: int | None = None
    used: Mapping[str, int] = field(default_factory=dict)
    extensions: Mapping[str, Extension] = field(default_factory=dict)

    def extension(self, student: Student) -> Extension:
        """More time for this student: the roster's word, else that of these rules for the student, then the group.

        Raises:
            ClassError: the roster's is neither days nor a time.
        """
        if student.extension:
            return _extension(student.extension, self.due, f"the roster, line {student.line}, extension")
        return self.extensions.get(student.id) or self.extensions.get(student.group) or Extension()

    def unknown(self, students: Iterable[Student]) -> list[str]:
        """Of whom these rules speak who is neither a student here nor a group."""
        known = {name for student in students for name in (student.id, student.group)}
        return sorted({*self.extensions, *self.used} - known)

    def due_for(self, student: Student) -> datetime:
        """When this student's submission is due."""
        extension = self.extension(student)
        return extension.until or _moved(self.due, timedelta(days=extension.days))

    def closes_for(self, student: Student) -> datetime | None:
        """After which moment nothing of this student is accepted, if there is one."""
        if self.closes is None:
            return None
        due = self.due_for(student)
        # As much later, by the clock on the wall, as the student's deadline; what is on time is accepted.
        closes = _moved(self.closes, _wall(due, self.due) - _wall(self.due, self.due))
        return max(closes, _instant(due) + self.grace, key=_instant)


def lateness(
    rules: Deadlines | None,
    student: Student,
    received: datetime | None,
    clock: str,
    *,
    marked: bool = False,
    note: str = "",
) -> Lateness:
    """How late a submission is, and what it costs.

    Days are counted by the local wall clock of the deadline's zone: late by up to 24 hours on the wall is one day,
    however long the night between was. What the rules know of the course is all that is looked at, so that asking
    twice takes no day twice.

    Args:
        rules: None if there are none.
        student: whose it is.
        received: when it came in; None if nothing tells.
        clock: what told it, as in ``Lateness``.
        marked: the platform has marked it as late.
        note: what is to be said already.

    Raises:
        ClassError: the roster's extension cannot be understood.
    """
    if rules is None:
        return Lateness(received, clock, marked, note=note)
    due = rules.due_for(student)
    bank = student.group if student.group else student.id
    left = max(0, rules.granted - rules.used.get(bank, 0))
    if received is None:
        unknown = "it is not known when this came in, so nothing is taken off"
        return Lateness(
            None, "", marked, due, None, rules.granted, 0, left, note="; ".join(filter(None, (note, unknown)))
        )
    days = 0 if _instant(received) <= _instant(due) + rules.grace else _days(received, due)
    allowed = left if rules.per_assignment is None else min(left, rules.per_assignment)
    used = min(days, allowed)
    penalty = min(rules.cap, rules.penalty * (days - used))
    notes = [note] if note else []
    closes = rules.closes_for(student)
    if closes is not None and _instant(received) > _instant(closes):
        notes.append("it came after the last moment at which anything is accepted, and earns nothing")
        used, penalty = 0, Fraction(1)
    if marked and days == 0:
        notes.append("the platform marked it as late, and by these rules it is not")
    return Lateness(
        received, clock, marked, due, days, rules.granted, used, left - used, penalty, note="; ".join(notes)
    )


def load(path: Path, students: Iterable[Student] = ()) -> Deadlines:
    """Read the rules for lateness.

    Only ``due`` has to be there::

        due = 2026-03-07T20:00:00
        zone = "America/New_York"
        grace = 300                    # seconds
        penalty = 10                   # percent of the earned points, for each day
        cap = 50                       # percent at most
        closes = 2026-03-14T20:00:00   # nothing is accepted after this

        [late_days]
        granted = 5                    # for the course, to each student or group
        per_assignment = 2             # how many of them one assignment may take
        used = { "101" = 3 }           # by earlier assignments

        [extensions]
        102 = 2                        # days
        103 = 2026-03-10T12:00:00      # or a time

    Args:
        path: the file.
        students: whose extensions, in the roster, have to be understood as well.

    Raises:
        ClassError: it cannot be read, lacks something, has what is not known, or a time has no zone.
    """
    shown = clean_line(str(path), 200)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ClassError(f"the deadlines {shown} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ClassError(f"the deadlines {shown} are not TOML: {error}") from error
    try:
        rules = _rules(table)
        for student in students:
            rules.extension(student)
    except ClassError as error:
        raise ClassError(f"the deadlines {shown}: {error}") from None
    return rules


def _rules(table: dict[str, Any]) -> Deadlines:
    _only(table, _KEYS, "")
    if "due" not in table:
        raise ClassError("there is no 'due'")
    zone = _zone(table["zone"]) if "zone" in table else None
    due = _time(table["due"], zone, "due")
    bank = table.get("late_days", {})
    if not isinstance(bank, dict):
        raise ClassError("'late_days' is a table: [late_days]")
    _only(bank, _BANK_KEYS, "late_days.")
    used, extensions = bank.get("used", {}), table.get("extensions", {})
    if not isinstance(used, dict) or not isinstance(extensions, dict):
        raise ClassError("'late_days.used' and 'extensions' are tables of ids")
    limit = bank.get("per_assignment")
    closes = _time(table["closes"], zone, "closes") if "closes" in table else None
    if closes is not None and closes < due:
        raise ClassError("'closes' is before 'due'")
    return Deadlines(
        due,
        timedelta(seconds=_whole(table.get("grace", 0), "grace")),
        _share(table.get("penalty", 0), "penalty"),
        _share(table.get("cap", 100), "cap"),
        closes,
        _whole(bank.get("granted", 0), "late_days.granted"),
        None if limit is None else _whole(limit, "late_days.per_assignment"),
        {str(who): _whole(days, f"late_days.used.{who}") for who, days in used.items()},
        {str(who): _extension(value, due, f"extensions.{who}") for who, value in extensions.items()},
    )


def _only(table: dict[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ClassError(
            f"there is no setting {where}{clean_line(unknown[0], 80)}; known are {', '.join(sorted(known))}"
        )


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        shown = clean_line(str(name), 80)
        raise ClassError(f'there is no time zone {shown!r}; one is written like "Europe/Berlin"') from error


def _time(value: object, zone: ZoneInfo | None, where: str) -> datetime:
    """A time with a zone: its own, or the one that is named for all."""
    if isinstance(value, str):
        text, _, name = value.strip().partition(" ")
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            raise ClassError(f"'{where}' is no time: {clean_line(text, 80)!r}") from None
        if _DAY.fullmatch(text):  # which Python takes for its first moment, and people for its last
            raise ClassError(f"'{where}' is a day without a time: write {text}T23:59:59, or the like")
        zone = _zone(name.strip()) if name.strip() else zone
    if not isinstance(value, datetime):
        raise ClassError(f"'{where}' has to be a time, such as 2026-03-07T20:00:00")
    if value.tzinfo is None:
        if zone is None:
            raise ClassError(
                f"'{where}' is {value.isoformat()} without a time zone: add zone = \"America/New_York\", or the like"
            )
        local = value.replace(tzinfo=zone)
        if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != value:
            raise ClassError(f"'{where}': in {zone.key} there is no {value.isoformat()}, the clocks skip it")
        return local
    return value.astimezone(zone) if zone is not None else value


def _extension(value: object, due: datetime, where: str) -> Extension:
    if isinstance(value, bool):
        raise ClassError(f"'{where}' is days or a time")
    if isinstance(value, int) or (isinstance(value, str) and value.isdecimal() and value.isascii()):
        return Extension(days=_whole(int(value), where))
    zone = due.tzinfo if isinstance(due.tzinfo, ZoneInfo) else None
    return Extension(until=_time(value, zone, where))


def _whole(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
        raise ClassError(f"'{where}' is a whole number that is not negative")
    return value


def _share(value: object, where: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ClassError(f"'{where}' is a percentage from 0 to 100")
    return Fraction(str(value)) / 100


def _instant(time: datetime) -> datetime:
    """The moment; two times of one zone would be compared by the wall clock, which shows some hours twice."""
    return time.astimezone(UTC)


def _wall(time: datetime, due: datetime) -> datetime:
    """What a clock on the wall shows, in the deadline's zone."""
    return time.astimezone(due.tzinfo).replace(tzinfo=None)


def _moved(time: datetime, by: timedelta) -> datetime:
    """So much later by the clock on the wall."""
    return time + by  # Python adds to a time with a zone by the wall


def _days(received: datetime, due: datetime) -> int:
    """Days between two times by the wall clock, each begun one counted; at least one where received is later."""
    behind = _wall(received, due) - _wall(due, due)
    return max(1, -(-behind // timedelta(days=1)))

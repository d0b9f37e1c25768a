"""Moodle: the grading worksheet of an assignment, and the zip of feedback files that it takes back.

Moodle's importer skips in silence what it does not like: unknown participants, grades above the maximum, locked ones,
and those that were changed in Moodle more than a minute after the worksheet was made. It reads headings in the language
of whoever imports; those that are understood here are as Moodle's language packs have them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO

from ...boundary.shared.text import clean_line
from ..model import Class, ClassError, Outcome, Student
from .filling import Change, Filling, Key, Options, match, number, plain, require_same_worth, score
from .own import rounded
from .table import Table


@dataclass(frozen=True)
class Language:
    """How Moodle calls the columns of a worksheet.

    Attributes:
        name: of the language, in English.
        identifier: "Participant" and a number.
        grade: the column that is filled in.
        changed: when a grade was last changed.
        maximum: what the assignment is worth.
        open: whether a grade can be changed.
        no: that it cannot.
        person: a full name.
        number: the number that the institution gave.
        address: for mail.
    """

    name: str
    identifier: str
    grade: str
    changed: str
    maximum: str
    open: str
    no: str
    person: str
    number: str
    address: str

    @property
    def required(self) -> tuple[str, ...]:
        """The headings by which a worksheet is known."""
        return (self.identifier, self.grade, self.changed)

    @property
    def keys(self) -> dict[str, Key]:
        """The columns that may identify students."""
        return {self.identifier: Key(_numbers, _identifier), self.number: Key(_ids), self.address: Key(_addresses)}


LANGUAGES = (
    Language(
        "English", "Identifier", "Grade", "Last modified (grade)", "Maximum Grade", "Grade can be changed", "no",
        "Full name", "ID number", "Email address",
    ),
    Language(
        "German", "ID", "Bewertung", "Zuletzt geändert (Bewertung)", "Bestwertung", "Bewertung kann geändert werden",
        "nein", "Vollständiger Name", "ID-Nummer", "E-Mail-Adresse",
    ),
    Language(
        "French", "Identifiant", "Note", "Dernière modification (note)", "Note maximale", "La note peut être modifiée",
        "non", "Nom complet", "Numéro d'identification", "Adresse de courriel",
    ),
)  # fmt: skip
_PARTICIPANT = re.compile(r"\D*(\d+)")
_NUMBER = re.compile(r"(?:\D*\s)?(\d+)")
"""An id of ours that is Moodle's number: with "s" in front it is another institution's, and another person's."""
_FOLDER = re.compile(r"[^_/]*_(\d+)_assignsubmission_file_?")
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip, so that the same feedback gives the same bytes."""


def fill(table: Table, graded: Class, options: Options, words: Language) -> Filling:
    """Decide what goes into a worksheet of Moodle.

    Args:
        table: the worksheet.
        graded: the class.
        options: how to fill in.
        words: what the columns are called.

    Raises:
        ClassError: a column is missing that is needed.
    """
    headings = table.headings
    if options.column not in ("", words.grade):
        raise ClassError(f"a worksheet of Moodle belongs to one assignment, whose column is always {words.grade!r}")
    column, maximum_column = headings.index(words.grade), _place(table, words.maximum)
    locked, changed = _place(table, words.open), headings.index(words.changed)
    rows = [row for row in range(1, len(table.rows)) if any(cell.value.strip() for cell in table.rows[row])]
    for maximum in dict.fromkeys(number(table.value(row, maximum_column)) for row in rows):
        require_same_worth(maximum, graded, options)
    found, left, by = match(table, rows, words.keys, graded, options.by)
    filling = Filling(table, column, notices=[f"students are matched by {by!r}"])
    who = {row: table.value(row, _place(table, words.person)) or table.value(row, 0) for row in rows}
    filling.left += [(who[row], reason) for row, reason in left]
    for row, outcome in sorted(found.items()):
        old = table.value(row, column)
        new = score(outcome, number(table.value(row, maximum_column)), options)
        if table.value(row, locked).casefold() == words.no:
            filling.left.append((who[row], "locked or overridden in Moodle, which would skip it"))
        elif isinstance(new, str):
            filling.left.append((who[row], new))
        elif column >= len(table.rows[row]):
            filling.left.append((who[row], "the row is too short"))
        elif number(old) == round(new, 2):
            filling.same += 1
        else:
            comma = "," in table.value(row, maximum_column)
            written = rounded(new).replace(".", ",") if comma else rounded(new)
            time = table.value(row, changed)
            told = f"{old} of {time}" if old and time not in ("", "-") else old
            filling.changes.append(Change(row, who[row], told, written))
    if any(change.old for change in filling.changes):
        filling.notices.append(
            "Moodle skips, without a word, grades that were changed there after this worksheet was downloaded: "
            "download it just before, or let its importer update records that were modified"
        )
    return filling


def _place(table: Table, heading: str) -> int | None:
    return table.headings.index(heading) if heading in table.headings else None


def _identifier(text: str) -> str:
    """The number behind "Participant", whatever that is called in a language; another identifier as it is."""
    found = _PARTICIPANT.fullmatch(text)
    return found[1] if found else plain(text)


def _numbers(outcome: Outcome) -> tuple[str, ...]:
    """Moodle's own numbers: the one in the name of the folder that was handed in decides, where there is one."""
    folder = _handed_in(outcome)
    found = _FOLDER.fullmatch(folder) if folder else _NUMBER.fullmatch(outcome.student.id)
    return (found[1],) if found else ()


def _ids(outcome: Outcome) -> tuple[str, ...]:
    return (outcome.student.id,)


def _addresses(outcome: Outcome) -> tuple[str, ...]:
    return (outcome.student.email, outcome.student.id)


def write_feedback(stream: IO[bytes], pages: Iterable[tuple[Outcome, str]]) -> int:
    """Write the zip that "Upload multiple feedback files in a zip" takes.

    Args:
        stream: where to.
        pages: students and their page of feedback, as HTML.

    Returns:
        How many pages there are.

    Raises:
        ClassError: an id is not Moodle's.
    """
    count = 0
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for outcome, page in pages:
            entry = zipfile.ZipInfo(f"{_folder(outcome)}/feedback.html", _EARLIEST)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, page)
            count += 1
    return count


def _folder(outcome: Outcome) -> str:
    """The folder's name in the download, or one that Moodle reads in the same way."""
    handed_in = _handed_in(outcome)
    if handed_in is not None and not handed_in.startswith((".", "~")):
        return handed_in
    return f"{_name(outcome.student)}_{_number(outcome.student)}_assignsubmission_file"


def _handed_in(outcome: Outcome) -> str | None:
    """The folder of the download that is this student's alone; that of a group has the group's number."""
    if outcome.student.group:
        return None
    return next((part for part in PurePath(outcome.source).parts[::-1] if _FOLDER.fullmatch(part)), None)


def _number(student: Student) -> str:
    found = _NUMBER.fullmatch(student.id)
    if found is None:
        raise ClassError(
            f"Moodle knows a submission by a number, and {clean_line(student.id, 60)!r} has none: grade its own "
            "download, or give a roster whose ids are the numbers in it"
        )
    return found[1]


def _name(student: Student) -> str:
    kept = re.sub(r'[_/\\:*?"<>|\s]+', " ", clean_line(student.name, 60)).strip(" .~")
    return kept or "Participant"

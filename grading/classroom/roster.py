"""The roster: a CSV file that says who is in the class."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from ..boundary.shared.text import clean_line
from .model import ClassError, Student

MAX_SIZE = 16 << 20

# Our own names first, then those of GitHub Classroom and of Classroom 50.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "identifier", "github_id"),
    "name": ("name", "full name"),
    "login": ("login", "github_username", "username"),
    "email": ("email", "email address"),
    "section": ("section",),
    "group": ("group",),
    "repository": ("repository",),
    "commit": ("commit",),
    "reason": ("reason",),
    "activity": ("activity",),
    "extension": ("extension",),
    "hold": ("hold",),
}
_STAFF = {"staff", "instructor", "teacher", "ta", "owner"}
"""Roles that are no student's."""
_NO = {"", "0", "no", "false", "n"}


def load(path: Path) -> tuple[tuple[Student, ...], list[str]]:
    """Read a roster; also say what had to be assumed.

    Columns are found by name, in any order: ``id`` and, where they are wanted, ``name``, ``login``, ``email``,
    ``section``, ``group``, ``repository``, ``commit`` with its ``reason``, ``activity``, ``extension``, ``hold`` and
    ``staff``. The rosters of GitHub Classroom and Classroom 50 are read as they are.

    Raises:
        ClassError: it cannot be read, has no ids, or names somebody twice.
    """
    shown = clean_line(str(path), 200)
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_SIZE else None
    except OSError as error:
        raise ClassError(f"the roster {shown} cannot be read: {error.strerror}") from error
    if raw is None:
        raise ClassError(f"the roster {shown} is larger than {MAX_SIZE >> 20} MiB")
    text, notices = _decoded(raw, shown)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ClassError(f"the roster {shown}, line {reader.line_num}: {error}") from error
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise ClassError(f"the roster {shown} has the column {clean_line(repeated[0], 80)!r} twice")
    if not any(name in header for name in _COLUMNS["id"]):
        found = clean_line(", ".join(header), 300)
        raise ClassError(f"the roster {shown} needs a column 'id' in its first line, which has: {found or 'nothing'}")
    students = [_student(header, row, f"the roster {shown}, line {line}", line) for line, row in rows]
    _verify(students, shown)
    return tuple(students), notices


def plain(text: str) -> str:
    """A text as it is compared: in Unicode's form NFC, with single spaces.

    Names of files need not be text; bytes that are none are written as Python shows them.
    """
    written = text.encode("utf-8", "backslashreplace").decode()
    return " ".join(unicodedata.normalize("NFC", written).split())


def _decoded(raw: bytes, shown: str) -> tuple[str, list[str]]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ClassError(f"the roster {shown} is saved as UTF-16; save it as 'CSV UTF-8'")
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as error:
        raise ClassError(f"the roster {shown} is neither UTF-8 nor Windows-1252: {error.reason}") from error
    return text, [f"the roster {shown} is not UTF-8; it was read as Windows-1252 (cp1252): look at the names"]


def _student(header: list[str], row: list[str], where: str, line: int) -> Student:
    if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
        raise ClassError(f"{where}: has {len(row)} cells, and the first line {len(header)}")
    cells = {name: plain(cell) for name, cell in zip(header, row, strict=False)}

    def cell(field: str) -> str:
        return next((cells[name] for name in _COLUMNS[field] if cells.get(name)), "")

    found = {field: cell(field) for field in _COLUMNS}
    found["name"] = found["name"] or plain(f"{cells.get('first_name', '')} {cells.get('last_name', '')}")
    if not found["id"]:
        raise ClassError(f"{where}: the id is empty")
    if found["commit"] and not found["reason"]:
        raise ClassError(f"{where}: a pinned commit needs a reason in the column 'reason'")
    if found["hold"].casefold() in _NO:
        found["hold"] = ""
    staff = cells.get("staff", "").casefold() not in _NO or cells.get("role", "").casefold() in _STAFF
    return Student(**found, staff=staff, line=line)


def _verify(students: list[Student], shown: str) -> None:
    if not any(not student.staff for student in students):
        raise ClassError(f"the roster {shown} has no students")
    for field in ("id", "login", "email"):
        lines: dict[str, int] = {}
        for student in students:
            # Accounts and addresses are the same however they are written; ids need not be.
            value = getattr(student, field) if field == "id" else getattr(student, field).casefold()
            if value and value in lines:
                raise ClassError(
                    f"the roster {shown} has the {field} {clean_line(value, 80)!r} twice: "
                    f"in line {lines[value]} and in line {student.line}"
                )
            lines[value] = student.line

"""Whose each submission is: held against the roster, and never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..boundary.shared.text import clean_line
from .model import Student
from .platforms import Handed
from .roster import plain


@dataclass(frozen=True)
class Candidate:
    """A row of the gradebook before anything is graded.

    Attributes:
        student: whose row it is.
        handed: what counts; None if nothing was handed in, or if it cannot be told.
        unclear: why it cannot be told which submission is this student's; "" if it can.
        unfetched: why the repository cannot be fetched; "" if it can.
        nothing: why nothing that was handed in is a submission; "" if something is, or nothing was handed in.
        stranger: the student is not in the roster.
    """

    student: Student
    handed: Handed | None = None
    unclear: str = ""
    unfetched: str = ""
    nothing: str = ""
    stranger: bool = False


def reconcile(handed: Sequence[Handed], roster: Sequence[Student]) -> tuple[list[Candidate], list[str]]:
    """Hold submissions and roster against each other; also say what no row of the gradebook shows.

    A submission is a student's if the platform's id is the roster's id, login or address, or a repository's name ends
    with the login; else, if their whole names are equal and nobody else has this name; else every member's of the group
    of that name. Without a roster, whoever handed in is in the class.

    Returns:
        One for each student, in the order of the roster, then one for each stranger; without a roster, by id.
    """
    if not roster:
        return [_of(Student(key, found[0].name, email=found[0].email), found) for key, found in _by_key(handed)], []
    staff = [student for student in roster if student.staff]
    students = [student for student in roster if not student.staff]
    claims: dict[str, list[Handed]] = {student.id: [] for student in students}
    unclear: dict[str, str] = {}
    strangers: list[Handed] = []
    told: list[str] = []
    for one in handed:
        owners = _owners(one, roster)
        if any(student in staff for student in owners):
            told.append(f"{clean_line(one.source, 200)}: {clean_line(one.key, 80)} is of the staff, and not graded")
        elif not owners:
            strangers.append(one)
        elif len(owners) > 1 and not _is_group(one, owners):
            names = f"{len(owners)} students are called {clean_line(one.name or one.key, 80)}"
            unclear |= {student.id: f"{names}, and something was handed in under that name" for student in owners}
            strangers.append(one)
        else:
            for student in owners:
                claims[student.id].append(one)
    rows = [
        Candidate(student, unclear=unclear[student.id])
        if student.id in unclear and not claims[student.id]
        else _of(student, claims[student.id])
        for student in students
    ]
    # An id of the roster is taken, even where a stranger has it too.
    rows += [_stranger(key, found, claims) for key, found in _by_key(strangers)]
    return rows, told


def _by_key(handed: Iterable[Handed]) -> list[tuple[str, list[Handed]]]:
    found: dict[str, list[Handed]] = {}
    for one in handed:
        found.setdefault(plain(one.key), []).append(one)
    return sorted(found.items())


def _of(student: Student, found: Sequence[Handed]) -> Candidate:
    if len(found) < 2:
        return Candidate(student, found[0] if found else None)
    places = sorted({clean_line(one.source, 200) for one in found})
    keys = sorted({clean_line(one.key, 80) for one in found})
    shown = ", ".join(places if len(places) > 1 else keys)
    return Candidate(student, unclear=f"{len(found)} submissions are this student's, and which one counts cannot be "
                     f"told: {shown}")  # fmt: skip


def _stranger(key: str, found: Sequence[Handed], taken: Iterable[str]) -> Candidate:
    identifier = f"stranger {key}" if key in set(taken) else key
    row = _of(Student(identifier, found[0].name, email=found[0].email), found)
    return replace(row, stranger=True)


def _owners(one: Handed, roster: Sequence[Student]) -> list[Student]:
    """The rows that the first rule finds which finds any."""
    key, name = plain(one.key), plain(one.name or one.key).casefold()
    folded, email = key.casefold(), plain(one.email).casefold()
    rules: tuple[Callable[[Student], bool], ...] = (
        lambda student: student.id == key,
        lambda student: bool(student.login) and student.login.casefold() == folded,
        lambda student: bool(student.email) and student.email.casefold() in (folded, email),
        lambda student: bool(student.name) and student.name.casefold() == name,
        lambda student: bool(student.group) and student.group.casefold() in (folded, name),
    )
    for rule in rules:
        if owners := [student for student in roster if rule(student)]:
            return owners
    # Repositories of GitHub Classroom are called {assignment}-{login}; logins may have hyphens themselves.
    ending = [student for student in roster if student.login and folded.endswith(f"-{student.login.casefold()}")]
    return [max(ending, key=lambda student: len(student.login))] if ending else []


def _is_group(one: Handed, owners: Sequence[Student]) -> bool:
    groups = {student.group.casefold() for student in owners}
    return len(groups) == 1 and groups <= {plain(one.key).casefold(), plain(one.name or one.key).casefold()}

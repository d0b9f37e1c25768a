"""What learning platforms hand over, and folders that people make themselves: whose each file is, and when it came."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from ..assignment import Assignment
from ..boundary.shared.text import clean_line
from ..submission import Download, Submission, SubmissionError, take
from ..submission.archive import in_zip
from ..submission.collect import collect
from ..submission.entries import FILE, FOLDER, Entry, Unreadable, in_folder
from ..submission.names import is_litter, meant
from .model import ClassError
from .roster import plain

MAX_METADATA = 256 << 20
"""Of Gradescope's list of submissions, which holds the results of all of them, in bytes."""
MAX_COMMENT = 1 << 20

_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL)
_ATTEMPT = re.compile(r"(?P<stem>.+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|(?P<text>\.txt))", re.DOTALL)
_CANVAS = re.compile(r"(?:LATE_)?anon_[^_]+_\d+_.+|[^_]*(?:_LATE)?_\d+_(?:\d+_.+|text\.html|link\.html)", re.DOTALL)
_CANVAS_TEXT = re.compile(
    r"(?:[^_]*?(?P<late>_LATE)?|(?P<late_anonymous>LATE))_?(?P<id>anon_[^_]+|\d+)_(text|link)\.html"
)
_BRIGHTSPACE = re.compile(r"(?P<id>\d+)-\d+ - (?P<name>.+) - (?P<time>.+)", re.DOTALL)
_BRIGHTSPACE_TIME = re.compile(r"([A-Z][a-z]{2})[a-z]* (\d{1,2}), (\d{4}) (\d{1,2})(\d{2}) ([AP])M")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_METADATA = "submission_metadata.yml"


@dataclass(frozen=True)
class Handed:
    """What one student, or one group, handed in.

    Attributes:
        key: how the platform calls the student.
        take: gives the submission; raises ``SubmissionError``.
        source: where it was found.
        name: the student's name, where the platform tells it.
        email: the address, where it tells that.
        received: when it came in, where anything tells; without a zone, if the platform leaves that out.
        clock: what tells it, as in ``Lateness``.
        marked: the platform has marked it as late.
        notes: what an instructor should know of how it was found.
    """

    key: str
    take: Callable[[Assignment], Submission]
    source: str
    name: str = ""
    email: str = ""
    received: datetime | None = None
    clock: str = "platform"
    marked: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """A class's submissions.

    Attributes:
        platform: what handed them over, in words.
        handed: what each student handed in.
        notices: what was left aside.
    """

    platform: str
    handed: tuple[Handed, ...]
    notices: tuple[str, ...] = ()


def find(place: Path, assignment: Assignment, stack: ExitStack) -> Found:
    """Find out what a folder or a zip is, and who handed in what.

    Args:
        place: the folder or zip.
        assignment: whose files are looked for.
        stack: keeps the zip open until it is closed.

    Raises:
        ClassError: it is neither, or cannot be read.
    """
    shown = clean_line(str(place), 200)
    notices: list[str] = []
    try:
        if place.is_dir():
            top = in_folder(place)
        elif place.is_file():
            top, notices = in_zip(stack.enter_context(place.open("rb")), shown)
        else:
            raise ClassError(f"{shown}: there is no such folder, zip or roster")
    except (OSError, SubmissionError) as error:
        raise ClassError(f"{shown} cannot be read: {clean_line(str(error), 300)}") from error
    top = _tidy(top)
    folder = place if place.is_dir() else None
    found = _recognised(top, place.name)
    only = top[0] if len(top) == 1 and top[0].kind == FOLDER else None
    if found is None and only is not None:  # what a zip was unpacked to, or packed from
        inside = _tidy(only.inside())
        found = _recognised(inside, f"{place.name}/{only.name}")
        if found is None and len(_separate(inside)) > 1 and not _is_submission(inside, assignment):
            top, folder = inside, folder / only.name if folder else None
    if found is None:
        if _is_submission(top, assignment):
            raise ClassError(f"{shown} is one submission, not a class: grade it with `vae-grade run`")
        found = _separately(top, place.name, folder)
    if not found.handed:
        raise ClassError(f"{shown} holds no submissions: neither a platform's download nor folders or zips")
    return replace(found, notices=(*notices, *found.notices))


def _tidy(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if not is_litter(entry.name)]


def _recognised(top: list[Entry], source: str) -> Found | None:
    """The submissions in a platform's download, if it is one: if most of the names are such as the platform's."""
    if any(entry.name == _METADATA for entry in top):
        return _gradescope(top, source)
    for pattern, read in (
        (_MOODLE, _moodle),
        (_ATTEMPT, _blackboard),
        (_BRIGHTSPACE, _brightspace),
        (_CANVAS, _canvas),
    ):
        if sum(bool(pattern.fullmatch(entry.name)) for entry in top) * 2 > len(top):
            return read(top, source)
    return None


@dataclass
class _Pile:
    """What has been found of one student so far."""

    entries: list[Entry] = field(default_factory=list)
    name: str = ""
    folder: str = ""
    marked: bool = False


_NO_FILE = "a text or a link was handed in, and no file"


def _canvas(top: list[Entry], source: str) -> Found:
    """``{name}[_LATE]_{user id}_{attachment id}_{file}``, all in one folder."""
    piles: dict[str, _Pile] = {}
    others = []
    for entry in top:
        download, text = Download.parse(entry.name), _CANVAS_TEXT.fullmatch(entry.name)
        if text:
            pile = piles.setdefault(text["id"], _Pile())
            pile.marked |= bool(text["late"] or text["late_anonymous"])
        elif download is None:
            others.append(entry)
            continue
        else:
            pile = piles.setdefault(download.student, _Pile())
            pile.marked |= download.late
        # With its whole name: the attachment's number in it tells which of several files came last.
        pile.entries.append(entry)
    handed = []
    for key, pile in piles.items():
        files = [entry for entry in pile.entries if not _CANVAS_TEXT.fullmatch(entry.name)]
        taker = _taker(partial(list, files), source, key) if files else _refuser(_NO_FILE)
        handed.append(Handed(key, taker, source, marked=pile.marked))
    return Found("a download of Canvas", tuple(handed), tuple(_aside(others)))


def _moodle(top: list[Entry], source: str) -> Found:
    """Folders ``{name}_{id}_assignsubmission_file``, or files that begin with this."""
    piles: dict[str, _Pile] = {}
    others = []
    for entry in top:
        match = _MOODLE.fullmatch(entry.name)
        if match is None:
            others.append(entry)
            continue
        pile = piles.setdefault(match["id"], _Pile())
        pile.name = plain(match["name"].replace("_", " "))
        if entry.kind == FOLDER:
            if match["kind"] == "file":
                pile.folder = entry.name
            pile.entries += _tidy(entry.inside())
        elif match["kind"] == "file" and match["file"]:
            pile.entries.append(replace(entry, name=match["file"]))
        else:
            pile.entries.append(entry)
    names = {pile.name for pile in piles.values()}
    blind = names == {"Participant"} or (len(piles) > 1 and len(names) == 1)
    handed = []
    for key, pile in piles.items():
        # Feedback goes back under the folder's name.
        where = f"{source}/{pile.folder}" if pile.folder else source
        taker = _taker(partial(list, pile.entries), where, key)
        handed.append(Handed(key, taker, where, "" if blind else pile.name))
    return Found("a download of Moodle", tuple(handed), tuple(_aside(others)))


def _blackboard(top: list[Entry], source: str) -> Found:
    """``{assignment}_{user}_attempt_{time}_{file}``, and for each attempt a text with the name of the student."""
    attempts: dict[str, dict[str, list[Entry]]] = {}
    texts: dict[str, tuple[str, str]] = {}
    others = []
    for entry in top:
        match = _ATTEMPT.fullmatch(entry.name)
        if match is None:
            others.append(entry)
            continue
        files = attempts.setdefault(match["stem"], {}).setdefault(match["time"], [])
        if match["text"]:
            texts.setdefault(match["stem"], _person(entry))
        else:
            files.append(replace(entry, name=match["file"]))
    # What all have in front of the account is the name of the assignment, which may have underscores of its own.
    common = os.path.commonprefix(list(attempts)) if len(attempts) > 1 else ""  # noqa: RUF071 - no paths
    start = common.rfind("_") + 1
    handed = []
    for stem, times in attempts.items():
        name, account = texts.get(stem, ("", ""))
        if not account or not stem.endswith(f"_{account}"):
            account = stem[start:] if start else stem.rpartition("_")[2]
        last = max(times)
        older = ", ".join(sorted(set(times) - {last}))
        notes = (f"of several attempts the last one is graded, {last}; not {older}",) if older else ()
        received = datetime.strptime(last, "%Y-%m-%d-%H-%M-%S")
        taker = _taker(partial(list, times[last]), source, account)
        handed.append(Handed(plain(account), taker, source, name, received=received, notes=notes))
    return Found("a download of Blackboard", tuple(handed), tuple(_aside(others)))


def _person(entry: Entry) -> tuple[str, str]:
    """Name and account in the first line of Blackboard's text: ``Name: Bo Birk (bbirk)``."""
    try:
        first = entry.content(MAX_COMMENT).decode("utf-8-sig", "replace").partition("\n")[0]
    except Unreadable:
        return "", ""
    match = re.fullmatch(r"[^:]+:\s*(.+?)\s*\(([^()]+)\)\s*", first)
    return (plain(match[1]), match[2]) if match else ("", "")


def _brightspace(top: list[Entry], source: str) -> Found:
    """Folders ``{user}-{folder} - {name} - {time}``, one for each time that somebody handed in."""
    times: dict[str, list[tuple[datetime | None, str, Entry]]] = {}
    others = []
    for entry in top:
        match = _BRIGHTSPACE.fullmatch(entry.name)
        if match is None or entry.kind != FOLDER:
            others.append(entry)
            continue
        times.setdefault(match["id"], []).append((_brightspace_time(match["time"]), plain(match["name"]), entry))
    handed = []
    for key, found in times.items():
        known = [time for time, _, _ in found if time is not None]
        if len(known) < len(found) and len(found) > 1:
            names = ", ".join(sorted(clean_line(entry.name, 80) for _, _, entry in found))
            taker = _refuser(f"which of these came last cannot be told: {names}")
            handed.append(Handed(key, taker, source, found[0][1]))
            continue
        received, name, entry = max(found, key=lambda one: one[0] or datetime.min)
        older = len(found) - 1
        notes = (f"handed in {older + 1} times; the last one is graded",) if older else ()
        taker = _taker(entry.inside, f"{source}/{entry.name}", key)
        handed.append(Handed(key, taker, f"{source}/{entry.name}", name, received=received, notes=notes))
    ignored = [entry for entry in others if entry.name != "index.html"]
    return Found("a download of Brightspace", tuple(handed), tuple(_aside(ignored)))


def _brightspace_time(text: str) -> datetime | None:
    match = _BRIGHTSPACE_TIME.fullmatch(text)
    if match is None or match[1] not in _MONTHS:
        return None
    month, day, year, hour, minute = _MONTHS.index(match[1]) + 1, *(int(match[n]) for n in (2, 3, 4, 5))
    try:
        return datetime(year, month, day, hour % 12 + 12 * (match[6] == "P"), minute)
    except ValueError:
        return None


def _gradescope(top: list[Entry], source: str) -> Found:
    """A folder for each submission, and a list that says whose each is; of a group, everybody's."""
    listed = next(entry for entry in top if entry.name == _METADATA)
    try:
        table = yaml.load(listed.content(MAX_METADATA), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        people = [
            (str(folder), dict(person), about.get(":created_at"))
            for folder, about in dict(table).items()
            for person in about[":submitters"]
        ]
    except (Unreadable, yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ClassError(f"{source}/{_METADATA} cannot be read: {clean_line(str(error), 200)}") from error
    folders = {entry.name: entry for entry in top if entry.kind == FOLDER}
    handed = []
    for folder, person, created in people:
        email = plain(str(person.get(":email") or ""))
        key = plain(str(person.get(":sid") or "")) or email
        inside = folders.get(folder)
        where = f"{source}/{folder}"
        taker = _taker(inside.inside, where, key) if inside else _refuser(f"{where} is not in the download")
        handed.append(
            Handed(key, taker, where, plain(str(person.get(":name") or "")), email, received=_moment(created))
        )
    return Found("an export of Gradescope", tuple(handed))


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace(" UTC", "+00:00"))
        except ValueError:
            return None
    return value if isinstance(value, datetime) else None


def _separately(top: Sequence[Entry], source: str, folder: Path | None) -> Found:
    """Folders, zips or repositories, one for each student and named as the student is."""
    handed = []
    repositories = False
    separate = _separate(top)
    for entry in separate:
        name = PurePosixPath(entry.name)
        key = plain(name.stem if entry.kind == FILE or name.suffix == ".git" else entry.name)
        where = f"{source}/{entry.name}"
        place = folder / entry.name if folder and entry.kind == FOLDER else None
        if place is not None and ((place / ".git").is_dir() or (place / "HEAD").is_file()):
            repositories = True
            handed.append(Handed(key, _committed(place, where, key), where))
            continue
        inside = entry.inside if entry.kind == FOLDER else partial(list, [entry])
        handed.append(Handed(key, _taker(inside, where, key), where))
    others = [entry for entry in top if entry not in separate]
    kind = "a folder of repositories" if repositories else "a folder of folders or zips"
    return Found(kind, tuple(handed), tuple(_aside(others)))


def _separate(top: Iterable[Entry]) -> list[Entry]:
    return [
        entry
        for entry in top
        if not entry.name.startswith(".")
        and (entry.kind == FOLDER or (entry.kind == FILE and entry.name.casefold().endswith(".zip")))
    ]


def _is_submission(top: Iterable[Entry], assignment: Assignment) -> bool:
    return any(
        (entry.kind == FOLDER and entry.name == assignment.folders.student)
        or ((found := meant(entry.name, assignment.files)) is not None and found.download is None)
        for entry in top
    )


def _taker(inside: Callable[[], list[Entry]], source: str, identifier: str) -> Callable[[Assignment], Submission]:
    def taken(assignment: Assignment) -> Submission:
        return collect(_tidy(inside()), source, assignment, identifier=identifier)

    return taken


def _committed(repository: Path, source: str, identifier: str) -> Callable[[Assignment], Submission]:
    def taken(assignment: Assignment) -> Submission:
        return replace(take(f"{repository}@HEAD", assignment), id=clean_line(identifier, 100), source=source)

    return taken


def _refuser(message: str) -> Callable[[Assignment], Submission]:
    def refused(assignment: Assignment) -> Submission:
        raise SubmissionError(message)

    return refused


def _aside(entries: Iterable[Entry]) -> list[str]:
    names = sorted(clean_line(entry.name, 80) for entry in entries)
    if not names:
        return []
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return [f"no submission can be told from these names, and they are left aside: {', '.join(names[:10])}{more}"]

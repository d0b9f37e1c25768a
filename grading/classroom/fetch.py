"""The repositories of a roster: fetched into the class's folder, and which commit of each counts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..assignment import Assignment
from ..boundary.shared.text import clean_line
from ..submission import MAX_FILE_SIZE, Submission, SubmissionError, take
from .activity import Push, load, received
from .deadlines import Deadlines
from .model import Student

SECONDS = 300
"""For fetching one repository."""
_ADDRESS = re.compile(r"(https://|http://|ssh://|git://|file:///)\S+|[\w.-]+@[\w.-]+:\S+|/\S.*")
_HEAD = re.compile(r"^ref: (refs/heads/\S+)\tHEAD$", re.MULTILINE)
_NOREPLY = re.compile(r"(?:\d+\+)?([^@]+)@users\.noreply\.github\.com")


class FetchError(Exception):
    """A repository could not be fetched, which need not be the student's fault."""


class NothingError(Exception):
    """The repository is there, and nothing in it is a submission; the text says why."""


@dataclass(frozen=True)
class Commit:
    """What counts of a repository.

    Attributes:
        number: the commit's id.
        received: when it came in; None if the commit cannot be read.
        clock: "activity", or "commit" if only the commit itself tells, which its author can set.
        note: how it was chosen.
    """

    number: str
    received: datetime | None
    clock: str
    note: str = ""


def fetch(student: Student, target: Path) -> None:
    """Fetch a repository's branches, without a working tree and without files too large to be graded.

    Whatever the branches are later, what was fetched stays, until somebody removes ``target``.

    Raises:
        FetchError: it cannot be had.
    """
    if target.is_dir():
        return
    address = student.repository
    if not _ADDRESS.fullmatch(address):
        raise FetchError(f"{clean_line(address, 200)} is no address of a repository")
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
    try:
        _git(folder, "init", "--bare", "--quiet")
        told = _git(folder, "ls-remote", "--symref", "--", address, "HEAD")
        head = _HEAD.search(told)
        _git(
            folder,
            *("fetch", "--quiet", "--no-tags", f"--filter=blob:limit={MAX_FILE_SIZE + 1}", "--end-of-options"),
            *(address, "+refs/heads/*:refs/heads/*"),
        )
        if head:
            _git(folder, "symbolic-ref", "HEAD", head[1])
        os.replace(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def choose(
    student: Student, repository: Path, rules: Deadlines | None, staff: Sequence[Student], roster: Path
) -> Commit:
    """Which commit counts: the pinned one; else the last that the student pushed in time to be accepted.

    Args:
        student: whose repository it is.
        repository: what ``fetch`` made.
        rules: when it closes, the student's extension included.
        staff: whose pushes are no submission.
        roster: the roster's file; lists of pushes are named relative to it.

    Raises:
        NothingError: there is none.
        ClassError: the list of pushes cannot be read.
    """
    pushes = load(roster.parent / student.activity) if student.activity else []
    if student.commit:
        pinned = _git(
            repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{student.commit}^{{commit}}"
        )
        if not pinned.strip():
            raise NothingError(f"there is no commit {clean_line(student.commit, 80)}")
        return _timed(repository, pinned.strip(), pushes, f"pinned: {student.reason}")
    closes = rules.closes_for(student) if rules else None
    if student.activity:
        return _pushed(student, repository, pushes, closes, {person.login.casefold() for person in staff})
    for number, at, people in _history(repository):
        if (closes is None or at <= closes) and not _by_staff(people, staff):
            return Commit(number, at, "commit", "received time unknown: the commit's own time, which anyone can set")
    raise NothingError("there is no commit of the student" + (" before it closed" if closes else ""))


def taken(student: Student, repository: Path, commit: Commit, assignment: Assignment) -> Submission:
    """The submission in a commit, under the student's id and the repository's address.

    Raises:
        SubmissionError: there is nothing to grade.
    """
    submission = take(f"{repository}@{commit.number}", assignment)
    return replace(submission, id=clean_line(student.id, 100), source=clean_line(student.repository, 500))


def _pushed(
    student: Student, repository: Path, pushes: Sequence[Push], closes: datetime | None, staff: set[str]
) -> Commit:
    branch = _git(repository, "symbolic-ref", "HEAD").strip()
    own = [push for push in pushes if push.ref == branch and push.actor not in staff]
    accepted = [push for push in own if closes is None or push.at <= closes]
    if not accepted:
        late = f"; {len(own)} came after it closed" if own else ""
        raise NothingError(f"nothing was pushed to {clean_line(branch, 80)} by the student{late}")
    last = accepted[-1]
    if not _git(repository, "cat-file", "-t", last.commit).startswith("commit"):
        # What a later push took off its branch can still be had by its id.
        _git(repository, "fetch", "--quiet", f"--filter=blob:limit={MAX_FILE_SIZE + 1}", "--end-of-options",
             student.repository, last.commit)  # fmt: skip
    return Commit(last.commit, last.at, "activity")


def _timed(repository: Path, number: str, pushes: Sequence[Push], note: str) -> Commit:
    if (at := received(pushes, number)) is not None:
        return Commit(number, at, "activity", note)
    said = _git(repository, "show", "--no-patch", "--format=%ct", number, "--").strip()
    unknown = "received time unknown: the commit's own time, which anyone can set"
    return Commit(number, datetime.fromtimestamp(int(said), UTC), "commit", f"{note}; {unknown}")


def _history(repository: Path) -> list[tuple[str, datetime, tuple[str, str]]]:
    """Commits of the main branch, newest first: id, time, and the addresses of author and committer."""
    try:
        told = _git(repository, "log", "--first-parent", "--format=%H%x00%ct%x00%ae%x00%ce", "HEAD", "--")
    except FetchError:
        return []  # a branch without commits
    rows = [line.split("\0") for line in told.splitlines()]
    return [(row[0], datetime.fromtimestamp(int(row[1]), UTC), (row[2], row[3])) for row in rows if len(row) == 4]


def _by_staff(people: tuple[str, str], staff: Sequence[Student]) -> bool:
    """Whether the committer is of the staff; commits that are made on the web are the author's."""
    author, committer = (address.casefold() for address in people)
    address = author if committer == "noreply@github.com" else committer
    login = match[1] if (match := _NOREPLY.fullmatch(address)) else None
    return any(
        (person.email and person.email.casefold() == address) or (login and person.login.casefold() == login)
        for person in staff
    )


def _git(folder: Path, *arguments: str) -> str:
    """What git says, run in a repository of ours, with the instructor's own access to the service."""
    environment = {
        **os.environ,
        "GIT_DIR": str(folder.absolute()),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
    environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    command = ["git", "-c", f"core.hooksPath={os.devnull}", "-c", "gc.auto=0", *arguments]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        raise FetchError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"git took longer than {SECONDS} seconds") from None
    if done.returncode != 0 and arguments[0] not in ("rev-parse", "cat-file"):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FetchError(clean_line(said[-1] if said else f"git ended with {done.returncode}", 300))
    return done.stdout.decode("utf-8", "replace")


__all__ = ["Commit", "FetchError", "NothingError", "SubmissionError", "choose", "fetch", "taken"]

"""The folder of a class while it is graded: one run at a time, nothing half written, and what was replaced is kept."""

from __future__ import annotations

import errno
import getpass
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from .. import files
from . import handed_in
from .model import LAYOUT_VERSION, ClassError, Outcome, document_path, safe_name, state_path, student_path

_FOLDERS = ("documents", "student", "history", "cache", "repositories")
_LOCK = "lock.sqlite"
_FIRST = {*_FOLDERS, _LOCK, f"{_LOCK}-journal"}
"""What is there before the state is."""

_TABLES = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outcome (
    student TEXT PRIMARY KEY, stranger INTEGER NOT NULL, position INTEGER NOT NULL, record TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS replaced (
    number INTEGER PRIMARY KEY, student TEXT NOT NULL, at TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,
    old_document TEXT NOT NULL, old_score REAL NOT NULL, new_score REAL
);
CREATE TABLE IF NOT EXISTS regrade (
    number INTEGER PRIMARY KEY, request TEXT NOT NULL, student TEXT NOT NULL, asked TEXT NOT NULL, who TEXT NOT NULL,
    why TEXT NOT NULL, done TEXT
);
"""


class StorageError(Exception):
    """The folder of a class cannot be written any more, as when the disk is full."""


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no more room."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class Store:
    """The folder of a class, for the one run that may write to it.

    Args:
        folder: the folder.
        database: where the state is.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder, self._database = folder, database
        self._pending: dict[str, Any] = {}

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """Make the folder if there is none, and keep others from grading into it.

        Raises:
            ClassError: somebody grades into it, it holds something else, or another version wrote it.
            StorageError: it cannot be written.
        """
        was_there = folder.is_dir()
        with ExitStack() as stack:
            with _storing(folder):
                database = _opened(folder, stack)
                store = cls(folder, database)
                is_new = store.fact("layout_version") is None
                if store.fact("layout_version", LAYOUT_VERSION) != LAYOUT_VERSION:
                    raise ClassError(f"{folder} was written by another version of the grader; name another with --out")
                for name in ("documents", "student", "cache"):
                    for half in (folder / name).glob(".*"):  # what a run was writing when it was killed
                        half.unlink()
            store.set_facts(layout_version=LAYOUT_VERSION)
            try:
                yield store
            except ClassError:
                if is_new:
                    database.close()
                    _abandon(folder, was_there=was_there)
                raise

    def fact(self, name: str, default: Any = None) -> Any:
        """What is known of the class as a whole."""
        row = self._database.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def begin(self, **facts: Any) -> None:
        """Say what is going to be known of the class as a whole.

        It is written with the first change: a run that is refused before leaves a finished class finished.
        """
        self._pending = {**facts, "finished": False}

    def _change(self) -> None:
        if self._pending:
            self.set_facts(**self._pending)
            self._pending = {}

    def set_facts(self, **facts: Any) -> None:
        """Set what is known of the class as a whole."""
        rows = [(name, json.dumps(value)) for name, value in facts.items()]
        with self._transaction():
            self._database.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", rows)

    def cached(self, key: str) -> dict[str, Any] | None:
        """What was graded under this key before, if it can be read."""
        try:
            found = json.loads(self._cache_path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def cache(self, key: str, value: dict[str, Any]) -> None:
        """Keep what was graded under this key."""
        with _storing(self.folder):
            files.write_atomically(self._cache_path(key), _dumps(value))

    def _cache_path(self, key: str) -> Path:
        return self.folder / "cache" / f"{key}.json"

    def write(self, student: str, document: dict[str, Any], redacted: dict[str, Any], why: str | None) -> None:
        """Write a student's documents; what they replace is kept, with who, when and why.

        Args:
            student: the student's id.
            document: the instructor's document.
            redacted: the student's.
            why: the reason for grading anew; None where it follows from the documents.
        """
        self._change()
        path, text = document_path(self.folder, student), _dumps(document)
        with _storing(self.folder):
            old = path.read_text(encoding="utf-8") if path.is_file() else None
            if old is not None and old != text:
                before = json.loads(old)
                if reason := why or _difference(before, document):
                    self._keep(student, old, before, document, reason)
            files.write_atomically(student_path(self.folder, student), _dumps(redacted))
            files.write_atomically(path, text)

    def keep_files(self, contents: Iterable[bytes]) -> None:
        """Keep files that were handed in, for reports."""
        with _storing(self.folder):
            handed_in.keep(self.folder, contents)

    def _keep(self, student: str, old: str, before: dict[str, Any], after: dict[str, Any] | None, why: str) -> None:
        # Named by its content: a run that is killed between two steps does the same again.
        name = f"{safe_name(student)}/{hashlib.sha256(old.encode()).hexdigest()[:16]}.json"
        kept = self.folder / "history" / name
        if kept.is_file():
            return
        kept.parent.mkdir(exist_ok=True)
        scores = before["score"]["earned"], after["score"]["earned"] if after else None
        row = (student, now(), whoami(), why, f"history/{name}", *scores)
        with self._transaction():
            self._database.execute(
                "INSERT INTO replaced (student, at, who, why, old_document, old_score, new_score) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            files.write_atomically(kept, old)

    def drop(self, student: str, why: str) -> None:
        """Take away a student's documents, which no longer hold; the old one is kept, with the reason."""
        self._change()
        path = document_path(self.folder, student)
        if path.is_file():
            old = path.read_text(encoding="utf-8")
            before = json.loads(old)
            with _storing(self.folder):
                self._keep(student, old, before, None, why)
                student_path(self.folder, student).unlink(missing_ok=True)
                path.unlink()

    def record(self, outcome: Outcome, position: int, *, stranger: bool) -> None:
        """Write down what became of a student's submission."""
        self._change()
        row = (outcome.student.id, int(stranger), position, json.dumps(outcome.to_json()))
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?)", row)

    def finish(self, students: Iterable[str]) -> None:
        """Say that the class is graded, and forget who is not in it any more."""
        self._change()
        kept = set(students)
        gone = [row for row in self._database.execute("SELECT student FROM outcome") if row[0] not in kept]
        for (student,) in gone:
            self.drop(student, "nobody of this id is in the class any more")
        with self._transaction():
            self._database.executemany("DELETE FROM outcome WHERE student = ?", gone)
            self._database.execute("INSERT OR REPLACE INTO fact VALUES ('finished', 'true')")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ask_regrade(self, students: Sequence[str], why: str) -> None:
        """Ask for students to be graded anew, once, however often a run that was ended is begun again."""
        self._change()
        request = hashlib.sha256(json.dumps([sorted(students), why]).encode()).hexdigest()
        is_open = "SELECT 1 FROM regrade WHERE request = ? AND done IS NULL"
        with self._transaction():
            if self._database.execute(is_open, (request,)).fetchone() is None:
                rows = [(request, student, now(), whoami(), why) for student in sorted(students)]
                self._database.executemany(
                    "INSERT INTO regrade (request, student, asked, who, why) VALUES (?, ?, ?, ?, ?)", rows
                )

    def regrades(self) -> dict[str, str]:
        """Why each of the students is to be graded anew of whom that is asked and not done."""
        return dict(self._database.execute("SELECT student, why FROM regrade WHERE done IS NULL ORDER BY number"))

    def regraded(self, student: str) -> None:
        """Say that it is done."""
        with self._transaction():
            done = "UPDATE regrade SET done = ? WHERE student = ? AND done IS NULL"
            self._database.execute(done, (now(), student))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _storing(self.folder):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _opened(folder: Path, stack: ExitStack) -> sqlite3.Connection:
    """The database of a class, which no other run can open until the stack is closed."""
    inside = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    # A run that was killed at its very beginning left some of ours, and no state yet.
    if state_path(folder).name not in inside and inside - _FIRST:
        raise ClassError(f"{folder} is not the folder of a class, and not empty: name another one with --out")
    try:
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if is_full(error):
            raise
        raise ClassError(f"{folder} cannot be made or written to: {error.strerror}; name another with --out") from error
    # A lock of SQLite ends with the process that holds it, however that ends, on every system.
    lock = sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None)
    stack.callback(lock.close)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise ClassError(f"another run is grading into {folder}; wait for its end, or name another folder") from None
    database = sqlite3.connect(state_path(folder), isolation_level=None)
    stack.callback(database.close)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(_TABLES)
    return database


def _abandon(folder: Path, *, was_there: bool) -> None:
    """Take away what a run has made that was refused before it graded anything; what has something in it stays."""
    with suppress(OSError):
        for name in _FOLDERS:
            (folder / name).rmdir()
        for path in (*folder.glob(f"{state_path(folder).name}*"), *folder.glob(f"{_LOCK}*")):
            path.unlink()
        if not was_there:
            folder.rmdir()


def now() -> str:
    """The time, in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def whoami() -> str:
    """Who runs this command, as the system knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


@contextmanager
def _storing(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        full = is_full(error) or "full" in str(error)  # as SQLite says it
        todo = "make room" if full else "see to it that it can be written to"
        raise StorageError(
            f"cannot write to {folder}: {error}. What was graded is kept; {todo}, and give the same command again"
        ) from error


def _dumps(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Why a document is another one than before; "" where nothing but the place or time of it is."""
    reasons = []
    if old["submission"]["digest"] != new["submission"]["digest"]:
        reasons.append("the submission changed")
    if old["assignment"]["digest"] != new["assignment"]["digest"]:
        reasons.append("the assignment changed")
    if not reasons and (old["items"], old["seed"]) != (new["items"], new["seed"]):
        reasons.append("the grader, or the secret of its seeds, changed")
    return " and ".join(reasons)

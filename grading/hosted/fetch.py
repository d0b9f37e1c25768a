"""The first step: which commits have no result yet, and the files of those, taken blob by blob.

No repository is cloned: a commit names a tree, a tree its entries with their kinds and sizes, and of those only the
assignment's files are asked for. So no git reads what a student has made, and nothing large is ever sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from ..assignment import Assignment
from ..boundary.shared.text import clean_line
from ..classroom.model import Student
from ..submission.collect import advised, match
from ..submission.entries import FILE, FOLDER, LINK, Entry, too_large
from ..submission.names import meant
from . import results
from .github import GitHub, LimitedError, RefusedError
from .model import REPOSITORY, Commit, HostedError, RemoteError
from .staging import stage

PAGES = 10
"""Of a hundred commits each, the newest first."""
FAILURES = 3
"""After so many in a row, it is the service that is in trouble, and the step ends."""
_KINDS = {"100644": FILE, "100755": FILE, "040000": FOLDER, "120000": LINK}
"""By git's mode; GitHub writes all six digits."""
_ADDRESS = re.compile(r"^(?:https://|ssh://git@|git@)github\.com[/:]([^/]+/[^/]+?)(?:\.git)?/?$")
_T = TypeVar("_T")


@dataclass
class Fetched:
    """What a step did.

    Attributes:
        staged: how many commits were staged.
        waiting: how many have to wait for the next run.
        notes: what an instructor should know.
        requests: how many requests it took.
    """

    staged: int = 0
    waiting: int = 0
    notes: list[str] = field(default_factory=list)
    requests: int = 0


def fetch(
    roster: Iterable[Student],
    assignment: Assignment,
    github: GitHub,
    kept: Path,
    target: Path,
    limit: int,
    tell: Callable[[str], None] = lambda note: None,
) -> Fetched:
    """Stage the files of commits that have no result, everyone's newest commit before anyone's older ones.

    Args:
        roster: the class; students without a repository are passed over.
        assignment: whose files to take.
        github: a connection that may read contents.
        kept: the folder of results.
        target: an empty folder for what is staged.
        limit: the most commits to stage.
        tell: is given each note at once.

    Raises:
        HostedError: a repository is not written as one, or the same one stands in two rows.
        RemoteError: the service cannot be reached.
    """
    step = _Step(assignment, github, kept, target, limit, tell)
    students = _with_repositories(roster)
    try:
        new = [list(step.new(student)) for student in students]
        # Everyone's newest first, then everyone's second.
        for commit, tree in (pair for rank in zip_longest(*new) for pair in rank if pair is not None):
            step.take(commit, tree)
    except LimitedError as error:
        step.note(str(error))
    finally:
        step.save_listings()
    step.done.requests = github.requests
    return step.done


def _with_repositories(roster: Iterable[Student]) -> list[Student]:
    found: dict[str, Student] = {}
    for row in roster:
        if not row.repository or row.staff:
            continue
        # Other commands take the same column as an address for git.
        student = replace(row, repository=_ADDRESS.sub(r"\1", row.repository))
        if not REPOSITORY.fullmatch(student.repository):
            raise HostedError(
                f"the roster, line {student.line}: 'repository' has to be owner/name, or its address on GitHub"
            )
        first = found.setdefault(student.repository.casefold(), student)
        if first is not student:
            raise HostedError(
                f"the roster has the repository {student.repository} twice: in line {first.line} and {student.line}"
            )
    return list(found.values())


@dataclass(frozen=True)
class _Taken:
    """The folder with the files, those that could be taken, why others could not, and what else is to be said."""

    folder: str = ""
    contents: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class _Step:
    def __init__(
        self,
        assignment: Assignment,
        github: GitHub,
        kept: Path,
        target: Path,
        limit: int,
        tell: Callable[[str], None],
    ) -> None:
        self._assignment, self._github, self._kept, self._target = assignment, github, kept, target
        self._limit, self._tell = limit, tell
        path = kept / results.LISTINGS
        self._listings: dict[str, Any] = results.read(path) if path.is_file() else {}
        self._trees: dict[str, list[dict[str, Any]]] = {}
        self._blobs: dict[str, bytes] = {}
        self._failures = 0
        self.done = Fetched()

    def note(self, text: str) -> None:
        self.done.notes.append(text)
        self._tell(text)

    def save_listings(self) -> None:
        """Leave what may be asked for conditionally; the last step puts it among the results."""
        (self._target / results.LISTINGS).write_text(results.dumps(self._listings), encoding="utf-8")

    def new(self, student: Student) -> Iterator[tuple[Commit, str]]:
        """The commits of a student without a result, newest first, each with the id of its tree."""
        listed = self._asked(student.repository, "no commits can be read", lambda: self._listed(student.repository))
        if listed is None:
            return
        for sha, tree in listed:
            commit = Commit(student.id, student.repository, sha, self._assignment.digest)
            if not results.place(self._kept, commit).done:
                yield commit, tree

    def _listed(self, repository: str) -> list[tuple[str, str]]:
        """The commits of the default branch with their trees; asked for only if there are new ones.

        A commit's history never changes, so the first page tells whether any page has changed.
        """
        path = f"/repos/{repository}/commits?per_page=100"
        known = self._listings.get(repository, {})
        reply = self._github.get(path, str(known.get("etag", "")))
        if reply.status == 304:
            return [(str(sha), str(tree)) for sha, tree in known["commits"]]
        etag, found = reply.etag, _commits(reply.body)
        for _ in range(PAGES - 1):
            if not reply.more:
                break
            reply = self._github.get(reply.more)
            found += _commits(reply.body)
        self._listings[repository] = {"etag": etag, "commits": found}
        return found

    def take(self, commit: Commit, tree: str) -> None:
        """Stage one commit, if there is room for it."""
        if self.done.staged >= self._limit:
            self.done.waiting += 1
            return
        where = f"{commit.repository}@{commit.sha[:12]}"
        found = self._asked(where, "its files cannot be read", lambda: self._contents(commit.repository, tree))
        if found is None:
            return
        complete = replace(commit, folder=found.folder, faults=found.faults, problems=found.problems)
        stage(self._target, self.done.staged, complete, found.contents)
        self.done.staged += 1

    def _asked(self, where: str, failed: str, ask: Callable[[], _T]) -> _T | None:
        """What was asked for; a repository that is in trouble is noted and costs only itself."""
        try:
            found = ask()
        except LimitedError:
            raise
        except RefusedError as error:
            # 404: deleted, renamed or out of the App's reach; 409: empty; 403, 451: blocked.
            self.note(f"{where}: {failed} ({error.status})")
            return None
        except RemoteError as error:
            self.note(f"{where}: {failed}: {error}")
            self._failures += 1
            if self._failures >= FAILURES:
                raise
            return None
        self._failures = 0
        return found

    def _contents(self, repository: str, tree: str) -> _Taken:
        """The assignment's files, from its folder or from the top, as in anything that is handed in."""
        names, own = self._assignment.files, self._assignment.folders.student
        top = self._entries(repository, tree)
        folder = next((entry for entry in top if entry.name == own and entry.kind == FOLDER), None)
        places = [(own, folder.inside()), ("", top)] if folder is not None else [("", top)]
        for exactly in (True, False):
            for where, entries in places:
                found = (meant(entry.name, names) for entry in entries)
                if any(name is not None and (name.exact or not exactly) for name in found):
                    contents, faults, told, _ = match(entries, self._assignment)
                    return _Taken(where, contents, faults, told)
        advice = advised([entry for _, entries in places for entry in entries], self._assignment)
        return _Taken(problems=["none of the assignment's files is there", *advice])

    def _entries(self, repository: str, tree: str) -> list[Entry]:
        """What is in a folder; contents are asked for when they are needed."""
        return [self._entry(repository, found) for found in self._tree(repository, tree)]

    def _entry(self, repository: str, found: dict[str, Any]) -> Entry:
        def read(limit: int) -> bytes:
            if int(found.get("size", 0)) > limit:
                raise too_large(limit)
            return self._blob(repository, str(found["sha"]))

        kind = _KINDS.get(str(found.get("mode")), "no regular file")
        return Entry(str(found["path"]), kind, read, lambda: self._entries(repository, str(found["sha"])))

    def _tree(self, repository: str, sha: str) -> list[dict[str, Any]]:
        if sha not in self._trees:
            body = self._github.get(f"/repos/{repository}/git/trees/{_id(sha)}").body
            entries = body.get("tree") if isinstance(body, dict) else None
            if not isinstance(entries, list) or not all(isinstance(e, dict) and "path" in e for e in entries):
                raise RemoteError(f"{repository}: GitHub's answer is no tree")
            self._trees[sha] = entries
        return self._trees[sha]

    def _blob(self, repository: str, sha: str) -> bytes:
        """A file; most students share the skeleton's, and what has one id has one content, so it is asked for once."""
        if sha not in self._blobs:
            body = self._github.get(f"/repos/{repository}/git/blobs/{_id(sha)}").body
            try:
                content = base64.b64decode(body["content"])
            except (KeyError, TypeError, binascii.Error):
                raise RemoteError(f"{repository}: GitHub's answer is no blob") from None
            hashed = hashlib.sha1 if len(sha) == 40 else hashlib.sha256
            if hashed(b"blob %d\0" % len(content) + content).hexdigest() != sha:
                raise RemoteError(f"{repository}: the content of blob {sha} is another one")
            self._blobs[sha] = content
        return self._blobs[sha]


def _commits(body: Any) -> list[tuple[str, str]]:
    try:
        return [(str(entry["sha"]), str(entry["commit"]["tree"]["sha"])) for entry in body]
    except (KeyError, TypeError):
        raise RemoteError(f"GitHub's answer is no list of commits: {clean_line(str(body), 100)}") from None


def _id(sha: str) -> str:
    """An object's id, which goes into an address."""
    if not set(sha) <= set("0123456789abcdef"):
        raise RemoteError("GitHub's answer has an id that is none")
    return sha

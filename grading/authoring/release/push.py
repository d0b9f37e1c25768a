"""A release for the repositories of a whole class, by git alone.

Where nothing has to be done, nothing is: a run that was broken off, or that did not reach everybody, is run again.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from .errors import ReleaseError
from .repository import BRANCH, create, git
from .update import Release, put

FIRST, UPDATED, UP_TO_DATE, FAILED = "first release", "updated", "up to date", "failed"
_TRIES = 3


@dataclass(frozen=True)
class Outcome:
    """What became of one repository.

    Attributes:
        id: whose it is.
        repository: its address.
        outcome: one of the four above.
        commit: the id of the commit that was pushed; "" if there was none.
        told: why it failed, or what was left as the student made it.
    """

    id: str
    repository: str
    outcome: str
    commit: str = ""
    told: str = ""


def push(
    release: Release, repositories: Iterable[tuple[str, str]], follow: Callable[[Outcome], None] | None = None
) -> list[Outcome]:
    """Bring a release into every repository: as the first commit of an empty one, else on top of what is there.

    Args:
        release: what to bring.
        repositories: for each student an id and the address that git pushes to.
        follow: is told of each outcome as soon as it is known.

    Raises:
        ReleaseError: no audit of the release has passed.
    """
    if not release.manifest.audited:
        raise ReleaseError("no audit of this release has passed; nothing was pushed")
    outcomes = []
    for identifier, address in repositories:
        try:
            outcome = _one(release, identifier, address)
        except (ReleaseError, OSError) as error:
            outcome = Outcome(identifier, address, FAILED, told=str(error))
        outcomes.append(outcome)
        if follow is not None:
            follow(outcome)
    return outcomes


def _one(release: Release, identifier: str, address: str) -> Outcome:
    if address.startswith("-") or not address.strip():
        raise ReleaseError("the roster has no address of a repository here")
    for left in reversed(range(_TRIES)):
        with tempfile.TemporaryDirectory(prefix="release-") as place:
            # Bare: nothing of the student's is checked out.
            clone = Path(place, "clone.git")
            git(Path(place), "clone", "-q", "--bare", "--template=", "--", address, str(clone))
            if not git(clone, "for-each-ref", "--count=1", "refs/heads").strip():
                fresh = Path(place, "fresh")
                fresh.mkdir()
                commit = create(fresh, release.first)
                git(fresh, "push", "-q", "--", address, f"{BRANCH}:{BRANCH}")
                return Outcome(identifier, address, FIRST, commit)
            branch = git(clone, "symbolic-ref", "--short", "HEAD").decode().strip()
            made, kept = put(clone, branch, release)
            told = f"left as the student made them: {', '.join(kept)}" if kept else ""
            if made is None:
                return Outcome(identifier, address, UP_TO_DATE, told=told)
            try:
                git(clone, "push", "-q", "--", address, f"refs/heads/{branch}:refs/heads/{branch}")
            except ReleaseError:
                # The student may have pushed in between: never force, look again.
                if left == 0:
                    raise
                continue
            return Outcome(identifier, address, UPDATED, made, told)
    raise AssertionError("the last try returns or raises")


def table(outcomes: Iterable[Outcome]) -> str:
    """The report as CSV."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [field.name for field in fields(Outcome)], lineterminator="\n")
    writer.writeheader()
    for outcome in outcomes:
        # A cell that begins like a formula would be one in a spreadsheet.
        row = {
            key: f"'{value}" if value[:1] in "=+-@\t\r" and value else value for key, value in asdict(outcome).items()
        }
        writer.writerow(row)
    return stream.getvalue()

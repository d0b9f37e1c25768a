"""Writing a release into a new folder, and looking at what was written."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ...assignment import Assignment
from ...files import write_atomically
from ...released import NAME, record
from ..audit.record import has_passed
from . import leaks
from .contents import NO_HIDDEN_TIER, PROJECT, HiddenTier, contents, epoch
from .errors import ReleaseError
from .repository import contents as committed
from .repository import create, git
from .update import Release


def make(assignment: Assignment, *, unaudited: bool = False, hidden: HiddenTier = NO_HIDDEN_TIER) -> Release:
    """Everything that students get, in memory.

    Args:
        assignment: the instructor's.
        unaudited: make it although no audit of it has passed; such a release is marked, and can be pushed to nobody.
        hidden: what is in it for the hidden tier.

    Raises:
        ReleaseError: no audit has passed, or something in it is not for students.
    """
    audited = has_passed(assignment)
    if not audited and not unaudited:
        raise ReleaseError(
            "no audit of the assignment as it is now has passed: run 'vae-grade audit' first. To have a look at the "
            "release before that: --unaudited"
        )
    files = contents(assignment, audited=audited, hidden=hidden)
    _require_clean(leaks.found(files, assignment))
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    work = frozenset(f"{assignment.folders.student}/{name}" for name in assignment.files)
    return Release(files, work, epoch(assignment), changelog)


def write(folder: Path, release: Release, assignment: Assignment) -> str:
    """Write a release as a repository of one commit; return the commit's id, the same for the same release.

    Raises:
        ReleaseError: the folder is not empty, or what was written is not what should have been.
        OSError: it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReleaseError(f"{folder} is there already and not empty; for a newer release in it: --update")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Complete or not at all: it moves to its place when it has been looked at.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
        inside = Path(place, "release")
        inside.mkdir()
        identifier = create(inside, release.first)
        inspect(inside, release, assignment)
        if folder.exists():
            folder.rmdir()
        shutil.move(inside, folder)
    write_atomically(record(assignment), release.files[NAME].decode())
    return identifier


def inspect(folder: Path, release: Release, assignment: Assignment) -> None:
    """Look at a written release as a student gets it: one commit, the files that were meant, and nothing to hide.

    Raises:
        ReleaseError: it is not so.
    """
    commits = git(folder, "rev-list", "--all").split()
    if len(commits) != 1:
        raise ReleaseError(f"the release has {len(commits)} commits, and not one")
    names = git(folder, "ls-tree", "-r", "-z", "--name-only", "HEAD").decode().split("\0")
    written = committed(folder, "HEAD", [name for name in names if name])
    on_disk = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
    if not written == on_disk == dict(release.files):
        raise ReleaseError("what was written is not what was meant: is there a filter or a hook in your git settings?")
    _require_clean(leaks.found(written, assignment))


def _require_clean(told: list[str]) -> None:
    if told:
        shown = "\n  ".join(told[:20]) + (f"\n  and {len(told) - 20} more" if len(told) > 20 else "")
        raise ReleaseError(f"nothing was released, for students must not see this:\n  {shown}")

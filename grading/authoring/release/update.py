"""A newer release on top of what a student has done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...released import NAME, Manifest, ManifestError, digest
from .errors import ReleaseError
from .repository import Commit, add, contents, git


@dataclass(frozen=True)
class Release:
    """What students get.

    Attributes:
        files: by path, the manifest among them.
        work: the files that are handed in, which no release touches again.
        time: in seconds since 1970.
        changelog: the text of CHANGELOG.md.
    """

    files: Mapping[str, bytes]
    work: frozenset[str]
    time: int
    changelog: str

    @property
    def manifest(self) -> Manifest:
        """The manifest in it."""
        return Manifest.loads(self.files[NAME])

    @property
    def first(self) -> Commit:
        """The commit of a fresh repository."""
        return Commit(f"{self.manifest.name}, release {self.manifest.version}", self.time, self.files)


def changed(release: Release, old: Manifest | None, present: Mapping[str, bytes]) -> tuple[Commit | None, list[str]]:
    """What an update commits, and which files it leaves as the student has made them.

    Args:
        release: the new one.
        old: the manifest in the student's repository, if it can be read.
        present: the contents of the files there that either of the two names.

    Returns:
        The commit, or None where nothing is new; and the paths that were left.
    """
    manifest = release.manifest
    before = old.files if old is not None else {}
    new: dict[str, bytes | None] = {}
    left: list[str] = []
    for path in sorted(before.keys() | release.files.keys()):
        content, here = release.files.get(path), present.get(path)
        if content == here or path in release.work:
            continue
        own = path.startswith(f"{manifest.student}/") and here is not None and digest(here) != before.get(path)
        if own or (here is None and path in before and path.startswith(f"{manifest.student}/")):
            # The student has changed it, or taken it away. If the release has a new one, that is to be said.
            left += [path] * (content is not None and manifest.files.get(path) != before.get(path))
        elif content is not None or here is not None:
            new[path] = content
    if not new:
        return None, left
    return Commit(_message(release, old, left), release.time, new), left


def _message(release: Release, old: Manifest | None, left: list[str]) -> str:
    lines = [f"{release.manifest.name}, release {release.manifest.version}", ""]
    lines += ["The files that you hand in are as you left them."]
    if left:
        lines += ["So are these, of which the release has others: " + ", ".join(left) + "."]
    news = since(release.changelog, old.version if old is not None else None)
    return "\n".join([*lines, *(["", news] if news else [])]) + "\n"


def since(changelog: str, version: str | None) -> str:
    """The sections of a changelog (in the form of Keep a Changelog) that are newer than a version, as plain text."""
    sections = re.split(r"^(?=## \[)", changelog, flags=re.MULTILINE)[1:]
    kept = []
    for section in sections:
        if version is not None and section.startswith(f"## [{version}]"):
            break
        kept.append(section.strip())
    return re.sub(r"^#+ \[?([^\]\n]+)\]?", r"\1", "\n\n".join(kept), flags=re.MULTILINE)


def put(repository: Path, branch: str, release: Release) -> tuple[str | None, list[str]]:
    """Commit a release on top of a branch, without touching any working tree.

    Returns:
        The id of the commit, None where nothing is new, and the paths that were left as the student made them.

    Raises:
        ReleaseError: this is no repository that a release was brought to, or git failed.
    """
    parent = git(repository, "rev-parse", "--verify", f"refs/heads/{branch}").decode().strip()
    text = contents(repository, parent, [NAME]).get(NAME)
    try:
        old = Manifest.loads(text) if text is not None else None
    except ManifestError:
        old = None
    # Of a manifest that the student wrote, names are believed only where they are in both repositories.
    names = sorted({*(old.files if old is not None else ()), *release.files})
    if any(re.search(r'["\n\r\0]|(^|/)\.\.?(/|$)|^/', name) for name in names):
        old, names = None, sorted(release.files)
    commit, left = changed(release, old, contents(repository, parent, names))
    return (None if commit is None else add(repository, commit, branch, parent)), left


def in_place(folder: Path, release: Release) -> tuple[str | None, list[str]]:
    """Update a repository that somebody works in: a commit on its branch, and its working tree.

    Returns:
        As ``put``.

    Raises:
        ReleaseError: there are uncommitted changes, no branch is checked out, or this is no such repository.
    """
    if not (folder / ".git").exists() or not (folder / NAME).is_file():
        raise ReleaseError(f"{folder} is no repository of a release: it has no {NAME}")
    open_changes = git(folder, "status", "--porcelain", "-z").split(b"\0")
    if any(open_changes):
        shown = ", ".join(line[3:].decode("utf-8", "replace") for line in open_changes[:5] if line)
        raise ReleaseError(f"{folder} has uncommitted changes ({shown}): commit them, and try again")
    branch = git(folder, "branch", "--show-current").decode().strip()
    if not branch:
        raise ReleaseError(f"{folder} has no branch checked out")
    # Beside the branch first: the working tree follows as git lets it, or nothing happens.
    aside = "vae-grade-release"
    git(folder, "branch", "-f", aside, branch)
    try:
        identifier, left = put(folder, aside, release)
        if identifier is not None:
            git(folder, "-c", "core.autocrlf=false", "merge", "-q", "--ff-only", aside)
    finally:
        git(folder, "branch", "-D", aside)
    return identifier, left

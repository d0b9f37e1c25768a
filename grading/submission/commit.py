"""A submission in a git repository, at a commit."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from ..boundary.worker.text import clean_line
from .handin import (
    EXPECTED_BESIDE,
    FOLDER,
    INFLUENTIAL,
    MAX_FILE_SIZE,
    Found,
    Submission,
    SubmissionError,
    assemble,
    capped,
)


def from_git(repository: Path, commit: str, specification: str, names: tuple[str, ...]) -> Submission:
    """Take files from a commit of a repository."""
    with tempfile.TemporaryDirectory(prefix="submission-git-") as folder:
        git = Git(Path(folder))
        git.clone(repository)
        full = git.resolve(commit)
        if full is None:
            raise SubmissionError(f"{clean_line(str(repository))} has no commit {clean_line(commit, 100)!r}")
        top = git.tree(full, "")
        inner = git.tree(full, f"{FOLDER}/") if top.get(FOLDER, ("", "", ""))[1] == "tree" else {}
        base, tree = (f"{FOLDER}/", inner) if any(name in inner for name in names) else ("", top)
        found = {name: git.read(tree[name], name) for name in names if name in tree}
        others = [name for name in tree if name not in {*names, *EXPECTED_BESIDE}]
        others = others if not base else [*others, *(name for name in top if name in INFLUENTIAL)]
        others = [other for other in others if not other.startswith(".git")]
        return assemble(f"{repository.resolve().name}@{full[:10]}", specification, full, found, names, others)


class Git:
    """A bare clone of a submitted repository: none of its configuration, hooks or attributes takes effect here."""

    def __init__(self, folder: Path) -> None:
        self._clone = folder / "clone.git"
        configuration = folder / "gitconfig"
        configuration.write_text("[safe]\n\tdirectory = *\n", encoding="utf-8")
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": str(configuration),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "file",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "LC_ALL": "C",
        }

    def _run(self, *arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *arguments], env=self._environment, capture_output=True, timeout=timeout, check=False
            )
        except FileNotFoundError as error:
            raise SubmissionError(
                "git is not installed, so a commit cannot be read; submit a folder or a zip"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise SubmissionError(f"git took longer than {timeout:.0f} seconds to read the repository") from error

    def clone(self, repository: Path) -> None:
        """Copy the repository's objects and refs, and nothing else of it."""
        done = self._run("clone", "--quiet", "--bare", "--template=", "--", str(repository.resolve()), str(self._clone))
        if done.returncode != 0:
            reason = clean_line(
                done.stderr.decode("utf-8", "replace").strip().splitlines()[-1] if done.stderr else "", 300
            )
            raise SubmissionError(f"{clean_line(str(repository))} is not a git repository that can be read: {reason}")

    def resolve(self, commit: str) -> str | None:
        """The full id of a commit, or None if there is no such commit."""
        named = f"{commit}^{{commit}}"
        done = self._in_clone("rev-parse", "--quiet", "--verify", "--end-of-options", named)
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def tree(self, commit: str, folder: str) -> dict[str, tuple[str, str, str]]:
        """Mode, type and object id of each entry of a folder, by name."""
        done = self._in_clone("ls-tree", "-z", commit, "--", *([folder] if folder else []))
        entries = {}
        for line in done.stdout.split(b"\0"):
            head, _, name = line.partition(b"\t")
            if name:
                mode, kind, number = head.decode().split()
                entries[name.decode("utf-8", "replace").removeprefix(folder)] = (mode, kind, number)
        return entries

    def read(self, entry: tuple[str, str, str], name: str) -> Found:
        """The bytes of a blob that was committed as a regular file."""
        mode, _, number = entry
        if mode not in ("100644", "100755"):
            kinds = {"120000": "a symbolic link", "040000": "a folder", "160000": "a submodule"}
            return Found(None, f"{name} is {kinds.get(mode, 'something else')}; only regular files are graded")
        size = int(self._in_clone("cat-file", "-s", number).stdout or b"0")
        if size > MAX_FILE_SIZE:
            return capped(b" " * (MAX_FILE_SIZE + 1), name)
        return capped(self._in_clone("cat-file", "blob", number).stdout, name)

    def _in_clone(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return self._run(f"--git-dir={self._clone}", *arguments)

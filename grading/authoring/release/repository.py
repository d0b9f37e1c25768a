"""Releases in git: a first commit without history, and commits on top of what students did.

Commits are made from contents alone (``git fast-import``): nothing of a student's repository is checked out, run or
followed, and none of its hooks, filters or links has any effect.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import ReleaseError

AUTHOR = "vae-grade release <release@localhost>"
BRANCH = "main"
_SECONDS = 300
_QUIET = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "protocol.ext.allow=never",
)


@dataclass(frozen=True)
class Commit:
    """What to commit.

    Attributes:
        message: what the commit says.
        time: in seconds since 1970.
        files: content by path; None takes a file away.
    """

    message: str
    time: int
    files: Mapping[str, bytes | None]


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    """Run git in a repository, with no hook and no question; return what it prints.

    Raises:
        ReleaseError: it failed; the message has its last words.
    """
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(name, None)
    try:
        done = subprocess.run(
            ["git", *_QUIET, *arguments],
            cwd=folder, env=environment, input=stdin, capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"git {arguments[0]} took more than {_SECONDS} seconds") from None
    if done.returncode != 0:
        said = [line for line in done.stderr.decode("utf-8", "replace").strip().splitlines() if line.strip()]
        raise ReleaseError(f"git {arguments[0]} failed: {' / '.join(said[-2:]) or f'status {done.returncode}'}")
    return done.stdout


def create(folder: Path, commit: Commit) -> str:
    """Make a repository with this one commit, checked out; return the commit's id, the same for the same commit.

    Raises:
        ReleaseError: git failed.
    """
    git(folder, "init", "-q", "--template=", "--object-format=sha1", f"--initial-branch={BRANCH}", ".")
    identifier = add(folder, commit, BRANCH, parent=None)
    git(folder, "-c", "core.autocrlf=false", "reset", "-q", "--hard", BRANCH)
    return identifier


def add(folder: Path, commit: Commit, branch: str, parent: str | None) -> str:
    """Put a commit on a branch without touching any working tree; return its id.

    Raises:
        ReleaseError: the branch has moved away from ``parent``, or git failed.
    """
    stream = bytearray(f"commit refs/heads/{branch}\ncommitter {AUTHOR} {commit.time} +0000\n".encode())
    message = commit.message.encode()
    stream += b"data %d\n%s\n" % (len(message), message)
    if parent is not None:
        stream += f"from {parent}\n".encode()
    for path, content in commit.files.items():
        if content is None:
            stream += f"D {path}\n".encode()
        else:
            stream += f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
    git(folder, "fast-import", "--quiet", "--date-format=raw", stdin=bytes(stream))
    return git(folder, "rev-parse", "--verify", f"refs/heads/{branch}").decode().strip()


def contents(folder: Path, commit: str, names: list[str]) -> dict[str, bytes]:
    """The contents of these files of a commit, as far as it has them as files.

    Raises:
        ReleaseError: git failed.
    """
    listed = git(folder, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")
    there: dict[str, bytes] = {}
    for line in filter(None, listed):
        description, _, path = line.partition(b"\t")
        mode, _, identifier = description.split(b" ")
        if mode.startswith(b"100"):
            there[path.decode("utf-8", "surrogateescape")] = identifier
    wanted = [name for name in names if name in there]
    answer = git(folder, "cat-file", "--batch", stdin=b"".join(there[name] + b"\n" for name in wanted))
    found, position = {}, 0
    for name in wanted:
        end = answer.index(b"\n", position)
        size = int(answer[position:end].split(b" ")[2])
        found[name] = answer[end + 1 : end + 1 + size]
        position = end + 2 + size
    return found

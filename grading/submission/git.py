"""git, asked about one repository, within limits of time and memory and with nobody's configuration."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..boundary.shared.text import clean_line
from .entries import FOLDER, Entry, Unreadable, file_type, too_large
from .model import SubmissionError
from .repository import prepare

SECONDS = 120.0
"""For all that git does for one submission."""
MEMORY = 512 << 20
"""Address space of a git process, in bytes: far more than files of a submission's size need."""
MAX_FOLDER_SIZE = 4 << 20
"""Of a commit, a tag or a folder's list of names, in bytes; packed, one of gigabytes would be small."""

_CALLED = {"commit": "commit", "tag": "tag", "tree": "folder", "blob": "file"}
_OUT_OF_MEMORY = re.compile("out of memory|cannot allocate memory", re.IGNORECASE)
_ID = re.compile(r"([0-9a-f]{4,64})([~^].*)?", re.IGNORECASE | re.DOTALL)
"""The beginning of a commit's id, and where to go from that commit."""
_OBJECT = re.compile(r"([0-9a-f]{40,64}) ([a-z]+) ([0-9]+)\n")
_SUBMODULE = 0o160000
# A limit that is set by the shell, unlike one set between fork and exec, is safe beside threads. Some systems know this
# limit and do not let it be set.
_LIMITED = ("/bin/sh", "-c", 'ulimit -v "$0" 2>/dev/null; exec "$@"', str(MEMORY >> 10))


class _EndedError(Exception):
    """A git process ended before it answered; the text says why."""


@contextlib.contextmanager
def opened(repository: Path) -> Iterator[Git]:
    """Read a repository that is somebody else's.

    Raises:
        SubmissionError: it cannot be read.
    """
    if shutil.which("git") is None:
        raise SubmissionError("git is not installed, so a commit cannot be read; submit a folder or a zip")
    with tempfile.TemporaryDirectory(prefix="submission-git-") as folder, contextlib.ExitStack() as stack:
        yield Git(Path(folder), prepare(repository, Path(folder)), clean_line(str(repository)), stack)


class Git:
    """Reads one repository.

    Args:
        folder: a git folder that nobody else configured.
        objects: where its objects are.
        name: what to call the repository in messages.
        stack: ends, when it is closed, the processes that were started.
    """

    def __init__(self, folder: Path, objects: Path, name: str, stack: contextlib.ExitStack) -> None:
        self._name, self._stack = name, stack
        self._deadline = time.monotonic() + SECONDS
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "GIT_DIR": str(folder),
            "GIT_OBJECT_DIRECTORY": str(objects.absolute()),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "LC_ALL": "C",
        }
        self._errors = folder / "errors"
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def resolve(self, text: str) -> tuple[str | None, str | None]:
        """The full id of a commit, if there is such a commit, and what an instructor should know of how it was found.

        Four or more hexadecimal digits are the beginning of a commit's id, whatever tags and branches are called: their
        names are the student's to choose. Only where no commit's id begins like this, it may be such a name.

        Raises:
            SubmissionError: the ids of several commits begin like this.
        """
        if not text.isprintable():  # one line is one question
            return None, None
        match = _ID.fullmatch(text)
        commits = self._commits(match[1]) if match else []
        if match and len(commits) > 1:
            shown = ", ".join(number[:16] for number in commits[:5])
            raise SubmissionError(
                f"{self._name}: the ids of {len(commits)} commits begin with {match[1]}: {shown}; give more digits"
            )
        if match and commits:
            return self._commit(commits[0] + (match[2] or "")), None
        found = self._commit(text)
        if match and found:
            return found, f"no commit's id begins with {match[1]}; it was taken as the name of a tag or branch"
        return found, None

    def _commits(self, prefix: str) -> list[str]:
        """The ids of all commits that begin with these hexadecimal digits."""
        process = self._start("rev-parse", f"--disambiguate={prefix}")
        alike, _ = process.communicate()
        if process.returncode != 0:
            raise self._unreadable(self._reason(process))
        found = filter(None, map(self._look_up, alike.decode().split()))
        return [number for number, kind, _ in found if kind == "commit"]

    def _commit(self, name: str) -> str | None:
        """The id of the commit that a name leads to. Nothing is unpacked of which the size has not been asked."""
        for text in (name, f"{name}^{{commit}}"):
            found = self._look_up(text)
            if found is None:
                return None
            number, kind, size = found
            if size > MAX_FOLDER_SIZE:
                raise SubmissionError(f"{self._name}: a {_CALLED[kind]} in it is too large to be read")
            if kind != "tag":
                return number if kind == "commit" else None
        return None

    def _look_up(self, name: str) -> tuple[str, str, int] | None:
        """The id, kind and size of what has this name, if anything has."""
        try:
            match = _OBJECT.fullmatch(self._ask("batch-check", name)[0])
        except _EndedError as error:
            raise self._unreadable(error) from error
        return (match[1], match[2], int(match[3])) if match else None

    def top(self, commit: str) -> list[Entry]:
        """What is in a commit's uppermost folder.

        Raises:
            SubmissionError: commit or folder cannot be read, or is not what its id says.
        """
        first, _, _ = self._listing("commit", commit).partition(b"\n")
        return self._entries(first.removeprefix(b"tree ").decode("ascii", "replace"))

    def _entries(self, tree: str) -> list[Entry]:
        entries, position = [], 0
        content = self._listing("tree", tree)
        while position < len(content):
            # "<mode> <name>\0<id>", the id in bytes
            end = content.find(b"\0", position)
            mode, _, name = content[position:end].partition(b" ")
            position = end + 1 + len(tree) // 2
            if end < 0 or position > len(content) or not re.fullmatch(rb"[0-7]{5,7}", mode):
                raise SubmissionError(f"{self._name}: a folder in it cannot be read: it is damaged")
            number, kind = content[end + 1 : position].hex(), _kind(int(mode, 8))
            read, inside = partial(self._blob, number), partial(self._entries, number)
            entries.append(Entry(name.decode("utf-8", "replace"), kind, read, inside if kind == FOLDER else list))
        return entries

    def _blob(self, number: str, limit: int) -> bytes:
        found = self._look_up(number)
        if found is None or found[1] != "blob":
            raise Unreadable("cannot be read from the commit: it is not there")
        if found[2] > limit:
            raise too_large(limit)
        try:
            return self._genuine(number, "blob", found[2])
        except _EndedError as error:
            raise Unreadable(f"cannot be read from the commit: {error}") from error

    def _listing(self, kind: str, number: str) -> bytes:
        """The content of a commit or folder."""
        found = self._look_up(number)
        if found is None or found[1] != kind:
            raise SubmissionError(f"{self._name}: a {_CALLED[kind]} in it cannot be read")
        if found[2] > MAX_FOLDER_SIZE:
            raise SubmissionError(f"{self._name}: a {_CALLED[kind]} in it is too large to be read")
        try:
            return self._genuine(number, kind, found[2])
        except _EndedError as error:
            raise SubmissionError(f"{self._name}: a {_CALLED[kind]} in it cannot be read: {error}") from error

    def _genuine(self, number: str, kind: str, size: int) -> bytes:
        """The content of an object, which is what its id says.

        Git believes what lies under an id; then an old commit could hold what was written after the deadline.
        """
        _, content = self._ask("batch", number, size)
        algorithm = "sha1" if len(number) == 40 else "sha256"
        head = f"{kind} {size}\0".encode()
        if hashlib.new(algorithm, head + content, usedforsecurity=False).hexdigest() != number:
            raise SubmissionError(
                f"{self._name}: the {_CALLED[kind]} {number[:10]} in it has been replaced by another content"
            )
        return content

    def _unreadable(self, error: _EndedError) -> SubmissionError:
        return SubmissionError(f"{self._name} is not a git repository that can be read: {error}")

    def _ask(self, command: str, line: str, size: int = -1) -> tuple[str, bytes]:
        """The line by which ``git cat-file`` answers this one, and so many bytes that follow it, if any do.

        Raises:
            _EndedError: there was none.
            SubmissionError: a limit of time or memory was reached.
        """
        if command not in self._running:
            self._running[command] = self._start("cat-file", f"--{command}=%(objectname) %(objecttype) %(objectsize)")
        process = self._running[command]
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # why it ended is found out below
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
        answer = process.stdout.readline()
        # An end of line is behind the content, of which there is none if the answer is that it is missing.
        content = process.stdout.read(size + 1) if _OBJECT.fullmatch(answer.decode("utf-8", "replace")) else b""
        if not answer.endswith(b"\n") or len(content) <= size:
            del self._running[command]
            raise self._reason(process)
        return answer.decode("utf-8", "replace"), content[:-1]

    def _reason(self, process: subprocess.Popen[bytes]) -> _EndedError:
        """Why a process ended, if not by a limit.

        Raises:
            SubmissionError: it was a limit.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):  # the rest of what it says is still to come
            process.wait(1)
        lines = self._errors.read_text("utf-8", "replace").strip().splitlines()
        said = clean_line(lines[-1], 300) if lines else "git ended and did not say why"
        if time.monotonic() >= self._deadline:
            raise SubmissionError(f"git took longer than {SECONDS:.0f} seconds to read {self._name}")
        if _OUT_OF_MEMORY.search(said):
            raise SubmissionError(f"git needs more than {MEMORY >> 20} MiB of memory to read {self._name}")
        return _EndedError(said)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self._errors.open("ab") as errors:
            process = subprocess.Popen(
                [*(() if sys.platform == "win32" else _LIMITED), "git", *arguments],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # so that all it starts can be ended with it
            )
        timer = threading.Timer(max(0.0, self._deadline - time.monotonic()), _kill, [process])
        self._stack.callback(_end, process, timer)
        timer.start()
        return process


def _end(process: subprocess.Popen[bytes], timer: threading.Timer) -> None:
    timer.cancel()
    timer.join()
    if process.poll() is None:  # else its number may be another's by now
        _kill(process)
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(BrokenPipeError):  # of what it did not read any more
            _ = stream.close() if stream else None
    process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it has started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _kind(mode: int) -> str:
    return "a submodule" if mode == _SUBMODULE else file_type(mode)

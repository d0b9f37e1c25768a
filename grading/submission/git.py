"""git, asked about one repository, within limits of time and memory and with nobody's configuration."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from ..boundary.shared.text import clean_line
from .handin import MAX_FILE_SIZE, Found, SubmissionError, capped, irregular

if sys.platform != "win32":
    import resource

SECONDS = 120.0
MEMORY = 512 << 20
"""Address space of a git process, in bytes: far more than files of a submission's size need."""
MAX_FOLDER_SIZE = 16 << 20
"""Of a commit or a folder's list of names, in bytes; packed, one of gigabytes would be small."""

_CALLED = {"commit": "commit", "tree": "folder", "blob": "file"}
_OUT_OF_MEMORY = re.compile(rb"out of memory|cannot allocate memory", re.IGNORECASE)
_ID = re.compile(r"([0-9a-f]{4,64})([~^].*)?", re.IGNORECASE | re.DOTALL)
"""The beginning of a commit's id, and where to go from that commit."""


class Git:
    """Reads one repository.

    Args:
        folder: a bare repository that nobody else writes to or configured.
        name: what to call it in messages.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, clean_line(name)
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "LC_ALL": "C",
        }
        done = self._run("rev-parse", "--git-dir")
        if done.returncode != 0:
            raise SubmissionError(f"{self._name} is not a git repository that can be read: {_reason(done)}")

    def resolve(self, text: str) -> tuple[str | None, str | None]:
        """The full id of a commit, if there is such a commit, and what an instructor should know of how it was found.

        Four or more hexadecimal digits are the beginning of a commit's id, whatever tags and branches are called: their
        names are the student's to choose. Only where no commit's id begins like this, it may be such a name.

        Raises:
            SubmissionError: the ids of several commits begin like this.
        """
        match = _ID.fullmatch(text)
        commits = self._commits(match[1]) if match else []
        if match and len(commits) > 1:
            shown = ", ".join(number[:16] for number in commits[:5])
            raise SubmissionError(
                f"{self._name}: the ids of {len(commits)} commits begin with {match[1]}: {shown}; give more digits"
            )
        if match and commits:
            return self._verified(commits[0] + (match[2] or "")), None
        found = self._verified(text)
        if match and found:
            return found, f"no commit's id begins with {match[1]}; it was taken as the name of a tag or branch"
        return found, None

    def _commits(self, prefix: str) -> list[str]:
        """The ids of all commits that begin with these hexadecimal digits."""
        alike = self._run("rev-parse", f"--disambiguate={prefix}").stdout
        kinds = self._run(
            "cat-file", "--batch-check=%(objectname) %(objectsize) %(objecttype)", given=alike
        ).stdout.decode()
        commits = [line.split() for line in kinds.splitlines() if line.endswith(" commit")]
        # Asked before anything is unpacked: naming a commit makes git read it whole.
        if any(int(size) > MAX_FOLDER_SIZE for _, size, _ in commits):
            raise SubmissionError(f"{self._name}: a commit in it is too large to be read")
        return [number for number, _, _ in commits]

    def _verified(self, text: str) -> str | None:
        done = self._run("rev-parse", "--quiet", "--verify", "--end-of-options", f"{text}^{{commit}}")
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def top(self, commit: str) -> dict[str, tuple[str, str, str]]:
        """The entries of a commit's uppermost folder, as :meth:`tree` gives them."""
        first, _, _ = self._genuine("commit", commit).partition(b"\n")
        return self.tree(first.removeprefix(b"tree ").decode("ascii", "replace"))

    def tree(self, number: str) -> dict[str, tuple[str, str, str]]:
        """Mode, type and object id of each entry of a folder, by name.

        Raises:
            SubmissionError: it cannot be read, or is not what its id says.
        """
        self._genuine("tree", number)
        done = self._run("ls-tree", "-z", number)
        if done.returncode != 0:
            raise SubmissionError(f"{self._name}: a folder in it cannot be read: {_reason(done)}")
        entries = {}
        for line in done.stdout.split(b"\0"):
            head, _, name = line.partition(b"\t")
            if name:
                mode, kind, number = head.decode().split()
                entries[name.decode("utf-8", "replace")] = (mode, kind, number)
        return entries

    def read(self, entry: tuple[str, str, str], name: str) -> Found:
        """The bytes of a blob that was committed as a regular file."""
        mode, _, number = entry
        if mode not in ("100644", "100755"):
            kinds = {"120000": "a symbolic link", "040000": "a folder", "160000": "a submodule"}
            return irregular(name, kinds.get(mode, "something else"))
        done = self._run("cat-file", "-s", number)
        if done.returncode == 0 and int(done.stdout) > MAX_FILE_SIZE:
            return capped(b" " * (MAX_FILE_SIZE + 1), name)
        if done.returncode == 0:
            done = self._run("cat-file", "blob", number)
        if done.returncode != 0:
            return Found(None, f"{name} cannot be read from the commit: {_reason(done)}")
        self._require_genuine("blob", number, done.stdout)
        return capped(done.stdout, name)

    def _genuine(self, kind: str, number: str) -> bytes:
        """The content of a commit or folder, which is what its id says."""
        size = self._run("cat-file", "-s", number)
        if size.returncode == 0 and int(size.stdout) > MAX_FOLDER_SIZE:
            raise SubmissionError(f"{self._name}: a {_CALLED[kind]} in it is too large to be read")
        done = self._run("cat-file", kind, number)
        if done.returncode != 0:
            raise SubmissionError(f"{self._name}: a {_CALLED[kind]} in it cannot be read: {_reason(done)}")
        self._require_genuine(kind, number, done.stdout)
        return done.stdout

    def _require_genuine(self, kind: str, number: str, content: bytes) -> None:
        """Git believes what lies under an id; then an old commit could hold what was written after the deadline."""
        algorithm = "sha1" if len(number) == 40 else "sha256"
        head = f"{kind} {len(content)}\0".encode()
        if hashlib.new(algorithm, head + content, usedforsecurity=False).hexdigest() != number:
            raise SubmissionError(
                f"{self._name}: the {_CALLED[kind]} {number[:10]} in it has been replaced by another content"
            )

    def _run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = ["git", f"--git-dir={self._folder}", *arguments]
        pipe = subprocess.PIPE
        try:
            with subprocess.Popen(
                command,
                env=self._environment,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                start_new_session=True,  # so that all it starts can be ended with it
                preexec_fn=None if sys.platform == "win32" else _limit_memory,
            ) as process:
                try:
                    output, errors = process.communicate(given, timeout=SECONDS)
                except BaseException:
                    _end(process)
                    raise
        except FileNotFoundError as error:
            raise SubmissionError(
                "git is not installed, so a commit cannot be read; submit a folder or a zip"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise SubmissionError(f"git took longer than {SECONDS:.0f} seconds to read {self._name}") from error
        if process.returncode != 0 and _OUT_OF_MEMORY.search(errors):
            raise SubmissionError(f"git needs more than {MEMORY >> 20} MiB of memory to read {self._name}")
        return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _limit_memory() -> None:
    """In the new process: an attempt to fill the machine's memory ends that process alone."""
    with contextlib.suppress(ValueError, OSError):  # some systems know this limit and do not let it be set
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it has started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    """The last thing that git said."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return clean_line(lines[-1] if lines else f"git ended with status {done.returncode}", 300)

"""Take a student's files from a folder, a git commit or a zip, without running or trusting anything in there.

Only the files that the assignment names are taken, and only as regular files of a bounded size. Whatever else lies
beside them has no effect and is listed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .boundary.worker.text import clean

MAX_FILE_SIZE = 1 << 20
FOLDER = "student"
_EXPECTED_BESIDE = {"README.md", "lab", "__init__.py", "__pycache__"}
# Files that would change how Python or pytest runs, if anything here were run where they lie.
_INFLUENTIAL = {
    "conftest.py",
    "pytest.ini",
    "setup.cfg",
    "sitecustomize.py",
    "usercustomize.py",
    "tox.ini",
    ".pytest.ini",
}


class SubmissionError(Exception):
    """Nothing that could be graded is there; the message says what was looked for, and where."""


@dataclass(frozen=True)
class Submission:
    """A student's files, as bytes.

    Attributes:
        id: a short name for people.
        source: where it came from.
        commit: the full id of the commit, if it came from git.
        files: the named files that could be taken.
        faults: why each of the others could not.
        problems: what an instructor should know besides.
    """

    id: str
    source: str
    commit: str | None
    files: dict[str, bytes]
    faults: dict[str, str]
    problems: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents, the same for the same files wherever they came from."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            digest.update(f"{name}\0{len(self.files[name])}\0".encode() + self.files[name])
        return digest.hexdigest()


@dataclass(frozen=True)
class _Found:
    """What a source knows of one path: its bytes, or why there are none."""

    content: bytes | None
    fault: str | None


def take(specification: str, names: tuple[str, ...]) -> Submission:
    """Take the files ``names`` from a folder, a zip, or ``REPOSITORY@COMMIT``.

    Raises:
        SubmissionError: there is no such place, or none of the files is in it.
    """
    path = Path(specification)
    if path.is_dir():
        return _from_folder(path, specification, names)
    if path.is_file():
        return _from_zip(path, specification, names)
    repository, _, commit = specification.rpartition("@")
    if repository and Path(repository).is_dir():
        return _from_git(Path(repository), commit, specification, names)
    raise SubmissionError(f"{clean(specification)}: no such folder, zip or REPOSITORY@COMMIT")


@contextmanager
def staged(submission: Submission) -> Iterator[Path]:
    """A temporary folder that holds the files of a submission and nothing else."""
    with tempfile.TemporaryDirectory(prefix="submission-") as folder:
        for name, content in submission.files.items():
            (Path(folder) / name).write_bytes(content)
        yield Path(folder)


def _assemble(
    name: str,
    specification: str,
    commit: str | None,
    found: dict[str, _Found],
    names: tuple[str, ...],
    others: list[str],
) -> Submission:
    """The submission made of what was found under each name."""
    files = {name: entry.content for name, entry in found.items() if entry.content is not None}
    if not found:
        looked = " or ".join(names)
        raise SubmissionError(
            f"{clean(specification)}: neither it nor a folder {FOLDER}/ in it has {looked}; nothing to grade"
        )
    missing = {name: f"{name} is missing from the submission" for name in names if name not in found}
    faults = {name: entry.fault for name, entry in found.items() if entry.fault is not None} | missing
    problems = list(faults.values())
    if others:
        shown = ", ".join(clean(other, 80) for other in sorted(others)[:20])
        more = f" and {len(others) - 20} more" if len(others) > 20 else ""
        problems.append(f"ignored, because the assignment does not name them: {shown}{more}")
    return Submission(clean(name, 100), clean(specification, 500), commit, files, faults, problems)


# --- a folder ---


def _from_folder(folder: Path, specification: str, names: tuple[str, ...]) -> Submission:
    base = folder / FOLDER
    if base.is_symlink():
        raise SubmissionError(f"{clean(str(base))} is a symbolic link; only regular files and folders are graded")
    # A repository keeps the files in student/; a bare hand-in has them right here.
    if not base.is_dir() or not any(os.path.lexists(base / name) for name in names):
        base = folder
    found = {name: _read_regular(base / name, name) for name in names if os.path.lexists(base / name)}
    others = [entry.name for entry in base.iterdir() if entry.name not in {*names, *_EXPECTED_BESIDE}]
    if base == folder:
        others = [name for name in others if not name.startswith(".git")]
    else:
        others += [entry.name for entry in folder.iterdir() if entry.name in _INFLUENTIAL]
    resolved = folder.resolve()
    name = resolved.parent.name if resolved.name == FOLDER else resolved.name
    return _assemble(name, specification, None, found, names, others)


def _read_regular(path: Path, name: str) -> _Found:
    """The bytes of a regular file, opened in a way that follows no link and waits for no pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        kind = "a symbolic link" if path.is_symlink() else f"not readable ({error.strerror})"
        return _Found(None, f"{name} is {kind}; only regular files are graded")
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        return _Found(None, f"{name} is {_file_type(mode)}; only regular files are graded")
    with os.fdopen(descriptor, "rb") as stream:
        return _capped(stream.read(MAX_FILE_SIZE + 1), name)


def _file_type(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"


def _capped(content: bytes, name: str) -> _Found:
    if len(content) > MAX_FILE_SIZE:
        return _Found(None, f"{name} is larger than {MAX_FILE_SIZE >> 20} MiB; no solution needs that")
    return _Found(content, None)


# --- a zip ---


def _from_zip(path: Path, specification: str, names: tuple[str, ...]) -> Submission:
    try:
        with zipfile.ZipFile(path) as archive:
            return _from_archive(archive, specification, names)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise SubmissionError(f"{clean(specification)} is not a readable zip: {clean(str(error), 200)}") from error


def _from_archive(archive: zipfile.ZipFile, specification: str, names: tuple[str, ...]) -> Submission:
    entries: dict[str, list[zipfile.ZipInfo]] = {}
    for info in archive.infolist():
        parts = PurePosixPath(info.filename).parts
        if not info.is_dir() and parts and ".." not in parts and not info.filename.startswith("/"):
            entries.setdefault("/".join(parts), []).append(info)
    # A zip that a website made of a repository has all of it in one folder.
    tops = {name.split("/")[0] for name in entries}
    prefix = f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in entries) else ""
    if prefix == f"{FOLDER}/":
        prefix = ""
    base = next((b for b in (f"{prefix}{FOLDER}/", prefix) if any(b + name in entries for name in names)), prefix)
    found = {name: _read_entry(archive, entries[base + name], name) for name in names if base + name in entries}
    beside = [n.removeprefix(base).split("/")[0] for n in entries if n.startswith(base)]
    others = sorted({name for name in beside if name not in {*names, *_EXPECTED_BESIDE}})
    return _assemble(Path(specification).stem, specification, None, found, names, others)


def _read_entry(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], name: str) -> _Found:
    if len(infos) > 1:
        return _Found(None, f"{name} is in the zip {len(infos)} times; which one counts cannot be told")
    (info,) = infos
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else _file_type(mode)
        return _Found(None, f"{name} is {kind}; only regular files are graded")
    try:
        with archive.open(info) as stream:
            return _capped(stream.read(MAX_FILE_SIZE + 1), name)
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        return _Found(None, f"{name} cannot be read from the zip: {clean(str(error), 200)}")
    except Exception as error:  # the decompressors raise errors of their own, such as zlib.error
        return _Found(None, f"{name} is damaged in the zip: {clean(str(error), 200)}")


# --- a git commit ---


def _from_git(repository: Path, commit: str, specification: str, names: tuple[str, ...]) -> Submission:
    with tempfile.TemporaryDirectory(prefix="submission-git-") as folder:
        git = _Git(Path(folder))
        git.clone(repository)
        full = git.resolve(commit)
        if full is None:
            raise SubmissionError(f"{clean(str(repository))} has no commit {clean(commit, 100)!r}")
        top = git.tree(full, "")
        inner = git.tree(full, f"{FOLDER}/") if top.get(FOLDER, ("", "", ""))[1] == "tree" else {}
        base, tree = (f"{FOLDER}/", inner) if any(name in inner for name in names) else ("", top)
        found = {name: git.read(tree[name], name) for name in names if name in tree}
        others = [name for name in tree if name not in {*names, *_EXPECTED_BESIDE}]
        others = others if not base else [*others, *(name for name in top if name in _INFLUENTIAL)]
        others = [other for other in others if not other.startswith(".git")]
        return _assemble(f"{repository.resolve().name}@{full[:10]}", specification, full, found, names, others)


class _Git:
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
            reason = clean(done.stderr.decode("utf-8", "replace").strip().splitlines()[-1] if done.stderr else "", 300)
            raise SubmissionError(f"{clean(str(repository))} is not a git repository that can be read: {reason}")

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

    def read(self, entry: tuple[str, str, str], name: str) -> _Found:
        """The bytes of a blob that was committed as a regular file."""
        mode, _, number = entry
        if mode not in ("100644", "100755"):
            kinds = {"120000": "a symbolic link", "040000": "a folder", "160000": "a submodule"}
            return _Found(None, f"{name} is {kinds.get(mode, 'something else')}; only regular files are graded")
        size = int(self._in_clone("cat-file", "-s", number).stdout or b"0")
        if size > MAX_FILE_SIZE:
            return _capped(b" " * (MAX_FILE_SIZE + 1), name)
        return _capped(self._in_clone("cat-file", "blob", number).stdout, name)

    def _in_clone(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return self._run(f"--git-dir={self._clone}", *arguments)

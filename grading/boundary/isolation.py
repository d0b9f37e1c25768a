"""Which confinement of the student's side this machine can give, and how it is begun.

Nothing here imports torch, so that a fork server that is started early imports it at the same time as the grader does.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from . import launch
from .clock import Clock
from .errors import UnavailableError
from .forkserver import ForkServer
from .lone import LoneProcess, LoneWorkers
from .worker import landlock, selftest
from .worker.confine import Confinement, Limits
from .workers import ForkedWorkers, Isolation, Workers

__all__ = ["LEVELS", "Isolation", "Limits", "UnavailableError", "Workers", "open_session", "open_workers"]

LEVELS = ("auto", "A", "B", "none", "in-process")


@dataclass(frozen=True)
class Options:
    """How workers are to be opened.

    Attributes:
        repository: the folder that they must not see, for the self-test; None if there is none in particular.
        slot: which of the graders on this machine this is; each has an unused user of its own, so that no submission
            can use up what is counted by user, or end processes, for another that is graded at the same time. Drawn by
            chance, since process numbers repeat between containers.
        limits: what a worker may use up.
        check_timeout: seconds that all exchanges of one check may take together.
        run_timeout: seconds that all workers may take together.
        early_imports: modules that the submission seems to need.
        platform: the system that this is, as ``sys.platform`` names it.
    """

    repository: Path | None = None
    slot: int = field(default_factory=lambda: secrets.randbelow(launch.SLOTS))
    limits: Limits = field(default_factory=Limits)
    check_timeout: float = 120.0
    run_timeout: float = math.inf
    early_imports: tuple[str, ...] = ()
    platform: str = sys.platform

    def clock(self) -> Clock:
        """A clock that begins now."""
        return Clock(self.check_timeout, self.run_timeout)


def open_workers(level: str, *, capture: bool = True, **options: Any) -> Workers:
    """Workers confined at ``level``; returns while they are still getting ready.

    Args:
        level: one of ``LEVELS``. "auto" takes the best one that this machine can give and that its self-test proves.
        capture: keep what the student's code prints; matters in-process only, other levels always do.
        options: the fields of ``Options``.

    Raises:
        UnavailableError: this machine cannot give that level.
    """
    chosen = Options(**options)
    if level == "in-process":
        from .local import LocalWorkers  # it imports torch

        return LocalWorkers(capture=capture)
    if level == "auto":
        return _best(chosen)
    if level not in _OPENERS:
        raise UnavailableError(f"no isolation level {level!r}: choose one of {', '.join(LEVELS)}")
    return _OPENERS[level](chosen, [])


def _best(options: Options) -> Workers:
    missing: list[str] = []
    for level in ("A", "B", "none"):
        try:
            return _OPENERS[level](options, missing)
        except UnavailableError as error:
            missing.append(f"{level}: {error}")
    raise UnavailableError("; ".join(missing))


def _open_a(options: Options, missing: list[str]) -> Workers:
    """Namespaces of bubblewrap around all that level B does."""
    if options.platform != "linux":
        raise UnavailableError(f"bubblewrap is a program for Linux, and this is {options.platform}")
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise UnavailableError("bubblewrap is not installed (Debian, Ubuntu, Fedora, Arch: the package bubblewrap)")
    root = os.geteuid() == 0
    early, lacking = _early_imports("A", root, mounted=True)
    if not landlock.version():
        lacking.append("A: this kernel has no landlock; the mounts alone decide which files can be read")
    readable, listable = launch.readable()
    uid = launch.unused_uid(options.slot) if root else None
    confinement = Confinement(options.limits, uid, bool(landlock.version()), readable, listable, True)
    command = launch.bubble(bubblewrap, root=root)
    return _start("A", command, confinement, early, options, [*missing, *lacking])


def _early_imports(level: str, root: bool, *, mounted: bool) -> tuple[tuple[str, ...], list[str]]:
    """What to import before confining, where the unused user that a worker becomes could not read it afterwards."""
    folders = [*launch.standard_library(), *launch.import_path()]
    if not root or launch.readable_to_others(folders, mounted=mounted):
        return (), []
    return launch.EARLY_IMPORTS, [
        f"{level}: an unprivileged user cannot read this Python, so a module that is imported late is not found;"
        " put the virtual environment and its interpreter where everybody can read them"
    ]


def _open_b(options: Options, missing: list[str]) -> Workers:
    """Landlock, seccomp, limits, and an unused user where this is root."""
    if options.platform != "linux":
        raise UnavailableError(f"landlock and seccomp are parts of Linux, and this is {options.platform}")
    if not landlock.version():
        raise UnavailableError("this kernel has no landlock (it needs Linux 5.13, and 'landlock' in its lsm= setting)")
    root = os.geteuid() == 0
    early, lacking = _early_imports("B", root, mounted=False)
    readable, listable = launch.readable()
    uid = launch.unused_uid(options.slot) if root else None
    confinement = Confinement(options.limits, uid, True, readable, listable, True)
    command = [*launch.python(), str(launch.WORKER)]
    return _start("B", command, confinement, early, options, [*missing, *lacking])


def _open_plain(options: Options, missing: list[str]) -> Workers:
    """A process of its own, against accidents; nothing stops malice."""
    if options.platform != "linux":
        return _open_lone(options, missing)
    command = [*launch.python(), str(launch.WORKER)]
    limits = replace(options.limits, file_size=1 << 30)  # whoever debugs here may want to write files
    return _start("none", command, Confinement(limits), (), options, missing)


def _open_lone(options: Options, missing: list[str]) -> Workers:
    """A plain process where one that has imported torch cannot be forked."""
    environment = {**os.environ, **launch.one_thread()}

    def start() -> LoneProcess:
        return LoneProcess([*launch.python(), str(launch.WORKER), "--lone"], environment, launch.import_path())

    lacking = [*missing, f"none: a fresh process for each check, which {options.platform} cannot give quickly"]
    return LoneWorkers(start, Isolation("none", trusted_for_grading=False, missing=lacking), options.clock())


def _start(
    level: str,
    command: list[str],
    confinement: Confinement,
    early_imports: tuple[str, ...],
    options: Options,
    missing: list[str],
) -> Workers:
    settings = {
        "import_path": launch.import_path(),
        "early_imports": [*early_imports, *options.early_imports],
        "confinement": confinement.to_json(),
    }
    with _targets(options.repository) as targets:
        aim = targets if level != "none" else None
        server = ForkServer.start(command, launch.environment(), {**settings, "targets": aim})
        return _proven(level, server, options, missing)


def open_session(workers: ForkedWorkers, **options: Any) -> ForkedWorkers:
    """Workers confined as others are, forked from the same server, but as another user; proven by their own self-test.

    Args:
        workers: the others, none of which may have run a student's code.
        options: the fields of ``Options``.

    Raises:
        UnavailableError: the self-test could do what must be impossible.
    """
    chosen, known = Options(**options), workers.isolation
    uid = launch.unused_uid(chosen.slot) if os.geteuid() == 0 and known.level != "none" else None
    with _targets(chosen.repository) as targets:
        aim = targets if known.level != "none" else None
        session = workers.server.session(uid, aim, chosen.early_imports)
        return _proven(known.level, session, chosen, known.missing)


def _proven(level: str, server: ForkServer, options: Options, missing: list[str]) -> ForkedWorkers:
    """The workers of a server, once its self-test has shown that they are confined; else the server is closed."""
    try:
        outcomes = server.self_test()
        possible = [name for name in selftest.ATTEMPTS if outcomes.get(name) != selftest.REFUSED]
        if level != "none" and possible:
            raise UnavailableError(f"the self-test could do what must be impossible: {', '.join(possible)}")
        return ForkedWorkers(server, Isolation(level, level != "none", outcomes, missing), options.clock())
    except BaseException:
        server.close()
        raise


@contextlib.contextmanager
def _targets(repository: Path | None) -> Iterator[dict[str, Any]]:
    """What the self-test aims at: things that it could reach if it were not confined."""
    with tempfile.TemporaryDirectory(prefix="vae-grade-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        canary, scratch = folder / "canary", folder / "scratch"
        canary.write_bytes(os.urandom(16).hex().encode())
        scratch.mkdir()
        scratch.chmod(0o777)
        yield asdict(selftest.Targets(str(canary), str(repository or folder), str(scratch), os.getpid()))


_OPENERS: dict[str, Callable[[Options, list[str]], Workers]] = {
    "A": _open_a,
    "B": _open_b,
    "none": _open_plain,
}

"""Where the student's side runs, and how well it is confined there.

Nothing here imports torch, so that a fork server that is started early imports it at the same time as the grader does.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from . import launch
from .errors import UnavailableError
from .forkserver import ForkServer
from .relayed import Relay
from .worker import landlock, selftest
from .worker.confine import Confinement, Limits

if TYPE_CHECKING:
    from .channels import Channel

__all__ = ["LEVELS", "Isolation", "Limits", "UnavailableError", "Workers", "open_workers"]

LEVELS = ("auto", "A", "B", "docker", "none", "in-process")


@dataclass(frozen=True)
class Isolation:
    """What is known about the confinement of the student's side, for the score document.

    Attributes:
        level: "A", "B", "docker", "none" or "in-process".
        trusted_for_grading: whether a grade of a stranger's code may rest on it.
        self_test: what was tried inside before any student's code was read, and whether it failed as it must.
        missing: what a better level would need here.
    """

    level: str
    trusted_for_grading: bool
    self_test: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The form in which it stands in the score document."""
        return asdict(self)


class Workers(Protocol):
    """A source of fresh student's sides."""

    @property
    def isolation(self) -> Isolation:
        """How the workers are confined."""
        ...

    def open(self) -> Channel:
        """A channel to a fresh executor that has loaded nothing yet."""
        ...

    def close(self) -> None:
        """End whatever still runs."""
        ...


class LocalWorkers:
    """Executors in the grader's own process, for debugging."""

    isolation = Isolation("in-process", trusted_for_grading=False, missing=["a process of its own for the submission"])

    def __init__(self, *, capture: bool = False) -> None:
        self._capture = capture

    def open(self) -> Channel:
        """A channel to a fresh executor in this process."""
        from .channels import LocalChannel

        return LocalChannel(capture=self._capture)

    def close(self) -> None:
        """Nothing to end."""


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
        engine: the program that runs containers; podman takes the same arguments.
        image: the container image with Python and torch.
        platform: the system that this is, as ``sys.platform`` names it.
    """

    repository: Path | None = None
    slot: int = field(default_factory=lambda: secrets.randbelow(launch.SLOTS))
    limits: Limits = field(default_factory=Limits)
    check_timeout: float = 120.0
    run_timeout: float = math.inf
    engine: str = "docker"
    image: str = "vae-grade-worker"
    platform: str = sys.platform


class ForkedWorkers:
    """Worker processes, a fresh one at each call; the next is forked and confined while one is in use."""

    def __init__(self, server: ForkServer, isolation: Isolation, options: Options) -> None:
        self.isolation = isolation
        self._server = server
        self._clock = Clock(options)
        server.prefork()

    def open(self) -> Channel:
        """A channel to a fresh worker."""
        from .channels import WorkerChannel

        worker = self._server.take()
        self._server.prefork()
        return WorkerChannel(self._server, worker, self._clock)

    def close(self) -> None:
        """End the fork server and all of its workers."""
        self._server.close()


class ContainedWorkers:
    """Worker processes in a container, a fresh one at each call."""

    def __init__(self, relay: Relay, isolation: Isolation, options: Options) -> None:
        self.isolation = isolation
        self._relay, self._clock = relay, Clock(options)

    def open(self) -> Channel:
        """A channel to a fresh worker; the one before is ended."""
        from .channels import ContainedChannel

        self._relay.open()
        return ContainedChannel(self._relay, self._clock)

    def close(self) -> None:
        """End the container."""
        self._relay.close()


class LoneWorkers:
    """One process for every check, until one of them ends it: where nothing can be forked.

    A file is loaded anew for each check, but what it did to the process stays.
    """

    def __init__(self, start: Callable[[], Relay], isolation: Isolation, options: Options) -> None:
        self.isolation = isolation
        self._start, self._clock = start, Clock(options)
        self._relay = start()

    def open(self) -> Channel:
        """A channel to the process, which is started again if it has ended."""
        from .channels import LoneChannel

        if not self._relay.alive:
            self._relay.close()
            self._relay = self._start()
        self._relay.open()
        return LoneChannel(self._relay, self._clock)

    def close(self) -> None:
        """End the process."""
        self._relay.close()


class Clock:
    """How much time there is, for a check and for the whole run."""

    def __init__(self, options: Options) -> None:
        self._check, self._run = options.check_timeout, options.run_timeout
        self._run_end = time.monotonic() + options.run_timeout

    def end_of_check(self) -> tuple[float, str]:
        """When a check that begins now must be done, on the monotonic clock, and what to say if it is not."""
        end = time.monotonic() + self._check
        if self._run_end < end:
            return self._run_end, f"the run took over {self._run:g} s"
        return end, f"the check took over {self._check:g} s"


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
        return LocalWorkers(capture=capture)
    if level == "auto":
        return _best(chosen)
    if level not in _OPENERS:
        raise UnavailableError(f"no isolation level {level!r}: choose one of {', '.join(LEVELS)}")
    return _OPENERS[level](chosen, [])


def _best(options: Options) -> Workers:
    missing: list[str] = []
    # Not docker: it needs an image that was built before, and is slow to start.
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


def _open_docker(options: Options, missing: list[str]) -> Workers:
    """A container without network or privileges, and all of level B in it that its kernel and image have."""
    engine = shutil.which(options.engine)
    if engine is None:
        raise UnavailableError(f"{options.engine} is not installed (Docker Engine, Docker Desktop or podman would do)")
    readable = ("/dev/null", "/dev/urandom", "/usr", "/lib", "/lib64", "/opt")
    confinement = Confinement(options.limits, None, True, readable, (), True, best_effort=True)
    settings = {"fork": True, "import_path": [], "early_imports": (), "confinement": confinement.to_json()}
    name = f"vae-grade-{secrets.token_hex(6)}"
    command = launch.container(engine, options.image, name)

    def kill() -> None:
        subprocess.run([engine, "kill", name], capture_output=True, timeout=30, check=False)

    with _targets(options.repository) as targets:
        relay = Relay(command, None, {**settings, "targets": targets}, kill)
        return _proven(relay, lambda isolation: ContainedWorkers(relay, isolation, options), "docker", missing)


def _open_plain(options: Options, missing: list[str]) -> Workers:
    """A process of its own, against accidents; nothing stops malice."""
    if options.platform != "linux":
        return _open_lone(options, missing)
    command = [*launch.python(), str(launch.WORKER)]
    limits = replace(options.limits, file_size=1 << 30)  # whoever debugs here may want to write files
    return _start("none", command, Confinement(limits), (), options, missing)


def _open_lone(options: Options, missing: list[str]) -> Workers:
    """A plain process where one that has imported torch cannot be forked."""
    settings = {"fork": False, "import_path": launch.import_path()}
    environment = {**os.environ, **launch.one_thread()}

    def start() -> Relay:
        relay = Relay([*launch.python(), str(launch.WORKER), "--relay"], environment, settings)
        relay.self_test()
        return relay

    lacking = [*missing, f"none: a fresh process for each check, which {options.platform} cannot give quickly"]
    return LoneWorkers(start, Isolation("none", trusted_for_grading=False, missing=lacking), options)


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
        "early_imports": early_imports,
        "confinement": confinement.to_json(),
    }
    with _targets(options.repository) as targets:
        aim = targets if level != "none" else None
        server = ForkServer(command, launch.environment(), {**settings, "targets": aim})
        return _proven(server, lambda isolation: ForkedWorkers(server, isolation, options), level, missing)


def _proven(
    source: ForkServer | Relay, workers: Callable[[Isolation], Workers], level: str, missing: list[str]
) -> Workers:
    """The workers, if the self-test of their confinement could do nothing that must be impossible."""
    try:
        outcomes = source.self_test()
        possible = [name for name in selftest.ATTEMPTS if outcomes.get(name) != selftest.REFUSED]
        if level != "none" and possible:
            raise UnavailableError(f"the self-test could do what must be impossible: {', '.join(possible)}")
        return workers(Isolation(level, level != "none", outcomes, missing))
    except BaseException:
        source.close()
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
    "docker": _open_docker,
    "none": _open_plain,
}

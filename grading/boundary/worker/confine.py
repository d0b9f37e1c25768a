"""The one door into confinement: every limit is a named field of one value, and a worker walks through in one call.

The fork server prepares a confinement once. Each worker enters it after it was forked and before a byte of the
student's file is read; there is no way back out.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import os
import signal
import struct
import sys
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from . import landlock
from .seccomp import SyscallFilter

if sys.platform != "win32":  # the grader imports this file there too, for its names
    import resource

_SET_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_DROP, _SET_NO_NEW_PRIVS = 1, 4, 24, 38
_MAX_CAPABILITY = 63
# How many threads libraries that are imported late may start; without these, as many as there are processors.
_THREADS = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What a worker may use up.

    Attributes:
        memory: bytes of address space beyond what the interpreter and torch take.
        cpu_seconds: seconds of computing until the kernel ends it, whatever else fails to.
        file_size: bytes of the largest file it may write.
        open_files: file descriptors at a time.
        threads: threads beyond those that its user has already; with ``seccomp`` there are none.
    """

    memory: int = 1 << 30
    cpu_seconds: int = 600
    file_size: int = 0
    open_files: int = 64
    threads: int = 64


@dataclass(frozen=True)
class Confinement:
    """How a worker is confined.

    Attributes:
        limits: what it may use up; None leaves the limits of the parent.
        uid: the unused user it becomes, for which the fork server must be root; None keeps the user.
        landlock: whether to give up the file system.
        readable: files and folders that stay readable under landlock: libraries that are imported late.
        listable: folders whose entries stay visible under landlock.
        seccomp: whether to filter system calls.
    """

    limits: Limits | None = None
    uid: int | None = None
    landlock: bool = False
    readable: tuple[str, ...] = ()
    listable: tuple[str, ...] = ()
    seccomp: bool = False

    def to_json(self) -> dict[str, Any]:
        """The form in which it is told to the fork server."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Confinement:
        """The value behind its JSON form."""
        limits = Limits(**data["limits"]) if data["limits"] is not None else None
        paths = {name: tuple(data[name]) for name in ("readable", "listable")}
        return cls(**{**data, **paths, "limits": limits})


@dataclass
class Prepared:
    """A confinement whose costly parts were made once, for many workers to enter.

    Raises:
        OSError, SeccompUnavailableError: this machine cannot confine so.
    """

    confinement: Confinement
    _ruleset: int | None = field(init=False, default=None)
    _filter: SyscallFilter | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        wanted = self.confinement
        if wanted.landlock:
            self._ruleset = landlock.create_ruleset(wanted.readable, wanted.listable)
        if wanted.seccomp:
            self._filter = SyscallFilter()

    def for_user(self, uid: int | None) -> Prepared:
        """The same confinement, of which only the user differs, sharing what was costly to make."""
        other = copy.copy(self)
        other.confinement = replace(self.confinement, uid=uid)
        return other

    def enter(self, channel: int, parent: int) -> None:
        """Confine this process, which was just forked, for good.

        Args:
            channel: the only file descriptor that stays open, beside the three standard ones.
            parent: the process id of the fork server, whose end is the end of this process.
        """
        _keep_only(channel, self._ruleset)
        os.setsid()
        if self.confinement.limits is not None:
            _set_limits(self.confinement.limits, self.confinement.uid is not None)
        if self.confinement.uid is not None:
            with contextlib.suppress(OSError):  # namespaces or a container's rules may leave no right to this
                _hide_processes()
            _become(self.confinement.uid)
        if sys.platform == "linux":
            _prctl(_SET_NO_NEW_PRIVS, 1)
            _prctl(_SET_DUMPABLE, 0)
        end_with_parent(parent)  # a change of user clears it, so after that
        if self._ruleset is not None:
            landlock.restrict_self(self._ruleset)
            os.close(self._ruleset)
        for name in [name for name in os.environ if name not in _THREADS]:
            del os.environ[name]
        os.chdir("/")
        if self._filter is not None:
            self._filter.load()


def _prctl(option: int, value: int) -> None:
    _libc("prctl", option, value, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """Have this process killed when ``parent``, which forked it, ends; or end now if it has."""
    if sys.platform == "linux":
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def hide_from_same_user() -> None:
    """Keep processes of the same user from reading this one's memory and descriptors through /proc or ptrace."""
    if sys.platform == "linux":
        _prctl(_SET_DUMPABLE, 0)


def _keep_only(*descriptors: int | None) -> None:
    # Not those of the fork server: the flags and the lock of an open file are shared by all that have inherited it.
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    first = 3
    for descriptor in sorted(d for d in descriptors if d is not None):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, 4096)


def _hide_processes() -> None:
    """Take other processes out of sight, and keep what is read from leaving a time of access, by own mounts.

    ``stat`` on folders of ``/proc`` tells how many files another process has open, and landlock does not restrict it.

    Raises:
        OSError: this process has not the right to mount.
    """
    own_mounts, private = 0x00020000, 1 << 18
    read_only, no_times, all_times, recursive = 0x01, 0x10, 0x70, 0x8000
    call_mount_setattr, current_folder = 442, -100
    _libc("unshare", own_mounts)
    wanted = struct.pack("=4Q", read_only | no_times, all_times, private, 0)
    _libc("syscall", call_mount_setattr, current_folder, b"/", recursive, wanted, len(wanted))
    no_set_user_no_devices_no_programs = 0b1110
    _libc("mount", b"tmpfs", b"/proc", b"tmpfs", 1 | no_set_user_no_devices_no_programs, b"size=4k")


def _libc(name: str, *arguments: int | bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = (ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments)
    if getattr(libc, name)(*words) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _become(uid: int) -> None:
    """Give up root for an unused user; the groups go first, since a plain user could not drop them."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_MAX_CAPABILITY + 1):
        libc.prctl(_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)  # those that do not exist are refused
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _set_limits(limits: Limits, own_user: bool) -> None:
    def limit(what: int, value: int) -> None:
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))

    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    limit(resource.RLIMIT_FSIZE, limits.file_size)
    limit(resource.RLIMIT_NOFILE, limits.open_files)
    if sys.platform == "linux":
        limit(resource.RLIMIT_AS, _address_space() + limits.memory)
        limit(resource.RLIMIT_NPROC, limits.threads + (0 if own_user else _tasks_of(os.getuid())))


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[0]) * os.sysconf("SC_PAGESIZE")


def _tasks_of(uid: int) -> int:
    """How many threads the user has: the kernel counts a limit on processes over all of them."""
    count = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid:
                    count += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:  # it has just ended
                continue
    return count

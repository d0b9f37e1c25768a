"""What must be impossible inside a confinement, tried before any student's code is read.

Each attempt returns normally if it *succeeded*, which is the failure of the test. The results go into the score
document, so that nobody has to take the confinement on trust.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

if sys.platform != "win32":  # the grader imports this file there too, for its names
    import fcntl

REFUSED = "refused"


@dataclass(frozen=True)
class Targets:
    """What the attempts aim at.

    Attributes:
        canary: a readable file outside the confinement.
        folder: a folder outside the confinement, such as the grader's own repository.
        scratch: a folder outside that every user may write to.
        process: a process outside, the grader's own.
    """

    canary: str
    folder: str
    scratch: str
    process: int


def run(targets: dict[str, Any]) -> dict[str, str]:
    """Try everything; each attempt by name, with ``refused`` or what it could do."""
    aim = Targets(**targets)
    return {name: _outcome(attempt, aim) for name, attempt in _ATTEMPTS.items()}


def _outcome(attempt: Callable[[Targets], object], aim: Targets) -> str:
    try:
        result = attempt(aim)
    except OSError:
        return REFUSED
    return f"possible: {str(result)[:80]}" if result is not None else "possible"


def _read_a_file(aim: Targets) -> object:
    with open(aim.canary, "rb") as canary:
        return canary.read(20)


def _list_a_folder(aim: Targets) -> object:
    return os.listdir(aim.folder)


def _write_a_file(aim: Targets) -> object:
    path = os.path.join(aim.scratch, "written-from-inside")
    with open(path, "wb") as file:
        file.write(b"x")
    return path


def _write_kernel_settings(aim: Targets) -> object:
    with open("/proc/sys/kernel/core_pattern", "r+b") as setting:
        return setting.read(20)


def _read_another_process(aim: Targets) -> object:
    for name in ("environ", "maps"):
        with open(f"/proc/{aim.process}/{name}", "rb") as file:
            file.read(20)
    return None


def _signal_another_process(aim: Targets) -> object:
    os.kill(os.getppid(), 0)
    return None


def _trace_another_process(aim: Targets) -> object:
    attach = 16
    _libc("ptrace", attach, os.getppid(), 0, 0)
    return None


def _open_a_socket(aim: Targets) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM):
        return None


def _open_a_local_socket(aim: Targets) -> object:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM):
        return None


def _fork(aim: Targets) -> object:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return None


def _execute(aim: Targets) -> object:
    # Success would replace this process, and the missing report would be the failure of the test.
    os.execv(sys.executable or "/bin/true", ["python", "-c", ""])


def _make_a_namespace(aim: Targets) -> object:
    new_user_namespace = 0x10000000
    _libc("unshare", new_user_namespace)
    return None


def _become_root(aim: Targets) -> object:
    if os.getuid() == 0:
        return "it is root"
    os.setuid(0)
    return None


def _hold_code_in_memory(aim: Targets) -> object:
    with contextlib.closing(os.fdopen(os.memfd_create("x"), "wb")):
        return None


def _signal_by_descriptor(aim: Targets) -> object:
    set_owner = 8
    return fcntl.fcntl(0, set_owner, os.getppid())


# What could carry word from one worker to another.


def _lock_a_file(aim: Targets) -> object:
    fcntl.flock(0, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return None


def _change_flags_of_a_file(aim: Targets) -> object:
    with contextlib.suppress(OSError):
        fcntl.fcntl(0, fcntl.F_SETFL, os.O_APPEND)
        return "by fcntl"
    return fcntl.ioctl(0, 0x5421, b"\1\0\0\0")  # FIONBIO


def _wait_on_shared_memory(aim: Targets) -> object:
    # Waking somebody tells how many have waited.
    _syscall({"x86_64": 202}, 98, ctypes.byref(ctypes.c_int()), 1, 1, 0, 0, 0)
    return None


def _make_what_is_counted(aim: Targets) -> object:
    with contextlib.suppress(OSError):
        os.close(os.pipe()[0])
        return "a pipe"
    with contextlib.suppress(OSError):
        os.kill(os.getpid(), signal.SIGRTMIN)
        return "a queued signal"
    _syscall({"x86_64": 222}, 107, 1, 0, ctypes.byref(ctypes.c_int()))
    return "a timer"


def _start_a_thread(aim: Targets) -> object:
    try:
        return _thread.start_new_thread(int, ())
    except RuntimeError as error:
        raise OSError from error


def _read_another_clock(aim: Targets) -> object:
    return time.clock_gettime((~os.getppid() << 3) | 2)


def _count_what_the_machine_uses(aim: Targets) -> object:
    with contextlib.suppress(OSError):
        return os.statvfs("/")
    if ctypes.CDLL(None).sysinfo(ctypes.create_string_buffer(1024)) != 0:
        raise OSError
    return "sysinfo"


def _syscall(numbers: dict[str, int], generic: int, *arguments: object) -> None:
    """Call the kernel, by the number that a call has on this machine; most share the generic one."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = numbers.get(os.uname().machine, generic)
    words = (ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments)
    if libc.syscall(ctypes.c_long(number), *words) < 0:
        raise OSError(ctypes.get_errno(), f"call {number}")


def _change_permissions(aim: Targets) -> object:
    os.chmod(aim.canary, 0o644)
    return None


def _libc(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*(ctypes.c_long(argument) for argument in arguments)) != 0:
        raise OSError(ctypes.get_errno(), name)


_ATTEMPTS: dict[str, Callable[[Targets], object]] = {
    "read a file": _read_a_file,
    "list the repository": _list_a_folder,
    "write a file": _write_a_file,
    "write kernel settings": _write_kernel_settings,
    "read another process": _read_another_process,
    "signal another process": _signal_another_process,
    "trace another process": _trace_another_process,
    "signal through a descriptor": _signal_by_descriptor,
    "lock a file": _lock_a_file,
    "change the flags of an open file": _change_flags_of_a_file,
    "wait on shared memory": _wait_on_shared_memory,
    "make a pipe, a timer or a queued signal": _make_what_is_counted,
    "start a thread": _start_a_thread,
    "read the clock of another process": _read_another_clock,
    "count what the machine uses": _count_what_the_machine_uses,
    "open a network socket": _open_a_socket,
    "open a local socket": _open_a_local_socket,
    "fork": _fork,
    "make a namespace": _make_a_namespace,
    "become root": _become_root,
    "hold a program in memory": _hold_code_in_memory,
    "change permissions": _change_permissions,
    "execute a program": _execute,  # the last one, since it does not return where it succeeds
}

ATTEMPTS = tuple(_ATTEMPTS)

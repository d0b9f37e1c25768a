"""Landlock: the kernel's way to let an unprivileged process give up the file system (Linux 5.13 and later)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_GET_VERSION = 1
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# How many kinds of access to files each version of the interface can refuse, counted from bit 0.
_FILE_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_BIND_CONNECT = 0b11  # from version 4
_SCOPE_ABSTRACT_SOCKET_AND_SIGNAL = 0b11  # from version 6


def _syscall(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def version() -> int:
    """The version of landlock in this kernel, 0 if it has none or has it switched off."""
    try:
        return _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_GET_VERSION))
    except OSError:
        return 0


def create_ruleset(readable: Iterable[str], listable: Iterable[str] = ()) -> int:
    """A rule set under which nothing of the file system can be used but what is named here, as a file descriptor.

    Args:
        readable: files and folders that may be read, the folders with all that is in them.
        listable: folders whose entries, at every depth, may be listed though not read.

    Raises:
        OSError: this kernel has no landlock.
    """
    abi = version()
    files = (1 << _FILE_ACCESSES.get(abi, 16)) - 1
    fields = [files, _TCP_BIND_CONNECT, _SCOPE_ABSTRACT_SOCKET_AND_SIGNAL][: 1 if abi < 4 else 2 if abi < 6 else 3]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for path in readable:
        _allow(ruleset, path, _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE)
    for path in listable:
        _allow(ruleset, path, _READ_DIR)
    return ruleset


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there need not be allowed
        return
    try:
        rule = struct.pack("=Qi", access, opened)
        _syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(opened)


def restrict_self(ruleset: int) -> None:
    """Bind this process, and all that comes from it, to ``ruleset``. It must have given up new privileges before."""
    _syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))

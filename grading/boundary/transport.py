"""Frames over a socket to somebody who is distrusted, with a deadline for the whole exchange."""

from __future__ import annotations

import contextlib
import socket
import time

from .shared.framing import PREFIX, WireError, frame_size


class DeadlineError(Exception):
    """No whole answer came in time."""


class HungUpError(Exception):
    """The other side is gone, or has closed the connection."""


class UnaskedError(Exception):
    """The other side sent what it was not asked for, or more than a frame may hold; the message says which."""


def exchange(connection: socket.socket, frame: bytes, deadline: float) -> bytes:
    """Send ``frame`` and return the frame that answers it, until ``deadline`` on the monotonic clock.

    Raises:
        DeadlineError, HungUpError, UnaskedError: no answer can come any more; the connection is useless.
    """
    _refuse_unasked(connection)
    view = memoryview(frame)
    while view:
        _set_timeout(connection, deadline)
        with contextlib.suppress(TimeoutError):
            try:
                view = view[connection.send(view) :]
            except (BrokenPipeError, ConnectionResetError):
                raise HungUpError from None
    prefix = _receive(connection, PREFIX.size, deadline)
    try:
        size = sum(frame_size(prefix))
    except WireError as error:
        raise UnaskedError(str(error)) from None
    return prefix + _receive(connection, size, deadline)


def _set_timeout(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineError
    connection.settimeout(left)


def _refuse_unasked(connection: socket.socket) -> None:
    connection.setblocking(False)
    try:
        arrived = connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return
    except OSError:
        arrived = b""
    if arrived:
        raise UnaskedError("something that it was not asked for")
    raise HungUpError


def _receive(connection: socket.socket, size: int, deadline: float) -> bytes:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        _set_timeout(connection, deadline)
        with contextlib.suppress(TimeoutError):
            try:
                count = connection.recv_into(view)
            except ConnectionResetError:
                count = 0
            if count == 0:
                raise HungUpError
            view = view[count:]
    return bytes(buffer)


def await_word(connection: socket.socket, word: bytes, timeout: float = 60.0) -> bool:
    """Whether ``word`` arrives within ``timeout`` seconds."""
    connection.settimeout(timeout)
    try:
        return connection.recv(len(word), socket.MSG_WAITALL) == word
    except OSError:
        return False

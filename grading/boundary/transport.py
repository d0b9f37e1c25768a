"""Frames over a socket to somebody who is distrusted, with a deadline for the whole exchange."""

from __future__ import annotations

import math
import select
import socket
import time
from collections.abc import Callable
from typing import TypeVar

from .shared.framing import PREFIX, WireError, frame_size

T = TypeVar("T")
R = TypeVar("R")
_CHUNK = 1 << 16
"""Bytes to ask for at first: most answers are smaller, and come in one piece."""
_UNASKED = "something that it was not asked for"


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
    connection.setblocking(False)
    _refuse_unasked(connection)
    view = memoryview(frame)
    while view:
        try:
            view = view[connection.send(view) :]
        except BlockingIOError:
            _wait(connection, select.POLLOUT, deadline)
        except (BrokenPipeError, ConnectionResetError):
            raise HungUpError from None
    answer = b""
    while len(answer) < PREFIX.size:
        _wait(connection, select.POLLIN, deadline)
        answer += _received(connection.recv, _CHUNK) or b""
    try:
        whole = PREFIX.size + sum(frame_size(answer[: PREFIX.size]))
    except WireError as error:
        raise UnaskedError(str(error)) from None
    if len(answer) < whole:
        answer = _receive_rest(connection, answer, whole, deadline)
    if len(answer) > whole:
        raise UnaskedError(_UNASKED)
    return answer


def _wait(connection: socket.socket, event: int, deadline: float) -> None:
    """Wait until one can send, or receive, or the other side is gone."""
    poll = select.poll()
    poll.register(connection, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(math.ceil(left * 1000)):
        raise DeadlineError


def _refuse_unasked(connection: socket.socket) -> None:
    try:
        arrived = connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return
    except OSError:
        arrived = b""
    if arrived:
        raise UnaskedError(_UNASKED)
    raise HungUpError


def _receive_rest(connection: socket.socket, begun: bytes, whole: int, deadline: float) -> bytes:
    """A frame of ``whole`` bytes of which ``begun`` has arrived."""
    buffer = bytearray(whole)
    buffer[: len(begun)] = begun
    view = memoryview(buffer)[len(begun) :]
    while view:
        _wait(connection, select.POLLIN, deadline)
        view = view[_received(connection.recv_into, view) or 0 :]
    return bytes(buffer)


def _received(receive: Callable[[T], R], argument: T) -> R | None:
    """What ``receive`` gives, or None if nothing has arrived after all."""
    try:
        found = receive(argument)
    except BlockingIOError:
        return None
    except ConnectionResetError:
        raise HungUpError from None
    if not found:
        raise HungUpError
    return found


def await_word(connection: socket.socket, word: bytes, timeout: float = 60.0) -> bool:
    """Whether ``word`` arrives within ``timeout`` seconds."""
    connection.settimeout(timeout)
    try:
        return connection.recv(len(word), socket.MSG_WAITALL) == word
    except OSError:
        return False

"""Where a frame ends and the next begins, and what a worker says beside frames. Nothing here imports torch."""

from __future__ import annotations

import struct

MAX_HEADER = 1 << 20
MAX_PAYLOAD = 32 << 20

PREFIX = struct.Struct("<IQ")
"""What a frame begins with: the sizes in bytes of its header and of its payload."""

READY = b"ready\n"
"""What a worker says before it is asked anything; that a process ends before it is no fault of the student's."""

BROKEN = 70
"""The exit code of a worker that could not go on, for example because its connection was closed."""


class WireError(Exception):
    """The other side broke the protocol: what arrived is not a frame within the limits."""


def frame_size(prefix: bytes) -> tuple[int, int]:
    """The sizes in bytes of header and payload, from the prefix of a frame.

    Raises:
        WireError: if either exceeds its limit.
    """
    header, payload = PREFIX.unpack(prefix)
    if header > MAX_HEADER or payload > MAX_PAYLOAD:
        raise WireError("a frame that is too large")
    return header, payload

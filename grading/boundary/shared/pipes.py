"""How grader and worker speak where no descriptor can be handed over.

A question is an operation and bytes, and each has one answer, which is bytes.
"""

from __future__ import annotations

import struct

QUESTION = struct.Struct("<BQ")
"""What a question begins with: its operation, and the size of what follows."""
ANSWER = struct.Struct("<Q")
"""What an answer begins with: the size of what follows."""
MAX_ANSWER = 128 << 20
"""Bytes; more than the largest frame."""

SETTINGS, OPEN, EXCHANGE = range(1, 4)
"""The operations: told once, as JSON; begin anew; answer a frame."""

"""How the tensors of a call arrive: the ways in which people hand them over, all with the same numbers."""

from __future__ import annotations

import enum
import zlib


class Arrival(enum.IntFlag):
    """What is special about the arguments of a call; nothing, if it is 0."""

    RESULT = 1
    """Those that take gradients are results of something before, and no leaves of the graph."""
    GAPS = 2
    """In memory there are gaps between their rows, as in a slice of wider ones."""
    AMONG = 4
    """In memory there are other rows before and after theirs, as in a slice of more of them."""
    AGAIN = 8
    """Those that take no gradients are the tensors of the call before, with other numbers in them."""
    INFERENCE = 16
    """Where no gradients are asked for, that is by ``torch.inference_mode()``."""
    TWICE = 32
    """The very same tensors were handed over right before, while all else was otherwise."""
    OPPOSITE = 64
    """Gradients are asked for the opposite of its results: what comes back through them has the other sign."""
    BETWEEN = 128
    """The function is called with other numbers before gradients of its answer are first asked for."""
    UNIT = 256
    """Gradients are asked for its results themselves, as ``backward()`` does of a loss, and not for a multiple."""


def drawn(seed: int, number: int) -> Arrival:
    """How a numbered call comes: half without gaps or others in its arguments, most in tensors seen before.

    Half of them are followed by another one before gradients are asked for, which is done with either sign or with 1.

    Nobody who writes a check has to think of it, and each of many calls meets another of the ways.
    """
    bits = zlib.crc32(f"{seed} {number}".encode())
    layout = (Arrival(0), Arrival(0), Arrival.GAPS, Arrival.AMONG)[bits >> 8 & 3]
    again = Arrival.AGAIN if bits >> 12 & 3 else Arrival(0)
    inference = Arrival(0) if bits >> 20 & 3 else Arrival.INFERENCE
    # One of each eight, so that none of the checks that ask often does without it.
    turn = zlib.crc32(f"{seed} turn {number // 8}".encode()) >> 8 & 7
    twice = Arrival.TWICE if number % 8 == turn else Arrival(0)
    between = Arrival.BETWEEN if bits >> 26 & 1 else Arrival(0)
    cotangents = (Arrival.UNIT, Arrival.OPPOSITE, Arrival.OPPOSITE, Arrival(0))[bits >> 24 & 3]
    return layout | again | inference | twice | between | cotangents | Arrival(bits >> 16 & Arrival.RESULT)

"""What can go wrong, as types that know their exit code; and the nearest known name for an unknown one."""

from collections.abc import Iterable
from difflib import get_close_matches


class LabError(Exception):
    """A message for the person at the keyboard: what is wrong, where, and what to do. Ends the command."""

    exit_code = 2


class BadInput(LabError):
    """Bad usage or bad input: an unknown name, a missing or damaged file, a folder that is taken."""

    exit_code = 2


class NotRunnable(LabError):
    """The implementation cannot be run: stubs are missing, it does not import, or its code raised."""

    exit_code = 3


class Diverged(LabError):
    """Training produced a number that is not finite. The last good checkpoint has been kept."""

    exit_code = 1


class Interrupted(LabError):
    """Stopped by the user. What was there has been kept."""

    exit_code = 130


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's, the CPU's or a GPU's. torch, which is not imported here, has no one type."""
    told = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (
            isinstance(error, RuntimeError)
            and any(words in told for words in ("can't allocate memory", "not enough memory", "out of memory"))
        )
    )


def choose(kind: str, name: str, known: Iterable[str]) -> str:
    """Return ``name`` if it is one of the ``known`` names.

    Raises:
        BadInput: otherwise; the message suggests the nearest names and lists all of them.
    """
    names = list(known)
    if name in names:
        return name
    near = get_close_matches(name.lower(), names, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    raise BadInput(f"unknown {kind} {name!r}.{hint} Choose one of: {', '.join(names)}")

"""What can go wrong on the student's side, as exceptions of this side that carry data and never code."""

from __future__ import annotations

import builtins
import functools
from dataclasses import dataclass

MAX_FIRST_LINE = 300
"""Characters of an exception's message that are told of it."""


class UnavailableError(Exception):
    """This machine cannot give the demanded level of isolation; the message says why and what would help."""


class WorkersLostError(Exception):
    """The machinery that runs workers failed: a fault of the grader's side, which costs the submission nothing."""


@dataclass(frozen=True)
class SourceLine:
    """A place in the student's file."""

    function: str
    line: int
    source: str


class SubmissionFault(Exception):
    """Something that the submission did, or failed to do, while a check was calling it."""

    kind = "crash"


class StudentError(SubmissionFault):
    """An exception that the student's code raised.

    The one that a test sees also derives from the builtin that the student raised, so that
    ``pytest.raises(ValueError)`` means what it says.
    """

    def __init__(self, type_name: str, message: str, frames: tuple[SourceLine, ...] = ()) -> None:
        self.type_name, self.message, self.frames = type_name, message, frames
        # Some quote whole tensors, over a hundred lines; the first line says what is the matter.
        first = next((line.strip() for line in message.splitlines() if line.strip()), "")
        first = first if len(first) <= MAX_FIRST_LINE else f"{first[: MAX_FIRST_LINE - 1]}…"
        super().__init__(f"{type_name}: {first}" if first else type_name)

    @property
    def raised_in(self) -> SourceLine | None:
        """The innermost line of the student's file, or None if the error came from nowhere in it."""
        return self.frames[-1] if self.frames else None


class RefusedError(SubmissionFault):
    """The student's file cannot serve the request: a name is missing, or something was built without end."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class CallTimeoutError(SubmissionFault):
    """The student's code did not answer before its deadline, and was ended."""

    kind = "timeout"


class WorkerDiedError(SubmissionFault):
    """The process that ran the student's code is gone: it exited, crashed or ran out of memory."""


class ViolationError(SubmissionFault):
    """What came from the student's process was not an answer to what it had been asked."""


# Exceptions that pytest or the interpreter would obey instead of report must not be impersonated; those that are not
# made from a text cannot be.
_NOT_IMPERSONATED = frozenset(
    {"AssertionError", "GeneratorExit", "KeyboardInterrupt", "SystemExit", "StopIteration", "StopAsyncIteration"}
    | {"ExceptionGroup", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError"}
)


@functools.lru_cache(maxsize=256)  # the names are the submission's
def _student_error_class(names: tuple[str, ...]) -> type[StudentError]:
    found = [getattr(builtins, name, None) for name in names if name not in _NOT_IMPERSONATED]
    builtin = [one for one in found if isinstance(one, type) and issubclass(one, Exception) and one is not Exception]
    # Without those that another one derives from.
    own = [one for one in builtin if not any(other is not one and issubclass(other, one) for other in builtin)]
    for some in filter(None, (own, own[:1])):  # not all can be had together
        try:
            return type(f"Student{some[0].__name__}", (StudentError, *some), {"__module__": __name__})
        except TypeError:
            continue
    return StudentError


def student_error(type_name: str, bases: list[str], message: str, frames: tuple[SourceLine, ...]) -> StudentError:
    """The exception to raise for one that the student's code raised, by the names of its builtin bases."""
    return _student_error_class(tuple(dict.fromkeys(bases)))(type_name, message, frames)

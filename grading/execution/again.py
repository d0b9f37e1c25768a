"""A check that failed, made again: on a fresh worker, with right parts in the place of broken ones, by the solution."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from ..assignment import Check, Item
from ..boundary.errors import StudentError, SubmissionFault, WorkersLostError
from ..boundary.proxy import Submission
from ..boundary.session import Session
from ..checks.draws import Draws
from ..checks.failures import Blocked, CheckFailure
from .replacing import ReplacedParts, attempts, replaceable
from .run import CheckRun
from .session import CheckSession, SolutionSession


def draws_of(run: CheckRun, check: Check) -> Draws:
    """The random inputs of a check, from the first one on."""
    return Draws(run.seed(check, "draws"))


def make(test: pytest.Function, run: CheckRun, check: Check, session: Session) -> None:
    """Call the test function with another submission, and with the same draws from the first one on."""
    anew = {"submission": Submission(session), "draws": draws_of(run, check)}
    wanted = inspect.signature(test.obj).parameters
    test.obj(**{name: anew.get(name, test.funcargs.get(name)) for name in wanted})


def passed_with_right_parts(
    test: pytest.Function, run: CheckRun, check: Check, error: Exception
) -> CheckSession | None:
    """The conversation in which a check passes with right parts in the place of those in its way, if it does."""
    for attempt in attempts(run, check, error):
        with attempt as session:
            make(test, run, check, session)
        if attempt.passed:
            return session
    return None


def require_right_with_right_parts(test: pytest.Function, run: CheckRun, check: Check, session: Session) -> None:
    """Of a check that was passed by what the submission's own wrong parts answer: it is passed with right ones too.

    A caller may be wrong in the same way as its part, so that nothing of it shows. Where a part gives its answer in
    another form than a right one, the caller has to follow it, and cannot be judged so.

    Raises:
        CheckFailure: it is not.
    """
    if not run.assignment.item(check.item).functions:
        return
    relied_on = {item for items in session.relied_on for item in items}
    items = [run.assignment.item(item) for item in replaceable(run, check) if item in relied_on]
    if not items or not all((run.assignment.reference / item.file).is_file() for item in items):
        return
    error, unrepeated = _made_with(test, run, check, items, relied_on)
    if error is None:
        return
    if unrepeated:  # by one of the others, so that what was answered was asked before it drew something else
        for other in replaceable(run, check):
            more = run.assignment.item(other)
            if more not in items and _made_with(test, run, check, [*items, more], relied_on)[0] is None:
                return
    if isinstance(error, CheckFailure):
        message = f"{error.message}, also with right parts in the place of its own"
        raise CheckFailure(error.kind, message, expected=error.expected, actual=error.actual) from None
    message = f"it raises {error.type_name} with right parts in the place of its own"
    raise CheckFailure("crash", message, expected="an answer", actual=str(error)) from None


def _made_with(
    test: pytest.Function, run: CheckRun, check: Check, items: Sequence[Item], known_wrong: Collection[str]
) -> tuple[CheckFailure | StudentError | None, bool]:
    """A check made with right parts: what speaks against its caller, and whether one call was not like the next.

    What cannot be judged so does not speak against it.
    """
    parts = ReplacedParts(items, SolutionSession(run, check), known_wrong=known_wrong)
    anew = CheckSession(run, check, replacements=parts)
    try:
        make(test, run, check, anew)
    except (CheckFailure, StudentError) as error:
        return error if parts.are_like_its_own() else None, parts.unrepeated
    except Exception:
        return None, parts.unrepeated
    finally:
        anew.end(passed=False)
    return None, parts.unrepeated


def fail(test: pytest.Function, run: CheckRun, check: Check, error: Exception) -> NoReturn:
    """Raise what a check has failed with; for something that nobody foresaw, once it is known whose fault it is.

    Raises:
        CheckFailure: the solution passes the check with the same draws, so that the submission is to blame.
        Exception: ``error`` itself, in all other cases.
    """
    foreseen = isinstance(error, (CheckFailure, Blocked, SubmissionFault, WorkersLostError, MemoryError))
    if foreseen or not _right_for_the_solution(test, run, check):
        raise error
    if isinstance(error, AssertionError):
        said = traceback.extract_tb(error.__traceback__)[-1].line
        failure = CheckFailure("value", str(error) or f"this does not hold: {said}")
        raise failure.with_traceback(error.__traceback__) from error
    actual = f"{type(error).__name__}: {error}".splitlines()[0]
    failure = CheckFailure("structure", "what comes back cannot be worked with", actual=actual)
    raise failure.with_traceback(error.__traceback__) from error


def end_in(error: BaseException, files: Collection[Path]) -> None:
    """Let the traceback of an error end in one of these files, so that a debugger stops there and in no comparison."""
    at, last = error.__traceback__, None
    while at is not None:
        if Path(at.tb_frame.f_code.co_filename).resolve() in files:
            last = at
        at = at.tb_next
    if last is not None:
        last.tb_next = None


def _right_for_the_solution(test: pytest.Function, run: CheckRun, check: Check) -> bool:
    """Whether the solution passes; where there is none, the checks are those of a release, which it has passed."""
    if not (run.assignment.reference / run.assignment.item(check.item).file).is_file():
        return True
    try:
        make(test, run, check, SolutionSession(run, check))
    except Exception:
        return False
    return True

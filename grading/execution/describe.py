"""The result of a check from the way its test function ended, and how a student reads it in pytest."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..assignment import Assignment, Check, Item
from ..boundary.errors import CallTimeoutError, StudentError, SubmissionFault, ViolationError, WorkerDiedError
from ..boundary.proxy import CallRecord
from ..checks.failures import Blocked, CheckFailure
from ..results import CheckResult, Kind, Status

_AT_A_BREAKPOINT = (
    "the code stops at a breakpoint, where nobody can answer it: use pytest, as in `pytest tests/public -k NAME`, or "
    "take it out"
)

_ALONE = "each file is graded by itself, with what is installed for grading, so it has to do without this module"


def describe(
    error: BaseException | None,
    assignment: Assignment,
    check: Check,
    calls: Sequence[CallRecord] = (),
    **known: Any,
) -> CheckResult:
    """The result of a check that made ``calls`` and ended with ``error``, or with none.

    Args:
        error: how the test function ended.
        assignment: says whose functions the calls are.
        check: the check.
        calls: what it asked of the submission.
        known: further fields of the result.
    """
    if error is None:
        return CheckResult(check.id, Status.PASSED, **known)
    item = assignment.item(check.item)
    of = error.of if isinstance(error, CheckFailure) else ""
    return CheckResult(check.id, **{**_place(item, calls, of), **_failure(error, assignment, item), **known})


def _place(item: Item, calls: Sequence[CallRecord], of: str) -> dict[str, Any]:
    """Where the function begins that a wrong result most likely came from: the item's own that was called last.

    Of a failure that says whose it is (``of``), it is that one.
    """
    own = {item.calls.get(name, name): name for name in item.functions}
    for call in reversed(calls):
        if call.name in own and of in ("", call.name) and call.line is not None:
            return {"line": call.line, "function": own[call.name]}
    return {}


def _failure(error: BaseException, assignment: Assignment, item: Item) -> dict[str, Any]:
    match error:
        case CheckFailure():
            found = {"expected": error.expected, "actual": error.actual}
            return {"status": Status.FAILED, "kind": error.kind, "message": error.message, **found}
        case Blocked():
            return {"status": Status.BLOCKED, "kind": Kind.BLOCKED, "message": str(error), "blocked_by": error.by}
        case StudentError():
            return _student_error(error, assignment, item)
        case CallTimeoutError():
            return {"status": Status.TIMEOUT, "kind": Kind.TIMEOUT, "message": str(error)}
        case WorkerDiedError() | ViolationError():
            return {"status": Status.CRASHED, "kind": Kind.CRASH, "message": str(error)}
        case SubmissionFault():
            return {"status": Status.FAILED, "kind": Kind(error.kind), "message": str(error)}
    reason = f"{type(error).__name__}: {error}"
    message = f"the check itself failed, which is not the submission's fault: {reason}"
    return {"status": Status.ERROR, "message": message}


def _student_error(error: StudentError, assignment: Assignment, item: Item) -> dict[str, Any]:
    """An exception of the student's: a missing part, a crash, or another item that is in the way."""
    where = error.raised_in
    place: dict[str, Any] = {}
    if where:
        source = where.source.partition("\n")[0]  # of a text over several lines
        place = {"line": where.line, "function": where.function, "source": source}
    culprit, foreign = _culprit(error, assignment, item)
    if not isinstance(error, NotImplementedError):
        # Whether another item is to blame for a crash inside it shows only when that item's own checks have run.
        return {
            **place,
            "status": Status.FAILED,
            "kind": Kind.CRASH,
            "message": _raised(error),
            "blocked_by": foreign,
        }
    if foreign is not None and item.functions:
        message = f"{culprit} is needed for this check, and it is not implemented yet"
        return {**place, "status": Status.BLOCKED, "kind": Kind.BLOCKED, "message": message, "blocked_by": foreign}
    message = f"{culprit or 'a part'} is not implemented yet"
    return {**place, "status": Status.NOT_IMPLEMENTED, "kind": Kind.NOT_IMPLEMENTED, "message": message}


def _raised(error: StudentError) -> str:
    match error.type_name:
        case "BdbQuit":
            return _AT_A_BREAKPOINT
        case "ModuleNotFoundError":
            return f"the code raised {error}; {_ALONE}"
    return f"the code raised {error}"


def _culprit(error: StudentError, assignment: Assignment, item: Item) -> tuple[str | None, str | None]:
    """The innermost function of any item that the exception went through, and its item if that is another one."""
    owners = {name: other.id for other in assignment.items if other.file == item.file for name in other.functions}
    culprit = next((frame.function for frame in reversed(error.frames) if frame.function in owners), None)
    return culprit, owners[culprit] if culprit is not None and culprit not in item.functions else None


def in_the_way(error: BaseException, assignment: Assignment, item: Item) -> str | None:
    """The other item that a check of ``item`` ended at, which may be to blame for it."""
    if isinstance(error, Blocked):
        return error.by
    return _culprit(error, assignment, item)[1] if isinstance(error, StudentError) else None


def explain(result: CheckResult, item: Item, file: Path, *, hinted: bool) -> str:
    """A failed check in the few lines that a student needs.

    Args:
        result: how it ended.
        item: its item.
        file: the student's file, which is shown as it is reached from the current folder.
        hinted: tell the item's hint, which is the same for each of its checks.
    """
    place = file.resolve()
    here = place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place
    lines = [result.message]
    lines += [f"    expected: {result.expected}"] if result.expected else []
    lines += [f"    got:      {result.actual}"] if result.actual else []
    if result.line:
        source = f": {result.source}" if result.source else ""
        lines.append(f"    at {here}:{result.line}, in {result.function or 'the file'}{source}")
    if hinted and result.status not in (Status.BLOCKED, Status.NOT_IMPLEMENTED):
        lines.append(textwrap.fill(item.hint, 96, initial_indent="    hint: ", subsequent_indent=" " * 10))
    if hinted:
        lines.append(f"    read: {item.section} in the handout")
    return "\n".join(lines)

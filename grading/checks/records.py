"""What is recorded of a check, and how a student reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..assignment import Assignment, Check, Item
from ..boundary.errors import CallTimeoutError, StudentError, SubmissionFault, ViolationError, WorkerDiedError
from ..boundary.proxy import CallRecord
from .outcomes import Blocked, CheckFailure

_PASSED: dict[str, Any] = {
    "status": "passed",
    "kind": None,
    "message": "",
    "expected": "",
    "actual": "",
    "blocked_by": None,
    "line": None,
    "function": None,
    "source": None,
    "misconception": None,
    "relied_on": [],
}


def describe(
    error: BaseException | None, assignment: Assignment, check: Check, calls: Sequence[CallRecord] = ()
) -> dict[str, Any]:
    """The record of a check that made ``calls`` and ended with ``error``, or with none."""
    if error is None:
        return {**_PASSED, "check": check.id}
    return {
        **_PASSED,
        "check": check.id,
        **_place(assignment.item(check.item), calls),
        **_failure(error, assignment, check),
    }


def _place(item: Item, calls: Sequence[CallRecord]) -> dict[str, Any]:
    """Where the function begins that a wrong result most likely came from: the item's own that was called last."""
    names = {"forward": "__call__"}
    own = {names.get(name, name) for name in item.functions}
    for call in reversed(calls):
        if call.name in own and call.line is not None:
            return {"line": call.line, "function": "forward" if call.name == "__call__" else call.name}
    return {}


def _failure(error: BaseException, assignment: Assignment, check: Check) -> dict[str, Any]:
    match error:
        case CheckFailure():
            found = {"expected": error.expected, "actual": error.actual}
            return {"status": "failed", "kind": error.kind, "message": error.message, **found}
        case Blocked():
            return {"status": "blocked", "kind": "blocked", "message": str(error), "blocked_by": error.by}
        case StudentError():
            return _student_error(error, assignment, assignment.item(check.item))
        case CallTimeoutError():
            return {"status": "timeout", "kind": error.kind, "message": str(error)}
        case WorkerDiedError() | ViolationError():
            return {"status": "crashed", "kind": error.kind, "message": str(error)}
        case SubmissionFault():
            return {"status": "failed", "kind": error.kind, "message": str(error)}
    reason = f"{type(error).__name__}: {error}"
    return {"status": "error", "message": f"the check itself failed, which is not the submission's fault: {reason}"}


def _student_error(error: StudentError, assignment: Assignment, item: Item) -> dict[str, Any]:
    """An exception of the student's: a missing part, a crash, or another item that is in the way."""
    where = error.raised_in
    place = {"line": where.line, "function": where.function, "source": where.source} if where else {}
    owners = {name: other.id for other in assignment.items if other.file == item.file for name in other.functions}
    culprit = next((frame.function for frame in reversed(error.frames) if frame.function in owners), None)
    foreign = owners[culprit] if culprit is not None and culprit not in item.functions else None
    if isinstance(error, NotImplementedError):
        if foreign is not None and item.functions:
            message = f"{culprit} is needed for this check, and it is not implemented yet"
            return {**place, "status": "blocked", "kind": "blocked", "message": message, "blocked_by": foreign}
        message = f"{culprit or 'a part'} is not implemented yet"
        return {**place, "status": "not_implemented", "kind": "not_implemented", "message": message}
    # Whether another item is to blame for a crash inside it shows only when that item's own checks have run.
    message = f"the code raised {error}"
    return {**place, "status": "failed", "kind": "crash", "message": message, "blocked_by": foreign}


def explain(record: dict[str, Any], item: Item) -> str:
    """A failed check in the few lines that a student needs."""
    lines = [record["message"]]
    lines += [f"    expected: {record['expected']}"] if record["expected"] else []
    lines += [f"    got:      {record['actual']}"] if record["actual"] else []
    if record["line"]:
        source = f": {record['source']}" if record["source"] else ""
        lines.append(f"    at {item.file}:{record['line']}, in {record['function'] or 'the file'}{source}")
    if record["status"] not in ("blocked", "not_implemented"):
        lines.append(f"    hint: {item.hint}")
    lines.append(f"    read: {item.section} in the handout")
    return "\n".join(lines)

"""The score document as version 3 of Exercism's ``results.json``: one test for each check, one task for each item.

Written after Exercism's "The test runner interface". The format has no points. A test's output has at most 500
characters, and the file at most 500 kB.
"""

from __future__ import annotations

import json
from typing import Any

from .reading import checks_of, title, told

MAX_OUTPUT = 500
TRUNCATED = "Output was truncated. Please limit to 500 chars"
MAX_BYTES = 500_000
SHORTER = (4_000, 1_000, 300, 80, 0)
"""How many characters a message may have, tried until the file is small enough."""


def render(document: dict[str, Any]) -> str:
    """The file's content."""
    text = ""
    for limit in SHORTER:
        text = json.dumps(_content(document, limit), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if len(text.encode()) <= MAX_BYTES:
            break
    return text


def _content(document: dict[str, Any], limit: int) -> dict[str, Any]:
    statuses = [check["status"] for check in checks_of(document)]
    faults = statuses.count("error")
    if faults:
        status, message = "error", f"The grader could not make {faults} of the checks; that is not your code's fault."
    else:
        status, message = "pass" if all(s == "passed" for s in statuses) else "fail", None
    tests = [
        _test(item, check, number, limit)
        for number, item in enumerate(document["items"], start=1)
        for check in item["checks"]
    ]
    return {"version": 3, "status": status, "message": message, "tests": tests}


def _test(item: dict[str, Any], check: dict[str, Any], task: int, limit: int) -> dict[str, Any]:
    status = {"passed": "pass", "error": "error"}.get(check["status"], "fail")
    message = told(item, check)
    output = check["output"]
    if len(output) > MAX_OUTPUT:
        output = output[: MAX_OUTPUT - len(TRUNCATED) - 1] + "\n" + TRUNCATED
    return {
        "name": f"{item['title']}: {title(check)}",
        "status": status,
        "message": None if status == "pass" else message if len(message) <= limit else message[:limit] + "…",
        "output": output if limit else "",
        "task_id": task,
        "test_code": check["id"],
    }

"""The score document as Classroom 50's ``result.json`` (``classroom50/result/v1``): one test for each item.

That format has whole numbers only, and the sum has to be ours exactly, so that a point of ours is written as
``UNITS`` of theirs. It also names the classroom, the repository's owner and links, which no score document knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .reading import ExportError, exact, findings, require_points, total

UNITS = 10_000
"""Of theirs, for a point of ours."""

FIELDS = {
    "classroom": "the classroom's short name",
    "assignment": "the assignment's short name there",
    "owner": "the account that the repository belongs to",
    "submission": "the tag that was graded, submit/...",
    "commit": "the link to the commit",
    "release": "the link to the release",
    "review": "the link to the review",
    "datetime": "when it was handed in, as 2026-03-01T12:00:00Z",
}
"""What has to be given beside the document."""
OPTIONAL = {"assignment_type": "individual", "submitted_by": ""}
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def render(document: dict[str, Any], fields: Mapping[str, str]) -> str:
    """The file's content.

    Args:
        document: the JSON form.
        fields: what ``FIELDS`` asks for; ``assignment_type`` (individual or group) and ``submitted_by`` may be given.

    Raises:
        ExportError: fields are missing, or not as they have to be; or some points are open.
    """
    require_points(document, "Classroom 50")
    _require(fields)
    content: dict[str, Any] = {
        "schema": "classroom50/result/v1",
        "assignment_type": OPTIONAL["assignment_type"],
        **{name: value for name, value in fields.items() if name != "submitted_by"},
        "graded_at": _utc(document["graded_at"]),
        "score": int(exact(document["score"]["earned"]) * UNITS),
        "max-score": int(exact(document["score"]["possible"]) * UNITS),
        "tests": [_test(item) for item in document["items"]],
    }
    if fields.get("submitted_by"):
        content["submitted_by"] = {"username": fields["submitted_by"]}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _require(fields: Mapping[str, str]) -> None:
    missing = [f"{name} ({what})" for name, what in FIELDS.items() if not fields.get(name)]
    if missing:
        raise ExportError(f"Classroom 50 also needs, with --set NAME=VALUE: {', '.join(missing)}")
    if unknown := sorted(set(fields) - set(FIELDS) - set(OPTIONAL)):
        raise ExportError(f"Classroom 50 has no {unknown[0]!r}; there are {', '.join([*FIELDS, *OPTIONAL])}")
    if not fields["submission"].startswith("submit/"):
        raise ExportError(f"submission is a tag that begins with submit/, not {fields['submission']!r}")
    if fields.get("assignment_type", "individual") not in ("individual", "group"):
        raise ExportError(f"assignment_type is individual or group, not {fields['assignment_type']!r}")
    try:
        if not _TIME.fullmatch(fields["datetime"]):
            raise ValueError
        datetime.fromisoformat(fields["datetime"])
    except ValueError:
        raise ExportError(f"datetime is like 2026-03-01T12:00:00Z, not {fields['datetime']!r}") from None


def _utc(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _test(item: dict[str, Any]) -> dict[str, Any]:
    earned, possible = (int(total(item["checks"], key) * UNITS) for key in ("earned", "possible"))
    return {
        "test-name": item["title"],
        "passed": earned == possible,
        "score": earned,
        "max-score": possible,
        "output": findings(item, item["checks"]),
    }

"""The score document as Gradescope's ``results.json``: one test for each item and tier.

Written after Gradescope's page "Autograder specifications". Texts are marked as plain text, which Gradescope shows as
it is. In an instructor's document the tests of the hidden tier are hidden from students.
"""

from __future__ import annotations

import json
from typing import Any

from .reading import findings, require_points, total


def render(document: dict[str, Any]) -> str:
    """The file's content.

    Raises:
        ExportError: some points are open.
    """
    require_points(document, "Gradescope")
    tests = []
    for number, item in enumerate(document["items"], start=1):
        for place, tier in enumerate(document["tiers"], start=1):
            checks = [check for check in item["checks"] if check["tier"] == tier]
            if checks:
                tests.append(_test(document, item, checks, tier, f"{number}.{place}"))
    content = {
        "score": document["score"]["earned"],
        "output": "\n".join([f"{document['assignment']['name']}, {document['submission']['id']}"]
                            + document["problems"]),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "extra_data": {
            "assignment": document["assignment"],
            "submission_digest": document["submission"]["digest"],
            "possible": document["score"]["possible"],
        },
        "tests": tests,
        "leaderboard": [],
    }  # fmt: skip
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _test(
    document: dict[str, Any], item: dict[str, Any], checks: list[dict[str, Any]], tier: str, number: str
) -> dict[str, Any]:
    passed = sum(check["status"] == "passed" for check in checks)
    output = f"{passed} of {len(checks)} checks passed"
    found = findings(item, checks)
    return {
        "score": float(total(checks, "earned")),
        "max_score": float(total(checks, "possible")),
        "status": "passed" if passed == len(checks) else "failed",
        "name": f"{item['title']} ({tier} checks)",
        "number": number,
        "output": f"{output}\n\n{found}" if found else output,
        "tags": [item["id"], tier],
        "visibility": "hidden" if tier == "hidden" and document["audience"] == "instructor" else "visible",
    }

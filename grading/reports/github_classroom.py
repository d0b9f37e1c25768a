"""The score document for GitHub Classroom's reporter: a line ``NAME=VALUE`` an item, to append to ``$GITHUB_OUTPUT``.

Each value is what ``autograding-grading-reporter`` (v1) expects of one runner: base64 of JSON. It shows passed over all
tests times the maximum on its console, and adds up the tests' scores for the grade; a runner with a single test for
each item makes the two agree for full points and for none, and the name of the test says what lies between.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from .reading import require_points, title, total
from .wording import points


def render(document: dict[str, Any]) -> str:
    """The lines.

    Raises:
        ExportError: some points are open.
    """
    require_points(document, "GitHub Classroom")
    return "".join(f"{item['id']}={_encoded(item)}\n" for item in document["items"])


def _encoded(item: dict[str, Any]) -> str:
    earned, possible = (float(total(item["checks"], key)) for key in ("earned", "possible"))
    status = "pass" if earned == possible else "fail"
    lost = [title(check) for check in item["checks"] if check["status"] != "passed"]
    runner = {
        "version": 3,
        "status": status,
        "max_score": possible,
        "tests": [
            {
                "name": f"{item['title']}: {points(earned)} of {points(possible)} points",
                "status": status,
                "score": earned,
                "message": None,
                "line_no": 0,
                "test_code": "; ".join(dict.fromkeys(lost)),
                "filename": item["file"],
                "duration": 0,
            }
        ],
    }
    return base64.b64encode(json.dumps(runner, allow_nan=False).encode()).decode()

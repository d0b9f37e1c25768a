"""The score document as JUnit XML, as Jenkins, GitLab and other services read it: a suite an item, a case a check.

A check that was not made is a failure here and never "skipped", which these services count as no loss. Only a fault of
the grader is an error. Points are properties of a suite, and attributes of nothing.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from .reading import checks_of, title, told

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""


def render(document: dict[str, Any]) -> str:
    """The file's content."""
    name = {"name": _text(document["assignment"]["name"])}
    root = ElementTree.Element("testsuites", name | _counts(checks_of(document)))
    for item in document["items"]:
        known = {"name": _text(item["title"]), "timestamp": document["graded_at"].partition("+")[0].partition(".")[0]}
        suite = ElementTree.SubElement(root, "testsuite", known | _counts(item["checks"]))
        properties = ElementTree.SubElement(suite, "properties")
        for key in ("earned", "possible"):
            ElementTree.SubElement(properties, "property", name=key, value=repr(item[key]))
        for check in item["checks"]:
            _case(suite, item, check)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _counts(checks: list[dict[str, Any]]) -> dict[str, str]:
    errors = sum(check["status"] == "error" for check in checks)
    passed = sum(check["status"] == "passed" for check in checks)
    counts = {"tests": len(checks), "failures": len(checks) - passed - errors, "errors": errors, "skipped": 0}
    return {**{name: str(count) for name, count in counts.items()}, "time": "0"}


def _case(suite: ElementTree.Element, item: dict[str, Any], check: dict[str, Any]) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"{check['tier']}.{item['id']}", name=_text(title(check)), time="0"
    )
    if check["status"] != "passed":
        outcome = ElementTree.SubElement(
            case,
            "error" if check["status"] == "error" else "failure",
            message=_text(" ".join(check["message"].split())),
            type=check["kind"] or check["status"],
        )
        outcome.text = _text(told(item, check))
    if check["output"]:
        ElementTree.SubElement(case, "system-out").text = _text(check["output"])


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

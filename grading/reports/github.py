"""The score document on GitHub: a job summary in Markdown, and annotations on the lines of the student's files.

Whatever stems from a submission is escaped: Markdown and HTML in the summary, workflow commands in the annotations.
"""

from __future__ import annotations

import html
from typing import Any

from .wording import STATUS, points

MAX_ANNOTATIONS = 10
"""GitHub shows ten annotations of a kind for each step and drops the rest."""
MAX_SUMMARY = 1_000_000
"""In bytes; GitHub drops a summary of more than 1024 KiB as a whole."""


def summary(document: dict[str, Any]) -> str:
    """The score as a Markdown table, for ``$GITHUB_STEP_SUMMARY``."""
    score = document["score"]
    lines = [
        f"## {_text(document['assignment']['name'])}: {points(score['earned'])} of {points(score['possible'])} points",
        "",
        "| item | status | " + " | ".join(document["tiers"]) + " | points |",
        "| --- | --- |" + " ---: |" * (len(document["tiers"]) + 1),
    ]
    for item in document["items"]:
        tiers = [_ratio([c for c in item["checks"] if c["tier"] == tier]) for tier in document["tiers"]]
        cells = [_text(item["title"]), STATUS[item["status"]][0], *tiers, _ratio(item["checks"])]
        lines.append("| " + " | ".join(cells) + " |")
    lost = [(item, check) for item in document["items"] for check in item["checks"] if check["status"] != "passed"]
    ahead = next((entry for entry in lost if entry[1]["status"] != "blocked"), None)
    if ahead is not None:
        item, check = ahead
        where = f"{_text(item['title'])}, {_text(item['section'])}"
        lines += ["", f"**Next: {where}.** {_explanation(check)}"]
    if lost:
        lines += ["", "<details><summary>What to look at</summary>", ""]
        first: dict[tuple[str, str], str] = {}
        for item, check in lost:
            where = f"- **{_text(item['title'])}** ({_text(item['section'])})"
            first.setdefault((item["id"], check["message"]), f"{where}: {_explanation(check)}")
        lines += [*_as_fits(list(first.values()), MAX_SUMMARY * 3 // 4), "", "</details>"]
    notes = _as_fits([f"\nNote: {_text(problem)}" for problem in document["problems"]], MAX_SUMMARY // 8)
    return "\n".join([*lines, *notes]) + "\n"


def commands(document: dict[str, Any], folder: str) -> list[str]:
    """Workflow commands that mark the lines of the student's files, at most as many as GitHub shows, and the score.

    Args:
        document: the JSON form.
        folder: where the files are in the repository, relative to its root.
    """
    found = []
    for item in document["items"]:
        lost = [check for check in item["checks"] if check["status"] not in ("passed", "blocked")]
        if not lost:
            continue
        first = next((check for check in lost if check["line"]), lost[0])
        level = "notice" if item["status"] == "not_implemented" else "error"
        where = f"file={_property(folder + '/' + item['file'])}"
        where += f",line={first['line']}" if first["line"] else ""
        earned = f"{points(item['earned'])} of {points(item['possible'])} points"
        explained = first["misconception"]["tell"] if first["misconception"] else first["hint"]
        message = f"{first['message']}\n{explained}".strip()
        found.append(f"::{level} {where},title={_property(item['title'] + ': ' + earned)}::{_data(message)}")
    room = MAX_ANNOTATIONS - 1
    if len(found) > room:
        more = len(found) - room + 1
        found[room - 1 :] = [f"::notice title=And {more} more::The job's summary names everything."]
    score = f"{points(document['score']['earned'])} of {points(document['score']['possible'])} points"
    return [*found, f"::notice title={_property(document['assignment']['name'])}::{_data(score)}"]


def _as_fits(lines: list[str], limit: int) -> list[str]:
    """The first lines, as many as have so many bytes, and how many are left out."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > limit:
            return [*lines[:number], "", f"and {len(lines) - number} more"]
    return lines


def _explanation(check: dict[str, Any]) -> str:
    parts = [_text(check["message"])]
    if check["expected"]:
        parts.append(f"expected {_text(check['expected'])}, got {_text(check['actual'])}")
    if check["misconception"]:
        parts.append(_text(check["misconception"]["tell"]))
    elif check["hint"]:
        parts.append(f"<i>{_text(check['hint'])}</i>")
    return "; ".join(parts)


def _ratio(checks: list[dict[str, Any]]) -> str:
    return " / ".join(points(sum(check[key] for check in checks)) for key in ("earned", "possible"))


def _text(text: str) -> str:
    """Plain text inside Markdown: nothing in it makes a link, an image, a tag, a mention or a new cell."""
    escaped = html.escape(" ".join(text.split()), quote=True)
    return "".join(f"&#{ord(c)};" if c in "\\`*_{}[]()#+!|~@:$." else c for c in escaped)


def _data(text: str) -> str:
    """The message of a workflow command: line ends and the escape sign itself are encoded."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property of a workflow command, in which commas and colons have a meaning too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")

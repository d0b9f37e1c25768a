"""The score document on GitHub: a job summary in Markdown, and annotations on the lines of the student's files.

Whatever stems from a submission is escaped: Markdown and HTML in the summary, workflow commands in the annotations.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from .wording import STATUS, points

MAX_ANNOTATIONS = 10
"""GitHub shows ten annotations of a kind for each step and drops the rest."""
MAX_SUMMARY = 1_000_000
"""In bytes; GitHub drops a summary of more than 1024 KiB as a whole."""


@dataclass(frozen=True)
class Mark:
    """What is said of an item on a line of the student's file; ``line`` is None if none is known."""

    level: str
    file: str
    line: int | None
    title: str
    message: str


def summary(document: dict[str, Any], limit: int = MAX_SUMMARY) -> str:
    """The score as a Markdown table, for ``$GITHUB_STEP_SUMMARY``; what is beside the table fits in ``limit`` bytes."""
    score = document["score"]
    lines = [
        f"## {plain(document['assignment']['name'])}: {points(score['earned'])} of {points(score['possible'])} points",
        "",
        "| item | status | " + " | ".join(document["tiers"]) + " | points |",
        "| --- | --- |" + " ---: |" * (len(document["tiers"]) + 1),
    ]
    for item in document["items"]:
        tiers = [_ratio([c for c in item["checks"] if c["tier"] == tier]) for tier in document["tiers"]]
        cells = [plain(item["title"]), STATUS[item["status"]][0], *tiers, _ratio(item["checks"])]
        lines.append("| " + " | ".join(cells) + " |")
    lost = [(item, check) for item in document["items"] for check in item["checks"] if check["status"] != "passed"]
    ahead = next((entry for entry in lost if entry[1]["status"] != "blocked"), None)
    if ahead is not None:
        item, check = ahead
        where = f"{plain(item['title'])}, {plain(item['section'])}"
        lines += ["", f"**Next: {where}.** {_explanation(check)}"]
    if lost:
        lines += ["", "<details><summary>What to look at</summary>", ""]
        first: dict[tuple[str, str], str] = {}
        for item, check in lost:
            where = f"- **{plain(item['title'])}** ({plain(item['section'])})"
            first.setdefault((item["id"], check["message"]), f"{where}: {_explanation(check)}")
        lines += [*_as_fits(list(first.values()), limit * 3 // 4), "", "</details>"]
    notes = _as_fits([f"\nNote: {plain(problem)}" for problem in document["problems"]], limit // 8)
    return "\n".join([*lines, *notes]) + "\n"


def commands(document: dict[str, Any], folder: str) -> list[str]:
    """Workflow commands that mark the lines of the student's files, at most as many as GitHub shows, and the score.

    Args:
        document: the JSON form.
        folder: where the files are in the repository, relative to its root.
    """
    found = []
    for mark in marks(document):
        where = f"file={_property(folder + '/' + mark.file)}"
        where += f",line={mark.line}" if mark.line else ""
        found.append(f"::{mark.level} {where},title={_property(mark.title)}::{_data(mark.message)}")
    room = MAX_ANNOTATIONS - 1
    if len(found) > room:
        more = len(found) - room + 1
        found[room - 1 :] = [f"::notice title=And {more} more::The job's summary names everything."]
    score = f"{points(document['score']['earned'])} of {points(document['score']['possible'])} points"
    return [*found, f"::notice title={_property(document['assignment']['name'])}::{_data(score)}"]


def marks(document: dict[str, Any]) -> list[Mark]:
    """What to say of each item that lost points, where its file shows why."""
    found = []
    for item in document["items"]:
        lost = [check for check in item["checks"] if check["status"] not in ("passed", "blocked")]
        if not lost:
            continue
        first = next((check for check in lost if check["line"]), lost[0])
        level = "notice" if item["status"] == "not_implemented" else "error"
        earned = f"{points(item['earned'])} of {points(item['possible'])} points"
        explained = first["misconception"]["tell"] if first["misconception"] else first["hint"]
        message = f"{first['message']}\n{explained}".strip()
        found.append(Mark(level, item["file"], first["line"], f"{item['title']}: {earned}", message))
    return found


def _as_fits(lines: list[str], limit: int) -> list[str]:
    """The first lines, as many as have so many bytes, and how many are left out."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > limit:
            return [*lines[:number], "", f"and {len(lines) - number} more"]
    return lines


def _explanation(check: dict[str, Any]) -> str:
    parts = [plain(check["message"])]
    if check["expected"]:
        parts.append(f"expected {plain(check['expected'])}, got {plain(check['actual'])}")
    if check["misconception"]:
        parts.append(plain(check["misconception"]["tell"]))
    elif check["hint"]:
        parts.append(f"<i>{plain(check['hint'])}</i>")
    return "; ".join(parts)


def _ratio(checks: list[dict[str, Any]]) -> str:
    return " / ".join(points(sum(check[key] for check in checks)) for key in ("earned", "possible"))


def plain(text: str) -> str:
    """Plain text inside Markdown: nothing in it makes a link, an image, a tag, a mention or a new cell."""
    # Sign by sign: what escaping one of them writes must not be escaped again.
    return "".join(f"&#{ord(c)};" if c in "\\`*_{}[]()#+!|~@:$." else html.escape(c) for c in " ".join(text.split()))


def _data(text: str) -> str:
    """The message of a workflow command: line ends and the escape sign itself are encoded."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property of a workflow command, in which commas and colons have a meaning too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")

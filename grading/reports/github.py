"""The score document on GitHub: a job summary in Markdown, and annotations on the lines of the student's files.

Whatever stems from a submission is escaped: Markdown and HTML in the summary, workflow commands in the annotations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .guidance import Advice, State, causes, lost
from .reading import explanation
from .wording import STATUS, points

MAX_ANNOTATIONS = 10
"""GitHub shows ten annotations of a kind for each step and drops the rest."""
MAX_SUMMARY = 1_000_000
"""In bytes; GitHub drops a summary of more than 1024 KiB as a whole."""


_UNTOLD = (State.PASSED, State.UNLOADED, State.TO_DO)
"""States of items of which the table and what is above it say everything."""


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
    advice = Advice(document)
    for fault in advice.unloaded:
        count = f"{len(fault.items)} items hang" if len(fault.items) > 1 else "1 item hangs"
        lines += ["", f"**Next: {plain(fault.file)} has to load.** {plain(fault.check['message'])}; {count} on it."]
    ahead = None if advice.unloaded else advice.next()
    if ahead is not None:
        where = f"{plain(ahead['title'])}, {plain(ahead['section'])}"
        lines += ["", f"**Next: {where}.** {_explanations(ahead)[0]}"]
    told = [item for item in document["items"] if advice.state(item) not in _UNTOLD]
    if told:
        lines += ["", "<details><summary>What to look at</summary>", ""]
        found = [
            f"- **{plain(i['title'])}** ({plain(i['section'])}): {text}" for i in told for text in _explanations(i)
        ]
        lines += [*_as_fits(found, limit * 3 // 4), "", "</details>"]
    if not any(map(lost, document["items"])):
        lines += ["", "Everything that was checked is right."]
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
    """What to say of each item that lost points, where its file shows why; of a file that cannot be loaded, once."""
    advice = Advice(document)
    ahead = advice.next()
    found = []
    for fault in advice.unloaded:
        file, check = fault.file, fault.check
        found.append(Mark("error", file, check["line"], f"{file} could not be loaded", check["message"]))
    for item in document["items"]:
        failed = [check for check in lost(item) if check["status"] != "blocked"]
        if not failed or advice.state(item) is State.UNLOADED:
            continue
        if item["status"] == "not_implemented" and item != ahead:
            continue  # where to begin is enough
        first = next((check for check in failed if check["line"]), failed[0])
        level = "notice" if item["status"] == "not_implemented" else "error"
        earned = f"{points(item['earned'])} of {points(item['possible'])} points"
        why = [sentence for cause in causes(item, 1) for sentence in cause.why] or [first["hint"]]
        message = "\n".join(filter(None, dict.fromkeys([*why, first["message"]])))
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


def _explanations(item: dict[str, Any]) -> list[str]:
    """What is to be said of an item that lost points, each thing once."""
    shown = [(check, cause.why) for cause in causes(item, len(item["checks"])) for check in cause.shown]
    shown = shown or [(check, explanation(check)) for check in lost(item)[:1]]
    return list(dict.fromkeys(_explanation(check, why) for check, why in shown))


def _explanation(check: dict[str, Any], why: tuple[str, ...]) -> str:
    found = plain(check["message"])
    if check["expected"]:
        found += f": expected {plain(check['expected'])}, got {plain(check['actual'])}"
    if why:
        return f"{plain(' '.join(why))} ({found})"
    return f"{found}. <i>{plain(check['hint'])}</i>" if check["hint"] else found


def _ratio(checks: list[dict[str, Any]]) -> str:
    return " / ".join(points(sum(check[key] for check in checks)) for key in ("earned", "possible"))


def plain(text: str) -> str:
    """Plain text inside Markdown: nothing in it makes a link, an image, a tag, a mention or a new cell."""
    return "".join(f"&#{ord(c)};" if c in "&<>\"'\\`*_{}[]()#+!|~@:$." else c for c in " ".join(text.split()))


def _data(text: str) -> str:
    """The message of a workflow command: line ends and the escape sign itself are encoded."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property of a workflow command, in which commas and colons have a meaning too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""A student's score document as a check run: what GitHub is sent, within the sizes that it takes."""

from __future__ import annotations

from typing import Any

from ..reports import github
from ..reports.wording import points
from .model import Commit

NAME = "hidden tier"
MAX_TEXT = 65_535
"""Of a summary, in characters."""
BATCH = 50
"""Annotations that one request may carry."""


def head(commit: Commit) -> dict[str, Any]:
    """What a check run is created with, and by which it is found again."""
    return {"name": NAME, "head_sha": commit.sha, "external_id": commit.external_id, "status": "completed"}


def graded(document: dict[str, Any], folder: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a check run says of a graded commit, and its annotations.

    Args:
        document: the JSON form of a student's document.
        folder: where the files are in the repository, "" at the top.
    """
    score = document["score"]
    output = {
        "title": f"{points(score['earned'])} of {points(score['possible'])} points",
        "summary": github.summary(document, MAX_TEXT * 3 // 4)[:MAX_TEXT],
    }
    annotations = [_annotation(mark, folder) for mark in github.marks(document)]
    # Green says that grading ran, whatever the score, as in the student's own workflow.
    return {"conclusion": "success", "output": output}, annotations


def unfit(problem: str) -> dict[str, Any]:
    """What a check run says of a commit in which there was nothing to grade."""
    return {"conclusion": "neutral", "output": {"title": "nothing to grade", "summary": github.plain(problem)}}


def _annotation(mark: github.Mark, folder: str) -> dict[str, Any]:
    line = mark.line or 1
    return {
        "path": f"{folder}/{mark.file}".removeprefix("/"),
        "start_line": line,
        "end_line": line,
        "annotation_level": "notice" if mark.level == "notice" else "failure",
        "title": mark.title[:255],
        "message": mark.message[:8000] or mark.title,
    }

"""Every format that a score document can be exported to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from . import classroom50, exercism, github, github_classroom, gradescope, junit
from .reading import ExportError

__all__ = ["ExportError", "Format", "render"]


class Format(StrEnum):
    """The formats."""

    GRADESCOPE = "gradescope"
    CLASSROOM50 = "classroom50"
    EXERCISM = "exercism"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    GITHUB = "github"
    GITHUB_CLASSROOM = "github-classroom"


_PLAIN: dict[Format, Callable[[dict[str, Any]], str]] = {
    Format.GRADESCOPE: gradescope.render,
    Format.EXERCISM: exercism.render,
    Format.JUNIT: junit.render,
    Format.MARKDOWN: github.summary,
    Format.GITHUB_CLASSROOM: github_classroom.render,
}


def render(document: dict[str, Any], target: Format, folder: str, fields: Mapping[str, str]) -> str:
    """A score document in another format.

    Args:
        document: the JSON form.
        target: the format.
        folder: where the student's files are in their repository.
        fields: what the format needs beside the document.

    Raises:
        ExportError: the document cannot be said in that format, or fields are missing or unknown.
    """
    if target is Format.CLASSROOM50:
        return classroom50.render(document, fields)
    if fields:
        raise ExportError(f"{target} takes no --set")
    if target is Format.GITHUB:
        return "".join(f"{line}\n" for line in github.commands(document, folder))
    return _PLAIN[target](document)

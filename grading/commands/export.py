"""``vae-grade export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .. import assignment, files, redaction
from ..reports import exports
from ..scores import DocumentError, ScoreDocument
from .shared import BAD_INPUT, AssignmentOption, fail, obey_no_workflow_commands, reported


def export(
    context: typer.Context,
    scores: Annotated[Path, typer.Argument(metavar="SCORES", help="A score document.")],
    to: Annotated[exports.Format, typer.Option("--to", help="The format.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write it (default: standard output).")
    ] = None,
    instructor: Annotated[
        bool, typer.Option("--instructor", help="Export what only the instructor may read, too.")
    ] = False,
    hidden_detail: Annotated[
        redaction.HiddenDetail, typer.Option(help="What a student is told of hidden checks.")
    ] = redaction.HiddenDetail.REASON,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="What a format needs beside the document.")
    ] = None,
    root: AssignmentOption = None,
) -> None:
    """Write a score document in the format of another system.

    The student's document is exported, made from the instructor's where that is given, unless --instructor is.
    Exit status: 0 written; 2 bad usage, no score document, or nothing that the format could say.
    """
    try:
        document = ScoreDocument.from_json(json.loads(scores.read_text(encoding="utf-8")))
    except (OSError, ValueError, DocumentError) as error:
        raise fail(f"cannot read the score document {scores}: {error}", BAD_INPUT) from None
    if document.audience == "student" and instructor:
        raise fail(f"{scores} is a student's document: --instructor needs the instructor's", BAD_INPUT)
    if document.audience == "instructor" and not instructor:
        document = redaction.redact(document, hidden_detail)
    with reported():
        folder = assignment.load(root or assignment.own_root()).folders.student
    fields = dict(setting.partition("=")[::2] for setting in settings or ())
    try:
        text = exports.render(document.to_json(), to, folder, fields)
        if out is not None:
            files.write_atomically(out, text)
    except exports.ExportError as error:
        raise fail(str(error), BAD_INPUT) from None
    except OSError as error:
        raise fail(f"cannot write {out}: {error.strerror or error}", BAD_INPUT) from None
    if out is None:
        if to is not exports.Format.GITHUB:
            obey_no_workflow_commands(context, err=True)
        typer.echo(text, nl=False)

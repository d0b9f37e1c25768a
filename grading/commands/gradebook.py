"""``vae-grade gradebook``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from .. import files
from ..boundary.shared.text import clean_line
from ..classroom import model
from ..classroom.gradebook import moodle, own, platform
from ..classroom.gradebook.filling import Filling, Options
from .shared import BAD_INPUT, extra, fail, reported, written

SHOWN = 20


def gradebook(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a class that has been graded.")],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="FILE", help="Fill in this export of Canvas, or Moodle's worksheet."),
    ] = None,
    column: Annotated[
        str, typer.Option(metavar="HEADING", help="The column for the scores (default: the assignment's name).")
    ] = "",
    by: Annotated[
        str, typer.Option(metavar="HEADING", help="The column that students are known by (default: the best).")
    ] = "",
    scale: Annotated[
        bool, typer.Option("--scale", help="Convert scores to what the platform's column is worth.")
    ] = False,
    missing_zero: Annotated[
        bool, typer.Option("--missing-zero", help="Who has handed in nothing gets a zero there.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the changes into FILE, and do not only show them.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the filled-in file here instead.")
    ] = None,
    feedback: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a page of feedback a student, as HTML and Markdown.")
    ] = None,
    moodle_feedback: Annotated[
        Path | None, typer.Option(metavar="FILE.zip", help="Write the zip of feedback files that Moodle takes.")
    ] = None,
) -> None:
    """Write the gradebook of a class anew, and fill scores into the instructor's own export of Canvas or Moodle.

    Only the cells of one column change, and nothing is written into the export without --write or --out. Rows of
    students who are excused, held back or without a score stay as they are. Exit status: 0 done or shown; 2 bad usage,
    bad input, or a file that the platform would not take back.
    """
    if into is None and (write or out is not None or column or by or scale or missing_zero):
        message = "it is an export of Canvas or Moodle that is filled in: name it with --into FILE"
        raise typer.BadParameter(message, param_hint="--into")
    with reported():
        graded = model.load(folder)
        with written(folder):
            paths = own.write(graded)
        console = Console(highlight=False)
        for path in paths:
            console.print(Text(f"wrote {path}", style="dim"), soft_wrap=True)
        if feedback is not None or moodle_feedback is not None:
            with extra("class"):
                from ..classroom.gradebook import pages
            if feedback is not None:
                with written(feedback):
                    count = pages.write(graded, feedback)
                console.print(Text(f"wrote {count} pages into {feedback}"), soft_wrap=True)
            if moodle_feedback is not None:
                stream = io.BytesIO()
                count = moodle.write_feedback(stream, pages.each(graded))
                with written(moodle_feedback):
                    files.write_atomically(moodle_feedback, stream.getvalue())
                console.print(Text(f"wrote {count} pages into {moodle_feedback}"), soft_wrap=True)
        if into is None:
            return
        try:
            content = into.read_bytes()
        except OSError as error:
            raise fail(f"cannot read {into}: {error.strerror or error}", BAD_INPUT) from None
        filling = platform.fill(content, str(into), graded, Options(column, by, scale, missing_zero))
        _preview(filling, console)
        target = out or (into if write else None)
        if target is None:
            console.print(Text("nothing is written yet: give --write, or --out FILE"), soft_wrap=True)
        else:
            with written(target):
                files.write_atomically(target, filling.content)
            console.print(Text(f"wrote {target}"), soft_wrap=True)


def _preview(filling: Filling, console: Console) -> None:
    """Say what changes and what does not, as lines that no name can break."""
    heading = clean_line(filling.table.headings[filling.column], 80)
    lines = [f"{len(filling.changes)} cells of the column {heading!r} change"]
    lines += [f"  {_who(c.who)}: {clean_line(c.old, 60) or 'empty'} -> {c.new}" for c in filling.changes[:SHOWN]]
    lines += [f"  and {len(filling.changes) - SHOWN} more"] if len(filling.changes) > SHOWN else []
    lines += [f"{filling.same} have that score already"] if filling.same else []
    lines += [f"{len(filling.left)} rows stay as they are"] if filling.left else []
    lines += [f"  {_who(who)}: {clean_line(reason, 200)}" for who, reason in filling.left]
    for line in [*lines, *filling.notices]:
        console.print(Text(line.replace("##[", "# #[")), soft_wrap=True)


def _who(name: str) -> str:
    return clean_line(name, 60) or "(no name)"

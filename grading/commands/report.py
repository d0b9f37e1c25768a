"""``vae-grade report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from ..classroom import model
from .shared import GRADER_FAULT, extra, fail, reported


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a class that has been graded.")],
) -> None:
    """Write the class report, a folder of pages in DIR/report that opens from disk, anew.

    Exit status: 0 written; 2 no folder of a class; 3 it cannot be written, or an extra is missing.
    """
    with extra("class"):
        from ..classroom.report.write import write
    with reported():
        graded = model.load(folder)
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("writing", total=None)
            page = write(graded, lambda done, total: bar.update(task, completed=done, total=total))
    except OSError as error:
        raise fail(f"cannot write the report: {error}", GRADER_FAULT) from None
    Console(highlight=False).print(Text(f"wrote {page}"), soft_wrap=True)

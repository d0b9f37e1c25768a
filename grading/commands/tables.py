"""``vae-grade tables``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from .. import assignment, files, samples
from ..authoring import tables as written
from .shared import BAD_INPUT, AssignmentOption, fail, progress, reported

STALE = 1


def tables(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a table is out of date.")
    ] = False,
    root: AssignmentOption = None,
) -> None:
    """Write the tables of documents anew: the handout's points, and what the README says that the demo prints.

    Grades the sample submissions for it, where the README has a table of them. Exit status: 0 done, or all are up to
    date; 1 one is not; 2 bad input.
    """
    console = Console(highlight=False)
    with reported():
        loaded = assignment.load(root or assignment.own_root())
        handout, readme = loaded.root / loaded.handout, loaded.root / "README.md"
        if not handout.is_file():
            raise fail(f"there is no handout {handout}", BAD_INPUT)
        try:
            new = {handout: written.put(_text(handout), written.POINTS, written.points(loaded))}
        except written.TableError as error:
            raise fail(f"{handout}: {error}", BAD_INPUT) from None
        if readme.is_file() and written.has(_text(readme), written.DEMO):
            submissions = samples.load(loaded)
            with progress(enabled=True, title=f"grading {len(submissions)} submissions") as watch:
                documents = samples.grade_all(submissions, loaded, watch)
            new[readme] = written.put(_text(readme), written.DEMO, written.demo(documents))
    stale = [path for path, text in new.items() if _text(path) != text]
    for path in stale:
        if not check:
            files.write_atomically(path, new[path])
        console.print(Text(f"{path.relative_to(loaded.root)}: {'out of date' if check else 'written'}"))
    if not stale:
        console.print("the tables are up to date")
    elif check:
        raise typer.Exit(STALE)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")

"""``vae-grade similarity``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from .. import assignment, files
from ..boundary.shared.text import clean_line
from ..classroom import handed_in, model
from .shared import BAD_INPUT, AssignmentOption, extra, fail, reported

SHOWN = 50


def similarity(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a class that has been graded.")],
    threshold: Annotated[float, typer.Option(min=0.1, max=1, help="The least similarity to tell of.")] = 0.7,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Where to write every pair.")] = None,
    root: AssignmentOption = None,
) -> None:
    """List pairs of files that are alike beyond what the skeleton explains: places to look, never a verdict.

    Nothing else calls this. Exit status: 0 whatever was found; 2 bad input; 3 an extra is missing.
    """
    with extra("similarity"):
        from ..classroom.similarity import pairs
    with reported():
        loaded = assignment.load(root or assignment.own_root())
        graded = model.load(folder)
        skeletons = {name: _skeleton(loaded.student / name) for name in loaded.files}
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("comparing", total=None)
        found = pairs(
            _submissions(graded),
            skeletons,
            threshold,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    if json_file is not None:
        content = {"threshold": threshold, "pairs": [pair.to_json() for pair in found]}
        try:
            files.write_atomically(json_file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise fail(f"cannot write {json_file}: {error.strerror or error}", BAD_INPUT) from None
    lines = [
        f"{100 * pair.similarity:5.1f} %  {pair.file}  {_people(pair.one)}{_places(pair.lines[0])}  and  "
        f"{_people(pair.other)}{_places(pair.lines[1])}" + ("  identical" if pair.identical else "")
        for pair in found[:SHOWN]
    ]
    lines += [f"and {len(found) - SHOWN} more" + ("" if json_file else ", which --json FILE writes")] * (
        len(found) > SHOWN
    )
    lines.append(f"{len(found)} pairs to look at: places to look, never a verdict" if found else "no pair is alike")
    for line in lines:
        Console(highlight=False).print(Text(line.replace("##[", "# #[")), soft_wrap=True)


def _skeleton(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise fail(f"the skeleton {path} cannot be read: {error.strerror or error}", BAD_INPUT) from None


def _submissions(graded: model.Class) -> Iterator[tuple[str, dict[str, bytes]]]:
    for outcome in (*graded.outcomes, *graded.strangers):
        document = outcome.document
        if document is not None:
            yield outcome.student.id, handed_in.read(graded.folder, document)


def _people(ids: tuple[str, ...]) -> str:
    shown = ", ".join(clean_line(who, 60) for who in ids[:5])
    return f"{shown} and {len(ids) - 5} more" if len(ids) > 5 else shown


def _places(lines: tuple[tuple[int, int], ...]) -> str:
    shown = ", ".join(f"{first}-{last}" for first, last in lines[:4])
    more = f" and {len(lines) - 4} more" if len(lines) > 4 else ""
    return f" ({shown}{more})" if shown else ""

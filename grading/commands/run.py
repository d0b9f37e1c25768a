"""``vae-grade run``."""

from __future__ import annotations

import json
import os
import re
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from .. import assignment, files, grade, redaction, released
from ..boundary.shared.text import clean_line
from ..pooled import processors
from ..reports import terminal, wording
from ..results import Status
from ..submission import Submission, take
from .shared import (
    BAD_INPUT,
    BELOW_REQUIRED,
    GRADER_FAULT,
    AssignmentOption,
    fail,
    obey_no_workflow_commands,
    progress,
    reported,
    require_writable,
    tell,
)

WHOLE = "scores.json"
"""Where the document of a whole run is written, unless somebody says otherwise; one of a part is not."""


_ONE_WORD = re.compile(r"[\w./\\:@+-]+")


class Tier(StrEnum):
    """The tiers that can be asked for."""

    public = "public"
    hidden = "hidden"
    all = "all"


class Level(StrEnum):
    """The levels of isolation that can be asked for."""

    auto = "auto"
    a = "A"
    b = "B"
    none = "none"
    in_process = "in-process"


def run(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SUBMISSION",
            help="What to grade: a folder, a zip, one of the files, or REPOSITORY@COMMIT. Default: your own files. "
            "Four or more hexadecimal digits after @ are a commit's id before they are a tag or branch.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ITEM",
            help="Only this item: its name or a part of it (kl), or its task (2.5). May be given more than once, "
            "or as a list with commas. Shows what your code prints, and writes no document unless --json names one.",
        ),
    ] = None,
    tier: Annotated[
        Tier, typer.Option(help="Which checks: those that students have, the instructor's hidden ones, or all here.")
    ] = Tier.all,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help=f"Where to write everything that was found, as JSON; - is standard output. Default: {WHOLE}",
        ),
    ] = None,
    student_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write what a student may read of it: nothing of a hidden check."),
    ] = None,
    hidden_detail: Annotated[
        redaction.HiddenDetail,
        typer.Option(help="How much --student-json says of hidden checks: nothing, how many passed, or why as well."),
    ] = redaction.HiddenDetail.REASON,
    isolation: Annotated[
        Level,
        typer.Option(
            help="How the submitted code is confined: A and B keep a stranger's code from this machine, none and "
            "in-process are for your own. Default: the strongest that works here."
        ),
    ] = Level.auto,
    seed: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Draw the same inputs for hidden checks as in a document with this seed."),
    ] = None,
    explain_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="How long it may take to find out why checks failed; 0 does not. Default: a part of what they took.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Files judged at the same time (default: as many as processors).")
    ] = None,
    require: Annotated[
        float | None, typer.Option(metavar="PERCENT", min=0, max=100, help="Exit with status 1 below this score.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the score and nothing else.")] = False,
    root: AssignmentOption = None,
) -> None:
    """Grade your files, or anybody's, and say what to do next.

    Exit status: 0 graded, whatever the score; 1 graded, but below --require; 2 bad usage or bad input; 3 the grader
    could not do its work.
    """
    to_stdout = json_file == "-"
    console = Console(stderr=to_stdout, highlight=False)
    obey_no_workflow_commands(context, err=to_stdout)
    with reported():
        loaded = assignment.load(root or assignment.own_root())
        items = _items(loaded, only or [])
        tiers = loaded.tiers if tier is Tier.all else (tier.value,)
        if not set(tiers) <= set(loaded.tiers):
            raise assignment.AssignmentError(f"there are no {tier.value} checks in {loaded.tests}")
        target = None if to_stdout else Path(json_file) if json_file else None if items else Path(WHOLE)
        for output in filter(None, (target, student_json)):
            require_writable(output)
            _keep_whole(output, items, loaded)
        # In a student's own repository all of it is looked at: what was changed of the release is told.
        own = loaded.root if (loaded.root / released.NAME).is_file() else loaded.student
        submission = take(source or str(own), loaded)
        if quiet or not console.is_terminal:  # else the report has it, a few lines further down
            for problem in submission.problems:
                tell(problem)
        chosen = grade.choose_seed(submission, seed, os.environ.get("VAE_GRADE_SECRET"))
        options = grade.Options(
            tiers, only=items, isolation=isolation.value, seed=chosen, explain_seconds=explain_seconds
        )
        with progress(enabled=not quiet) as watch:
            document = grade.grade(submission, loaded, options, watch, processors=jobs or processors())
    texts = {target: document} if target is not None else {}
    texts |= {student_json: redaction.redact(document, hidden_detail)} if student_json is not None else {}
    for path, text in texts.items():
        try:
            files.write_atomically(path, text.dumps())
        except OSError as error:
            raise fail(f"cannot write {path}: {error}", BAD_INPUT) from None
    if to_stdout:
        typer.echo(document.dumps(), nl=False)
    shown = document.to_json()
    if quiet:
        earned, possible = (wording.points(shown["score"][key]) for key in ("earned", "possible"))
        console.print(Text(f"{earned} / {possible}"))
    else:
        terminal.render(shown, console, _guide(loaded, submission, source, root, part=bool(items)))
        for path in texts:
            console.print(Text(f"wrote {path}", style="dim"), soft_wrap=True)
    if any(check.status is Status.ERROR for check in document.checks):
        raise fail("some checks could not be run; their points are open, not lost", GRADER_FAULT)
    if require is not None and document.percent < require:
        raise fail(f"{document.percent:.1f} % is below the required {require:g} %", BELOW_REQUIRED)


def _items(loaded: assignment.Assignment, only: list[str]) -> tuple[str, ...]:
    """The items that were asked for, in the order of the rubric."""
    wanted = {
        item.id for text in only for part in text.split(",") if part.strip() for item in loaded.find(part.strip())
    }
    return tuple(item.id for item in loaded.items if item.id in wanted)


def _keep_whole(path: Path, items: tuple[str, ...], loaded: assignment.Assignment) -> None:
    """End here if the document of a part would take the place of one of all items."""
    whole = {item.id for item in loaded.items}
    if not items or set(items) == whole or not path.is_file():
        return
    try:
        there = {item["id"] for item in json.loads(path.read_text(encoding="utf-8"))["items"]}
    except (OSError, ValueError, KeyError, TypeError):
        return
    if there == whole:
        raise fail(f"{path} is of the whole, which a part must not replace: name another file with --json", BAD_INPUT)


def _guide(
    loaded: assignment.Assignment, submission: Submission, source: str | None, root: Path | None, *, part: bool
) -> terminal.Guide:
    """How the report's reader gets to the files, to the handout and to the next run."""
    folder = submission.origin
    if folder is not None and folder.is_file():
        folder = folder.parent if folder.suffix == ".py" else None
    known = folder is not None and submission.commit is None
    paths = {name: _from_here(folder / path) if known and folder else path for name, path in submission.paths.items()}
    # Elsewhere a report may break the line: within a name with spaces, at what a log obeys.
    paths = {name: path for name, path in paths.items() if _ONE_WORD.fullmatch(path)}
    handout = loaded.root / loaded.handout
    command = ["vae-grade", "run", *([source] if source else []), *(["--assignment", str(root)] if root else [])]
    return terminal.Guide(
        functions={item.id: item.functions for item in loaded.items},
        paths=paths,
        handout=_from_here(handout) if loaded.handout and handout.is_file() else "",
        command=clean_line(shlex.join(command)),
        finished=loaded.finished,
        part=part,
    )


def _from_here(path: Path) -> str:
    """A path as short as it can be and still be found from the current folder."""
    there, here = path.resolve(), Path.cwd().resolve()
    return str(there.relative_to(here)) if there.is_relative_to(here) else str(there)

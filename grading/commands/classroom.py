"""``vae-grade class`` and ``vae-grade diff``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from .. import assignment
from ..classroom import comparison, farm, shown
from ..classroom.gradebook import own
from ..classroom.model import Outcome, State
from ..classroom.run import Plan, Told, run
from ..classroom.store import is_full
from ..pooled import processors
from ..progress import Progress as Step
from .shared import GRADER_FAULT, AssignmentOption, fail, obey_no_workflow_commands, reported, tell

DIFFERENT = 1


def grade_class(
    context: typer.Context,
    submissions: Annotated[
        Path,
        typer.Argument(
            help="A download of Canvas, Moodle, Blackboard, Brightspace or Gradescope (the zip, or unpacked), a folder "
            "of folders, zips or repositories, or a CSV roster with a column 'repository'."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The class's folder, made if there is none.")],
    jobs: Annotated[int | None, typer.Option(min=1, help="Submissions graded at a time (default: processors).")] = None,
    roster: Annotated[Path | None, typer.Option(metavar="CSV", help="Who is in the class.")] = None,
    deadlines: Annotated[Path | None, typer.Option(metavar="TOML", help="When it is due, what lateness costs.")] = None,
    isolation: Annotated[
        str, typer.Option(help="auto (A or B, whichever is proven), A, B, or none, which trusts the students' code.")
    ] = "auto",
    tier: Annotated[str, typer.Option(help="public, hidden or all: the checks to make.")] = "all",
    regrade: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Grade this student anew, or 'all'; needs --reason.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Grade on the Dask cluster of this scheduler.")
    ] = None,
    root: AssignmentOption = None,
) -> None:
    """Grade a whole class into a folder; given again, the command goes on where it was ended.

    What is in the folder stays as long as submission, assignment and grader are the same. Exit status: 0 every
    submission was graded or found unfit, whatever the scores; 2 bad usage or bad input; 3 the grader failed at some
    submission, or could not work at all; 130 and 143 ended by Ctrl-C or SIGTERM.
    """
    obey_no_workflow_commands(context, err=False)
    with reported():
        loaded = assignment.load(root or assignment.own_root())
        tiers = loaded.tiers if tier == "all" else (tier,)
        if not set(tiers) <= set(loaded.tiers):
            raise assignment.AssignmentError(f"there are no {tier} checks in {loaded.tests}")
        if isolation not in ("auto", "A", "B", "none"):
            raise typer.BadParameter(f"{isolation!r} is none of auto, A, B, none", param_hint="--isolation")
        if regrade and not reason.strip():
            raise typer.BadParameter("give the --reason for the record", param_hint="--regrade")
        plan = Plan(
            submissions,
            out,
            roster,
            deadlines,
            tiers,
            isolation,
            tuple(regrade or ()),
            " ".join(reason.split()),
            os.environ.get("VAE_GRADE_SECRET"),
        )
        workers = farm.local(jobs or processors()) if scheduler is None else farm.cluster(scheduler)
        try:
            with _told() as told:
                graded = run(plan, loaded, str(loaded.root) if root is not None else None, workers, told)
            own.write(graded)
        except KeyboardInterrupt:
            tell("ended: what was graded is kept; give the same command again, and it goes on")
            raise
        except OSError as error:
            if not is_full(error):
                raise
            raise fail(
                f"{error}: make room, and give the same command again; what was graded is kept", GRADER_FAULT
            ) from None
    console = Console(highlight=False)
    for line in shown.summary(graded):
        console.print(Text(line), soft_wrap=True)
    if any(outcome.state is State.ERROR for outcome in (*graded.outcomes, *graded.strangers)):
        raise fail("the grader failed at some submissions; give the same command again to try them anew", GRADER_FAULT)


def diff(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(help="The folder of a class, or a score document.")],
    new: Annotated[Path, typer.Argument(help="Another one, or the same later on.")],
) -> None:
    """Say who has another score, by which checks, and why. Exit status: 0 nobody, 1 somebody, 2 bad input."""
    obey_no_workflow_commands(context, err=False)
    with reported():
        lines = comparison.compare(old, new)
    console = Console(highlight=False)
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    if lines:
        raise typer.Exit(DIFFERENT)
    console.print("no differences")


class _Rate(ProgressColumn):
    """Submissions a minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{60 * speed:.1f}/min" if speed else "")


@contextmanager
def _told() -> Iterator[Told]:
    """A line for each submission on standard error, above a bar where that is a terminal."""
    console = Console(stderr=True, highlight=False)
    columns = (BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(elapsed_when_finished=True))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        # Rates of the last minutes: submissions differ a lot in how long they take.
        bar.speed_estimate_period = timedelta(minutes=3).total_seconds()
        task = bar.add_task("", total=None)

        def told(what: Outcome | str, step: Step) -> None:
            bar.update(task, completed=step.done, total=step.total)
            if isinstance(what, str):
                tell(what)
            else:
                line = f"{step.done}/{step.total} {shown.line(what)}"
                console.print(Text(line.replace("##[", "# #[")), soft_wrap=True)

        yield told

"""What the commands share: how they speak on standard error, and how they end."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from .. import assignment, files, grade
from ..authoring import strip
from ..classroom.model import ClassError
from ..classroom.store import StorageError
from ..classroom.work import SkewError
from ..progress import Progress as Step
from ..progress import Watch
from ..submission import SubmissionError

BELOW_REQUIRED, BAD_INPUT, GRADER_FAULT = 1, 2, 3

AssignmentOption = Annotated[
    Path | None,
    typer.Option("--assignment", help="Folder of the assignment (default: the one that this command came with)."),
]


def fail(message: str, status: int) -> typer.Exit:
    """Say what went wrong on standard error, and end with this status."""
    tell(message)
    return typer.Exit(status)


def tell(message: str) -> None:
    """Say something on standard error."""
    # Of a log, GitHub's runner would obey this mark even within a line.
    safe = message.replace("##[", "# #[")
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(f"vae-grade: {safe}"))


@contextmanager
def reported() -> Iterator[None]:
    """Turn the errors that we foresee into one message and the right exit status."""
    try:
        yield
    except (SubmissionError, assignment.AssignmentError, strip.StripError, ClassError) as error:
        raise fail(str(error), BAD_INPUT) from None
    except (grade.ExecutionError, StorageError, SkewError) as error:
        raise fail(str(error), GRADER_FAULT) from None


def obey_no_workflow_commands(context: typer.Context, *, err: bool) -> None:
    """In a GitHub Actions job, keep the runner from obeying lines of the report, which comes out on the same stream.

    It quotes what the student's code says, on lines of their own; indenting them is not enough.
    """
    if os.environ.get("GITHUB_ACTIONS") == "true":
        token = secrets.token_hex(16)
        typer.echo(f"::stop-commands::{token}", err=err)
        context.call_on_close(lambda: typer.echo(f"::{token}::", err=err))


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Say that something cannot be written there, where that fails."""
    try:
        yield
    except OSError as error:
        raise fail(f"cannot write {path}: {error.strerror or error}", BAD_INPUT) from None


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra is missing, where an import fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        command = f"python3 bootstrap.py --with {name} vae-grade ..."
        raise fail(f"this needs {error.name}, which the extra {name!r} brings: {command}", GRADER_FAULT) from None


def require_writable(path: Path) -> None:
    """End here, before any work is done, if nothing can be written there."""
    try:
        files.ensure_writable(path)
    except OSError as error:
        raise fail(f"cannot write {path}: {error.strerror or error}", BAD_INPUT) from None


@contextmanager
def progress(*, enabled: bool, title: str = "grading") -> Iterator[Watch | None]:
    """A progress bar on standard error, where that is a terminal; yields what tells it how far things are."""
    console = Console(stderr=True)
    if not enabled or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.fields[title]}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[current]}", markup=False), console=console, transient=True) as bar:
        task = bar.add_task("", title=title, current="starting", total=None)

        def watch(progress: Step) -> None:
            bar.update(task, completed=progress.done, total=progress.total, current=progress.current)

        yield watch

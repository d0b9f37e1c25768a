"""The command ``vae-grade``: it parses, calls and prints, and decides nothing.

Exit status: 0 graded, whatever the score; 1 graded, but below ``--require``; 2 bad usage or bad input; 3 the grader
could not do its work; 130 and 143 ended by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from . import assignment, files, pooled, samples
from .authoring import strip
from .commands import classroom, hosted
from .commands.export import export
from .commands.gradebook import gradebook
from .commands.release import release
from .commands.report import report
from .commands.run import run
from .commands.shared import (
    BAD_INPUT,
    GRADER_FAULT,
    AssignmentOption,
    fail,
    progress,
    reported,
    require_writable,
)
from .commands.similarity import similarity
from .commands.tables import tables
from .reports import github, terminal

UNSOUND = 1

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vae-grade {assignment.installed_version()}")
        raise typer.Exit


HELP = """Grade submissions of the assignment.

A student needs one command, run: it grades your files and says what to do next. The others are for instructors and
for workflows; COMMAND --help explains each.

Exit status: 0 done, whatever the score; 1 a requirement is not met; 2 bad usage or bad input; 3 the grader could not do
its work; 130 and 143 ended by Ctrl-C or SIGTERM.
"""


@app.callback(help=HELP)
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """What may stand before a command."""


app.command()(run)
app.command(name="class")(classroom.grade_class)
app.command()(classroom.diff)
app.add_typer(hosted.app, name="hosted")
app.command()(export)
app.command()(gradebook)
app.command()(release)
app.command()(report)
app.command()(similarity)
app.command()(tables)


@app.command()
def demo(
    json_folder: Annotated[
        Path | None, typer.Option("--json", metavar="FOLDER", help="Where to write a score document for each.")
    ] = None,
    root: AssignmentOption = None,
) -> None:
    """Grade the sample submissions that come with the assignment, from good to bad, and compare their scores."""
    if json_folder is not None and not json_folder.is_dir():
        raise fail(f"there is no folder {json_folder} to write to", BAD_INPUT)
    with reported():
        loaded = assignment.load(root or assignment.own_root())
        submissions = samples.load(loaded)
        with progress(enabled=True, title=f"grading {len(submissions)} submissions") as watch:
            documents = samples.grade_all(submissions, loaded, watch)
    if json_folder is not None:
        for document in documents:
            text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
            files.write_atomically(json_folder / f"{document['submission']['id']}.json", text)
    console = Console(highlight=False)
    terminal.compare(documents, console)
    wrong = next((d for d in documents if d["score"]["earned"] < d["score"]["possible"]), documents[0])
    folder = Path(loaded.folders.samples, wrong["submission"]["id"])
    chosen = [str(folder)] if root is None else [str(root / folder), "--assignment", str(root)]
    full = shlex.join(["python3", "bootstrap.py", "vae-grade", "run", *chosen])
    console.print(Text(f"\nIn full: {full}"), soft_wrap=True)


@app.command()
def skeleton(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a skeleton is out of date.")
    ] = False,
    root: AssignmentOption = None,
) -> None:
    """Generate the skeletons that students begin with from the solution."""
    console = Console(highlight=False)
    with reported():
        loaded = assignment.load(root or assignment.own_root())
        wanted = strip.skeletons(loaded)
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomically(path, wanted[path])
        console.print(Text(f"{path.name}: {'out of date' if check else 'written'}"))
    if not stale:
        console.print("the skeletons are up to date")
    elif check:
        raise typer.Exit(1)


@app.command()
def audit(
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes at work (default: as many as processors).")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Where to write everything that was found.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Where to draw the matrix of wrong answers and checks.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of the hidden inputs that correct answers must pass.")] = 1,
    item: Annotated[
        list[str] | None, typer.Option(metavar="ITEM", help="Audit the checks and answers of this item alone.")
    ] = None,
    with_training: Annotated[
        bool, typer.Option("--with-training", help="Run the checks that judge a submission as a whole every time.")
    ] = False,
    root: AssignmentOption = None,
) -> None:
    """Find out whether the assignment is sound, by answers of which it is known what they deserve.

    Exit status: 0 sound, 1 not, 2 bad usage or no catalogue, 3 a fault of the audit.
    """
    # The catalogue and its checks need torch, which no other command imports in this process.
    from .authoring.audit import config, executor, judge, plan, record, report
    from .authoring.audit import picture as pictures
    from .catalogue import CatalogueError

    with reported():
        loaded = assignment.load(root or assignment.own_root())
        settings = config.load(loaded.tests / "audit.toml")
        for path in filter(None, (json_file, picture)):
            require_writable(path)
        options = plan.Options(
            jobs or pooled.processors(), seeds, tuple(item) if item else None, loaded.tiers, whole=with_training
        )
        digest = record.digest(loaded)
        try:
            with progress(enabled=True, title="auditing") as watch:
                verdict = judge.judge(plan.run(loaded, options, watch), settings)
            if picture is not None:
                pictures.draw(verdict, picture)
        except (CatalogueError, pictures.PictureError) as error:
            raise fail(str(error), BAD_INPUT) from None
        except executor.AuditError as error:
            raise fail(str(error), GRADER_FAULT) from None
    if json_file is not None:
        files.write_atomically(json_file, report.dumps(verdict))
    if options.items is None:
        record.keep(loaded, digest, sound=verdict.sound)
    console = Console(highlight=False)
    report.render(verdict, console if console.is_terminal else Console(highlight=False, width=120))
    if not verdict.sound:
        raise typer.Exit(UNSOUND)


@app.command()
def answers(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if the file is out of date.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes at work (default: as many as processors).")] = None,
    root: AssignmentOption = None,
) -> None:
    """Write down what typical wrong answers give to the public checks, so that students are told their mistake."""
    from .authoring import answers as generator
    from .authoring.audit import executor
    from .catalogue import CatalogueError
    from .diagnosis.stored import Stored

    console = Console(highlight=False)
    with reported():
        loaded = assignment.load(root or assignment.own_root())
        path = loaded.answers
        try:
            with progress(enabled=True, title="answering") as watch:
                new = generator.generate(loaded, jobs or pooled.processors(), watch)
        except CatalogueError as error:
            raise fail(str(error), BAD_INPUT) from None
        except executor.AuditError as error:
            raise fail(str(error), GRADER_FAULT) from None
    old = Stored.load(path) if path.is_file() else None
    stale = ["there is no such file"] if old is None else generator.differences(old, new)
    for line in stale:
        console.print(Text(f"{path.name}: {line}"))
    if not stale:
        console.print("the answers are up to date")
    elif check:
        raise typer.Exit(1)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomically(path, new.dumps())


@app.command(name="github")
def github_report(
    scores: Annotated[Path, typer.Argument(help="A score document.")] = Path("scores.json"),
    folder: Annotated[
        str | None,
        typer.Option(help="Where the student's files are in the repository (default: where the assignment has them)."),
    ] = None,
    root: AssignmentOption = None,
) -> None:
    """Show a score document in a GitHub Actions job: annotations on the lines, and a job summary."""
    if folder is None:
        with reported():
            folder = assignment.load(root or assignment.own_root()).folders.student
    try:
        document: dict[str, Any] = json.loads(scores.read_text(encoding="utf-8"))
        summary, lines = github.summary(document), github.commands(document, folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise fail(f"cannot read the score document {scores}: {error!r}", BAD_INPUT) from None
    for line in lines:
        typer.echo(line)
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        with Path(target).open("a", encoding="utf-8") as stream:
            stream.write(summary)
    else:
        typer.echo(summary)


def main() -> None:
    """Entry point of the command."""
    # As Ctrl-C does, it ends what was started and removes what was unpacked.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    app()


if __name__ == "__main__":
    main()

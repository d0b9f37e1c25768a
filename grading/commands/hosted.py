"""``vae-grade hosted``: the hidden tier on a hosting service, step by step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from .. import assignment, files, redaction
from ..classroom import roster as rosters
from ..pooled import processors
from .shared import BAD_INPUT, GRADER_FAULT, AssignmentOption, extra, fail, reported, tell

HELP = "Grade the hidden tier beside a hosting service, step by step. Workflows call this, not people."

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=HELP)

Staged = Annotated[Path, typer.Option("--staged", metavar="DIR", help="What is handed to the step that grades.")]
Graded = Annotated[Path, typer.Option("--graded", metavar="DIR", help="The documents of this run.")]
Kept = Annotated[Path, typer.Option("--results", metavar="DIR", help="The folder of results, which is the state.")]
Api = Annotated[str, typer.Option("--api", envvar="GITHUB_API_URL", metavar="URL", help="GitHub's REST interface.")]


@contextmanager
def _hosted() -> Iterator[None]:
    """The errors of this room, and those of others."""
    with extra("hosted"):
        from ..hosted.model import HostedError, RemoteError
    with reported(), extra("hosted"):
        try:
            yield
        except HostedError as error:
            raise fail(str(error), BAD_INPUT) from None
        except (RemoteError, OSError) as error:
            raise fail(str(error), GRADER_FAULT) from None


def _say(**counts: int) -> None:
    """Print what was done, and hand it to later jobs where GitHub Actions asks for it."""
    lines = [f"{name}={count}" for name, count in counts.items()]
    typer.echo(" ".join(lines))
    if target := os.environ.get("GITHUB_OUTPUT"):
        with Path(target).open("a", encoding="utf-8") as stream:
            stream.write("".join(line + "\n" for line in lines))


@app.command()
def fetch(
    roster: Annotated[
        Path, typer.Option("--roster", metavar="CSV", help="id,name,repository; the last is owner/name.")
    ],
    staged: Staged,
    results: Kept,
    limit: Annotated[int, typer.Option(min=1, help="The most commits to take.")] = 300,
    api: Api = "https://api.github.com",
    root: AssignmentOption = None,
) -> None:
    """Stage the files of every commit that has no result yet; with the App's key, to read contents.

    Exit status: 0 done, also where some have to wait for the next run; 2 bad input; 3 GitHub could not be asked.
    """
    with _hosted():
        from ..hosted.app import App
        from ..hosted.fetch import fetch as step
        from ..hosted.results import unpublished

        loaded = assignment.load(root or assignment.own_root())
        students, notices = rosters.load(roster)
        for notice in notices:
            tell(notice)
        github = App.from_environment().connect(api, {"contents": "read", "metadata": "read"})
        staged.mkdir(parents=True, exist_ok=True)
        if any(staged.iterdir()):
            raise fail(f"{staged} is not empty", BAD_INPUT)
        done = step(students, loaded, github, results, staged, limit, tell)
        open_now = done.staged + sum(1 for _ in unpublished(results))
    _say(staged=done.staged, waiting=done.waiting, unpublished=open_now, requests=done.requests)


@app.command()
def grade(
    staged: Staged,
    graded: Graded,
    jobs: Annotated[int | None, typer.Option(min=1, help="Commits graded at a time (default: processors).")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="After how long no more are begun.")] = 60,
    isolation: Annotated[str, typer.Option(help="auto (A or B, whichever is proven), A or B.")] = "auto",
    root: AssignmentOption = None,
) -> None:
    """Grade what was staged, in confinement; refuses to run where a secret is set.

    Exit status: 0 done; 2 bad input; 3 the grader failed at some commit, which is tried again by the next run, or the
    students' code could not be confined.
    """
    if isolation not in ("auto", "A", "B"):
        raise typer.BadParameter(f"{isolation!r} is none of auto, A, B", param_hint="--isolation")
    with _hosted():
        from ..hosted.work import work

        loaded = assignment.load(root or assignment.own_root())
        count = jobs or processors()
        done = work(staged, graded, loaded, jobs=count, seconds=minutes * 60, isolation=isolation, tell=tell)
    _say(graded=done.graded, unfit=done.unfit, left=done.left, failed=len(done.failed))
    if done.failed:
        raise typer.Exit(GRADER_FAULT)


@app.command()
def keep(
    staged: Staged,
    graded: Graded,
    results: Kept,
    hidden_detail: Annotated[
        redaction.HiddenDetail, typer.Option(help="What students are told of hidden checks.")
    ] = redaction.HiddenDetail.REASON,
) -> None:
    """Put a run's documents among the results, with what students may read of them beside.

    Exit status: 0 done; 2 a document is none, or of another commit; 3 they could not be written.
    """
    with _hosted():
        from ..hosted import publish as steps

        count = steps.keep(staged, graded, results, hidden_detail)
    _say(kept=count)


@app.command()
def publish(
    results: Kept,
    limit: Annotated[int, typer.Option(min=1, help="The most check runs; GitHub takes about 500 an hour.")] = 450,
    pace: Annotated[
        float, typer.Option(min=0, envvar="VAE_GRADE_PACE", help="Seconds between two requests that create something.")
    ] = 1.0,
    api: Api = "https://api.github.com",
) -> None:
    """Write what is not yet published on the students' commits, as check runs; with the App's key, to write checks.

    Exit status: 0 done, also where some have to wait for the next run; 2 bad input; 3 GitHub could not be asked.
    """
    with _hosted():
        from ..hosted.app import App
        from ..hosted.publish import publish as step

        own = App.from_environment()
        github = own.connect(api, {"checks": "write", "metadata": "read"}, pace)
        done = step(results, own.id, github, limit, tell)
    _say(created=done.created, found=done.found, waiting=done.waiting, requests=done.requests)


@app.command()
def key(out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the secret key.")]) -> None:
    """Make a key for the sealed tier; prints the recipient, which is no secret. Exit status: 0; 2 the file is there."""
    with _hosted():
        from ..hosted.sealed import new_key

        secret, recipient = new_key()
        try:
            descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise fail(f"{out} is there already, and what is sealed for it needs it", BAD_INPUT) from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(secret + "\n")
    typer.echo(recipient)


@app.command()
def seal(
    folder: Annotated[Path, typer.Argument(help="What to seal, such as the assignment's folder tests/.")],
    to: Annotated[str, typer.Option("--to", metavar="RECIPIENT", help="Whose key opens it: age1...")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the sealed file.")],
    without: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Leave this out, at its top.")] = None,
) -> None:
    """Seal a folder into one file. Exit status: 0 sealed; 2 bad input."""
    with _hosted():
        from ..hosted import sealed

        files.write_atomically(out, sealed.seal(folder, to, without or ()))


@app.command()
def unseal(
    sealed_file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'seal' wrote.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to make.")],
    store: Annotated[
        str, typer.Option(metavar="URL", help="The secret store with the key (default: VAE_GRADE_HIDDEN_KEY has it).")
    ] = "",
    role: Annotated[str, typer.Option(help="The store's role.")] = "vae-grade-sealed",
    path: Annotated[str, typer.Option(help="The secret's path in the store.")] = "secret/data/vae-grade-sealed",
    audience: Annotated[str, typer.Option(help="For whom GitHub makes the token (default: the store's address).")] = "",
) -> None:
    """Open a sealed folder. Exit status: 0 opened; 2 bad input, or another key; 3 the store gave no key."""
    with _hosted():
        from ..hosted import keyless, sealed

        if store:
            secret = keyless.key(keyless.Store(store, role, path, audience or store))
        elif not (secret := os.environ.get("VAE_GRADE_HIDDEN_KEY", "")):
            raise fail("VAE_GRADE_HIDDEN_KEY is not set, and no --store is named", BAD_INPUT)
        try:
            content = sealed_file.read_bytes()
        except OSError as error:
            raise fail(f"cannot read {sealed_file}: {error.strerror}", BAD_INPUT) from None
        names = sealed.unseal(content, secret, out)
    _say(files=len(names))

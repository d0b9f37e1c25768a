"""``vae-grade release``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from .. import assignment, files
from ..authoring.release import push as pushing
from ..authoring.release import trial, update, write
from ..authoring.release.contents import HiddenTier
from ..authoring.release.errors import ReleaseError
from ..boundary.shared.text import clean_line
from ..classroom import roster
from ..released import ManifestError
from .shared import BAD_INPUT, GRADER_FAULT, AssignmentOption, extra, fail, reported


def release(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where to write the students' repository; new or empty.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Then set it up in a fresh environment and run what its README says.")
    ] = False,
    update_folder: Annotated[
        Path | None,
        typer.Option("--update", metavar="DIR", help="Bring the release into a repository that somebody works in."),
    ] = None,
    push_roster: Annotated[
        Path | None,
        typer.Option(
            "--push", metavar="ROSTER", help="Bring it into the repository of everybody on this roster (CSV)."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Where to write what became of each repository.")
    ] = None,
    unaudited: Annotated[
        bool,
        typer.Option("--unaudited", help="Write it although no audit has passed, to have a look; not with --push."),
    ] = False,
    seal_hidden: Annotated[
        str,
        typer.Option(
            "--seal-hidden", metavar="RECIPIENT", help="Put the hidden tier in it, sealed for this recipient (age1...)."
        ),
    ] = "",
    call_sealed: Annotated[
        str,
        typer.Option(
            "--call-sealed", metavar="WORKFLOW@COMMIT", help="Have pushes call the course's workflow for sealed tiers."
        ),
    ] = "",
    root: AssignmentOption = None,
) -> None:
    """Write the repository that students get, or bring a newer release into theirs.

    Exit status: 0 done; 2 bad usage, nothing that may be released, or a folder in which there is something; 3 a trial
    failed, or not every repository could be reached.
    """
    if sum(value is not None for value in (folder, update_folder, push_roster)) != 1:
        raise fail("give one of DIR, --update DIR and --push ROSTER", BAD_INPUT)
    if push_roster is not None and unaudited:
        raise fail("--unaudited is for a look at the release, and nothing is pushed without an audit", BAD_INPUT)
    if check and folder is None:
        raise fail("--check tries out what is written to DIR", BAD_INPUT)
    if seal_hidden and call_sealed:
        raise fail("--seal-hidden and --call-sealed are two ways to the hidden tier; give one", BAD_INPUT)
    console = Console(highlight=False, soft_wrap=True)
    with reported():
        loaded = assignment.load(root or assignment.own_root())
        try:
            hidden = HiddenTier(_sealed(loaded, seal_hidden) if seal_hidden else None, call_sealed)
            made = write.make(loaded, unaudited=unaudited, hidden=hidden)
            if folder is not None:
                commit = write.write(folder, made, loaded)
                console.print(Text(f"wrote {folder}: {len(made.files)} files, commit {commit[:12]}"))
            elif update_folder is not None:
                _update(update_folder, made, console)
            elif push_roster is not None:
                _push(push_roster, report, made, console)
        except (ReleaseError, ManifestError) as error:
            raise fail(str(error), BAD_INPUT) from None
        except OSError as error:
            raise fail(f"cannot write {error.filename}: {error.strerror}", BAD_INPUT) from None
    if check and folder is not None:
        points = sum(check.units for check in loaded.checks(("public",))) / assignment.POINT_UNITS
        try:
            trial.try_out(folder, points, trial.student_python(), lambda command: console.print(Text(f"  {command}")))
        except (ReleaseError, OSError) as error:
            raise fail(f"the release was written, but: {error}", GRADER_FAULT) from None
        console.print(f"its commands run, and the skeletons get 0 of {points:g} points")


def _sealed(loaded: assignment.Assignment, recipient: str) -> bytes:
    with extra("hosted"):
        from ..hosted import sealed
        from ..hosted.model import HostedError
    try:
        return sealed.of_release(loaded, recipient)
    except HostedError as error:
        raise fail(str(error), BAD_INPUT) from None


def _update(folder: Path, made: update.Release, console: Console) -> None:
    commit, left = update.in_place(folder, made)
    said = f"updated {folder}: commit {commit[:12]}" if commit is not None else f"{folder} is up to date"
    console.print(Text(said))
    for path in left:
        console.print(Text(f"  left as it is, though the release has another: {clean_line(path, 200)}"))


def _push(path: Path, report: Path | None, made: update.Release, console: Console) -> None:
    students, _ = roster.load(path)
    wanted = [(student.id, student.repository) for student in students if not student.staff]
    done: list[pushing.Outcome] = []

    def follow(outcome: pushing.Outcome) -> None:
        done.append(outcome)
        console.print(Text(f"{clean_line(outcome.id, 60)}: {outcome.outcome} {clean_line(outcome.told, 300)}".rstrip()))
        if report is not None:
            files.write_atomically(report, pushing.table(done))

    pushing.push(made, wanted, follow)
    failed = sum(outcome.outcome == pushing.FAILED for outcome in done)
    console.print(f"{len(done) - failed} of {len(done)} repositories have the release")
    if failed:
        raise fail(f"{failed} could not be reached; run it again for these", GRADER_FAULT)

"""The last step: keep what was graded, and write it on the students' commits, each once.

A run may end anywhere. What is kept is not graded again; what is not known to be published is looked for on the service
before it is created, by the App's number and by an id of ours, which no other App can bear together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import files
from ..redaction import HiddenDetail, redact
from ..scores import DocumentError, ScoreDocument
from . import checkrun, results, staging
from .github import GitHub, LimitedError, RefusedError
from .model import Commit, HostedError, RemoteError
from .results import Result


def keep(folder: Path, graded: Path, kept: Path, detail: HiddenDetail) -> int:
    """Put the documents of a run among the results, and make the students' from them.

    What was staged says which commits there are; of the step that ran students' code, only documents of those commits
    are taken, if they are sound.

    Args:
        folder: what was staged.
        graded: what the second step wrote; a folder that is missing has nothing in it.
        kept: the folder of results.
        detail: what students are told of hidden checks.

    Returns:
        How many commits have a result now that had none.

    Raises:
        HostedError: a document is none, or of another commit.
    """
    count = 0
    for name, commit in staging.staged(folder):
        result = results.place(kept, commit)
        if result.done:
            continue
        unfit, document = graded / name / staging.UNFIT, graded / name / staging.DOCUMENT
        if unfit.is_file():
            problem = str(results.read(unfit).get("problem", ""))
            result.keep(commit, unfit=results.dumps({"problem": problem}))
        elif document.is_file():
            sound = _sound(document, commit)
            result.keep(commit, instructor=sound.dumps(), student=redact(sound, detail).dumps())
        else:
            continue
        count += 1
    listings = folder / results.LISTINGS
    if listings.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        files.write_atomically(kept / results.LISTINGS, listings.read_text(encoding="utf-8"))
    return count


def _sound(path: Path, commit: Commit) -> ScoreDocument:
    try:
        document = ScoreDocument.from_json(results.read(path))
    except DocumentError as error:
        raise HostedError(f"{path}: {error}") from None
    if document.submission.get("commit") != commit.sha or document.assignment.get("digest") != commit.digest:
        raise HostedError(f"{path}: it is the document of another commit or edition")
    return document


@dataclass
class Published:
    """What a step did.

    Attributes:
        created: check runs that were created.
        found: those that an earlier run had created.
        waiting: commits that have to wait for the next run.
        notes: what an instructor should know.
        requests: how many requests it took.
    """

    created: int = 0
    found: int = 0
    waiting: int = 0
    notes: list[str] = field(default_factory=list)
    requests: int = 0


def publish(
    kept: Path, app: int, github: GitHub, limit: int, tell: Callable[[str], None] = lambda note: None
) -> Published:
    """Write what is not known to be published on the students' commits.

    Args:
        kept: the folder of results.
        app: the number of the App, whose check runs alone count.
        github: a connection that may write check runs.
        limit: the most check runs to create; GitHub takes about 500 an hour.
        tell: is given each note at once.
    """
    done, closed = Published(), set[str]()

    def note(text: str) -> None:
        done.notes.append(text)
        tell(text)

    for result in results.unpublished(kept):
        commit = result.commit
        if done.created >= limit or commit.repository in closed:
            done.waiting += 1
            continue
        try:
            if _publish(result, commit, app, github):
                done.created += 1
            else:
                done.found += 1
        except LimitedError as error:
            note(str(error))
            limit = 0
            done.waiting += 1
        except RefusedError as error:
            if error.status == 422:
                # A force push has removed it, and it stays away.
                _note(result, None, str(error))
            else:
                closed.add(commit.repository)
                done.waiting += 1
            note(f"{commit.repository}@{commit.sha[:12]}: no check run can be written ({error.status})")
        except RemoteError as error:
            note(str(error))
            done.waiting += 1
    done.requests = github.requests
    return done


def _publish(result: Result, commit: Commit, app: int, github: GitHub) -> bool:
    """Create the check run of a commit, or complete the one that is there; whether it was created."""
    said, annotations = _said(result, commit)
    found = _existing(commit, app, github)
    path = f"/repos/{commit.repository}/check-runs"
    if found is None:
        first, annotations = annotations[: checkrun.BATCH], annotations[checkrun.BATCH :]
        output = {**said["output"], "annotations": first}
        run = github.write("POST", path, {**checkrun.head(commit), **said, "output": output}).body["id"]
    else:
        run = found["id"]
        # Annotations are added to those that are there.
        annotations = annotations[int(found.get("output", {}).get("annotations_count") or 0) :]
    while annotations:
        batch, annotations = annotations[: checkrun.BATCH], annotations[checkrun.BATCH :]
        github.write("PATCH", f"{path}/{int(run)}", {"output": {**said["output"], "annotations": batch}})
    _note(result, int(run), "")
    return found is None


def _said(result: Result, commit: Commit) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    unfit = result.folder / "unfit.json"
    if unfit.is_file():
        return checkrun.unfit(str(results.read(unfit)["problem"])), []
    return checkrun.graded(results.read(result.folder / "student.json"), commit.folder)


def _existing(commit: Commit, app: int, github: GitHub) -> dict[str, Any] | None:
    """The check run of ours on a commit; those of others, whatever they are called, are none."""
    path = f"/repos/{commit.repository}/commits/{commit.sha}/check-runs?app_id={app}&filter=all&per_page=100"
    while path:
        reply = github.get(path)
        for run in reply.body["check_runs"]:
            if run["external_id"] == commit.external_id and (run.get("app") or {}).get("id") == app:
                return dict(run)
        path = reply.more
    return None


def _note(result: Result, run: int | None, why: str) -> None:
    text = json.dumps({"check_run": run, "why": why})
    files.write_atomically(result.folder / "published.json", text + "\n")

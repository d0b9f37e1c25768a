"""One submission in, one score document out."""

from __future__ import annotations

import datetime
import hashlib
import secrets
import sys
import threading
from dataclasses import dataclass

from . import __version__, released, scores
from .assignment import TIERS, Assignment
from .boundary import launch
from .execution import process
from .execution.job import CALL_SECONDS, IN_PROCESS, RUN_SECONDS, Job
from .execution.process import ExecutionError, UnavailableIsolationError, run_checks
from .execution.server import CheckServer
from .execution.side_by_side import run_files
from .progress import Watch
from .seeds import derive_key
from .submission import Submission, staged

__all__ = [
    "CheckServer",
    "ExecutionError",
    "Options",
    "UnavailableIsolationError",
    "choose_seed",
    "grade",
    "shared_server",
    "start_server",
]


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes:
        tiers: the tiers to run.
        only: run the checks of these items alone; of all, if there are none.
        isolation: the level at which the student's code runs.
        seed: what the inputs of hidden checks are derived from; drawn at random if None.
        call_seconds: how long one call of the student's code may take.
        run_seconds: how long all checks together may take.
        explain_seconds: how long it may take to explain what failed; if None, a part of what the run took, so that it
            depends on the machine how much is explained.
    """

    tiers: tuple[str, ...]
    only: tuple[str, ...] = ()
    isolation: str = "auto"
    seed: str | None = None
    call_seconds: float = CALL_SECONDS
    run_seconds: float = RUN_SECONDS
    explain_seconds: float | None = None


def choose_seed(submission: Submission, seed: str | None, secret: str | None) -> str:
    """What the inputs of hidden checks are derived from: given, derived from a class's secret, or random."""
    if seed is not None:
        return seed
    return derive_key(secret, submission.digest) if secret is not None else secrets.token_hex(16)


def start_server(assignment: Assignment, tiers: tuple[str, ...], isolation: str) -> CheckServer:
    """A process that imports torch and collects the tests once, for the ``grade`` of many submissions one by one.

    No submission's code ever runs in it, nor in the one that it forks to judge a submission: that has workers of its
    own, as another user, which prove their confinement before they read a file. Close it at the end. Linux alone.

    Args:
        assignment: what to grade by.
        tiers: the tiers to run.
        isolation: the level at which the students' code runs.
    """
    return process.start_server(assignment, assignment.checks(tiers), isolation)


_shared = threading.local()


def shared_server(assignment: Assignment, tiers: tuple[str, ...], isolation: str) -> CheckServer | None:
    """The one that this thread keeps for as long as it lives; None where a process cannot be forked safely.

    For the workers of a pool, which grade one submission after another. One that is gone is replaced by another one.
    """
    if sys.platform != "linux" or isolation == IN_PROCESS:
        return None
    servers: dict[str, CheckServer] = _shared.__dict__
    key = f"{assignment.root}\0{assignment.digest}\0{isolation}\0{' '.join(tiers)}"
    found = servers.get(key)
    if found is None or found.lost:
        if found is not None:
            found.close()
        servers[key] = found = start_server(assignment, tiers, isolation)
    return found


def grade(
    submission: Submission,
    assignment: Assignment,
    options: Options,
    watch: Watch | None = None,
    server: CheckServer | None = None,
    processors: int = 1,
) -> scores.ScoreDocument:
    """Run the checks of an assignment against a submission, in a process of their own, and score them.

    Args:
        submission: what to grade.
        assignment: what to grade it by.
        options: how.
        watch: is told as checks begin and end.
        server: of ``start_server`` for this assignment, these tiers, perhaps among others, and this isolation, which
            saves importing and collecting again; None does that.
        processors: without a server, with how many the files of the submission are judged at the same time.

    Raises:
        ExecutionError: the checks could not be run at all.
        AssignmentError: rubric and tests disagree.
    """
    begun = datetime.datetime.now(datetime.UTC)  # its end would tell a student how long hidden checks took
    released_digest = released.digest_of(assignment)
    manifest = [c for c in assignment.checks(options.tiers) if not options.only or c.item in options.only]
    seed = options.seed if options.seed is not None else choose_seed(submission, None, None)
    with staged(submission) as folder:
        job = Job(
            str(assignment.root),
            str(folder),
            isolation=options.isolation,
            key=seed,
            call_seconds=options.call_seconds,
            run_seconds=options.run_seconds,
            explain_seconds=options.explain_seconds,
            faults=submission.faults,
            early_imports=[*launch.slow_imports(submission.files.values())],
            capture=True,
        )
        if server is not None:
            outcome = run_checks(job, assignment, manifest, watch, server=server)
        else:
            outcome = run_files(job, assignment, manifest, watch, processors=processors)
    return scores.ScoreDocument(
        assignment={
            "name": assignment.name,
            "version": assignment.version,
            "digest": assignment.digest,
            "released_digest": released_digest,
        },
        submission={
            "id": submission.id,
            "source": submission.source,
            "commit": submission.commit,
            "digest": submission.digest,
            "files": {
                name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
                for name, content in sorted(submission.files.items())
            },
            **({"unloaded": list(outcome.unloaded)} if outcome.unloaded else {}),
        },
        graded_at=begun.isoformat(timespec="milliseconds"),
        environment={**outcome.environment, "grader": __version__},
        isolation=outcome.isolation,
        seed=seed,
        tiers=options.tiers,
        items=scores.score(assignment, manifest, outcome.results, outcome.lost, outcome.unloaded),
        problems=tuple(submission.problems),
        run_problems=outcome.problems,
        authoritative=(
            outcome.isolation["trusted_for_grading"]
            and released_digest in (None, assignment.digest)
            and _is_authoritative(submission, assignment, options)
        ),
    )


def _is_authoritative(submission: Submission, assignment: Assignment, options: Options) -> bool:
    """Whether such a run can give a mark, and not only feedback, if it is trusted and its checks are the released ones.

    Somebody who can write to the submission could have written to an assignment that holds it.
    """
    whole = not options.only and set(options.tiers) == set(TIERS)
    inside = submission.origin is not None and submission.origin.resolve().is_relative_to(assignment.root.resolve())
    return whole and not inside

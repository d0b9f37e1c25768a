"""The pytest plugin: gives tests the submission, and records how each check ended.

It works in two settings. ``process`` starts pytest with a job and reads the results. A student runs plain ``pytest
tests/public``: then the submission is the student's folder, in this process, so that ``--pdb`` stops in their own code.
"""

from __future__ import annotations

import gc
import os
import platform
import textwrap
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .. import assignment as assignments
from ..boundary.errors import UnavailableError
from ..boundary.isolation import open_workers
from ..boundary.workers import ForkedWorkers, Workers
from ..results import CheckResult, Misconception, Status
from .events import tell
from .job import IN_PROCESS, Job, JobError

# Everything that imports torch is imported late: by then the workers' own process is importing it on another core.
if TYPE_CHECKING:
    from ..boundary.proxy import Submission
    from ..checks.draws import Draws
    from .run import CheckRun
    from .session import CheckSession

_WORKERS = pytest.StashKey[Workers]()
# What an audit, which runs the same checks again and again, sets and reads.
JOB = pytest.StashKey[Job]()
RUN = pytest.StashKey["CheckRun"]()
RESULT = pytest.StashKey[CheckResult]()
SESSION = pytest.StashKey[Any]()
_ASSIGNMENT = pytest.StashKey[assignments.Assignment]()
_DIAGNOSIS = pytest.StashKey[dict[str, Misconception]]()
_PROBLEMS = pytest.StashKey[list[str]]()
_PUBLIC_DONE = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one option of the assignment; a student needs it only to test other files than their own."""
    group = parser.getgroup("assignment")
    group.addoption("--job", default=None, metavar="FILE", help="what to run, as the grader says it")
    group.addoption("--submission", default=None, metavar="FOLDER", help="the files to test (default: the student's)")


def _assignment(config: pytest.Config) -> assignments.Assignment:
    if _ASSIGNMENT not in config.stash:
        graded = config.getoption("--job") is not None  # a student may have tests of their own beside ours
        config.stash[_ASSIGNMENT] = assignments.load(Path(_job(config).assignment), tests=graded)
    return config.stash[_ASSIGNMENT]


def _job(config: pytest.Config) -> Job:
    if JOB not in config.stash:
        path, folder = config.getoption("--job"), config.getoption("--submission")
        try:
            if path is not None:
                config.stash[JOB] = Job.load(Path(path))
            else:
                # Tests that a student runs are those that stand here; a grade is given by a job, which names its own.
                here = config.rootpath / "tests" / "rubric.toml"
                root = config.rootpath if here.is_file() else assignments.own_root()
                assignment = assignments.load(root, tests=False)
                submission = folder if folder is not None else str(assignment.student)
                config.stash[JOB] = Job(str(assignment.root), submission, run_seconds=3600.0)
        except (JobError, assignments.AssignmentError) as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[JOB]


def _workers(config: pytest.Config) -> Workers:
    """Where the student's code will run, opened when first needed."""
    if _WORKERS not in config.stash:
        job = _job(config)
        config.stash[_WORKERS] = open_workers(
            job.isolation,
            capture=job.capture,
            repository=Path(job.assignment),
            run_timeout=job.whole_seconds,
            early_imports=tuple(job.early_imports),
        )
    return config.stash[_WORKERS]


def pytest_configure(config: pytest.Config) -> None:
    """Start the workers' own process before anything here imports torch."""
    if config.getoption("--job") is None:
        return
    job = _job(config)
    if job.lifeline is not None:
        threading.Thread(target=_die_with_parent, args=(job.lifeline,), daemon=True).start()
    if job.isolation == IN_PROCESS:
        return
    try:
        _workers(config)
    except UnavailableError as error:
        tell(job.events, unavailable=str(error))
        raise pytest.UsageError(str(error)) from None


def _die_with_parent(descriptor: int) -> None:
    """Wait for the end of a pipe that the parent holds open for as long as it lives, however it dies."""
    os.read(descriptor, 1)
    os._exit(1)


def _run(config: pytest.Config) -> CheckRun:
    """The run that this pytest process makes, begun when first needed."""
    if RUN not in config.stash:
        import torch

        from .run import CheckRun

        # Matrices of this size are fastest on one thread, and the same numbers come out on every machine.
        torch.set_num_threads(1)
        job = _job(config)
        config.stash[RUN] = CheckRun(
            _assignment(config),
            Path(job.submission),
            _workers(config),
            key=job.key,
            call_seconds=job.call_seconds,
            run_seconds=job.run_seconds,
            explain_seconds=job.explain_seconds,
            faults=job.faults,
        )
    return config.stash[RUN]


def _check_of(test: pytest.Item) -> assignments.Check | None:
    if "submission" not in getattr(test, "fixturenames", ()):
        return None
    return _run(test.config).check_of(test)


class _Summary:
    """Tells pytest-json-report what the run was made of."""

    def __init__(self, run: CheckRun, summary: dict[str, Any]) -> None:
        self._run, self._summary = run, summary

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        json_report["grading"] = {**self._summary, "unloaded": sorted({*self._run.load_faults} - self._run.loaded)}


def _diagnosis(config: pytest.Config) -> dict[str, Misconception]:
    """The mistakes that explain failed checks, by the ids of the checks; never a reason for a run to fail."""
    if _DIAGNOSIS not in config.stash:
        found: dict[str, Misconception] = {}
        problems: list[str] = []
        config.stash[_DIAGNOSIS], config.stash[_PROBLEMS] = found, problems
        run = _run(config)
        try:
            if run.explain_seconds != 0 and any(piece.failed for piece in run.evidence):
                from .explaining import explain_failures

                explain_failures(run, found, problems)
        except Exception as error:
            problems.append(f"no mistakes could be named: {type(error).__name__}: {error}")
    return config.stash[_DIAGNOSIS]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin the run once it is known that there are checks in it, unless others are to be begun later."""
    if _job(session.config).serve is None:
        _begin(session)


def _begin(session: pytest.Session) -> None:
    wanted = _job(session.config).files
    if wanted:
        run = _run(session.config)
        session.items[:] = [test for test in session.items if run.file_of(test) in wanted]
    tests = [test for test in session.items if "submission" in getattr(test, "fixturenames", ())]
    if not tests:
        return
    import numpy as np
    import torch

    # A collection would look at all that torch has brought along, in a third of a second. Once a process: what an audit
    # has left of one submission would never be freed if the next one froze it.
    if not gc.get_freeze_count():
        gc.freeze()

    run = _run(session.config)
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
    summary = {"isolation": run.workers.isolation.to_json(), "environment": environment}
    run.planned = [run.name_of(test) for test in tests]
    session.config.pluginmanager.register(_Summary(run, {**summary, "collected": run.planned}))
    tell(_job(session.config).events, session=summary)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Where this process serves others: fork one for each run that is asked for, which goes on from here."""
    config = session.config
    serve_on = _job(config).serve
    if serve_on is None or session.testsfailed:
        return None
    from . import serving

    _preload(config)
    workers = _workers(config)
    if not isinstance(workers, ForkedWorkers):
        raise pytest.UsageError(f"at the level {workers.isolation.level} nothing can be forked here")
    asked = serving.serve(serve_on, workers)
    if asked is None:
        config.option.json_report_file = ""
        return True
    threading.Thread(target=_die_with_parent, args=(asked.lifeline,), daemon=True).start()
    config.stash[JOB], config.stash[_WORKERS] = asked.job, asked.workers
    config.option.json_report_file = asked.report
    _begin(session)
    return None


def _preload(config: pytest.Config) -> None:
    """Import what a run imports when it needs it, and have torch compute once, before anything is forked."""
    import torch

    from ..diagnosis import preload
    from . import describe, explaining, session  # noqa: F401

    preload(_assignment(config))
    torch.set_num_threads(1)
    weights = torch.ones(2, 2, requires_grad=True)
    torch.autograd.grad((weights @ torch.randn(2, 2)).exp().sum(), weights)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Explain what failed, now that results are safe, and end the workers."""
    if RUN in config.stash:
        events = _job(config).events
        if events is not None:
            named = {check: vars(found) for check, found in _diagnosis(config).items()}
            tell(events, named={"misconceptions": named, "problems": config.stash[_PROBLEMS]})
        config.stash[RUN].close()
    if _WORKERS in config.stash:
        config.stash[_WORKERS].close()


def _required_check(request: pytest.FixtureRequest) -> assignments.Check:
    check = _run(request.config).check_of(request.node)
    if check is None:
        raise pytest.UsageError(f"{request.node.nodeid} uses the submission, but is not in tests/rubric.toml")
    return check


def _new_session(test: pytest.Item, check: assignments.Check) -> CheckSession:
    """The conversation of one attempt at a check, as the test's own from now on."""
    from .session import CheckSession

    test.stash[SESSION] = session = CheckSession(_run(test.config), check)
    return session


@pytest.fixture
def submission(request: pytest.FixtureRequest) -> Iterator[Submission]:
    """The student's file that this check is of, as an object whose attributes are the file's functions."""
    from ..boundary.proxy import Submission

    yield Submission(_new_session(request.node, _required_check(request)))
    result = request.node.stash.get(RESULT, None)
    may_go_on = result is not None and (result.passed or result.status is Status.NOT_IMPLEMENTED)
    request.node.stash[SESSION].end(passed=may_go_on)


@pytest.fixture
def draws(request: pytest.FixtureRequest) -> Draws:
    """Random inputs: the same ones in every run for a public check, secret ones for a hidden check."""
    from .again import draws_of

    return draws_of(_run(request.config), _required_check(request))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Make a check again, on a fresh worker, if it failed on one that has served another check before.

    So no failure is ever owed to what an earlier check left in the worker; and no point to a wrong part.
    """
    check = _check_of(pyfuncitem)
    if check is None:
        return (yield)
    try:
        outcome: object = True
        try:
            outcome = yield
        except Exception as error:
            earlier = pyfuncitem.stash.get(SESSION, None)
            # What is not implemented says so itself, and a skeleton would be asked twice for each check.
            if earlier is None or not earlier.inherited or isinstance(error, NotImplementedError):
                raise
            from .again import make

            run = _run(pyfuncitem.config)
            earlier.end(passed=False)
            run.close()  # so that nothing at all has served another check
            make(pyfuncitem, run, check, _new_session(pyfuncitem, check))
        session = pyfuncitem.stash.get(SESSION, None)
        if session is not None and session.relied_on:
            from .again import require_right_with_right_parts

            require_right_with_right_parts(pyfuncitem, _run(pyfuncitem.config), check, session)
        return outcome
    except Exception as error:
        from .again import end_in, fail, passed_with_right_parts

        run = _run(pyfuncitem.config)
        session = passed_with_right_parts(pyfuncitem, run, check, error)
        if session is None:
            end_in(error, {pyfuncitem.path.resolve(), *(run.submission.resolve() / f for f in run.assignment.files)})
            fail(pyfuncitem, run, check, error)
        pyfuncitem.stash[SESSION].end(passed=False)
        pyfuncitem.stash[SESSION] = session
        return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tell when a check begins and how it has ended."""
    check = _check_of(item)
    if check is None:
        return (yield)
    if check.tier != "public":
        _wait_for_public_checks(item.config)
    events = _job(item.config).events
    tell(events, begin=check.id)
    outcome = yield
    result, session = item.stash.get(RESULT, None), item.stash.get(SESSION, None)
    if result is not None:
        if session is not None:
            _run(item.config).keep_evidence(check, result, session.transcript)
            del item.stash[SESSION]  # which holds everything that was asked and answered
        _run(item.config).note_end(check, result)
        tell(events, end=check.id, status=result.status, relied_on=result.relied_on)
    return outcome


def _wait_for_public_checks(config: pytest.Config) -> None:
    """Go on once all runs of the submission at the same time have made theirs, or are gone.

    A student sees what public checks print, so that no hidden check may have begun that could leave word for them.
    """
    if config.stash.get(_PUBLIC_DONE, False):
        return
    config.stash[_PUBLIC_DONE] = True
    together = _job(config).together
    if together:
        reading_end, writing_end = together
        os.close(writing_end)
        os.read(reading_end, 1)  # nobody writes: it ends when the last one has closed the other end
        os.close(reading_end)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the mistakes that explain the failures, once for each item."""
    if RUN not in config.stash:
        return
    run = config.stash[RUN]
    told = {check.split("/")[1]: named for check, named in _diagnosis(config).items()}
    if told:
        terminalreporter.section("what probably went wrong")
    for item_id, named in told.items():
        item = run.assignment.item(item_id)
        terminalreporter.write_line(f"{item.title} ({item.file}, {item.section})")
        for sentence in named.sentences:
            terminalreporter.write_line(textwrap.indent(textwrap.fill(sentence, 92), " " * 4))
    for problem in config.stash.get(_PROBLEMS, []):
        terminalreporter.write_line(problem)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record how a check ended, and say it to a student in a few lines instead of a traceback of ours."""
    check = _check_of(item)
    error = call.excinfo.value if call.excinfo is not None else None
    earlier = item.stash.get(RESULT, None)
    # A passed set-up says nothing yet; a failed tear-down is a fault of ours, unless the check had failed already.
    if check is None or (error is None and call.when != "call") or (earlier is not None and not earlier.passed):
        return (yield)
    from ..boundary.errors import SubmissionFault
    from ..checks.failures import Blocked, CheckFailure
    from .describe import describe, explain

    run = _run(item.config)
    session = item.stash.get(SESSION, None)
    known: dict[str, Any] = {}
    if session is not None:
        if session.load_fault is not None:
            error = session.load_fault  # a check that looks for reasons may have found another one
        known = {"output": session.output, "relied_on": tuple(sorted(session.relied_on))}
    calls = session.calls if session is not None else []
    item.stash[RESULT] = result = describe(error, run.assignment, check, calls, **known)
    if isinstance(error, (CheckFailure, Blocked, SubmissionFault)):
        part = run.assignment.item(check.item)
        unloaded = session is not None and session.load_fault is not None
        subject = part.file if unloaded else part.id
        explanation = f"{part.file} could not be loaded: see the first failure"
        if not unloaded or subject not in run.hinted:
            hinted = not unloaded and subject not in run.hinted
            explanation = explain(result, part, run.submission / part.file, hinted=hinted)
        run.hinted.add(subject)
        # pytest would format the traceback before anybody could say that it is not wanted, which takes long.
        item.repr_failure = lambda excinfo, style=None: explanation  # type: ignore[method-assign]
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_json_runtest_metadata(item: pytest.Item) -> dict[str, Any]:
    """Hand the result of a check to pytest-json-report."""
    result = item.stash.get(RESULT, None)
    return {"result": result.to_json()} if result is not None else {}

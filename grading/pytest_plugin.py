"""The pytest plugin: gives tests the submission, and records how each check ended.

It works in two settings. ``vae-grade run`` starts pytest with it and reads the records. A student runs plain ``pytest
tests/public``: then the submission is ``student/``, in this process, so that ``--pdb`` stops in the student's own code.
"""

from __future__ import annotations

import inspect
import json
import os
import platform
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import assignment as assignments
from .boundary.isolation import UnavailableError, Workers, open_workers

# Everything that imports torch is imported late: by then the workers' own process is importing it on another core.
if TYPE_CHECKING:
    from .boundary.proxy import Submission
    from .checks.draws import Draws
    from .checks.run import CheckRun

IN_PROCESS = "in-process"

_WORKERS = pytest.StashKey[Workers]()
# What an audit, which runs the same checks again and again, sets and reads.
RUN = pytest.StashKey["CheckRun"]()
RECORD = pytest.StashKey[dict[str, Any]]()
SESSION = pytest.StashKey[Any]()
_DIAGNOSIS = pytest.StashKey[dict[str, dict[str, str]]]()
_PROBLEMS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the assignment; a student needs none of them."""
    group = parser.getgroup("assignment")
    group.addoption("--submission", default=None, help="folder with the student's files (default: student/)")
    group.addoption("--assignment", default=None, help="folder of the assignment (default: found from here)")
    group.addoption("--isolation", default=IN_PROCESS, help="where the student's code runs (default: in-process)")
    group.addoption("--grading-key", default="local", help="what the inputs of hidden checks are derived from")
    group.addoption("--call-timeout", type=float, default=10.0, help="seconds that one call may take")
    group.addoption("--run-timeout", type=float, default=3600.0, help="seconds that all checks together may take")
    group.addoption("--events", default=None, help="file to report progress to")
    group.addoption("--submission-faults", default="{}", help="why files could not be taken, as a JSON object")
    group.addoption("--lifeline", type=int, default=None, help="file descriptor; end when there is its end")
    group.addoption("--capture-submission", action="store_true", help="record what the student's code prints")


def _root(config: pytest.Config) -> Path:
    given = config.getoption("--assignment")
    return Path(given) if given else assignments.find_root(config.rootpath)


def _workers(config: pytest.Config) -> Workers:
    """Where the student's code will run, opened when first needed."""
    if _WORKERS not in config.stash:
        option = config.getoption
        config.stash[_WORKERS] = open_workers(
            option("--isolation"),
            capture=option("--capture-submission"),
            repository=_root(config),
            run_timeout=option("--run-timeout"),
        )
    return config.stash[_WORKERS]


def pytest_configure(config: pytest.Config) -> None:
    """Start the workers' own process before anything here imports torch."""
    lifeline = config.getoption("--lifeline")
    if lifeline is not None:
        threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    if config.getoption("--isolation") == IN_PROCESS:
        return
    try:
        _workers(config)
    except UnavailableError as error:
        _tell(config, unavailable=str(error))
        raise pytest.UsageError(str(error)) from None


def _die_with_parent(descriptor: int) -> None:
    """Wait for the end of a pipe that the parent holds open for as long as it lives, however it dies."""
    os.read(descriptor, 1)
    os._exit(1)


def _tell(config: pytest.Config, **fields: Any) -> None:
    """Tell whoever watches this run."""
    events = config.getoption("--events")
    if events:
        with Path(events).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(fields) + "\n")


def _run(config: pytest.Config) -> CheckRun:
    """The run that this pytest process makes, begun when first needed."""
    if RUN not in config.stash:
        import torch

        from .checks.run import CheckRun

        option, root = config.getoption, _root(config)
        # Matrices of this size are fastest on one thread, and the same numbers come out on every machine.
        torch.set_num_threads(1)
        config.stash[RUN] = CheckRun(
            assignments.load(root),
            Path(option("--submission")) if option("--submission") else root / "student",
            _workers(config),
            key=option("--grading-key"),
            call_timeout=option("--call-timeout"),
            run_timeout=option("--run-timeout"),
            faults=json.loads(option("--submission-faults")),
        )
    return config.stash[RUN]


def _check_of(test: pytest.Item) -> assignments.Check | None:
    if "submission" not in getattr(test, "fixturenames", ()):
        return None
    return _run(test.config).check_of(test)


class _Summary:
    """Tells pytest-json-report what the run was made of, and what it came to."""

    def __init__(self, config: pytest.Config, summary: dict[str, Any]) -> None:
        self._config, self._summary = config, summary

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        found = {"misconceptions": _diagnosis(self._config), "problems": self._config.stash.get(_PROBLEMS, [])}
        json_report["grading"] = {**self._summary, **found}


def _diagnosis(config: pytest.Config) -> dict[str, dict[str, str]]:
    """The typical mistakes that explain failed checks, by the ids of the checks; never a reason for a run to fail."""
    if _DIAGNOSIS not in config.stash:
        from .diagnosis import diagnose, open_diagnostician

        config.stash[_DIAGNOSIS], config.stash[_PROBLEMS] = {}, []
        run = _run(config)
        try:
            run.close()  # no submission runs beside the catalogue
            if any(piece.failed for piece in run.evidence):
                diagnostician = open_diagnostician(run.assignment.root, run.assignment.files, run.workers)
                if diagnostician is not None:
                    named = diagnose(diagnostician, run.evidence, problems=config.stash[_PROBLEMS])
                    config.stash[_DIAGNOSIS] = {check: found.to_json() for check, found in named.items()}
        except Exception as error:
            config.stash[_PROBLEMS].append(f"no mistakes could be named: {type(error).__name__}: {error}")
    return config.stash[_DIAGNOSIS]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin the run once it is known that there are checks in it."""
    tests = [test for test in session.items if "submission" in getattr(test, "fixturenames", ())]
    if not tests:
        return
    import numpy as np
    import torch

    run = _run(session.config)
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
    }
    summary = {"isolation": run.workers.isolation.to_json(), "environment": environment}
    collected = [run.name_of(test) for test in tests]
    session.config.pluginmanager.register(_Summary(session.config, {**summary, "collected": collected}))
    _tell(session.config, session=summary)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the workers."""
    if RUN in config.stash:
        config.stash[RUN].close()
    if _WORKERS in config.stash:
        config.stash[_WORKERS].close()


def _required_check(request: pytest.FixtureRequest) -> assignments.Check:
    check = _run(request.config).check_of(request.node)
    if check is None:
        raise pytest.UsageError(f"{request.node.nodeid} uses the submission, but is not in tests/rubric.toml")
    return check


def _new_submission(test: pytest.Item, check: assignments.Check) -> Submission:
    """The student's file for one attempt at a check, as the test's session from now on."""
    from .boundary.proxy import Submission
    from .checks.run import CheckSession

    test.stash[SESSION] = session = CheckSession(_run(test.config), check)
    return Submission(session)


def _new_draws(config: pytest.Config, check: assignments.Check) -> Draws:
    """The random inputs of a check, from the first one on."""
    from .checks.draws import Draws

    return Draws(_run(config).seed(check, "draws"))


@pytest.fixture
def submission(request: pytest.FixtureRequest) -> Iterator[Submission]:
    """The student's file that this check is of, as an object whose attributes are the file's functions."""
    yield _new_submission(request.node, _required_check(request))
    record = request.node.stash.get(RECORD, None)
    request.node.stash[SESSION].end(passed=record is not None and record["status"] == "passed")


@pytest.fixture
def draws(request: pytest.FixtureRequest) -> Draws:
    """Random inputs: the same ones in every run for a public check, secret ones for a hidden check."""
    return _new_draws(request.config, _required_check(request))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Make a check again, on a fresh worker, if it failed on one that has served another check before.

    So no failure is ever owed to what an earlier check left in the worker.
    """
    try:
        return (yield)
    except Exception:
        earlier = pyfuncitem.stash.get(SESSION, None)
        if earlier is None or not earlier.inherited:
            raise
    earlier.end(passed=False)
    check = earlier.check
    anew = {"submission": _new_submission(pyfuncitem, check), "draws": _new_draws(pyfuncitem.config, check)}
    wanted = inspect.signature(pyfuncitem.obj).parameters
    pyfuncitem.obj(**{name: anew.get(name, pyfuncitem.funcargs[name]) for name in wanted})
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tell when a check begins and how it has ended."""
    check = _check_of(item)
    if check is not None:
        _tell(item.config, begin=check.id)
    result = yield
    if check is not None:
        record, session = item.stash.get(RECORD, None), item.stash.get(SESSION, None)
        if record is not None and session is not None:
            _run(item.config).keep_evidence(check, record, session.transcript)
            del item.stash[SESSION]  # pytest keeps its items, and what was not kept as evidence may be large
        _tell(item.config, end=check.id, record=record)
    return result


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
        terminalreporter.write_line(f"{item.title} ({item.file}, {item.section}): {named['tell']}")
    for problem in config.stash.get(_PROBLEMS, []):
        terminalreporter.write_line(problem)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record how a check ended, and say it to a student in a few lines instead of a traceback of ours."""
    check = _check_of(item)
    error = call.excinfo.value if call.excinfo is not None else None
    earlier = item.stash.get(RECORD, None)
    # A passed set-up says nothing yet; a failed tear-down is a fault of ours, unless the check had failed already.
    if check is None or (error is None and call.when != "call") or (earlier and earlier["status"] != "passed"):
        return (yield)
    from .boundary.errors import SubmissionFault
    from .checks.outcomes import Blocked, CheckFailure
    from .checks.records import describe, explain

    run = _run(item.config)
    session = item.stash.get(SESSION, None)
    if session is not None and session.load_fault is not None:
        error = session.load_fault  # a check that looks for reasons may have found another one
    calls = session.calls if session is not None else []
    record = describe(error, run.assignment, check, calls)
    if session is not None:
        record |= {"output": session.output, "relied_on": sorted(session.relied_on)}
    item.stash[RECORD] = record
    if isinstance(error, (CheckFailure, Blocked, SubmissionFault)):
        explanation = explain(record, run.assignment.item(check.item))
        # pytest would format the traceback before anybody could say that it is not wanted, which takes long.
        item.repr_failure = lambda excinfo, style=None: explanation  # type: ignore[method-assign]
    return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_json_runtest_metadata(item: pytest.Item) -> dict[str, Any]:
    """Hand the record of a check to pytest-json-report."""
    record = item.stash.get(RECORD, None)
    return {"record": record} if record is not None else {}

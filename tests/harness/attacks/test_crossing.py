"""Nothing crosses from one worker to another: of the same grading, or of another one at the same time."""

import contextlib
import os
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from harness.attacks.crossing import CROSSINGS, HEADER, told_apart
from harness.boundary.sides import submission_on

from grading.boundary.errors import SubmissionFault
from grading.boundary.isolation import UnavailableError, open_workers

pytestmark = pytest.mark.slow

READ = Path(torch.__file__).with_name("py.typed")
SLOT = 77  # the same user for both gradings, as it is where the grader is not root

CASES = [
    pytest.param(level, crossing, gradings, id=f"{level}: {crossing.name}{' of another grading' * (gradings - 1)}")
    for level in ("A", "B", "none")
    for crossing in CROSSINGS
    for gradings in (1, 2)
    if (crossing.within_grading if gradings == 1 else crossing.between_gradings)
    and (level != "none" or (crossing.unconfined and gradings == 1))
    and (level != "B" or os.geteuid() == 0 or not crossing.root)
]


@pytest.fixture(scope="module")
def sources():
    """Workers by level and number, started when they are first asked for."""
    with ExitStack() as stack:
        started = {}

        def source(level, number):
            if (level, number) not in started:
                try:
                    started[level, number] = open_workers(level, slot=SLOT)
                except UnavailableError as error:
                    pytest.skip(str(error))
                stack.callback(started[level, number].close)
            return started[level, number]

        yield source


@pytest.mark.parametrize(("level", "crossing", "gradings"), CASES)
def test_no_word_crosses(level, crossing, gradings, sources):
    with ExitStack() as stack:

        def fresh(number):
            workers = sources(level, number)
            workers.open().close()  # the spare, which was forked before anybody told
            submission = submission_on(workers, HEADER + crossing.source, timeout=30)
            stack.callback(submission._session.channel.close)
            return submission

        def heard():
            try:
                return fresh(0).hear(teller.process())
            except (SubmissionFault, OSError) as error:
                return type(error).__name__

        os.utime(READ, (1_000_000_000, READ.stat().st_mtime))  # a read would change the time of access
        teller = fresh(gradings - 1)
        quiet = heard()
        with contextlib.suppress(SubmissionFault, OSError):  # it is refused
            teller.tell()
        loud = heard()
        assert not told_apart(quiet, loud, crossing), f"{quiet!r} before it was told, {loud!r} afterwards"

"""Hostile submissions: each is held where the grader runs it; most succeed against a grader that shares a process."""

import json
import os
import time
from contextlib import ExitStack

import pytest
from harness.attacks.attack import text_of
from harness.attacks.scene import ATTACKS, ROOT, SOLUTION, grade, naive_outcomes, processes_of, scene  # noqa: F401

from grading.boundary import launch
from grading.boundary.isolation import UnavailableError, open_session, open_workers

pytestmark = pytest.mark.slow

SLOT = 10_000 + os.getpid() % 50_000  # a user of its own, so that no other run's processes are counted
UNSAFE = ("\x1b", "\x00", "\x9b", "\u202e", "\x08", "\r", "\ud800")


# Both levels and both ways to open workers; the other two pairs of them take as long again.
PATHS = ["A", "B in a class", *(pytest.param(path, marks=pytest.mark.long) for path in ("B", "A in a class"))]


@pytest.fixture(scope="module", params=PATHS)
def workers(request, scene):  # noqa: F811
    """Workers of a server of their own, and those of one of many submissions that are graded by the same server."""
    level, _, in_a_class = request.param.partition(" ")
    with ExitStack() as stack:
        try:
            workers = open_workers(level, slot=SLOT + bool(in_a_class), repository=ROOT)
        except UnavailableError as error:
            pytest.skip(str(error))
        stack.callback(workers.close)
        if in_a_class:
            workers = open_session(workers, slot=SLOT, repository=ROOT)
            stack.callback(workers.close)
        yield workers


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_earns_what_the_rest_of_its_file_is_worth_and_nothing_else(name, workers, scene):  # noqa: F811
    attack = ATTACKS[name]
    document = grade(workers, attack, text_of(attack, SOLUTION, scene.targets))
    shown = json.dumps(document, ensure_ascii=False)
    assert document["score"] == attack.earns, document
    assert scene.secret not in shown
    assert "ESCAPED" not in shown
    texts = (*document["checks"].values(), document["output"])
    assert not any(character in text for text in texts for character in UNSAFE)
    assert len(shown) < 100_000
    scene.assert_untouched()
    assert_nobody_is_left()


def assert_nobody_is_left():
    """No process but the spare worker; one that was just killed may take a moment to go."""
    if os.geteuid() != 0:
        return  # then workers have no user of their own to be counted by
    deadline = time.monotonic() + 20
    while len(left := processes_of(launch.unused_uid(SLOT))) > 1:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


# Every fourth, of all groups, and all of them.
@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.long)])
def test_most_of_them_succeed_against_a_grader_that_shares_its_process(step):
    every = [attack for attack in ATTACKS.values() if attack.naive]
    attacks = every[::step]
    outcomes = naive_outcomes(attacks, uid=1_900_000_000 + SLOT)
    held = sorted(name for name, happened in outcomes.items() if not happened)
    assert held == []
    assert len(outcomes) == len(attacks)
    assert len(every) >= 80

"""Grading many submissions by processes forked from one that has collected the tests: as if each had its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.conftest import wait_for

from grading import assignment as assignments
from grading import grade as grading
from grading.grade import Options
from grading.submission import take

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")]

ROOT = Path(__file__).resolve().parents[3]
SOLUTION = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
ASSIGNMENT = assignments.load(ROOT)
SMALL = assignments.load(ROOT / "tests" / "harness" / "second" / "assignment")
TIERS = ("public",)
# Each is appended to the solution.
SUBMISSIONS = {
    "right": "",
    "wrong": "\ndef kl_divergence(mu, logvar): return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(1).sum()\n",
    "ends the process": "\ndef kl_divergence(mu, logvar): import os; os._exit(0)\n",
    "half done": "\ndef kl_divergence(mu, logvar): raise NotImplementedError\n",
    "no Python": "\ndef :\n",
}
# Notes which grade it is in, wherever it can; is wrong where it finds the note of another one.
REMEMBERS = """
import os
def kl_divergence(mu, logvar):
    grade = str(os.getppid())
    notes = [getattr(torch, "been_here", grade), os.environ.setdefault("BEEN_HERE", grade)]
    torch.been_here = grade
    return _kl(mu, logvar) if set(notes) == {grade} else torch.zeros(())
"""


@pytest.fixture(scope="module")
def server():
    with_workers = grading.start_server(ASSIGNMENT, TIERS, "auto")
    yield with_workers
    with_workers.close()


def graded(submission, server, assignment=ASSIGNMENT, **options):
    document = grading.grade(
        submission, assignment, Options(TIERS, seed="s", explain_seconds=60, **options), server=server
    ).to_json()
    incidental = {key: document.pop(key) for key in ("graded_at", "environment", "isolation")}
    del document["assignment"]["released_digest"]  # of a release that may be made beside this
    for item in document["items"]:
        for check in item["checks"]:
            check.pop("seconds", None)
            check.pop("duration", None)
    return document, incidental["isolation"]


LONG = {"right", "half done"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long if n in LONG else ()) for n in SUBMISSIONS])
def test_documents_are_those_of_a_grade_by_itself(server, hand_in, name):
    submission = take(str(hand_in(vae=SOLUTION + SUBMISSIONS[name])), ASSIGNMENT)
    (alone, confined_alone), (together, confined) = graded(submission, None), graded(submission, server)
    assert together == alone
    assert confined == confined_alone
    if confined["level"] != "none":
        assert set(confined["self_test"].values()) == {"refused"}


def test_nothing_of_a_submission_is_left_to_the_next_one(server, hand_in):
    source = SOLUTION.replace("def kl_divergence(", "def _kl(", 1) + REMEMBERS
    submission = take(str(hand_in(vae=source)), ASSIGNMENT)
    first, _ = graded(submission, server)
    assert first["score"]["earned"] == first["score"]["possible"]
    assert [graded(submission, server)[0] for _ in range(2)] == [first] * 2


def test_some_of_the_checks_that_were_collected_come_to_what_they_come_to_among_all(server, hand_in):
    submission = take(str(hand_in(vae=SOLUTION + SUBMISSIONS["wrong"])), ASSIGNMENT)
    whole, part = (graded(submission, server, only=only)[0] for only in ((), ("kl_divergence", "beta_schedule")))
    assert part["items"] == [i for i in whole["items"] if i["id"] in ("kl_divergence", "beta_schedule")]
    assert {check["status"] for item in part["items"] for check in item["checks"]} == {"passed", "failed"}


def test_a_run_that_is_killed_costs_that_submission_only(server, hand_in, monkeypatch):
    slow = take(str(hand_in("slow", vae=f"{SOLUTION}\nimport time\ntime.sleep(3)\n")), ASSIGNMENT)
    submission = take(str(hand_in(vae=SOLUTION)), ASSIGNMENT)
    whole, _ = graded(submission, server)
    original = server.run

    def run_and_kill(*arguments):
        run = original(*arguments)
        run.kill()
        return run

    monkeypatch.setattr(server, "run", run_and_kill)
    with pytest.raises(grading.ExecutionError):
        graded(slow, server)
    monkeypatch.undo()
    assert graded(submission, server)[0] == whole


def test_a_server_that_is_gone_is_said_and_replaced():
    submission = take(str(SMALL.samples / "2-uphill"), SMALL)
    server = grading.shared_server(SMALL, TIERS, "auto")
    assert grading.shared_server(SMALL, TIERS, "auto") is server
    whole, _ = graded(submission, server, SMALL)
    os.kill(server._process.pid, signal.SIGKILL)
    with pytest.raises(grading.ExecutionError, match="gone"):
        graded(submission, server, SMALL)
    another = grading.shared_server(SMALL, TIERS, "auto")
    assert another is not server
    assert graded(submission, another, SMALL)[0] == whole
    another.close()


def test_a_level_that_cannot_be_had_is_said(monkeypatch, hand_in):
    monkeypatch.setenv("PATH", "/nonexistent")
    server = grading.start_server(ASSIGNMENT, TIERS, "A")
    with pytest.raises(grading.UnavailableIsolationError, match="bubblewrap"):
        graded(take(str(hand_in(vae=SOLUTION)), ASSIGNMENT), server)
    server.close()


def test_all_of_it_ends_with_the_process_that_began_it(hand_in):
    # Its checks come first: of others that call what hangs, each would be waited for.
    folder = hand_in(vae=SOLUTION + "\ndef beta_schedule(*arguments, **named):\n    while True: pass\n")
    program = (
        "from pathlib import Path\nfrom grading import assignment, grade\nfrom grading.submission import take\n"
        f"a = assignment.load(Path({str(ROOT)!r})); server = grade.start_server(a, ('public',), 'auto')\n"
        f"grade.grade(take({str(folder)!r}, a), a, grade.Options(('public',)),"
        " watch=lambda p: print(p.current, flush=True), server=server)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        while "beta_schedule" not in process.stdout.readline():
            assert process.poll() is None
        wait_for(lambda: len(descendants(process.pid)) >= 4)
        begun = descendants(process.pid)
        process.kill()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in begun if Path(f"/proc/{pid}").is_dir()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def descendants(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return []
    return [found for child in children for found in (int(child), *descendants(int(child)))]

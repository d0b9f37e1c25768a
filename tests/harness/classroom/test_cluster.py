"""The same jobs on a Dask cluster: a real scheduler, several worker processes, one of which is killed."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from harness.classroom import made
from harness.classroom.conftest import FULL, HALF, RIGHT, UPHILL
from harness.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def start(tmp_path):
    """Start a process of the cluster and wait until it says something."""
    started = []

    def run(module, *arguments, said):
        command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, arguments)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        for line in process.stderr:
            if match := re.search(said, line):
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return process, match
        raise AssertionError(f"{module} ended")

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def cluster(start, tmp_path):
    """A scheduler's address and its two workers."""
    scheduler = ("--no-dashboard", "--host", "127.0.0.1", "--port", 0)
    _, match = start("dask_scheduler", *scheduler, said=r"Scheduler at:\s+(tcp://\S+)")
    worker = ("--no-nanny", "--nthreads", 1, "--no-dashboard", "--local-directory", tmp_path)
    return match[1], [start("dask_worker", match[1], *worker, said="Registered to")[0] for _ in range(2)]


def test_a_cluster_loses_a_worker_and_nothing_else(grade_class, cluster, tmp_path):
    address, workers = cluster
    kinds = made.make(
        tmp_path / "class", 8, {"right": [{"vae.py": RIGHT.decode()}], "wrong": [{"vae.py": UPHILL.decode()}]}
    )

    def kill():
        deadline = time.monotonic() + 500
        while not [*tmp_path.glob("out/documents/[!.]*")] and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(workers[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    run = grade_class(tmp_path / "class", "--scheduler", address, jobs=1)
    killer.join()
    assert workers[0].wait(10) == -signal.SIGKILL
    assert {who: outcome.raw for who, outcome in run.outcomes.items()} == {
        who: FULL if kind == "right" else HALF for who, kind in kinds.items()
    }
    assert sorted(re.findall(r"^\d+/8 (\S+) graded", run.stderr, re.MULTILINE)) == sorted(kinds), "nothing twice"
    # Where it was graded, the level was proven anew.
    proofs = [outcome.document["isolation"] for outcome in run.graded.outcomes]
    assert all(proof["trusted_for_grading"] and proof["self_test"] for proof in proofs)
    local = grade_class(tmp_path / "class", out="local", jobs=1)
    assert [outcome.to_json() for outcome in local.graded.outcomes] == [o.to_json() for o in run.graded.outcomes]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "other://127.0.0.1:9"])
def test_a_cluster_that_is_not_there(grade_class, hand_over, address, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    run = grade_class(hand_over({"ada/vae.py": RIGHT}), "--scheduler", address, jobs=1, status=2)
    assert "there is no Dask scheduler at" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_cluster_with_another_assignment_is_not_believed(grade_class, cluster, hand_over, course, tmp_path):
    place = hand_over({"ada/vae.py": RIGHT, "bo/vae.py": UPHILL})
    address, _ = cluster
    grade_class(place, "--scheduler", address, jobs=1)
    path = course / "tests" / "steps.py"
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(text + "# another\n", encoding="utf-8")
        run = grade_class(place, "--scheduler", address, jobs=1, status=3, out="other")
    finally:
        path.write_text(text, encoding="utf-8")
    assert "another version of the assignment or of the grader" in run.stderr

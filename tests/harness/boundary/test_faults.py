"""What a student's code does to its process costs the check, in clear words, and nothing else."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.boundary.sides import ROOT, session_on, submission_on

from grading.boundary.channels import describe_death
from grading.boundary.errors import CallTimeoutError, RefusedError, StudentError, ViolationError, WorkerDiedError
from grading.boundary.isolation import UnavailableError, open_workers

UNASKED = """
import os, stat
for descriptor in range(3, 99):
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            os.write(descriptor, b"x" * 64)
    except OSError:
        pass
def f(): pass
"""

REFUSING = """
import sys
def f():
    executor = next(m for n, m in sys.modules.items() if n.endswith("executor") and hasattr(m, "RefusedError"))
    raise executor.RefusedError({reason!r}, "x")
"""

FAULTS = {
    "hang": ("import time\ndef f(): time.sleep(99)", CallTimeoutError, "no answer within 1.5 s"),
    "hang at import": ("while True: pass", CallTimeoutError, "no answer within 1.5 s"),
    "exit": ("import os\ndef f(): os._exit(3)", WorkerDiedError, "ended its own process with exit code 3"),
    "exit at import": ("import os\nos._exit(0)", WorkerDiedError, "exit code 0"),
    "crash": ("import ctypes\ndef f(): ctypes.string_at(1)", WorkerDiedError, "SIGSEGV"),
    "abort": ("import os\ndef f(): os.abort()", WorkerDiedError, "SIGABRT"),
    "closed": ("import os\ndef f(): os.closerange(3, 99)", WorkerDiedError, "closed the connection"),
    "memory": (
        "def f():\n    hold = []\n    while True: hold.append(bytearray(400 << 20))",
        StudentError,
        "MemoryError",
    ),
    "memory of torch": ("import torch\ndef f(): return torch.empty(1 << 40)", StudentError, "can't allocate memory"),
    "threads": (
        "import threading, time\ndef f():\n    while 1: threading.Thread(target=time.sleep, args=(9,)).start()",
        StudentError,
        "can't start new thread",
    ),
    "recursion": ("def f(): return f()", StudentError, "RecursionError: maximum recursion depth"),
    "parts": ("def f(): return [[0] * 9999] * 9999", RefusedError, "more than 20000 parts"),
    "unasked": (UNASKED, ViolationError, "sent"),
    "a reason of its own": (REFUSING.format(reason="free text"), ViolationError, "a reason that there is not"),
    "a reason that is no text": (REFUSING.format(reason=["shape"]), ViolationError, "a reason that there is not"),
}


@pytest.fixture(scope="module")
def workers():
    """The best level that there is here; what is tested is the same at each of them."""
    workers = open_workers("auto")
    yield workers
    workers.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_described_and_the_next_check_has_a_fresh_worker(workers, name):
    source, error, message = FAULTS[name]
    timeout = 1.5 if error is CallTimeoutError else 60.0
    with pytest.raises(error) as caught:
        session_on(workers, source, timeout=timeout).call(None, "f", (), {}, None)
    assert message in str(caught.value)
    assert submission_on(workers, "def f(): return 'fresh'").f() == "fresh"


def test_a_list_that_contains_itself_arrives_as_far_as_it_can(workers):
    result = submission_on(workers, "def f():\n    x = []\n    x.append(x)\n    return x").f()
    while isinstance(result, list):
        (result,) = result
    assert "nested too deeply" in repr(result)


def test_after_the_end_every_further_call_says_so(workers):
    submission = submission_on(workers, "import os\ndef f(): os._exit(3)\ndef g(): return 1")
    with pytest.raises(WorkerDiedError, match="exit code 3"):
        submission.f()
    with pytest.raises(WorkerDiedError, match=r"ended before this call: .* exit code 3"):
        submission.g()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [({"check_timeout": 1.0}, "the check took over 1 s"), ({"run_timeout": 3.0}, "the run took over 3 s")],
)
def test_the_time_of_a_check_and_of_the_run_is_limited(options, message):
    workers = open_workers("none", **options)

    def use_up():
        for _ in range(100):
            submission = submission_on(workers, "import time\ndef f(): time.sleep(0.2)", timeout=9)
            for _ in range(10):
                submission.f()

    try:
        with pytest.raises(CallTimeoutError, match=message):
            use_up()
    finally:
        workers.close()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "closed the connection"),
        (0, "exit code 0"),
        (9, "exit code 9"),
        (-signal.SIGKILL, "memory runs out"),
        (-signal.SIGSEGV, "SIGSEGV"),
        (-signal.SIGXCPU, "computing time"),
        (-signal.SIGSYS, "forbidden"),
        (-signal.SIGTERM, "ended by SIGTERM"),
        (-64, "ended by"),
        (-99, "signal 99"),
    ],
)
def test_every_way_to_die_has_a_name(code, words):
    assert words in describe_death(code)


def descendants(pid):
    """The processes that come from one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def await_none_of(processes, seconds=30):
    """Wait until none of the processes is there any more; zombies that nobody here can reap do not count."""
    deadline = time.monotonic() + seconds
    while alive := [pid for pid in processes if is_alive(pid)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.02)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def open_descriptors():
    """This process's open files, each with what it leads to, so that a number used again is another file."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        # The listing's own descriptor is closed by the time its name is read.
        with contextlib.suppress(FileNotFoundError):
            found.add((entry, os.readlink(f"/proc/self/fd/{entry}")))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is looked at")
@pytest.mark.parametrize("level", ["A", "B", "none"])
def test_nothing_is_left_behind(level):
    # What earlier tests of this process left to the garbage collector may be closed at any time: only new files count.
    descriptors = open_descriptors()
    before = descendants(os.getpid())
    try:
        workers = open_workers(level)
    except UnavailableError as error:
        pytest.skip(str(error))
    submission_on(workers, "def f(): pass").f()
    for body in ("os._exit(1)", "time.sleep(99)"):
        with pytest.raises((WorkerDiedError, CallTimeoutError)):
            submission_on(workers, f"import os, time\ndef f(): {body}", timeout=1.0).f()
    started = descendants(os.getpid()) - before
    assert started
    workers.close()
    await_none_of(started)
    assert not open_descriptors() - descriptors


GRADER = """
import sys, time
sys.path.insert(0, {root!r})
from grading.boundary.isolation import open_workers
workers = open_workers({level!r})
channel = workers.open()
from grading.boundary.session import Session, SourceFile
session = Session(channel)
session.load(SourceFile("vae", "vae.py", b"import time"), 1)
print("working", flush=True)
try:
    Session(channel, 99).load(SourceFile("vae", "vae.py", b"while True: pass"), 1)
finally:
    pass
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is looked at")
@pytest.mark.parametrize("level", ["A", "B", "none"])
def test_when_the_grader_is_killed_its_workers_end_too(level):
    program = GRADER.format(root=str(ROOT), level=level)
    grader = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if grader.stdout.readline() != b"working\n":
        pytest.skip(f"level {level} cannot be had here")
    time.sleep(0.2)  # let the worker begin its loop
    started = descendants(grader.pid)
    assert len(started) >= 2
    grader.kill()
    grader.wait()
    grader.stdout.close()
    await_none_of(started)

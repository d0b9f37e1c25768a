"""A grader as they are often written: the student's file runs in the process that holds tests, results and report.

This program grades each attack of a list in a process of its own, and tells what became of it. It must only be run
where attacks can do no harm: in namespaces without a network, with limits, as the first process.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import time
import types
from pathlib import Path

import torch
from checks import CHECKS  # type: ignore[import-not-found]

RESULTS = {}
UNSAFE = ("\x1b", "\x00", "\x9b", "\u202e", "\x08")


def grade():
    """What runs in the process that is attacked."""
    module = types.ModuleType("vae")
    sys.modules["vae"] = module
    exec(compile(Path("vae.py").read_text(), "vae.py", "exec"), module.__dict__)
    for name, check in list(CHECKS.items()):
        try:
            check(module)
            RESULTS[name] = "passed"
        except Exception as error:
            RESULTS[name] = f"failed: {type(error).__name__}: {error}"
        print(name, RESULTS[name])
    score = sum(result == "passed" for result in RESULTS.values())
    with open("report.json", "w") as report:
        json.dump({"score": score, "checks": RESULTS}, report)


def attacked(attack, targets, listeners, seconds):
    """How the naive grader fared: everything that should not have happened."""
    sentinel = Path(targets["sentinel"])
    for left in sentinel.parent.iterdir():
        left.unlink()
    sentinel.write_text("intact")
    sentinel.chmod(0o644)
    os.utime(sentinel, (1_000_000_000, 1_000_000_000))
    before = sentinel.stat().st_mtime, sentinel.stat().st_mode
    folder = Path("/tmp/work")
    folder.mkdir(exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
    (folder / "vae.py").write_text(attack["text"])
    with open("/tmp/output", "wb") as output:
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            os.chdir(folder)
            os.dup2(output.fileno(), 1), os.dup2(output.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
            resource.setrlimit(resource.RLIMIT_NPROC, (60, 60))
            resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))
            grade()
            # As an ordinary end of the interpreter would.
            import atexit
            import threading

            for thread in threading.enumerate():
                if thread is not threading.current_thread():
                    thread.join()
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(0)
    happened = set()
    deadline = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            happened.add("it did not end")
            break
        time.sleep(0.01)
    if len(list(filter(str.isdigit, os.listdir("/proc")))) > 1 and "it did not end" not in happened:
        happened.add("it left a process behind")
        time.sleep(0.6)  # which may be about to write
    reap()
    shown = Path("/tmp/output").read_bytes().decode("utf-8", "surrogateescape")
    report = folder / "report.json"
    try:
        document = json.loads(report.read_text())
        if document["score"] > attack["earns"]:
            happened.add(f"it scored {document['score']}")
        shown += json.dumps(document, ensure_ascii=False)
    except (OSError, ValueError, KeyError):
        happened.add("there was no report")
    if targets["secret"] in shown:
        happened.add("it read a secret")
    if "ESCAPED" in shown:
        happened.add("it escaped")
    if any(character in shown for character in UNSAFE) or len(shown) > 1_000_000:
        happened.add("it wrote into the terminal")
    try:
        if (sentinel.stat().st_mtime, sentinel.stat().st_mode) != before or len(list(sentinel.parent.iterdir())) != 1:
            happened.add("it changed files of others")
    except OSError:
        happened.add("it changed files of others")
    for listener in listeners:
        try:
            listener.accept()[0].close()
            happened.add("it connected")
        except BlockingIOError:
            pass
    return sorted(happened)


def reap():
    """End every other process here."""
    while True:
        others = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and pid != "1"]
        if not others:
            return
        for pid in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        time.sleep(0.005)


def become_harmless(uid):
    """Leave root for good: root in a namespace could still write the settings of the kernel outside."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        set_dumpable = 4  # as a process is that was an ordinary user's from the start
        ctypes.CDLL(None).prctl(set_dumpable, 1, 0, 0, 0)
    assert os.getpid() == 1, "run this in a process namespace"
    assert os.getuid() != 0
    assert not os.access("/proc/sys/kernel/core_pattern", os.W_OK)
    assert [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()][2:] == ["lo"]


def listen(targets):
    """Sockets at which nobody has any business."""
    listeners = [socket.create_server(("127.0.0.1", targets["port"]))]
    for address in (targets["local"], "\0" + targets["local"]):
        listeners.append(socket.socket(socket.AF_UNIX))
        listeners[-1].bind(address)
        listeners[-1].listen()
    for listener in listeners:
        listener.setblocking(False)
    return listeners


def main():
    task = json.load(sys.stdin)
    targets = task["targets"]
    torch.set_num_threads(1)
    start = torch.ones(1, requires_grad=True)
    torch.autograd.grad([start * 2], [start], [torch.ones(1)])  # imports much, once and not in each child
    become_harmless(task["uid"])
    Path(targets["sentinel"]).parent.mkdir()
    Path(targets["canary"]).write_text(targets["secret"])
    os.set_inheritable(os.open(targets["canary"], os.O_RDONLY), True)  # left open, as happens
    listeners = listen(targets)
    for attack in task["attacks"]:
        print(json.dumps([attack["name"], attacked(attack, targets, listeners, task["seconds"])]), flush=True)


if __name__ == "__main__":
    main()

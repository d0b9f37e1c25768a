"""The fork server: imports torch once, then forks a worker whenever it is asked for one.

It never reads a byte that came from a student. Forking and confining are separate steps, and the confining happens in
the child, so that one clean server can serve many submissions.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from ..shared.framing import BROKEN
from . import selftest
from .confine import Confinement, Prepared, end_with_parent, hide_from_same_user

MESSAGE_SIZE = 1 << 16


def main() -> None:
    """Serve the control socket whose number is the first argument, until it is closed; the second has the settings."""
    control = socket.socket(fileno=int(sys.argv[1]))
    with open(int(sys.argv[2]), "rb") as file:
        settings = json.load(file)

    def tell(message: dict[str, Any]) -> None:
        # Of all that can be done with a socket, a confined child may only write.
        os.write(control.fileno(), json.dumps(message).encode())

    server = Server.start(settings, control.fileno(), tell)
    if server is not None:
        _serve(server, control, tell)


def _serve(server: Server, control: socket.socket, tell: Callable[[dict[str, Any]], None]) -> None:
    """Do what is asked for on ``control`` until it is closed."""
    while True:
        server.reap_until_readable(control)
        message = b""
        with contextlib.suppress(ConnectionResetError):  # closed before an answer was read
            message = control.recv(MESSAGE_SIZE)
        if not message:
            os._exit(0)  # the grader would wait while torch is taken apart in order
        request = json.loads(message)
        if request["op"] in ("fork", "session"):
            theirs, pid = server.fork() if request["op"] == "fork" else server.open_session(request, control)
            socket.send_fds(control, [json.dumps({"pid": pid}).encode()], [theirs.fileno()])
            theirs.close()
        elif request["op"] == "kill":
            server.kill(request["pid"])
        elif request["op"] == "status":
            tell({"status": server.status(request["pid"], request["grace"])})


class Server:
    """Forks workers, confines them, and knows how they ended."""

    def __init__(self, prepared: Prepared, *, warm: bool = True) -> None:
        self._prepared, self._warm = prepared, warm
        self._ended: dict[int, int] = {}  # the wait status of workers that have ended and nobody has asked about yet
        self._unwanted: set[int] = set()  # killed without a question
        self._sessions: set[int] = set()

    @classmethod
    def start(cls, settings: dict[str, Any], answers: int, tell: Callable[[dict[str, Any]], None]) -> Server | None:
        """A server that is ready to fork, or None if this machine cannot confine as demanded.

        Args:
            settings: what the grader wants: import path, early imports, confinement, targets of the self-test.
            answers: the file descriptor on which ``tell`` writes.
            tell: gives the result of the self-test, or the reason why there is no server, to the grader.
        """
        sys.path += settings["import_path"]
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader, which then closes the connection
        hide_from_same_user()
        try:
            server = cls(Prepared(Confinement.from_json(settings["confinement"])))
        except Exception as error:
            tell({"unavailable": str(error)})
            return None
        server._self_test(settings["targets"], answers, tell)
        import_torch(settings["early_imports"])
        return server

    def _self_test(self, targets: dict[str, Any] | None, answers: int, tell: Callable[[dict[str, Any]], None]) -> None:
        """Tell what the confinement refuses, from a child of its own, while this process goes on to import torch."""

        def report() -> None:
            try:
                self._prepared.enter(answers, server)
                message: dict[str, Any] = {"self_test": selftest.run(targets) if targets is not None else {}}
            except Exception as error:
                message = {"unavailable": f"a process could not be confined: {type(error).__name__}: {error}"}
            tell(message)

        server = os.getpid()
        self._unwanted.add(_in_child(report))

    def fork(self) -> tuple[socket.socket, int]:
        """A fresh worker: the socket that it listens on, and its process id."""
        from .serve import serve

        def work() -> None:
            channel = ours.detach()
            self._prepared.enter(channel, server)
            serve(channel, warm=self._warm)

        self._reap_ended()
        ours, theirs = socket.socketpair()
        server = os.getpid()
        child = _in_child(work)
        ours.close()
        return theirs, child

    def open_session(self, request: dict[str, Any], control: socket.socket) -> tuple[socket.socket, int]:
        """A server like this one, forked from it, whose workers are another user and which tests their confinement.

        Args:
            request: names the ``uid``, the ``targets`` of the self-test, and modules to import first.
            control: the socket of this server, which the other one has no business with.
        """

        def work() -> None:
            control.close()
            theirs.close()
            end_with_parent(server)

            def tell(message: dict[str, Any]) -> None:
                os.write(ours.fileno(), json.dumps(message).encode())

            import_early(request["early_imports"])
            # Where many are graded at the same time, no processor is idle that could warm a worker up beforehand.
            session = Server(self._prepared.for_user(request["uid"]), warm=False)
            session._self_test(request["targets"], ours.fileno(), tell)
            _serve(session, ours, tell)

        self._reap_ended()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server = os.getpid()
        child = _in_child(work)
        self._sessions.add(child)
        ours.close()
        return theirs, child

    def kill(self, pid: int) -> None:
        """End a worker about which nobody will ask."""
        if self._ended.pop(pid, None) is None:
            os.kill(pid, signal.SIGKILL)
            self._unwanted.add(pid)

    def status(self, pid: int, grace: float) -> int | None:
        """The exit code of a worker that is ending, negative if a signal ended it.

        None if it went on and was killed after ``grace`` seconds.
        """
        deadline = time.monotonic() + grace
        while pid not in self._ended:
            self._reap_ended()
            if time.monotonic() >= deadline and pid not in self._ended:
                self.kill(pid)
                return None
            time.sleep(0.0005)
        return os.waitstatus_to_exitcode(self._ended.pop(pid))

    def reap_until_readable(self, control: socket.socket) -> None:
        """Leave no zombies of workers that were killed, while there is nothing else to do."""
        while self._unwanted and not select.select([control], [], [], 0.01)[0]:
            self._reap_ended()

    def _reap_ended(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid in self._unwanted or pid in self._sessions:
                    self._unwanted.discard(pid)
                    self._sessions.discard(pid)
                else:
                    self._ended[pid] = status


def import_early(modules: list[str]) -> None:
    """Import modules before a worker would; a student who needs one that cannot be is told."""
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def import_torch(early_imports: list[str]) -> None:
    """Import what workers need, and leave this process in a state that is safe and cheap to fork."""
    import numpy.random  # noqa: F401  imported by numpy when it is first needed, which is in every worker
    import torch

    from . import pictures, serve

    pictures.stand_in()
    import_early(early_imports)
    # A process that ran anything with two threads hangs its first child.
    torch.set_num_threads(1)
    serve.warm_up()
    gc.collect()
    gc.freeze()


def _in_child(body: Callable[[], None]) -> int:
    """Run ``body`` in a forked child, which ends with it and never returns into the server's loop."""
    child = os.fork()
    if child != 0:
        return child
    try:
        body()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(BROKEN)

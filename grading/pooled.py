"""How many processes can work at the same time, and what one of a pool does first, whatever it works on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def processors() -> int:
    """How many processes can work here at the same time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def follow_parent() -> None:
    """Leave Ctrl-C to the process that started this one, and end when that does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()

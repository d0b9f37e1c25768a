"""The worker: answers frames on a descriptor until the other side hangs up."""

from __future__ import annotations

import os
import sys
import tempfile

import torch

from ..shared import wire
from ..shared.framing import PREFIX, READY, frame_size
from .executor import Executor

_CHUNK = 1 << 16


def serve(channel: int, *, warm: bool) -> None:
    """Answer requests that arrive on ``channel``, one at a time.

    Args:
        channel: the descriptor.
        warm: compute once before anything is asked, so that the first answer comes sooner, though it costs more.
    """
    # torch's compiler, which its optimizers import, wants folders to exist, and would try to make them.
    tempfile.tempdir = os.environ["TORCHINDUCTOR_CACHE_DIR"] = "/"
    executor = Executor(capture=True)
    if warm:
        warm_up()
    _write(channel, READY)
    own = os.getpid()
    while (request := _read_frame(channel)) is not None:
        answer = executor.handle(request)
        if os.getpid() != own:  # the student's code forked, and this is the child
            os._exit(0)
        _write(channel, answer)


_SAMPLE = b"""
from dataclasses import dataclass
from typing import NamedTuple
import torch

@dataclass(frozen=True)
class Config:
    size: int = 4

class Output(NamedTuple):
    value: torch.Tensor

class Model(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(size, size), torch.nn.ReLU())

    def forward(self, x):
        y = self.layers(x)
        return Output(y + torch.exp(0.5 * y) * torch.randn_like(y))

def build(config):
    return Model(config.size)
"""


def warm_up() -> None:
    """Do once what a first check does, for a file of our own.

    In the fork server it fills caches for all workers. In a worker, where the first write to each page of memory copies
    it, that happens while it is a spare.
    """
    executor = Executor(capture=True)
    source = torch.frombuffer(bytearray(_SAMPLE), dtype=torch.uint8)
    load = {"op": "load", "module": "sample", "filename": "sample.py", "source": source, "random_seed": 0}
    build = {"op": "call", "model": None, "name": "build", "args": (wire.Record("Config", {}),), "call": 0}
    call = {"op": "call", "model": 0, "name": "__call__", "args": (torch.ones(2, 4),), "call": 1}
    backward = {"op": "vjp", "call": 1, "cotangents": [torch.ones(2, 4)]}
    for request in (load, build, call, backward):
        arrays: list[torch.Tensor] = []
        full = {"kwargs": {}, "parameters": {}, "grad": True, **request}
        tagged = {key: wire.pack(value, arrays) for key, value in full.items()}
        executor.handle(wire.encode({"id": "", "request": tagged}, arrays))
    del sys.modules["sample"]


def _read_frame(channel: int) -> bytes | None:
    """The next frame, or None at the end; nothing follows it, since the grader waits for the answer."""
    data = b""
    while len(data) < PREFIX.size:
        part = os.read(channel, _CHUNK)
        if not part:
            return None
        data += part
    parts, left = [data], PREFIX.size + sum(frame_size(data[: PREFIX.size])) - len(data)
    while left > 0:
        part = os.read(channel, min(left, 1 << 20))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _write(channel: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(channel, view) :]

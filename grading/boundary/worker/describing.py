"""Models and exceptions of the student's as data."""

from __future__ import annotations

import builtins
import contextlib
import linecache
import traceback
import types
from collections.abc import Callable, Collection, Iterable
from typing import Any

import torch
from torch.nn.parameter import UninitializedParameter

MAX_FRAMES = 20
MAX_BASES = 20
"""More classes than this are not told of a model's ancestry, which the student may make as long as a file is."""


def model_as_data(number: int, model: torch.nn.Module) -> dict[str, Any]:
    """A model: its class, its parameters and its plain attributes."""
    plain = {k: v for k, v in vars(model).items() if not k.startswith("_") and type(v) in (bool, int, float, str)}
    parameters = dict(model.named_parameters())
    there = {name: p.detach() for name, p in parameters.items() if not isinstance(p, UninitializedParameter)}
    return {
        "number": number,
        "class": type(model).__name__,
        "bases": [kind.__name__ for kind in type(model).__mro__[1 : MAX_BASES + 1]],
        "parameters": there,
        "lazy": len(there) < len(parameters),
        "attributes": plain,
    }


def broken_as_module(model: torch.nn.Module) -> list[str]:
    """The methods of ``torch.nn.Module`` that a training loop relies on and that do not do in this model what they do.

    A class may well have its own ``train``, as long as it does what it says.
    """

    def named() -> dict[str, torch.nn.Parameter]:
        return dict(model.named_parameters())

    def forgets() -> bool:
        parameters = named().values()
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        model.zero_grad()
        forgotten = all(parameter.grad is None or not parameter.grad.any() for parameter in parameters)
        for parameter in parameters:
            parameter.grad = None
        return forgotten

    def is_put_into(mode: bool) -> bool:
        if mode:
            model.train()
        else:
            model.eval()
        return model.training is mode

    before = model.training
    wanted: dict[str, Callable[[], bool]] = {
        "eval": lambda: is_put_into(False),
        "train": lambda: is_put_into(True),
        "parameters": lambda: {*map(id, model.parameters())} == {*map(id, named().values())},
        "state_dict": lambda: named().keys() <= model.state_dict().keys(),
        "zero_grad": forgets,
    }
    broken = []
    for name, does in wanted.items():
        right = False
        with contextlib.suppress(Exception):
            right = does()
        broken += [] if right else [name]
    with contextlib.suppress(Exception):
        model.train(before)
    return broken


def error_as_data(error: BaseException, filename: str, models: Iterable[torch.nn.Module] = ()) -> dict[str, Any]:
    """An exception as data: type, message, and where in the student's own file it was raised, innermost last.

    A method goes by its name alone where it is one of these models', or there is none yet, and by that of its class too
    where it is of some other class, which may have a ``forward`` of its own.
    """
    with contextlib.suppress(BaseException):
        message = str(error)[:2000]
        bases = [base.__name__ for base in type(error).__mro__ if getattr(builtins, base.__name__, None) is base]
        known = {kind.__qualname__ for model in models for kind in type(model).__mro__}
        frames = [
            {
                "function": _called(frame.f_code, known),
                "line": line,
                "source": linecache.getline(filename, line).strip()[:200],
            }
            for frame, line in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename == filename
        ]
        if isinstance(error, SyntaxError) and error.lineno and error.filename == filename:
            message = error.msg
            frames.append({"function": "", "line": error.lineno, "source": (error.text or "").strip()[:200]})
        return {
            "type": type(error).__name__,
            "bases": bases,
            "message": message,
            "frames": frames[-MAX_FRAMES:],
            "refused": None,
        }
    # An exception whose own __str__ fails.
    return {"type": "Exception", "bases": ["Exception"], "message": "", "frames": [], "refused": None}


def _called(code: types.CodeType, known: Collection[str]) -> str:
    owner, _, name = code.co_qualname.rpartition(".")
    return name if not owner or not known or owner in known or owner.endswith("<locals>") else code.co_qualname[:200]

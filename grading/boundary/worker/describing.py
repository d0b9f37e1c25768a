"""Models and exceptions of the student's as data."""

from __future__ import annotations

import builtins
import contextlib
import traceback
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


def error_as_data(error: BaseException, filename: str) -> dict[str, Any]:
    """An exception as data: type, message, and where in the student's own file it was raised, innermost last."""
    with contextlib.suppress(BaseException):
        message = str(error)[:2000]
        bases = [base.__name__ for base in type(error).__mro__ if getattr(builtins, base.__name__, None) is base]
        frames = [
            {"function": frame.name, "line": frame.lineno, "source": (frame.line or "")[:200]}
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == filename
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

"""What goes into a conversation and what is left of it: a student's file, and each call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SourceFile:
    """A student's file: its module name, what to call it in messages, and its bytes."""

    module: str
    filename: str
    source: bytes


@dataclass(frozen=True)
class CallRecord:
    """One call of a student's function as the grader saw it, for a diagnosis of wrong answers.

    Attributes:
        name: of the function.
        args: by position.
        kwargs: by name.
        model: the ``proxy.Model`` whose method it is, or None.
        result: what it returned.
        mutated: the arguments that it changed in place.
        disturbed: what it left otherwise than it was: "generator", "grad mode", "default dtype", "settings" of torch,
            "hooks of arguments", "gradients" of arguments and parameters, "earlier gradients" of them that are gone,
            "earlier answers" and "earlier arguments" that are others now; of the model "mode", "attributes",
            "buffers", "hooks", "parameters" that are other objects, "which parameters take gradients".
        line: where it begins in the student's file.
        named: the names of the result's fields, in order, if it is a named tuple.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    model: Any
    result: Any
    mutated: tuple[str, ...]
    disturbed: tuple[str, ...]
    line: int | None
    named: tuple[str, ...] = ()

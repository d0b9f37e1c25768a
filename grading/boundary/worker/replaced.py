"""Functions of the student's file that somebody else answers for."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch


class RefusedError(Exception):
    """A request that this file cannot serve, in words for the student; ``kind`` says what failed."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Asked(BaseException):
    """The student's code has called a function that is replaced, and there is no answer yet."""

    def __init__(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(name)
        self.name, self.args, self.kwargs = name, args, kwargs


@contextlib.contextmanager
def replacing(
    module: types.ModuleType | None, model: torch.nn.Module | None, names: Sequence[str], answers: Sequence[Any]
) -> Iterator[None]:
    """Functions and methods of a file replaced by ones that give ``answers``, in turn, and then ask."""
    remaining = iter(answers)

    def replacement(name: str, owner: Any) -> Callable[..., Any]:
        def answer(*args: Any, **kwargs: Any) -> Any:
            for found in remaining:
                return found
            if owner is module:
                raise Asked(name, args, kwargs)
            if not args or args[0] is not model:
                raise RefusedError("structure", f"{name} is called on another object than the model")
            raise Asked(name, args[1:], kwargs)

        return answer

    before: list[tuple[Any, str, dict[str, Any]]] = []
    for name in names:
        for owner in (module, *(() if model is None else (type(model),))):
            if hasattr(owner, name):
                before.append((owner, name, {name: vars(owner)[name]} if name in vars(owner) else {}))
                setattr(owner, name, replacement(name, owner))
    try:
        yield
    finally:
        for owner, name, own in before:
            if own:
                setattr(owner, name, own[name])
            else:
                delattr(owner, name)  # an inherited one

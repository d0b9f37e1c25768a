"""Functions of the student's file that somebody else answers for."""

from __future__ import annotations

import contextlib
import functools
import inspect
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


_STAND_IN = "_stands_in_for_"


@functools.cache
def _body(name: str) -> types.CodeType:
    """The body of a function that leaves its work to the one that stands in for the function of this name."""
    scope: dict[str, Any] = {}
    exec(f"def body(*args, **kwargs):\n    return {_STAND_IN}{name}(*args, **kwargs)", scope)
    body: types.FunctionType = scope["body"]
    return body.__code__


def _names_of(function: Any) -> tuple[str, ...]:
    """The names of a function's parameters, as far as they are known."""
    try:
        return tuple(inspect.signature(function).parameters)
    except Exception:  # whatever the student's own object does when it is looked at
        return ()


@contextlib.contextmanager
def replacing(
    module: types.ModuleType | None, model: torch.nn.Module | None, names: Sequence[str], answers: Sequence[Any]
) -> Iterator[None]:
    """Functions and methods of a file replaced by ones that give ``answers``, in turn, and then ask."""
    remaining = iter(answers)
    owners = (module, *(() if model is None else (type(model),)))
    # Before any is replaced: then they would be the stand-in's.
    orders = {(name, id(owner)): _names_of(getattr(owner, name, None)) for name in names for owner in owners}

    def replacement(name: str, owner: Any) -> Callable[..., Any]:
        order = orders[name, id(owner)]

        def answer(*args: Any, **kwargs: Any) -> Any:
            for found in remaining:
                return found
            # In the order of the student's own parameters, so that other names for them can be understood.
            kwargs = {key: kwargs[key] for key in order if key in kwargs} | kwargs
            if owner is module:
                raise Asked(name, args, kwargs)
            if not args or args[0] is not model:
                raise RefusedError("structure", f"{name} is called on another object than the model")
            raise Asked(name, args[1:], kwargs)

        return answer

    before: list[tuple[Any, str, dict[str, Any]]] = []
    bodies: list[tuple[str, types.FunctionType, types.CodeType]] = []
    for name in names:
        # Where it stands in a list or a table of the file, too; what the file has from elsewhere is others' as well.
        function = getattr(module, name, None)
        if (
            isinstance(function, types.FunctionType)
            and function.__globals__ is vars(module)
            and not function.__code__.co_freevars
        ):
            bodies.append((name, function, function.__code__))
            function.__globals__[_STAND_IN + name] = replacement(name, module)
            function.__code__ = _body(name)
        for owner in owners:
            if hasattr(owner, name):
                before.append((owner, name, {name: vars(owner)[name]} if name in vars(owner) else {}))
                setattr(owner, name, replacement(name, owner))
    try:
        yield
    finally:
        for name, function, code in bodies:
            function.__code__ = code
            del function.__globals__[_STAND_IN + name]
        for owner, name, own in before:
            if own:
                setattr(owner, name, own[name])
            else:
                delattr(owner, name)  # an inherited one

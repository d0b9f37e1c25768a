"""What a call may find and leave around it: torch's own state, the condition of models, gradients, earlier calls."""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch.nn.parameter import UninitializedParameter

_HOOKS = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"
_HOOKS_OF_ALL_MODULES = tuple(
    hooks
    for kind in ("forward_hooks", "forward_pre_hooks", "backward_hooks", "backward_pre_hooks")
    if (hooks := getattr(torch.nn.modules.module, f"_global_{kind}", None)) is not None
)
_KINDS_OF_HOOKS = tuple(
    kinds
    for name in ("hooks_with_kwargs", "hooks_always_called")
    if (kinds := getattr(torch.nn.modules.module, f"_global_forward_{name}", None)) is not None
)
_HOOKS_OF_PARAMETERS = "_backward_hooks", "_post_accumulate_grad_hooks"
LARGEST_SEEN = 120_000
"""Numbers in a tensor that is looked at again: to compare larger ones after each call would take longer than it."""
_reseeded = 0
_denormal = 1e-310  # times 1 it is 0 for this processor, if torch has told it so
_PLAIN = bool, int, float, str


class _Condition(NamedTuple):
    """What of a model is no parameter's value; its parameters themselves, by name."""

    modes: list[bool]
    takes: dict[str, bool]
    attributes: dict[str, Any]
    buffers: list[str]
    hooks: int
    parameters: dict[str, torch.nn.Parameter]


class Surroundings:
    """Sees what student's code changes of all that others rely on.

    Attributes:
        generator: the state of torch's generator before the last call.
    """

    def __init__(self) -> None:
        self._models: dict[int, _Condition] = {}
        self._gradients = Gradients()
        _watch_seeding()
        # As torch begins: what an earlier file has left in this process is no measure.
        self._begun = (False, torch.get_num_threads(), False, False, "highest", False, 0)
        self.note()

    def restore(self) -> None:
        """Let torch be as it was when this process began, and forget all models."""
        self._models.clear()
        self._gradients.take_away()
        torch.set_default_dtype(torch.float32)
        if _settings() != self._begun:
            torch.use_deterministic_algorithms(False)
            torch.set_num_threads(self._begun[1])
            torch.autograd.set_detect_anomaly(False)
            torch.set_flush_denormal(False)
            torch.set_float32_matmul_precision("highest")
            torch.set_autocast_enabled("cpu", False)
            for hooks in (*_HOOKS_OF_ALL_MODULES, *_KINDS_OF_HOOKS):
                hooks.clear()
            if hasattr(torch.nn.modules.module, "_global_is_full_backward_hook"):
                torch.nn.modules.module._global_is_full_backward_hook = None

    def note(self) -> None:
        """Note torch's state before a call."""
        self.generator, self._reseeded = torch.default_generator.get_state(), _reseeded
        self._dtype, self._settings = torch.get_default_dtype(), _settings()

    def changed(self) -> list[str]:
        """What of torch's state is otherwise than it was noted."""
        drawn = not torch.equal(torch.default_generator.get_state(), self.generator)
        changed = {
            "generator": drawn or _reseeded != self._reseeded,
            "default dtype": torch.get_default_dtype() is not self._dtype,
            "settings": _settings() != self._settings,
        }
        return [name for name, has in changed.items() if has]

    def know(self, number: int, model: torch.nn.Module) -> None:
        """Note the condition of a model that is new, or that the grader has changed, and give it gradients."""
        new = _condition(model)
        self._models[number] = _limited(new, self._models.get(number, new))
        self._gradients.give(new.parameters.values())

    def changed_in(self, number: int, model: torch.nn.Module) -> tuple[list[str], dict[str, torch.nn.Parameter]]:
        """What is otherwise in a model than it was known, which it is from now on; and the parameters that it has."""
        old, new = self._models[number], _condition(model)
        self._models[number] = _limited(new, old)
        changed = self._gradients.changed(new.parameters.values())
        if old.parameters.keys() != new.parameters.keys() or any(
            new.parameters[name] is not parameter for name, parameter in old.parameters.items()
        ):
            changed.append("parameters")  # of which an optimizer has others
        if len(old.modes) == len(new.modes) and old.modes != new.modes:
            changed.append("mode")
        if any(new.takes.get(name, takes) != takes for name, takes in old.takes.items()):
            changed.append("which parameters take gradients")
        if any(not _same_setting(value, new.attributes.get(name)) for name, value in old.attributes.items()):
            changed.append("attributes")
        if old.buffers != new.buffers:
            changed.append("buffers")
        if old.hooks != new.hooks:
            changed.append("hooks")
        return changed, new.parameters


class Gradients:
    """The ``.grad`` of tensors: somebody else's, which a call has to leave as they are."""

    def __init__(self) -> None:
        self._given: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def give(self, tensors: Iterable[torch.Tensor]) -> None:
        """Let each that can have a gradient have one of zeros."""
        for tensor in tensors:
            owner, gradient = self._given.get(id(tensor), (None, None))
            if owner is tensor and gradient is tensor.grad and gradient is not None and not gradient._version:
                continue
            if tensor.is_leaf and tensor.requires_grad and not isinstance(tensor, UninitializedParameter):
                tensor.grad = torch.zeros_like(tensor.detach())
                self._given[id(tensor)] = tensor, tensor.grad

    def changed(self, now: Iterable[torch.Tensor]) -> list[str]:
        """What became of those of these tensors, each of which has one of zeros again then, if it can."""
        changed: set[str] = set()
        others: list[torch.Tensor] = []
        for tensor in now:
            owner, given = self._given.get(id(tensor), (None, None))
            found = tensor.grad if tensor.is_leaf else None
            if owner is tensor and found is given and given is not None and not given._version:
                continue
            others.append(tensor)
            if owner is not tensor:
                changed.update(["gradients"] if found is not None else [])
            elif found is None or (found is given and not found.any()):
                changed.add("earlier gradients")  # zero_grad() in one of its two ways
            else:
                changed.add("gradients")
        for tensor in others:
            if tensor.is_leaf:
                tensor.grad = None
        self.give(others)
        return sorted(changed)

    def take_away(self) -> None:
        """Nobody has one any more."""
        for tensor, _ in self._given.values():
            tensor.grad = None
        self._given.clear()


def hooks_of(tensors: Iterable[torch.Tensor]) -> int:
    """How many functions are told of the gradients of these tensors."""
    return sum(len(tensor._backward_hooks or ()) for tensor in tensors)


class Seen:
    """Tensors that a call was given or has returned, which a later one has to leave as they are.

    Args:
        tensors: those of the call before.
        again: the identities of those that come again, with other numbers.
    """

    def __init__(self, tensors: Sequence[torch.Tensor], again: set[int]) -> None:
        small = [t.detach() for t in tensors if t.numel() <= LARGEST_SEEN and id(t) not in again]
        self._before = [(tensor, tensor.clone()) for tensor in small]

    def changed(self) -> bool:
        """Whether one of them is another one now."""
        return not all(same(tensor, before) for tensor, before in self._before)


def same(tensor: torch.Tensor, old: torch.Tensor) -> bool:
    """Bit for bit, so that a NaN equals itself."""
    if tensor.shape != old.shape or tensor.dtype != old.dtype:
        return False
    return torch.equal(tensor, old) or torch.equal(torch.nan_to_num(tensor.detach()), torch.nan_to_num(old))


def _condition(model: torch.nn.Module) -> _Condition:
    modules, parameters = _parts(model)
    hooks = 0
    for module in modules:
        for kind in _HOOKS:
            hooks += len(getattr(module, kind))
    for parameter in parameters.values():
        for kind in _HOOKS_OF_PARAMETERS:
            hooks += len(getattr(parameter, kind) or ())
    return _Condition(
        [module.training for module in modules],
        {name: parameter.requires_grad for name, parameter in parameters.items()},
        {name: value for name in _made_from(cast(Any, type(model))) if type(value := vars(model).get(name)) in _PLAIN},
        [f"{i}.{name}" for i, module in enumerate(modules) for name in module._buffers],
        hooks,
        parameters,
    )


@functools.lru_cache(maxsize=64)
def _made_from(kind: Any) -> tuple[str, ...]:
    """What a model is made from, by name, and others rely on; what else it notes for itself is its own affair."""
    try:
        return tuple(inspect.signature(kind).parameters)
    except (TypeError, ValueError):  # a class that does not tell
        return ()


def _parts(model: torch.nn.Module) -> tuple[list[torch.nn.Module], dict[str, torch.nn.Parameter]]:
    """All modules of a model and its parameters, as ``named_parameters`` gives them, which walks once for each kind."""
    modules: list[torch.nn.Module] = []
    parameters: dict[str, torch.nn.Parameter] = {}
    seen: set[int] = set()

    def visit(module: torch.nn.Module, prefix: str) -> None:
        if id(module) in seen:
            return
        seen.add(id(module))
        modules.append(module)
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                parameters[prefix + name] = parameter
        for name, child in module._modules.items():
            if child is not None:
                visit(child, f"{prefix}{name}.")

    visit(model, "")
    return modules, parameters


def _limited(new: _Condition, old: _Condition) -> _Condition:
    """The condition without attributes that there were not before: what a call notes for itself is its own affair."""
    return new._replace(attributes={name: new.attributes.get(name) for name in old.attributes})


def _same_setting(old: Any, new: Any) -> bool:
    """Whether an attribute is what it was; a count of calls is nobody's setting."""
    return bool(old == new) or (type(old) is int and type(new) is int)


@functools.cache
def _watch_seeding() -> None:
    """Count how often Python's and NumPy's generators are seeded: to hold their states against each other takes long.

    To draw from them does nobody any harm.
    """
    states: tuple[tuple[Any, Callable[[], Any]], ...] = ((random, random.getstate), (np.random, np.random.get_state))
    for module, state in states:
        for name in ("seed", "setstate", "set_state"):
            if hasattr(module, name):
                setattr(module, name, _counted(getattr(module, name), state))


def _counted(seed: Callable[..., Any], state: Callable[[], Any]) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        global _reseeded
        before = state()
        try:
            return seed(*args, **kwargs)
        finally:  # a compiler sets the state that there is, so that nobody sees it at work
            _reseeded += not _is_the_same_state(before, state())

    return counted


def _is_the_same_state(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


def _settings() -> tuple[bool, int, bool, bool, str, bool, int]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
        torch.is_anomaly_enabled(),
        _denormal * 1.0 == 0.0,
        torch.get_float32_matmul_precision(),
        torch.is_autocast_enabled("cpu"),
        sum(map(len, _HOOKS_OF_ALL_MODULES)),
    )

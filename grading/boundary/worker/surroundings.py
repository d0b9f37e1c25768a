"""What a call may find and leave around it: torch's own state, the condition of models, gradients, earlier answers."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.parameter import UninitializedParameter

_HOOKS = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"
_HOOKS_OF_PARAMETERS = "_backward_hooks", "_post_accumulate_grad_hooks"
LARGEST_ANSWER = 120_000
"""Numbers in an answer that is looked at again: to compare larger ones after each call would take longer than it."""
_reseeded = 0
_SMALLEST = torch.tensor(1e-310, dtype=torch.float64)  # a denormal number


class _Condition(NamedTuple):
    """What of a model is no parameter's value."""

    modes: list[bool]
    takes: dict[str, bool]
    attributes: dict[str, Any]
    buffers: list[str]
    hooks: int


class Surroundings:
    """Sees what student's code changes of all that others rely on.

    Attributes:
        generator: the state of torch's generator before the last call.
    """

    def __init__(self) -> None:
        self._models: dict[int, _Condition] = {}
        self._gradients: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        _watch_seeding()
        # As torch begins: what an earlier file has left in this process is no measure.
        self._begun = (False, torch.get_num_threads(), False, False, "highest", False)
        self.note()

    def restore(self) -> None:
        """Let torch be as it was when this process began, and forget all models."""
        self._models.clear()
        self._gradients.clear()
        torch.set_default_dtype(torch.float32)
        if _settings() != self._begun:
            torch.use_deterministic_algorithms(False)
            torch.set_num_threads(self._begun[1])
            torch.autograd.set_detect_anomaly(False)
            torch.set_flush_denormal(False)
            torch.set_float32_matmul_precision("highest")
            torch.set_autocast_enabled("cpu", False)

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
        """Note the condition of a model that is new, or that the grader has changed."""
        new = _condition(model, dict(model.named_parameters()))
        self._models[number] = _limited(new, self._models.get(number, new))

    def gradients(self, arguments: Iterable[torch.Tensor], parameters: Iterable[torch.Tensor]) -> Gradients:
        """Give gradients to what takes them, for the time of a call."""
        return Gradients(arguments, parameters, self._gradients)

    def changed_in(
        self, number: int, model: torch.nn.Module, parameters: Mapping[str, torch.nn.Parameter]
    ) -> list[str]:
        """What is otherwise in a model than it was known, which it is from now on."""
        old, new = self._models[number], _condition(model, parameters)
        self._models[number] = _limited(new, old)
        changed = ["mode"] if len(old.modes) == len(new.modes) and old.modes != new.modes else []
        if any(new.takes.get(name, takes) != takes for name, takes in old.takes.items()):
            changed.append("which parameters take gradients")
        if any(not _same_setting(value, new.attributes.get(name)) for name, value in old.attributes.items()):
            changed.append("attributes")
        if old.buffers != new.buffers:
            changed.append("buffers")
        if old.hooks != new.hooks:
            changed.append("hooks")
        return changed


class Gradients:
    """The ``.grad`` of tensors during a call: somebody else's, which a call has to leave as they are.

    Args:
        arguments: some of those that may have one.
        parameters: others of them.
        kept: what parameters were given the last time, by their ids.
    """

    def __init__(
        self,
        arguments: Iterable[torch.Tensor],
        parameters: Iterable[torch.Tensor],
        kept: dict[int, tuple[torch.Tensor, torch.Tensor]],
    ) -> None:
        self._there: list[tuple[torch.Tensor, torch.Tensor, int]] = []
        for argument in filter(_takes_gradients, arguments):
            self._give(argument, torch.zeros_like(argument.detach()))
        for parameter in filter(_takes_gradients, parameters):
            owner, gradient = kept.get(id(parameter), (None, None))
            if owner is not parameter or gradient is None or not _fits(gradient, parameter) or gradient._version:
                gradient = torch.zeros_like(parameter.detach())
                kept[id(parameter)] = parameter, gradient
            self._give(parameter, gradient)

    def _give(self, tensor: torch.Tensor, gradient: torch.Tensor) -> None:
        tensor.grad = gradient
        self._there.append((tensor, gradient, gradient._version))

    def take_away(self, further: Iterable[torch.Tensor]) -> list[str]:
        """What became of them, and of tensors that had none; none of them has one then."""
        changed: set[str] = set()
        known = {id(tensor) for tensor, _, _ in self._there}
        for tensor, gradient, version in self._there:
            now, tensor.grad = tensor.grad, None
            if now is None or (now is gradient and now._version != version and not now.any()):
                changed.add("earlier gradients")  # zero_grad() in one of its two ways
            elif now is not gradient or now._version != version:
                changed.add("gradients")
        for tensor in further:
            if id(tensor) not in known and tensor.is_leaf and tensor.grad is not None:
                tensor.grad = None
                changed.add("gradients")
        return sorted(changed)


class Answers:
    """Tensors that calls have returned, which a later call has to leave as they are.

    Args:
        tensors: what the call before has returned.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        small = [tensor.detach() for tensor in tensors if tensor.numel() <= LARGEST_ANSWER]
        self._before = [(tensor, tensor.clone()) for tensor in small]

    def changed(self) -> bool:
        """Whether one of them is another one now."""
        return not all(same(tensor, before) for tensor, before in self._before)


def same(tensor: torch.Tensor, old: torch.Tensor) -> bool:
    """Bit for bit, so that a NaN equals itself."""
    if tensor.shape != old.shape or tensor.dtype != old.dtype:
        return False
    return torch.equal(tensor, old) or torch.equal(torch.nan_to_num(tensor.detach()), torch.nan_to_num(old))


def _condition(model: torch.nn.Module, parameters: Mapping[str, torch.nn.Parameter]) -> _Condition:
    modules = [*model.modules()]
    return _Condition(
        [module.training for module in modules],
        {name: parameter.requires_grad for name, parameter in parameters.items()},
        {
            name: value
            for name, value in vars(model).items()
            if type(value) in (bool, int, float, str) and name != "training"
        },
        [f"{i}.{name}" for i, module in enumerate(modules) for name in module._buffers],
        sum(len(getattr(module, kind)) for module in modules for kind in _HOOKS)
        + sum(len(getattr(one, kind) or ()) for one in parameters.values() for kind in _HOOKS_OF_PARAMETERS),
    )


def _limited(new: _Condition, old: _Condition) -> _Condition:
    """The condition without attributes that there were not before: what a call notes for itself is its own affair."""
    return new._replace(attributes={name: new.attributes.get(name) for name in old.attributes})


def _same_setting(old: Any, new: Any) -> bool:
    """Whether an attribute is what it was; a count of calls is nobody's setting."""
    return bool(old == new) or (type(old) is int and type(new) is int)


def _takes_gradients(tensor: torch.Tensor) -> bool:
    # The gradient of a lazy layer's has no shape yet.
    return tensor.is_leaf and tensor.requires_grad and not isinstance(tensor, UninitializedParameter)


def _fits(gradient: torch.Tensor, parameter: torch.Tensor) -> bool:
    return gradient.shape == parameter.shape and gradient.dtype == parameter.dtype


@functools.cache
def _watch_seeding() -> None:
    """Count how often Python's and NumPy's generators are seeded: to hold their states against each other takes long.

    To draw from them does nobody any harm.
    """
    for module, name in ((random, "seed"), (random, "setstate"), (np.random, "seed"), (np.random, "set_state")):
        setattr(module, name, _counted(getattr(module, name)))


def _counted(seed: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        global _reseeded
        _reseeded += 1
        return seed(*args, **kwargs)

    return counted


def _settings() -> tuple[bool, int, bool, bool, str, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
        torch.is_anomaly_enabled(),
        not bool(_SMALLEST * 1.0),
        torch.get_float32_matmul_precision(),
        torch.is_autocast_enabled("cpu"),
    )

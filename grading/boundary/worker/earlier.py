"""Calls that are made before one that counts: a right function remembers nothing of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from .arguments import PARTS, scaled

OFTEN_SECONDS = 0.4
"""For many of them: a right function that is slow has fewer, and no point less."""
OTHER_WEIGHTS = 0.75
"""What those of a model are multiplied by: some other ones, of a size that could be asked for."""


def made_often(function: Callable[..., Any], asked: Sequence[tuple[Any, Any]], times: int, gradients: bool) -> None:
    """Call so often, as training does, with each of these arguments in turn."""
    generator, end = torch.default_generator.get_state(), time.monotonic() + OFTEN_SECONDS
    with torch.set_grad_enabled(gradients):
        for i in range(times):
            args, kwargs = asked[i % len(asked)]
            function(*args, **kwargs)
            if time.monotonic() > end:
                break
    torch.default_generator.set_state(generator)


def made_between(function: Callable[..., Any], arguments: Callable[[], tuple[Sequence[Any], dict[str, Any]]]) -> None:
    """Call once more, before the graph of an answer is gone through: each answer has a graph of its own.

    As where losses of two batches are added, or gradients of several add up.
    """
    generator = torch.default_generator.get_state()
    # Whether these arguments can be made and are taken is asked elsewhere.
    with torch.enable_grad(), contextlib.suppress(Exception):
        args, kwargs = arguments()
        function(*args, **kwargs)
    torch.default_generator.set_state(generator)


def made_of_the_same(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    handed: Sequence[torch.Tensor],
    model: torch.nn.Module | None,
    gradients: bool,
) -> bool:
    """Call with the very tensors that come next, while all else is otherwise: numbers, weights, noise.

    As where one batch serves again. What a function keeps for a tensor is no answer next time; and the graph of the
    answer is gone through, so that it is of no use twice.

    Returns:
        Whether the tensors are of use again: what is changed in place stays a part of the graph.
    """
    generator = torch.default_generator.get_state()
    torch.rand(1)
    parameters = [own for own in model.parameters() if not is_lazy(own)] if model is not None else []
    before = [(tensor, tensor.detach().clone()) for tensor in (*handed, *parameters)]
    graph = [tensor.grad_fn for tensor in handed]
    for parameter in parameters:
        parameter.data.mul_(OTHER_WEIGHTS)
    try:
        with torch.set_grad_enabled(gradients):
            args, kwargs = (scaled(given, PARTS - 1, tensors=not handed) for given in (args, kwargs))
            result = function(*args, **kwargs)
        _go_through([*_tensors(result)], [tensor for tensor in (*handed, *parameters) if tensor.requires_grad])
    finally:
        for tensor, was in before:
            # What has another form now cannot be put back, and shows as a changed argument in any other call. Not by an
            # operation, of which the tensor would keep count.
            if tensor.shape == was.shape and tensor.dtype == was.dtype:
                tensor.data.copy_(was)
        torch.default_generator.set_state(generator)
    return all(tensor.grad_fn is was for tensor, was in zip(handed, graph, strict=True))


def _go_through(answers: Sequence[torch.Tensor], leaves: Sequence[torch.Tensor]) -> None:
    """Use the graph of these answers up, as a backward pass does."""
    tied = [tensor.sum() for tensor in answers if tensor.requires_grad and tensor.is_floating_point()]
    if tied and leaves:
        # Where it cannot be gone through, whoever asks for gradients is told.
        with torch.enable_grad(), contextlib.suppress(Exception):
            torch.autograd.grad(tied, leaves, allow_unused=True)


def _tensors(value: Any) -> Iterable[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for item in value for tensor in _tensors(item)] if isinstance(value, (tuple, list)) else []

"""The arguments of one call, as they arrive at the student's function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from ..shared import wire
from ..shared.arrival import Arrival

PARTS = 5


class Arguments:
    """Tensors that are handed over in one of the ways of ``Arrival``, and records built of the student's classes.

    Args:
        arrival: the way.
        earlier: what was handed over in the call before and nobody needs any more.
        build: makes an instance of the student's class of this name from its fields.

    Attributes:
        handed: the tensors as the function gets them.
        inputs: the leaves of the graph that they are made of, to which gradients are told.
        names: what to call them, one for each.
    """

    def __init__(self, arrival: Arrival, earlier: Sequence[torch.Tensor], build: Callable[..., Any]) -> None:
        self.handed: list[torch.Tensor] = []
        self.inputs: list[torch.Tensor] = []
        self.names: list[str] = []
        self._arrival, self._earlier, self._build = arrival, earlier, build

    def of(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call, by position and by name."""
        by_position = [self.hand_over(value, f"argument {i + 1}") for i, value in enumerate(args)]
        return by_position, {key: self.hand_over(value, key) for key, value in kwargs.items()}

    def hand_over(self, value: Any, name: str) -> Any:
        """``value``, with its tensors as they arrive."""
        if isinstance(value, torch.Tensor):
            leaf, handed = self._arrive(value)
            self.inputs.append(leaf)
            self.handed.append(handed)
            self.names.append(name)
            return handed
        if isinstance(value, wire.Record):
            fields = {key: self.hand_over(item, f"{name}.{key}") for key, item in value.fields.items()}
            return self._build(value.class_name, fields)
        if isinstance(value, (tuple, list)):
            return type(value)(self.hand_over(item, name) for item in value)
        return value

    def _arrive(self, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The leaf, and what is handed over, which is the leaf itself unless it is a result of it."""
        if value.requires_grad and Arrival.RESULT in self._arrival:
            with torch.enable_grad():
                laid = self._laid_out(value)
                return value, laid.clone() if laid is value else laid
        at = len(self.handed)
        earlier = self._earlier[at] if at < len(self._earlier) and Arrival.AGAIN in self._arrival else None
        if earlier is not None and not value.requires_grad and _alike(earlier, value) and self._lies_so(earlier):
            earlier.copy_(value)
            return earlier, earlier
        leaf = self._laid_out(value.detach()).requires_grad_(value.requires_grad)
        return leaf, leaf

    def _lies_so(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor lies in memory as this way says, whatever the calls before were."""
        gaps, among = not tensor.is_contiguous(), tensor.storage_offset() > 0
        return gaps == (Arrival.GAPS in self._arrival and tensor.dim() > 0 and len(tensor) > 1) and among == (
            Arrival.AMONG in self._arrival and Arrival.GAPS not in self._arrival
        )

    def _laid_out(self, value: torch.Tensor) -> torch.Tensor:
        if not (value.dim() and value.numel() and value.is_floating_point()):
            return value
        if Arrival.GAPS in self._arrival:
            return F.pad(value, (0, 1))[..., :-1]
        if Arrival.AMONG in self._arrival:
            return F.pad(value, (0, 0) * (value.dim() - 1) + (1, 1))[1:-1]
        return value


def scaled(value: Any, part: int, *, tensors: bool = True) -> Any:
    """``value`` with so many of ``PARTS`` parts of each number in it; texts and truth values stay what they are.

    Args:
        value: of any kind.
        part: how many of them.
        tensors: whether those in tensors are meant too, or these are the very ones of ``value``; whole numbers, which
            are weights beside tensors then, need not stay whole.
    """
    if isinstance(value, torch.Tensor):
        if not tensors:
            return value
        fraction = value.detach() * (part / PARTS) if value.is_floating_point() else value
        return fraction.requires_grad_(value.requires_grad)
    if isinstance(value, wire.Record):
        return wire.Record(value.class_name, scaled(value.fields, part))
    if isinstance(value, dict):
        return {key: scaled(item, part, tensors=tensors) for key, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(scaled(item, part, tensors=tensors) for item in value)
    if type(value) is int and tensors:
        return value * part // PARTS
    return value * part / PARTS if type(value) in (int, float) else value


def _alike(earlier: torch.Tensor, value: torch.Tensor) -> bool:
    return not earlier.requires_grad and earlier.shape == value.shape and earlier.dtype == value.dtype

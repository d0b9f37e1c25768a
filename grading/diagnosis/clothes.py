"""The same model in other clothes: layers with the student's own names and starting values, in another file.

A replay puts what a submission was asked to a file of the catalogue. Where students name layers, or begin with other
weights, that file would answer otherwise for no fault of anybody. So its models take over the weights of the
submission's, layer by layer: those of one shape in the order in which both have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..boundary import replies
from ..boundary.shared import wire
from .leaves import fields_of, parameters_of

Tensors = dict[str, torch.Tensor]


class Clothes:
    """What is known of the models of one conversation, on both sides."""

    def __init__(self) -> None:
        self._names: dict[Any, dict[str, str]] = {}
        self._waiting: dict[Any, Tensors] = {}
        self._models_of_calls: dict[Any, Any] = {}

    def compare(self, reply: bytes, answer: bytes) -> None:
        """Take note of the models in two answers to one question: the submission's, and the other file's."""
        own, other = (_described(frame) for frame in (reply, answer))
        for number in own.keys() & other.keys():
            names = paired(own[number], other[number])
            if names is None:
                self._names.pop(number, None)
                self._waiting.pop(number, None)
                continue
            self._names[number] = names
            begins = {names[name]: value for name, value in own[number].items()}
            self._waiting[number] = {n: v for n, v in begins.items() if not torch.equal(v, other[number][n])}

    def translated(self, request: bytes) -> bytes:
        """A request with the other file's names for parameters, and with the weights that its models still lack."""
        frame = wire.decode(request)
        asked = {key: wire.unpack(value, frame.arrays) for key, value in frame.header["request"].items()}
        if asked["op"] != "call" or asked["model"] is None:
            return request
        model = asked["model"]
        self._models_of_calls[asked["call"]] = model
        names, waiting = self._names.get(model, {}), self._waiting.pop(model, {})
        changed = {names.get(name, name): value for name, value in asked["parameters"].items()}
        if not waiting and changed.keys() == asked["parameters"].keys():
            return request
        arrays: list[torch.Tensor] = []
        asked["parameters"] = {**waiting, **changed}
        packed = {key: wire.pack(value, arrays) for key, value in asked.items()}
        return wire.encode({**frame.header, "request": packed}, arrays)

    def names_at(self, request: bytes) -> Mapping[str, str]:
        """The other file's names for the parameters that a question about gradients is of."""
        asked = wire.decode(request).header["request"]
        call = asked.get("call")
        return self._names.get(self._models_of_calls.get(call), {}) if asked.get("op") == "vjp" else {}


def _described(frame: bytes) -> dict[Any, Tensors]:
    models = [model for model in replies.items(fields_of(frame).get("models")) if isinstance(model, dict)]
    return {model["number"]: parameters_of(model) for model in models if isinstance(model.get("number"), int)}


def paired(own: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> dict[str, str] | None:
    """The other side's name for each parameter; None where the two do not have the same shapes.

    Parameters of the same name and shape are each other's. The rest of one shape are paired in their order.
    """
    names = {name: name for name, value in own.items() if name in other and _like(other[name], value)}
    free = [name for name in other if name not in names]
    for name, value in own.items():
        if name in names:
            continue
        match = next((candidate for candidate in free if _like(other[candidate], value)), None)
        if match is None:
            return None
        free.remove(match)
        names[name] = match
    return None if free else names


def _like(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype

"""The same model in other clothes: layers with the student's own names and starting values, in another file.

A replay puts what a submission was asked to a file of the catalogue. Where students name layers, or begin with other
weights, that file would answer otherwise for no fault of anybody. So its models take over the weights of the
submission's, layer by layer: those of one shape in the order in which both have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..boundary import replies
from ..boundary.shared import wire
from .leaves import parameters_of

Tensors = dict[str, torch.Tensor]


class Clothes:
    """What is known of the models of one conversation, on both sides."""

    def __init__(self) -> None:
        self._names: dict[Any, dict[str, str]] = {}
        self._waiting: dict[Any, Tensors] = {}
        self._models_of_calls: dict[Any, Any] = {}

    def compare(self, reply: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Take note of the models in two answers to one question: the submission's, and the other file's."""
        if not replies.items(reply.get("models")) or not replies.items(answer.get("models")):
            return
        own, other = (_described(fields) for fields in (reply, answer))
        for number in own.keys() & other.keys():
            names = paired(own[number], other[number])
            if names is None:
                self._names.pop(number, None)
                self._waiting.pop(number, None)
                continue
            self._names[number] = names
            begins = {names[name]: value for name, value in own[number].items()}
            self._waiting[number] = {n: v for n, v in begins.items() if not torch.equal(v, other[number][n])}

    def translated(self, question: Question) -> bytes:
        """A request with the other file's names for parameters, and with the weights that its models still lack."""
        if question.operation != "call" or question.model is None:
            return question.frame
        self._models_of_calls[question.call] = question.model
        names, waiting = self._names.get(question.model, {}), self._waiting.pop(question.model, {})
        if not waiting and all(names.get(name, name) == name for name in question.parameters):
            return question.frame
        frame = wire.decode(question.frame)
        asked = {key: wire.unpack(value, frame.arrays) for key, value in frame.header["request"].items()}
        arrays: list[torch.Tensor] = []
        asked["parameters"] = {**waiting, **{names.get(n, n): value for n, value in asked["parameters"].items()}}
        packed = {key: wire.pack(value, arrays) for key, value in asked.items()}
        return wire.encode({**frame.header, "request": packed}, arrays)

    def names_at(self, question: Question) -> Mapping[str, str]:
        """The other file's names for the parameters that a question about gradients is of."""
        return self._names.get(self._models_of_calls.get(question.call), {}) if question.operation == "vjp" else {}


@dataclass(frozen=True)
class Question:
    """A request of the grader's, as far as clothes matter for it.

    Attributes:
        frame: the request.
        operation: what is asked for.
        model: the number of the model that is asked; None where it is none.
        call: the number of the call that it is or is about.
        parameters: the names of the parameters that go with it.
    """

    frame: bytes
    operation: str
    model: int | None
    call: int | None
    parameters: tuple[str, ...]

    @classmethod
    def of(cls, frame: bytes) -> Question:
        """The question in a request frame."""
        decoded = wire.decode(frame)
        asked = decoded.header["request"]
        given = wire.unpack(asked.get("parameters"), decoded.arrays)
        names = tuple(given) if isinstance(given, dict) else ()
        return cls(frame, asked["op"], asked.get("model"), asked.get("call"), names)


def _described(fields: Mapping[str, Any]) -> dict[Any, Tensors]:
    models = [model for model in replies.items(fields.get("models")) if isinstance(model, dict)]
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

"""What the answers of a worker may be. Everything here distrusts them: what is wrong is a fault of the submission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .errors import RefusedError, SourceLine, SubmissionFault, ViolationError, student_error
from .shared import wire
from .shared.framing import MAX_PAYLOAD
from .shared.wire import Opaque, Record

_REFUSALS = frozenset({"structure", "crash", "shape"})  # what an executor refuses for
_LAST_LINE = 10_000_000
_MOST_LINES = 20  # of the file in one exception

# What a submission may make the grader hold. A frame is bounded by the wire format; these bound what many add up to.
MAX_PARAMETERS = 1_000
"""Parameters of one model."""
MAX_ELEMENTS = 1 << 22
"""Numbers in all parameters of one model: as float64 they fill one frame."""
MAX_RECEIVED = 256 << 20
"""Bytes that all answers to one check may take."""
MAX_VALUES = 200_000
"""Values, such as numbers that are in no tensor, in all answers to one check: each takes many times its bytes here."""

WRONG_MODEL = "the submission's process described a model wrongly"


def fault(error: dict[str, Any]) -> SubmissionFault:
    """The exception to raise for an answer that is an error."""
    message = text(error.get("message"))
    refused = error.get("refused")
    if refused is not None:
        # A student sees the kind of a hidden failure too, so that it must not be free text.
        if not isinstance(refused, str) or refused not in _REFUSALS:
            return ViolationError("the submission's process refused for a reason that there is not")
        return RefusedError(refused, message)
    frames = tuple(
        SourceLine(text(frame.get("function")), line, text(frame.get("source")))
        for frame in items(error.get("frames"))[-_MOST_LINES:]
        if isinstance(frame, dict) and (line := line_number(frame.get("line"))) is not None
    )
    bases = [base for base in items(error.get("bases")) if isinstance(base, str)]
    return student_error(text(error.get("type")), bases, message, frames)


@dataclass(frozen=True)
class Described:
    """A model as the far side describes it.

    Attributes:
        number: what it is called by.
        class_name: the name of its class.
        bases: the names of the classes that this one is derived from.
        parameters: the tensors among its parameters, by name.
        attributes: its plain numbers, truth values and texts, by name.
        lazy: whether some of its parameters get their shape only from what it is first given.
    """

    number: int
    class_name: str
    bases: tuple[str, ...]
    parameters: dict[str, torch.Tensor]
    attributes: dict[str, Any]
    lazy: bool

    @classmethod
    def of(cls, entry: Any) -> Described:
        """The description in an answer.

        Raises:
            ViolationError: it is none.
            RefusedError: nothing can be computed with such a model, or too much.
        """
        if not isinstance(entry, dict):
            raise ViolationError(WRONG_MODEL)
        number, parameters, attributes = (entry.get(name) for name in ("number", "parameters", "attributes"))
        if isinstance(parameters, Opaque):
            raise RefusedError("structure", f"the parameters of the model are {parameters.description}")
        if type(number) is not int or not isinstance(parameters, dict) or not isinstance(attributes, dict):
            raise ViolationError(WRONG_MODEL)
        tensors = {name: value for name, value in parameters.items() if isinstance(value, torch.Tensor)}
        _refuse_impossible(tensors)
        plain = {name: value for name, value in attributes.items() if type(value) in (bool, int, float, str)}
        bases = tuple(text(base) for base in items(entry.get("bases")))
        return cls(number, text(entry.get("class")), bases, tensors, plain, entry.get("lazy") is True)


def gradient(value: Any, leaf: tuple[torch.Size, torch.dtype]) -> torch.Tensor | None:
    """``value``, if it can be one of a leaf of this shape and type; torch would blame the grader for another."""
    if not isinstance(value, torch.Tensor):
        return None
    if (value.shape, value.dtype) != leaf:
        raise ViolationError("the submission's process sent a gradient of the wrong shape or type")
    return value.detach()


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors in ``value``, in the order in which they cross the wire."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Record):
        return [tensor for item in value.fields.values() for tensor in tensors_in(item)]
    if isinstance(value, dict):
        return [tensor for item in value.values() for tensor in tensors_in(item)]
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in tensors_in(item)]
    return []


def refuse_large(arrays: list[torch.Tensor]) -> None:
    """Refuse to send back what the submission's own answers have grown to."""
    size = sum(array.numel() * array.element_size() for array in arrays)
    if size > MAX_PAYLOAD or len(arrays) > wire.MAX_ARRAYS:
        raise RefusedError(
            "shape", f"what was returned is too large to go on with: {len(arrays)} tensors, {size:,} bytes"
        )


def _refuse_impossible(parameters: dict[str, torch.Tensor]) -> None:
    """Refuse the parameters of a model with which nothing can be computed, or too much."""
    if len(parameters) > MAX_PARAMETERS:
        raise RefusedError("structure", f"the model has {len(parameters):,} parameters, of {MAX_PARAMETERS:,} at most")
    elements = sum(tensor.numel() for tensor in parameters.values())
    if elements > MAX_ELEMENTS:
        raise RefusedError(
            "structure", f"the parameters of the model are {elements:,} numbers, of {MAX_ELEMENTS:,} at most"
        )
    for name, tensor in parameters.items():
        if not tensor.numel():
            raise RefusedError("structure", f"the parameter {name!r} has the shape {tuple(tensor.shape)}: it is empty")


def text(value: Any) -> str:
    """``value``, if it is a text."""
    return value if isinstance(value, str) else ""


def line_number(value: Any) -> int | None:
    """A line's number, if it can be one of a file that was taken."""
    return value if type(value) is int and 0 < value <= _LAST_LINE else None


def items(value: Any) -> list[Any]:
    """The parts of ``value``, if it is a list of any kind."""
    return list(value) if isinstance(value, (list, tuple)) else []

"""What a submission answered, flattened to leaves that can be compared with what another file answers.

A leaf is a label, which has to agree exactly (what kind of value, which shape and dtype, which exception), and numbers,
which have to agree within a tolerance. What says nothing about right or wrong is left out: line numbers, printed text,
the names of the tuple's class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ..boundary import replies
from ..boundary.shared import wire
from ..boundary.shared.wire import Opaque

# Relative and absolute tolerances: those with which checks compare values, so that two ways of writing the same wrong
# formula agree.
TOLERANCES = {torch.float64: (1e-8, 1e-9)}
DEFAULT_TOLERANCE = (1e-4, 1e-5)

NO_NUMBERS = torch.empty(0)


@dataclass(frozen=True)
class Leaf:
    """One part of an answer.

    Attributes:
        label: what it is.
        numbers: the numbers in it, any shape.
        message: the message of an exception; whether it has to agree depends on what the right answer would be.
    """

    label: str
    numbers: torch.Tensor = NO_NUMBERS
    message: str = ""

    @property
    def raised(self) -> bool:
        """Whether this is an exception."""
        return self.label.startswith("raises ")


def same(one: list[Leaf], other: list[Leaf]) -> bool:
    """Whether two answers are the same, the messages of exceptions aside."""
    return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))


def messages(answer: list[Leaf]) -> list[str]:
    """The messages of the exceptions in an answer."""
    return [leaf.message for leaf in answer if leaf.raised]


def _same(a: Leaf, b: Leaf) -> bool:
    if a.label != b.label or a.numbers.shape != b.numbers.shape:
        return False
    rtol, atol = TOLERANCES.get(a.numbers.dtype, DEFAULT_TOLERANCE)
    return torch.allclose(a.numbers, b.numbers, rtol=rtol, atol=atol, equal_nan=True)


def leaves(reply: bytes) -> list[Leaf]:
    """The leaves of a reply frame."""
    frame = wire.decode(reply)
    fields = {key: wire.unpack(value, frame.arrays) for key, value in frame.header["reply"].items()}
    error = fields.get("error")
    if isinstance(error, dict):
        return [Leaf(f"raises {_exception(error)}", message=replies.text(error.get("message")))]
    found: list[Leaf] = []
    for key in ("value", "mutated", "disturbed", "inputs", "parameters", "models"):
        if key in fields:
            found += _flat(fields[key], key)
    return found


def _exception(error: dict[str, Any]) -> str:
    """The builtin that an exception is or derives from: its own class may have any name."""
    if error.get("refused"):
        return f"refused {error['refused']}"
    names = [base for base in replies.items(error.get("bases")) if isinstance(base, str)]
    bases = [name for name in names if name not in {"Exception", "BaseException", "object"}]
    return str(bases[0] if bases else error.get("type"))


def _flat(value: Any, name: str) -> Iterator[Leaf]:
    match value:
        case torch.Tensor():
            yield _tensor_leaf(value, name)
        case bool() | str() | None:
            yield Leaf(f"{name}: {value!r}")
        case int() | float():
            yield Leaf(f"{name}: number", torch.tensor(float(value), dtype=torch.float64))
        case tuple() | list():
            yield Leaf(f"{name}: sequence of {len(value)}")
            for i, item in enumerate(value):
                yield from _flat(item, f"{name}.{i}")
        case dict():
            yield Leaf(f"{name}: mapping of {len(value)}")
            for key in sorted(value):
                yield from _flat(value[key], f"{name}.{key}")
        case Opaque():
            yield Leaf(f"{name}: {value.description}")
        case _:
            yield Leaf(f"{name}: {value!r}")


def _tensor_leaf(tensor: torch.Tensor, name: str) -> Leaf:
    dtype = str(tensor.dtype).removeprefix("torch.")
    label = f"{name}: {dtype} {list(tensor.shape)}{' with gradient' if tensor.requires_grad else ''}"
    numbers = tensor.detach()
    return Leaf(label, numbers if numbers.dtype is torch.float64 else numbers.float())

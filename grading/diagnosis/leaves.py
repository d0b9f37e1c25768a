"""What a submission answered, flattened to leaves that can be compared with what another file answers.

A leaf is a label, which has to agree exactly (what kind of value, which shape and dtype, which exception), and numbers,
which have to agree within the tolerance of the checks. What no check judges is left out: line numbers, printed text,
the names of the tuple's class, and of a model the names and starting values of its layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..boundary import replies
from ..boundary.shared import wire
from ..boundary.shared.wire import Opaque
from ..checks.compare import TOLERANCES

ATTRIBUTE = "attribute "
"""How the label of an attribute of a model begins, of which a student's may have more."""
WITH_GRADIENT = " with gradient"
"""How the label of a tensor ends that takes part in gradients."""
NO_NUMBERS = torch.empty(0)


@dataclass(frozen=True)
class Leaf:
    """One part of an answer.

    Attributes:
        label: what it is.
        numbers: the numbers in it, any shape.
        message: the message of an exception; whether it has to agree depends on what the right answer would be.
        extra: it counts only where the other answer has one of this name, the label up to its colon.
    """

    label: str
    numbers: torch.Tensor = NO_NUMBERS
    message: str = ""
    extra: bool = False

    @property
    def raised(self) -> bool:
        """Whether this is an exception."""
        return self.label.startswith("raises ")


def same(one: list[Leaf], other: list[Leaf]) -> bool:
    """Whether two answers are the same, the messages of exceptions aside."""
    plain = [[leaf for leaf in answer if not leaf.extra] for answer in (one, other)]
    extra = [{leaf.label.partition(": ")[0]: leaf for leaf in answer if leaf.extra} for answer in (one, other)]
    if len(plain[0]) != len(plain[1]):
        return False
    pairs = [
        *zip(*plain, strict=True),
        *((extra[0][name], extra[1][name]) for name in extra[0].keys() & extra[1].keys()),
    ]
    return all(_same(a, b) for a, b in pairs)


def messages(answer: list[Leaf]) -> list[str]:
    """The messages of the exceptions in an answer."""
    return [leaf.message for leaf in answer if leaf.raised]


def _same(a: Leaf, b: Leaf) -> bool:
    if a.label != b.label or a.numbers.shape != b.numbers.shape:
        return False
    rtol, atol = TOLERANCES[a.numbers.dtype]
    return torch.allclose(a.numbers, b.numbers, rtol=rtol, atol=atol, equal_nan=True)


class Reader:
    """Reads the replies of one conversation, the oldest first."""

    def __init__(self) -> None:
        self._models: dict[Any, dict[str, torch.Tensor]] = {}

    def leaves(self, reply: bytes) -> list[Leaf]:
        """The leaves of a reply frame."""
        return self.read(fields_of(reply))

    def read(self, fields: Mapping[str, Any], names: Mapping[str, str] | None = None) -> list[Leaf]:
        """The leaves of a reply.

        Args:
            fields: of the reply.
            names: what to call the parameters of the model that gradients are of; as they are where not given.
        """
        error = fields.get("error")
        if isinstance(error, dict):
            return [Leaf(f"raises {_exception(error)}", message=replies.text(error.get("message")))]
        found: list[Leaf] = []
        if "value" in fields:
            found += _flat(fields["value"], "value")
        for key in ("mutated", "disturbed"):
            marks = replies.items(fields.get(key))
            found += [Leaf(f"{key}: {', '.join(map(str, marks))}")] if marks else []  # nothing is the rule
        for i, gradient in enumerate(replies.items(fields.get("inputs"))):
            found += _gradient(gradient, f"gradient {i}")
        gradients = fields.get("parameters")
        if isinstance(gradients, dict):
            renamed = {(names or {}).get(name, name): gradient for name, gradient in gradients.items()}
            for name in sorted(renamed):
                found += _gradient(renamed[name], f"gradient of {name}")
        for described in replies.items(fields.get("models")):
            found += self._model(described)
        return found

    def _model(self, described: Any) -> Iterator[Leaf]:
        """What is judged of a new model: its class, the shapes of its parameters, and whether they are others' too."""
        parameters = parameters_of(described)
        attributes = described.get("attributes") if isinstance(described, dict) else None
        name = f"model {described.get('class')!r}" if isinstance(described, dict) else "no model"
        shapes = sorted(f"{str(p.dtype).removeprefix('torch.')} {list(p.shape)}" for p in parameters.values())
        number = str(described.get("number")) if isinstance(described, dict) else ""
        # What a model that was described before holds by now is what it was given.
        begins = [other for other, held in self._models.items() if _begin_alike(parameters, held)]
        earlier = "before" if number in self._models else next(iter(begins), None)
        weights = [p for p in parameters.values() if p.dim() > 1]
        empty = sum(not bool(p.any()) for p in weights)
        # Units that are alike are another fault than models that begin alike, which can have either.
        alike = sum(_rows_alike(p) and bool(p.any()) for p in weights)
        units = f"; {alike} of units that are alike" if alike else ""
        yield Leaf(f"{name} with {', '.join(shapes)}; begins as {earlier}; {empty} of 0{units}")
        for key, value in sorted(attributes.items()) if isinstance(attributes, dict) else ():
            yield Leaf(f"{ATTRIBUTE}{key}: {value!r}", extra=True)
        self._models.setdefault(number, parameters)


def fields_of(frame: bytes) -> dict[str, Any]:
    """The fields of a reply frame, unpacked."""
    decoded = wire.decode(frame)
    return {key: wire.unpack(value, decoded.arrays) for key, value in decoded.header["reply"].items()}


def parameters_of(described: Any) -> dict[str, torch.Tensor]:
    """The parameters of a model as the far side describes it, in the order in which it has them."""
    parameters = described.get("parameters") if isinstance(described, dict) else None
    items = parameters.items() if isinstance(parameters, dict) else ()
    return {name: value for name, value in items if isinstance(value, torch.Tensor)}


def _rows_alike(weight: torch.Tensor) -> bool:
    """Whether all rows, of which there are several, hold the same; of others two tell it, which takes less time."""
    return len(weight) > 1 and torch.equal(weight[0], weight[1]) and bool((weight == weight[:1]).all())


def _begin_alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    pairs = [(value, other.get(name)) for name, value in one.items()]
    return bool(pairs) and all(b is not None and a.shape == b.shape and torch.equal(a, b) for a, b in pairs)


def _gradient(gradient: Any, name: str) -> Iterator[Leaf]:
    """A gradient; one of zeros is as good as none."""
    if gradient is not None and not (isinstance(gradient, torch.Tensor) and not bool(gradient.any())):
        yield from _flat(gradient, name)


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
    label = f"{name}: {dtype} {list(tensor.shape)}{WITH_GRADIENT if tensor.requires_grad else ''}"
    numbers = tensor.detach()
    return Leaf(label, numbers if numbers.dtype is torch.float64 else numbers.float())

"""The wire format: what may cross the boundary, and in which bytes.

A frame is a JSON header followed by raw little-endian array bytes. Nothing is ever unpickled. Both sides use this file,
but only the grader has to distrust what it decodes, so every limit is enforced by the decoder.

A value on the wire is a JSON scalar or an object with one tag:

    {"float": "nan"}            a float that JSON cannot hold
    {"tensor": 3}               the fourth array of the frame
    {"tuple": [...]}, {"list": [...]}, {"dict": [[key, value], ...]}
    {"record": "Output", "fields": [[name, value], ...]}        to be built from the student's own class
    {"model": 1}                a torch module that stays on the student's side
    {"opaque": "builtins.set"}  something that cannot cross, by the name of its type
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from .framing import MAX_PAYLOAD, PREFIX, WireError, frame_size
from .text import clean

MAX_DEPTH = 12
MAX_LENGTH = 10_000
MAX_ARRAYS = 4_096
LARGEST_INT = 2**63

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    )
}

_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_PLAIN = (torch.Tensor, torch.nn.Parameter)
# Made once: json.dumps makes another one at each call that asks for anything unusual.
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True)
class Record:
    """An instance of a class of the student's file, to be built there from these fields."""

    class_name: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class ModelHandle:
    """A torch module that stays on the student's side, known here by its number."""

    number: int


@dataclass(frozen=True)
class Opaque:
    """A value that cannot cross the boundary, known here by what it is."""

    description: str

    def __repr__(self) -> str:
        return f"<{self.description}>"


@dataclass
class Frame:
    """A decoded message: its header, in which tagged values are still tagged, and its arrays."""

    header: dict[str, Any]
    arrays: list[torch.Tensor | None] = field(default_factory=list)


# --- values to tagged JSON ---


def pack(value: Any, arrays: list[torch.Tensor], depth: int = 0) -> Any:
    """The tagged form of ``value``; its tensors are appended to ``arrays``."""
    if depth > MAX_DEPTH:
        return {"opaque": "nested too deeply"}
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind in _PLAIN:
        return _pack_tensor(value, arrays)
    if kind is int:
        return value if abs(value) < LARGEST_INT else {"opaque": "an int of more than 64 bits"}
    if kind is str:
        return clean(value)
    if isinstance(value, float):  # numpy's float64 is one, too
        value = float(value)
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, torch.Tensor):
        return _pack_tensor(value, arrays)
    if isinstance(value, Record):
        fields = [[name, pack(item, arrays, depth + 1)] for name, item in value.fields.items()]
        return {"record": value.class_name, "fields": fields}
    if isinstance(value, ModelHandle):
        return {"model": value.number}
    if isinstance(value, Opaque):
        return {"opaque": clean(value.description, 200)}
    if isinstance(value, (tuple, list, dict)) and len(value) > MAX_LENGTH:
        return {"opaque": f"a {kind.__name__} of {len(value)} elements"}
    if isinstance(value, tuple):  # named tuples cross as plain ones: structure is judged, not the class
        return {"tuple": [pack(item, arrays, depth + 1) for item in tuple.__iter__(value)]}
    if isinstance(value, list):
        return {"list": [pack(item, arrays, depth + 1) for item in list.__iter__(value)]}
    if kind is dict:
        return {"dict": [[clean(str(key), 200), pack(item, arrays, depth + 1)] for key, item in value.items()]}
    if isinstance(value, (np.integer, np.floating, np.bool_)):  # a number all the same
        return pack(value.item(), arrays, depth)
    return {"opaque": clean(f"{kind.__module__}.{kind.__qualname__}", 200)}


def _pack_tensor(tensor: torch.Tensor, arrays: list[torch.Tensor]) -> Any:
    reason = refusal(tensor)
    if reason:
        return {"opaque": reason}
    arrays.append(tensor)
    return {"tensor": len(arrays) - 1}


def refusal(tensor: torch.Tensor) -> str | None:
    """Why this tensor cannot cross, or None: plain strided CPU tensors of common types can."""
    if type(tensor) not in _PLAIN:
        return f"a tensor subclass, {type(tensor).__name__}"
    if tensor.layout is not torch.strided:
        return f"a {str(tensor.layout).removeprefix('torch.')} tensor"
    if tensor.device.type != "cpu":
        return f"a tensor on the {tensor.device.type} device"
    if tensor.dtype not in _NAMES:
        return f"a {str(tensor.dtype).removeprefix('torch.')} tensor"
    if tensor.dim() > 16 or tensor.numel() * tensor.element_size() > MAX_PAYLOAD:
        return f"a tensor of shape {str(tuple(tensor.shape))[:100]}, which is too large"
    return None


def unpack(tagged: Any, arrays: list[torch.Tensor | None], depth: int = 0) -> Any:
    """The value behind its tagged form; each array goes to one place, so that no frame is larger than its bytes.

    Args:
        tagged: the form.
        arrays: those of the frame; what was used is replaced by None.
        depth: how deep in another value this one is.

    Raises:
        WireError: if the form is none of those above or exceeds a limit.
    """
    if depth > MAX_DEPTH + 2:
        raise WireError("a value is nested too deeply")
    if isinstance(tagged, str):
        return clean(tagged)
    if tagged is None or isinstance(tagged, (bool, float)):
        return tagged
    if isinstance(tagged, int):
        if abs(tagged) >= LARGEST_INT:
            raise WireError("an int of more than 64 bits")
        return tagged
    if not isinstance(tagged, dict) or not tagged:
        raise WireError("a value without a tag")
    tag, content = next(iter(tagged.items()))
    if tag == "float" and content in ("nan", "inf", "-inf"):
        return float(content)
    if tag == "tensor" and isinstance(content, int) and 0 <= content < len(arrays):
        array, arrays[content] = arrays[content], None
        if array is None:
            raise WireError("an array with two names")
        return array
    if tag == "model" and isinstance(content, int):
        return ModelHandle(content)
    if tag == "opaque" and isinstance(content, str):
        return Opaque(clean(content, 200))
    if tag == "record" and isinstance(content, str):
        return Record(clean(content, 200), _unpack_pairs(tagged.get("fields"), arrays, depth))
    if tag == "dict":
        return _unpack_pairs(content, arrays, depth)
    if tag in ("tuple", "list") and isinstance(content, list) and len(content) <= MAX_LENGTH:
        items = [unpack(item, arrays, depth + 1) for item in content]
        return tuple(items) if tag == "tuple" else items
    raise WireError("a value with an unknown tag")


def values_in(value: Any) -> int:
    """How many values there are in a JSON value, itself included."""
    count, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        count += 1
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return count


def _unpack_pairs(pairs: Any, arrays: list[torch.Tensor | None], depth: int) -> dict[str, Any]:
    if not isinstance(pairs, list) or len(pairs) > MAX_LENGTH:
        raise WireError("a mapping that is none")
    result: dict[str, Any] = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise WireError("a mapping that is none")
        result[clean(pair[0], 200)] = unpack(pair[1], arrays, depth + 1)
    return result


# --- frames to bytes ---


def encode(header: dict[str, Any], arrays: list[torch.Tensor]) -> bytes:
    """One frame as bytes."""
    described = [{"dtype": _NAMES[a.dtype], "shape": list(a.shape), "grad": a.requires_grad} for a in arrays]
    text = _ENCODER.encode({**header, "arrays": described}).encode()
    parts = [_tensor_bytes(a) for a in arrays]
    return b"".join((PREFIX.pack(len(text), sum(map(len, parts))), text, *parts))


def _tensor_bytes(tensor: torch.Tensor) -> memoryview | bytes:
    """The elements in order; where they lie so already, it is these themselves and no copy of them."""
    if not tensor.numel():
        return b""
    plain = tensor.detach()
    if plain.is_neg():
        plain = plain.resolve_neg()
    # One element of any stride is called contiguous, and then its bytes cannot be viewed.
    if plain.numel() == 1 or not plain.is_contiguous():
        plain = plain.clone(memory_format=torch.contiguous_format)
    return plain.reshape(-1).view(torch.uint8).numpy().data


def decode(data: bytes) -> Frame:
    """The frame in ``data``, which must hold exactly one.

    Raises:
        WireError: if it does not, or exceeds a limit.
    """
    if len(data) < PREFIX.size:
        raise WireError("a frame that is cut short")
    header_size, payload_size = frame_size(data[: PREFIX.size])
    if len(data) != PREFIX.size + header_size + payload_size:
        raise WireError("a frame of the wrong length")
    try:
        header = json.loads(data[PREFIX.size : PREFIX.size + header_size])
    except (ValueError, RecursionError) as error:
        raise WireError("a header that is not JSON") from error
    if not isinstance(header, dict) or not isinstance(header.get("arrays"), list):
        raise WireError("a header without its fields")
    arrays = _decode_arrays(header.pop("arrays"), memoryview(data)[PREFIX.size + header_size :])
    return Frame(header, arrays)


def _decode_arrays(described: list[Any], payload: memoryview) -> list[torch.Tensor | None]:
    if len(described) > MAX_ARRAYS:
        raise WireError("too many arrays")
    arrays: list[torch.Tensor | None] = []
    offset = 0
    for entry in described:
        dtype, shape = _checked_description(entry)
        numel = math.prod(shape)
        size = numel * dtype.itemsize
        if offset + size > len(payload):
            raise WireError("an array that is cut short")
        raw = bytearray(payload[offset : offset + size])
        offset += size
        stored = torch.uint8 if dtype is torch.bool else dtype
        tensor = torch.frombuffer(raw, dtype=stored) if numel else torch.empty(0, dtype=stored)
        if dtype is torch.bool:
            tensor = tensor != 0  # a bool byte other than 0 or 1 is undefined behaviour in torch
        tensor = tensor.reshape(shape) if numel else torch.empty(shape, dtype=tensor.dtype)
        if entry.get("grad") is True and dtype.is_floating_point:
            tensor.requires_grad_(True)
        arrays.append(tensor)
    if offset != len(payload):
        raise WireError("bytes after the last array")
    return arrays


def _checked_description(entry: Any) -> tuple[torch.dtype, list[int]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str) or entry["dtype"] not in DTYPES:
        raise WireError("an array of unknown type")
    shape = entry.get("shape")
    if not isinstance(shape, list) or len(shape) > 16:
        raise WireError("an array without a shape")
    # The product without its zeros too: torch multiplies the sizes of an empty tensor in 64 bits.
    whole = all(type(size) is int and size >= 0 for size in shape)
    if not whole or math.prod(size for size in shape if size) > MAX_PAYLOAD:
        raise WireError("an array with an impossible shape")
    return DTYPES[entry["dtype"]], shape

"""A trained network as text that a web page can run: its layers found by tracing, its weights in few bits."""

import base64
import operator
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, fx, nn

Array = NDArray[np.float64]
LEAST_BITS, MOST_BITS = 2, 16
DIGITS = 8  # significant ones of a number in the page: those of float32

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda values: np.maximum(values, 0),
    "tanh": np.tanh,
    "sigmoid": lambda values: 1 / (1 + np.exp(-np.clip(values, -700, 700))),
}
# What a traced graph may call them: a layer's type, a function, or a tensor's method.
NAMES: dict[Any, str] = {
    kind: name
    for name, layer in (("relu", nn.ReLU), ("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid))
    for kind in (layer, getattr(torch, name), getattr(F, name), name)
}
# They change nothing in a vector; that they changed nothing here either is checked on numbers.
NOTHING = (
    nn.Identity, nn.Dropout, nn.Flatten, torch.flatten, "flatten", "view", "reshape", "contiguous", "clone", "float",
)  # fmt: skip


class NotExportable(Exception):
    """A network that the page cannot run; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class Linear:
    """A linear layer: ``weight`` of shape ``(outputs, inputs)`` and ``bias`` of shape ``(outputs,)``."""

    weight: Array
    bias: Array


Layer = Linear | str


def run(layers: list[Layer], x: Array) -> Array:
    """Send a batch ``(N, inputs)`` through layers."""
    for layer in layers:
        x = ACTIVATIONS[layer](x) if isinstance(layer, str) else x @ layer.weight.T + layer.bias
    return x


def trace(model: nn.Module, method: str) -> list[list[tuple[fx.Node, Layer]]]:
    """The layers of a method that maps one tensor to one or several.

    Args:
        model: has the method.
        method: ``"decode"`` or ``"encode"``.

    Returns:
        For each tensor that it returns, the way from the input to it. Two ways that begin with the same nodes share
        those layers.

    Raises:
        NotExportable: if it is anything but a chain of linear layers, ReLU, tanh and sigmoid.
    """
    asked = _Method(model, method)
    try:
        traced = fx.GraphModule(asked, _Tracer().trace(asked))
    except Exception as error:  # a student's code: it may branch on values, which a tracer cannot follow
        raise NotExportable(f"{method} cannot be traced ({type(error).__name__})") from error
    modules = dict(traced.named_modules())
    (result,) = (node.args[0] for node in traced.graph.nodes if node.op == "output")
    ends = result if isinstance(result, tuple | list) else [result]
    return [_way_to(end, modules, traced) for end in ends]


class _Tracer(fx.Tracer):
    """One that does not look into a linear layer, whatever else it does."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Linear) or super().is_leaf_module(m, module_qualified_name)


class _Method(nn.Module):
    """A module whose ``forward`` is another one's method, since that is what can be traced."""

    def __init__(self, model: nn.Module, method: str) -> None:
        super().__init__()
        self.model, self.method = model, method

    def forward(self, x: Tensor) -> Any:
        return getattr(self.model, self.method)(x)


def _way_to(node: Any, modules: dict[str, nn.Module], traced: fx.GraphModule) -> list[tuple[fx.Node, Layer]]:
    way: list[tuple[fx.Node, Layer]] = []
    while not isinstance(node, fx.Node) or node.op != "placeholder":
        if not isinstance(node, fx.Node) or not node.args:
            raise NotExportable("its output does not depend on its input alone")
        target: Any = modules[str(node.target)] if node.op == "call_module" else node.target
        kind = type(target) if node.op == "call_module" else target
        if isinstance(target, nn.Linear):
            way.append((node, _linear(target.weight, target.bias)))
        elif kind is F.linear:
            weight, bias = (_attribute(part, traced) for part in (*node.args[1:], *node.kwargs.values(), None)[:2])
            if weight is None:
                raise NotExportable("a linear layer has no weights of its own")
            way.append((node, _linear(weight, bias)))
        elif kind in NAMES:
            way.append((node, NAMES[kind]))
        elif kind not in NOTHING:
            raise NotExportable(f"it contains {getattr(kind, '__name__', kind)}")
        node = node.args[0]
    return way[::-1]


def _attribute(node: Any, traced: fx.GraphModule) -> Tensor | None:
    named = isinstance(node, fx.Node) and node.op == "get_attr"
    found = operator.attrgetter(str(node.target))(traced) if named else None
    return found if isinstance(found, Tensor) else None


def _linear(weight: Tensor, bias: Tensor | None) -> Linear:
    values = weight.detach().cpu().double().numpy()
    added = np.zeros(len(values)) if bias is None else bias.detach().cpu().double().numpy()
    if not (np.isfinite(values).all() and np.isfinite(added).all()):
        raise NotExportable("some of its weights are not finite")
    return Linear(values, added)


@dataclass(frozen=True)
class Whole:
    """A matrix as whole numbers of 16 bits, each column with its scale; the page gets no other.

    Attributes:
        values: shape ``(rows, columns)``.
        scale: shape ``(columns,)``.
    """

    values: NDArray[np.int16]
    scale: Array

    @classmethod
    def of(cls, matrix: Array, bits: int | NDArray[np.int64] = MOST_BITS) -> "Whole":
        """Round a matrix to numbers of so many bits, all of them or each row; the fewer, the smaller the page."""
        largest = np.abs(matrix).max(axis=0, initial=0.0)
        scale = _rounded(np.where(largest > 0, largest, 1.0) / (2 ** (MOST_BITS - 1) - 1))
        step = np.broadcast_to(2.0 ** (MOST_BITS - np.asarray(bits)), len(matrix))[:, None]
        most = np.floor((2 ** (MOST_BITS - 1) - 1) / step)
        return cls((np.clip(np.rint(matrix / scale / step), -most, most) * step).astype(np.int16), scale)

    def matrix(self) -> Array:
        """What the page computes with."""
        return self.values * self.scale

    def packed(self) -> dict[str, Any]:
        """What goes into the page: all high bytes, then all low ones, since those of one kind compress better."""
        rows, columns = self.values.shape
        planes = self.values.astype(">i2").view(np.uint8).reshape(-1, 2).T.tobytes()
        return {"rows": rows, "columns": columns, "scale": self.scale.tolist(), "values": pack_bytes(planes)}


def pack_bytes(content: bytes) -> str:
    """Base64 around zlib, which a browser can undo."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def pack_layers(layers: list[Layer], bits: int = MOST_BITS) -> tuple[list[Any], list[Layer]]:
    """Layers with so many bits a weight: what goes into the page, and the layers that the page will have."""
    packed: list[Any] = []
    kept: list[Layer] = []
    for layer in layers:
        if isinstance(layer, Linear):
            weight, bias = Whole.of(layer.weight, bits), _rounded(layer.bias)
            packed.append({"weight": weight.packed(), "bias": bias.tolist()})
            kept.append(Linear(weight.matrix(), bias))
        else:
            packed.append(layer)
            kept.append(layer)
    return packed, kept


def pack_decoder(layers: list[Layer], codes: Array, near: Callable[[Array], NDArray[np.bool_]]) -> list[Any]:
    """A decoder whose last linear layer, nearly all of it, has as few bits for each pixel as its pixel needs.

    Args:
        layers: the decoder.
        codes: to try it on, shape ``(N, L)``.
        near: which pixels of the output, shape ``(N, D)``, are near enough for every code; shape ``(D,)``.

    Raises:
        NotExportable: if 16 bits do not suffice, or there is no linear layer.
    """
    places = [place for place, layer in enumerate(layers) if isinstance(layer, Linear)]
    if not places:
        raise NotExportable("it has no linear layer")
    before, last, after = layers[: places[-1]], layers[places[-1]], layers[places[-1] + 1 :]
    assert isinstance(last, Linear)
    packed, kept = pack_layers(before)
    features, bias = run(kept, codes), _rounded(last.bias)
    bits = np.full(len(bias), MOST_BITS + 1)
    for tried in range(MOST_BITS, LEAST_BITS - 1, -1):
        seen = Linear(Whole.of(last.weight, tried).matrix(), bias)
        good = near(run([seen, *after], features))
        bits[good & (bits == tried + 1)] = tried
    if (bits > MOST_BITS).any():
        raise NotExportable("its weights are too uneven for 16 bits")
    return [*packed, {"weight": Whole.of(last.weight, bits).packed(), "bias": bias.tolist()}, *after]


def _rounded(values: Array) -> Array:
    """Numbers as precise as float32, which are written with few digits."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in values.ravel()]).reshape(values.shape)

"""Autograd across the boundary: a call on the far side is one node of the graph on this side."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch.autograd.function import once_differentiable

from . import replies
from .errors import ViolationError


class Asked(Protocol):
    """Whoever can be asked for a vector-Jacobian product of an earlier call."""

    def request(self, operation: str, **fields: Any) -> dict[str, Any]:
        """Ask for one operation and return its reply."""
        ...

    def release(self, number: int) -> None:
        """Let the far side forget the graph of a call."""
        ...


class Link:
    """Holds the far side's graph of one call for as long as this side's graph refers to it.

    Args:
        session: the conversation in which the call was made.
        number: that of the call.
        names: the parameters of the model whose method it was.
        scale: what each cotangent is multiplied by, and each gradient divided by again.
    """

    def __init__(self, session: Asked, number: int, names: list[str], scale: float) -> None:
        self.session, self.number, self.names, self.scale = session, number, names, scale
        self.tied: list[int] = []
        self.outputs: list[torch.Tensor] = []
        self._last: tuple[list[torch.Tensor | None], dict[str, Any]] | None = None

    def gradients(self, cotangents: list[torch.Tensor | None]) -> dict[str, Any]:
        """What the far side answers for these cotangents; asked once where gradients are wanted one after the other."""
        if self._last is None or not all(_equal(*pair) for pair in zip(cotangents, self._last[0], strict=True)):
            self._last = cotangents, self.session.request("vjp", call=self.number, cotangents=cotangents)
        return self._last[1]

    def __del__(self) -> None:
        self.session.release(self.number)


class Bridge(torch.autograd.Function):
    """One call as one node of the autograd graph: backward asks the far side for a vector-Jacobian product."""

    @staticmethod
    def forward(ctx: Any, link: Link, inputs: int, *leaves: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs that require gradients, as they came."""
        ctx.link, ctx.inputs, ctx.count = link, inputs, len(link.outputs)
        ctx.leaves = [(leaf.shape, leaf.dtype) for leaf in leaves]
        ctx.set_materialize_grads(False)
        outputs, link.outputs = link.outputs, []
        return tuple(outputs[i] for i in link.tied)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: torch.Tensor | None) -> tuple[Any, ...]:
        """The far side's gradients for everything that went in."""
        link: Link = ctx.link
        every: list[torch.Tensor | None] = [None] * ctx.count
        for i, cotangent in zip(link.tied, cotangents, strict=True):
            every[i] = None if cotangent is None else cotangent * link.scale
        reply = link.gradients(every)
        inputs, parameters = replies.items(reply.get("inputs")), reply.get("parameters")
        if len(inputs) != ctx.inputs or not isinstance(parameters, dict):
            raise ViolationError("the submission's process sent gradients of something else")
        gradients = [*inputs, *(parameters.get(name) for name in link.names)]
        found = [replies.gradient(g, leaf) for g, leaf in zip(gradients, ctx.leaves, strict=True)]
        return (None, None, *(None if gradient is None else gradient / link.scale for gradient in found))


def _equal(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)

"""A conversation with the far side: a file is loaded, its functions are called, gradients are asked for."""

from __future__ import annotations

import gc
import itertools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from . import replies
from .bridge import Bridge, Link
from .channels import Channel
from .errors import RefusedError, ViolationError
from .proxy import Model
from .records import CallRecord, SourceFile
from .replies import tensors_in
from .shared import wire
from .shared.arrival import Arrival, drawn
from .shared.framing import WireError
from .shared.wire import Opaque, Record
from .transcript import Transcript

COLLECT_AFTER = 128 << 20
"""Bytes of answers after which garbage is collected: failed checks leave tensors in cycles, and Python does not count
their bytes."""


__all__ = ["Session", "SourceFile"]


@dataclass
class Session:
    """A conversation with one executor that has loaded one file.

    Args:
        channel: carries the frames.
        timeout: seconds that one request may take.
        replacements: makes the calls, given this session and what ``call`` is given, where parts of the submission are
            answered for by somebody else.
        varied: let the arguments of its calls arrive in turning ways (``Arrival``).
        between: let other calls come between an answer and its gradients, as losses of several batches are added.
        follows: the conversation beside which this one is held: its calls are made as the last one was there.
        scale: what each cotangent of a vector-Jacobian product is multiplied by, and each gradient divided by again: a
            power of two, with which a right one stays what it is to the last bit. Its sign is a matter of each call,
            and in a quarter of them it is 1.

    Attributes:
        asked: how the arguments of the last call arrived, and how often it had been made before.
        left: what the file has left of torch otherwise than it was, where it was loaded: "grad mode".
    """

    channel: Channel
    timeout: float = 10.0
    output: str = ""
    calls: list[CallRecord] = field(default_factory=list)
    transcript: Transcript = field(default_factory=Transcript)
    relied_on: set[tuple[str, ...]] = field(default_factory=set)
    received: int = 0
    _values: int = 0
    replacements: Callable[..., Any] | None = None
    varied: bool = False
    between: bool = False
    follows: Session | None = None
    scale: float = 1.0
    asked: tuple[Arrival, int] = (Arrival(0), 0)
    left: tuple[str, ...] = ()
    _uncollected: ClassVar[int] = 0
    _released: list[int] = field(default_factory=list)
    _random_seed: int = 0
    _next_seed: int | None = None
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def load(self, file: SourceFile, random_seed: int) -> None:
        """Run the student's file on the far side, its random generators seeded with ``random_seed``."""
        self._random_seed = random_seed
        source = torch.frombuffer(bytearray(file.source), dtype=torch.uint8) if file.source else torch.empty(0).byte()
        reply = self.request("load", module=file.module, filename=file.filename, source=source, random_seed=random_seed)
        self.left = tuple(replies.text(name) for name in replies.items(reply.get("left")))
        self._next_seed = random_seed

    def request(self, operation: str, **fields: Any) -> dict[str, Any]:
        """Ask for one operation and return its reply.

        Raises:
            SubmissionFault: what the student's code did instead of answering.
        """
        released, self._released = self._released, []
        arrays: list[torch.Tensor] = []
        body = {"op": operation, "release": released, **fields}
        tagged = {key: wire.pack(value, arrays) for key, value in body.items()}
        replies.refuse_large(arrays)
        number = secrets.token_hex(8)  # unpredictable, so that an answer cannot be written before it is asked for
        asked = wire.encode({"id": number, "request": tagged}, arrays)
        data = self.channel.exchange(asked, self.timeout)
        self._count(len(data))
        try:
            frame = wire.decode(data)
            self._values += wire.values_in(frame.header)
            if self._values > replies.MAX_VALUES:
                raise WireError(f"over {replies.MAX_VALUES:,} values in answer to one check")
            if frame.header.get("id") != number or not isinstance(frame.header.get("reply"), dict):
                raise WireError("an answer to nothing that was asked")
            reply = {str(key): wire.unpack(value, frame.arrays) for key, value in frame.header["reply"].items()}
        except WireError as error:
            self.channel.close()
            raise ViolationError(f"the submission's process sent {error}") from None
        self.transcript.add(asked, data)
        if isinstance(reply.get("output"), str):
            self.output = (self.output + reply["output"])[:20_000]
        if isinstance(reply.get("error"), dict):
            fault = replies.fault(reply["error"])
            if isinstance(fault, ViolationError):
                self.channel.close()
            raise fault.with_traceback(self.channel.traceback())
        return reply

    def _count(self, size: int) -> None:
        """Bound what this check has received, and what checks before it have left behind."""
        self.received += size
        if self.received > replies.MAX_RECEIVED:
            self.channel.close()
            took = f"the answers to this check take over {replies.MAX_RECEIVED >> 20} MiB in all"
            raise RefusedError("shape", took)
        Session._uncollected += size
        if Session._uncollected > COLLECT_AFTER:
            Session._uncollected = 0
            gc.collect()

    def call(
        self,
        model: Model | None,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        seed: int | None,
        times: int = 0,
    ) -> Any:
        """Call a function of the student's file, or a method of one of its models; gradients flow through.

        It comes after ``times`` others like it; where parts of the submission are replaced, that is theirs to do.
        """
        if self.replacements is None:
            return self.ask(model, name, args, kwargs, seed, times=times)[0]
        return self.replacements(self, model, name, args, kwargs, seed, times)

    def ready(self) -> None:
        """The student's file is loaded: what a call has drawn before that would be drawn again."""

    def ask(
        self,
        model: Model | None,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        seed: int | None,
        replaced: Mapping[str, Any] | None = None,
        times: int = 0,
        arrival: Arrival | None = None,
    ) -> tuple[Any, str | None]:
        """Call a function, of which others may be ``replaced``: their names, and the answers that they give in turn.

        The call that counts comes after ``times`` others like it. Its arguments arrive as ``arrival`` says, or as it
        comes.

        Returns:
            The result and None; or the arguments, by position and by name, that a replaced function was called with
            when the answers had come to an end, and its name.
        """
        self.ready()
        number, replaced = next(self._numbers), replaced or {}
        # How many random numbers a file or a constructor draws is the student's affair: what comes next begins anew.
        begin, self._next_seed = (self._next_seed if seed is None else seed), None
        leaves = [
            leaf for value in (*args, *kwargs.values(), *replaced.get("answers", ())) for leaf in tensors_in(value)
        ]
        arrival, times = self._way(number, leaves, times) if arrival is None else (arrival, times)
        reply = self.request(
            "call",
            model=model.number if model is not None else None,
            name=name,
            args=args,
            kwargs=kwargs,
            seed=begin,
            grad=torch.is_grad_enabled(),
            call=number,
            arrival=int(arrival),
            times=times,
            parameters=model.changed_parameters() if model is not None else {},
            **replaced,
        )
        models = {m.number: m for m in (Model.described(self, entry) for entry in replies.items(reply.get("models")))}
        if models:
            self._next_seed = (self._random_seed + number + 1) % 2**31
        for made in models.values():
            made.made_by = (name, args, kwargs, seed)
        scale = 1.0 if Arrival.UNIT in arrival else -self.scale if Arrival.OPPOSITE in arrival else self.scale
        result = self._connect(number, model, leaves, reply.get("value"), models, scale)
        mutated, disturbed, named = (
            tuple(replies.text(name) for name in replies.items(reply.get(key)))
            for key in ("mutated", "disturbed", "fields")
        )
        line = replies.line_number(reply.get("line"))
        self.calls.append(CallRecord(name, args, kwargs, model, result, mutated, disturbed, line, named))
        asked = reply.get("asked")
        return result, replies.text(asked) if asked is not None else None

    def _way(self, number: int, leaves: list[torch.Tensor], times: int) -> tuple[Arrival, int]:
        """How the arguments of a call arrive, and after how many others like it."""
        if self.follows is not None:
            arrival, times = self.follows.asked[0], times or self.follows.asked[1]
        else:
            arrival = drawn(self._random_seed, number) if self.varied else Arrival(0)
            arrival = arrival if self.between else arrival & ~Arrival.BETWEEN
        if any(leaf.requires_grad and not leaf.is_leaf for leaf in leaves):
            arrival |= Arrival.RESULT  # as they are here
        if not leaves:  # a model that is made in inference mode can never be trained
            arrival &= ~(Arrival.INFERENCE | Arrival.TWICE)
        self.asked = arrival, times
        return self.asked

    def _connect(
        self,
        number: int,
        model: Model | None,
        leaves: list[torch.Tensor],
        value: Any,
        models: dict[int, Model],
        scale: float,
    ) -> Any:
        """``value`` with the tensors that require gradients tied to this side's autograd graph."""
        outputs = list(tensors_in(value))
        connected = [output.detach() for output in outputs]
        if torch.is_grad_enabled() and any(output.requires_grad for output in outputs):
            link = Link(self, number, list(model.parameters) if model is not None else [], scale)
            tied = [i for i, output in enumerate(outputs) if output.requires_grad]
            parameters = list(model.parameters.values()) if model is not None else []
            link.tied, link.outputs = tied, connected
            bridged = Bridge.apply(link, len(leaves), *leaves, *parameters)  # type: ignore[no-untyped-call]
            for i, tensor in zip(tied, bridged, strict=True):
                connected[i] = tensor
        remaining = iter(connected)

        def rebuild(item: Any) -> Any:
            if isinstance(item, torch.Tensor):
                return next(remaining)
            if isinstance(item, (tuple, list)):
                return type(item)(rebuild(part) for part in item)
            if isinstance(item, dict):
                return {key: rebuild(part) for key, part in item.items()}
            if isinstance(item, wire.ModelHandle):
                return models.get(item.number, Opaque("a model that was not described"))
            if isinstance(item, Record):
                raise ViolationError("the submission's process sent a record, which only the grader does")
            return item

        return rebuild(value)

    def fresh(self) -> Session:
        """A conversation with another executor, which has seen nothing of this one; here there is none."""
        return self

    def release(self, number: int) -> None:
        """Let the far side forget the graph of a call; told with the next request."""
        self._released.append(number)

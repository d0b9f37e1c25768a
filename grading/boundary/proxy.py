"""The grader's side: objects that look like the student's module and models, and compute on the far side.

The vocabulary is small on purpose: call a function, build a model, call its methods, its named parameters, gradients of
all of these, training mode, a seed for a call. Nothing more transparent than that crosses.
"""

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

__all__ = ["CallRecord", "Model", "Opaque", "Record", "Session", "SourceFile", "Submission"]


@dataclass
class Session:
    """A conversation with one executor that has loaded one file.

    Args:
        channel: carries the frames.
        timeout: seconds that one request may take.
        replacements: makes the calls, given this session and what ``call`` is given, where parts of the submission are
            answered for by somebody else.
        varied: let the arguments of its calls arrive in turning ways (``Arrival``).
        follows: the conversation beside which this one is held: its calls are made as the last one was there.

    Attributes:
        asked: how the arguments of the last call arrived, and how often it had been made before.
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
    follows: Session | None = None
    asked: tuple[Arrival, int] = (Arrival(0), 0)
    _uncollected: ClassVar[int] = 0
    _released: list[int] = field(default_factory=list)
    _random_seed: int = 0
    _next_seed: int | None = None
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def load(self, file: SourceFile, random_seed: int) -> None:
        """Run the student's file on the far side, its random generators seeded with ``random_seed``."""
        self._random_seed = random_seed
        source = torch.frombuffer(bytearray(file.source), dtype=torch.uint8) if file.source else torch.empty(0).byte()
        self.request("load", module=file.module, filename=file.filename, source=source, random_seed=random_seed)
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
        result = self._connect(number, model, leaves, reply.get("value"), models)
        mutated, disturbed = (
            tuple(replies.text(name) for name in replies.items(reply.get(key))) for key in ("mutated", "disturbed")
        )
        line = replies.line_number(reply.get("line"))
        self.calls.append(CallRecord(name, args, kwargs, model, result, mutated, disturbed, line))
        asked = reply.get("asked")
        return result, replies.text(asked) if asked is not None else None

    def _way(self, number: int, leaves: list[torch.Tensor], times: int) -> tuple[Arrival, int]:
        """How the arguments of a call arrive, and after how many others like it."""
        if self.follows is not None:
            arrival, times = self.follows.asked[0], times or self.follows.asked[1]
        else:
            arrival = drawn(self._random_seed, number) if self.varied else Arrival(0)
        if any(leaf.requires_grad and not leaf.is_leaf for leaf in leaves):
            arrival |= Arrival.RESULT  # as they are here
        if not leaves:  # a model that is made in inference mode can never be trained
            arrival &= ~Arrival.INFERENCE
        self.asked = arrival, times
        return self.asked

    def _connect(
        self, number: int, model: Model | None, leaves: list[torch.Tensor], value: Any, models: dict[int, Model]
    ) -> Any:
        """``value`` with the tensors that require gradients tied to this side's autograd graph."""
        outputs = list(tensors_in(value))
        connected = [output.detach() for output in outputs]
        if torch.is_grad_enabled() and any(output.requires_grad for output in outputs):
            link = Link(self, number, list(model.parameters) if model is not None else [])
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


class Model:
    """A model that lives on the student's side; its parameters are mirrored here, where an optimizer can step them."""

    def __init__(self, session: Session, number: int, class_name: str) -> None:
        self._session, self._seed = session, None
        self.number, self.class_name = number, class_name
        self.parameters: dict[str, torch.Tensor] = {}
        self.attributes: dict[str, Any] = {}
        self.lazy = False
        self._sent: dict[str, int] = {}
        # How to have another one like it.
        self.made_by: tuple[str, tuple[Any, ...], dict[str, Any], int | None] = ("", (), {}, None)
        self._doubled, self._mode = False, True
        self._twin: Model | None = None

    @classmethod
    def described(cls, session: Session, entry: Any) -> Model:
        """The proxy of a model that the far side described."""
        described = replies.Described.of(entry)
        model = cls(session, described.number, described.class_name)
        model._mirror(described)
        return model

    def _mirror(self, described: replies.Described) -> None:
        tensors = {name: t.detach() for name, t in described.parameters.items() if t.is_floating_point()}
        self.parameters = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
        self.attributes, self.lazy = described.attributes, described.lazy
        self._sent = {name: parameter._version for name, parameter in self.parameters.items()}

    def changed_parameters(self) -> dict[str, torch.Tensor]:
        """The mirrored parameters that were changed in place since they were last sent."""
        changed = {n: p.detach() for n, p in self.parameters.items() if p._version != self._sent[n]}
        self._sent.update({name: self.parameters[name]._version for name in changed})
        return changed

    def set(self, name: str, values: torch.Tensor | float) -> None:
        """Overwrite the parameter ``name`` with ``values`` (broadcast to its shape).

        Raises:
            RefusedError: the model has no such parameter, or it has another shape.
        """
        if name not in self.parameters:
            raise RefusedError("structure", f"the model has no parameter {name!r}: keep the given layers as they are")
        parameter, new = self.parameters[name], torch.as_tensor(values)
        if new.dim() and new.shape != parameter.shape:
            shape, wanted = tuple(parameter.shape), tuple(new.shape)
            raise RefusedError("structure", f"the parameter {name!r} has the shape {shape}, which should be {wanted}")
        with torch.no_grad():
            parameter.copy_(new)

    def alone(self) -> Model:
        """The same model in a process of its own: made by the same call, with these parameters, in this mode."""
        if self._twin is None:
            name, args, kwargs, seed = self.made_by
            fresh = self._session.fresh()
            if fresh.replacements is None:
                twin, _ = fresh.ask(None, name, args, kwargs, seed, arrival=Arrival(0))  # once, whatever was asked here
            else:
                twin = fresh.call(None, name, args, kwargs, seed)
            if not isinstance(twin, Model):
                raise RefusedError("structure", f"{name} returns a model at one time and something else at another")
            self._twin = twin.double() if self._doubled else twin
        with torch.no_grad():
            for parameter, values in self.parameters.items():
                if not torch.equal(self._twin.parameters.get(parameter, torch.empty(0)), values):
                    self._twin.set(parameter, values)
        return self._twin.train(self._mode)

    def share(self, other: Model) -> Model:
        """Take over the mirrored parameters of another model, which then get the gradients of both."""
        if other._doubled:
            self.double()
        self.parameters = {name: other.parameters[name] for name in self.parameters}
        self._sent = dict.fromkeys(self.parameters, -1)
        return self

    def double(self) -> Model:
        """Convert the model to float64, and mirror its parameters anew."""
        self._doubled = True
        return self._cast("float64")

    def float(self) -> Model:
        """Convert the model to float32, and mirror its parameters anew, of which a lazy model has more than before."""
        self._doubled = False
        return self._cast("float32")

    def _cast(self, dtype: str) -> Model:
        self._twin = None
        entries = replies.items(self._session.request("cast", model=self.number, dtype=dtype).get("models"))
        if len(entries) != 1:
            raise ViolationError(replies.WRONG_MODEL)
        self._mirror(replies.Described.of(entries[0]))
        return self

    def train(self, mode: bool = True) -> Model:
        """Set training mode, as ``torch.nn.Module.train``."""
        self._session.request("train", model=self.number, mode=mode)
        self._mode = mode
        return self

    def eval(self) -> Model:
        """Set evaluation mode, as ``torch.nn.Module.eval``."""
        return self.train(False)

    def seeded(self, seed: int) -> _Seeded:
        """This model, with torch's default generator seeded right before each call through the result."""
        return _Seeded(self._session, self, seed)

    def after(self, times: int, seed: int) -> _Seeded:
        """As ``seeded``, where each call through the result comes after so many others like it."""
        return _Seeded(self._session, self, seed, times)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model's forward pass, as calling a ``torch.nn.Module`` does."""
        return self._session.call(self, "__call__", args, kwargs, None)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _method(self._session, self, name, None)


class Submission:
    """The student's file as a test sees it: ``submission.predict(x)`` calls the function there."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, class_name: str, /, **fields: Any) -> Record:
        """An argument that the far side builds from the student's own class, such as a named tuple."""
        return Record(class_name, fields)

    def seeded(self, seed: int) -> _Seeded:
        """This file, with torch's default generator seeded right before each call through the result."""
        return _Seeded(self._session, None, seed)

    def after(self, times: int, seed: int) -> _Seeded:
        """As ``seeded``, where each call through the result comes after so many others like it."""
        return _Seeded(self._session, None, seed, times)

    def alone(self) -> Submission:
        """The same file in a process of its own, which has seen nothing of what was asked here.

        A part that is asked there cannot know what for, so that it has no answer of its own for those who call it.
        """
        return Submission(self._session.fresh())

    def rely_on(self, *items: str) -> None:
        """Say that the check holds the submission to what these parts of it answer, which is not what they should.

        One bug costs one item: who calls a wrong function is not wrong for that. But if none of these items is found
        wrong by its own checks, then the part has answered wrongly for this check alone, and the check has failed.
        """
        self._session.relied_on.add(items)

    @property
    def calls(self) -> list[CallRecord]:
        """Every call of this check so far, oldest first."""
        return self._session.calls

    @property
    def mutated(self) -> tuple[str, ...]:
        """The arguments that the last call changed in place, by name or position."""
        return self._session.calls[-1].mutated if self._session.calls else ()

    @property
    def disturbed(self) -> tuple[str, ...]:
        """What the last call left of torch's own state otherwise than it was, such as its grad mode."""
        return self._session.calls[-1].disturbed if self._session.calls else ()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _method(self._session, None, name, None)


class _Seeded:
    """A submission or model whose calls are seeded, and come after so many others like them."""

    def __init__(self, session: Session, model: Model | None, seed: int, times: int = 0) -> None:
        self._session, self._model, self._seed, self._times = session, model, seed, times

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.call(self._model, "__call__", args, kwargs, self._seed, self._times)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return _method(self._session, self._model, name, self._seed, self._times)


def _method(session: Session, model: Model | None, name: str, seed: int | None, times: int = 0) -> Callable[..., Any]:
    if name.startswith("_"):  # copy, pickle and pytest's introspection probe for these
        raise AttributeError(name)

    def call(*args: Any, **kwargs: Any) -> Any:
        return session.call(model, name, args, kwargs, seed, times)

    call.__name__ = name
    return call

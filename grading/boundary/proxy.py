"""The grader's side: objects that look like the student's module and models, and compute on the far side.

The vocabulary is small on purpose: call a function, build a model, call its methods, its named parameters, gradients of
all of these, training mode, a seed for a call. Nothing more transparent than that crosses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from . import replies
from .errors import RefusedError, ViolationError
from .records import CallRecord
from .shared.arrival import Arrival
from .shared.wire import Opaque, Record

if TYPE_CHECKING:
    from .session import Session
    from .transcript import Transcript

__all__ = ["CallRecord", "Model", "Opaque", "Record", "Submission"]


OF_MODULES = ("eval", "train", "parameters", "state_dict", "zero_grad")
"""The methods of ``torch.nn.Module`` that are looked at."""


class Model:
    """A model that lives on the student's side; its parameters are mirrored here, where an optimizer can step them."""

    def __init__(self, session: Session, number: int, class_name: str) -> None:
        self._session, self._seed = session, None
        self.number, self.class_name = number, class_name
        self.bases: tuple[str, ...] = ()
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
        model.bases = described.bases
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
        changed = self.changed_parameters()
        reply = self._session.request("cast", model=self.number, dtype=dtype, parameters=changed)
        entries = replies.items(reply.get("models"))
        if len(entries) != 1:
            raise ViolationError(replies.WRONG_MODEL)
        self._mirror(replies.Described.of(entries[0]))
        return self

    def broken_as_module(self) -> tuple[str, ...]:
        """The methods of ``torch.nn.Module`` that do not do in this model what a training loop needs."""
        broken = replies.items(self._session.request("module", model=self.number).get("broken"))
        return tuple(name for name in OF_MODULES if name in broken)

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
    def asked(self) -> tuple[Arrival, int]:
        """How the last call's arguments arrived, and after how many others; so are its parts asked, alone.

        A check that asks parts later on sets it to what it was.
        """
        return self._session.asked

    @asked.setter
    def asked(self, way: tuple[Arrival, int]) -> None:
        self._session.asked = way

    @property
    def transcript(self) -> Transcript:
        """What was asked and answered so far."""
        return self._session.transcript

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

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields of what the last call returned, in order, if it is a named tuple."""
        return self._session.calls[-1].named if self._session.calls else ()

    @property
    def left_by_import(self) -> tuple[str, ...]:
        """What the file leaves of torch otherwise than it was, where it is imported: "grad mode"."""
        self._session.ready()
        return self._session.left

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

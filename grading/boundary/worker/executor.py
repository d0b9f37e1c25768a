"""Runs a student's file: the few things that the grader may ask of it, and nothing more.

An executor holds one loaded file, the models that its functions built, and the autograd graph of every call whose
result the grader still needs. It answers frames with frames, so that it works the same in the grader's own process (for
a debugger) and in a confined one (for a grade).
"""

from __future__ import annotations

import contextlib
import functools
import io
import linecache
import os
import random
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from ..shared import wire
from ..shared.arrival import Arrival
from ..shared.framing import MAX_PAYLOAD
from . import earlier
from .arguments import PARTS, Arguments, scaled
from .describing import broken_as_module, error_as_data, model_as_data
from .replaced import Asked, RefusedError, replacing
from .surroundings import Gradients, Seen, Surroundings, hooks_of, same

MAX_OUTPUT = 20_000
MAX_MODELS = 256
MAX_VALUES = 20_000


@dataclass
class _Call:
    """What a vector-Jacobian product needs: the leaves that went in and the tensors that came out.

    And a call with other numbers that comes between, if any: the answer has a graph of its own.
    """

    inputs: list[torch.Tensor]
    parameters: Mapping[str, torch.Tensor]
    outputs: list[torch.Tensor]
    between: Callable[[], None] | None = None


class _Made(NamedTuple):
    """What a call came to."""

    result: Any
    asked: str | None
    inputs: list[torch.Tensor]
    handed: list[torch.Tensor]
    parameters: dict[str, torch.nn.Parameter]
    mutated: list[str]
    disturbed: list[str]


class _Capped(io.TextIOBase):
    """A text stream that keeps the first characters and forgets the rest."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str, /) -> int:
        if len(self.text) < MAX_OUTPUT:
            self.text += str(text)[: MAX_OUTPUT - len(self.text)]
        return len(text)

    def writable(self) -> bool:
        return True


class Executor:
    """One student's file, loaded and ready to be called; to load a file makes all things new but the process.

    Args:
        capture: keep what the file prints, instead of letting it through to this process's own output.
        shared_process: the grader lives in this process too, so leave its random state alone.
    """

    def __init__(self, *, capture: bool = True, shared_process: bool = False) -> None:
        self.last_exception: BaseException | None = None
        self._capture = capture
        self._shared_process = shared_process
        self._module: types.ModuleType | None = None
        self._filename = ""
        self._models: dict[int, torch.nn.Module] = {}
        self._calls: dict[int, _Call] = {}
        self._surroundings = Surroundings()
        self._earlier: list[torch.Tensor] = []
        self._given: list[torch.Tensor] = []
        self._answers: list[torch.Tensor] = []
        self._random_state: torch.Tensor | None = None
        self._exported = 0
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "load": self._load,
            "call": self._call,
            "vjp": self._vjp,
            "train": self._train,
            "cast": self._cast,
            "module": self._as_module,
        }

    def handle(self, data: bytes) -> bytes:
        """Answer one request frame with one reply frame; an exception of the student's becomes data."""
        frame = wire.decode(data)
        request = {key: wire.unpack(value, frame.arrays) for key, value in frame.header["request"].items()}
        for number in request.get("release", []):
            self._calls.pop(number, None)
        self.last_exception = None
        stream = _Capped()
        try:
            with self._random(request.get("seed")), self._output_to(stream):
                reply = self._operations[request["op"]](request)
            return _answer(frame, reply, stream.text)
        except RefusedError as refused:
            error = {"refused": refused.kind, "message": str(refused), "type": "", "bases": [], "frames": []}
        except BaseException as raised:  # SystemExit and KeyboardInterrupt of the student's are results too
            if self._shared_process and isinstance(raised, KeyboardInterrupt):
                raise
            self.last_exception = raised
            error = error_as_data(raised, self._filename, self._models.values())
        return _answer(frame, {"error": error}, stream.text)

    # --- the operations ---

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        name, self._filename = request["module"], request["filename"]
        self._models.clear()  # of the check before, whose numbers begin at 0 as well
        self._calls.clear()
        self._earlier, self._given, self._answers = [], [], []
        self._surroundings.restore()
        source = request["source"].numpy().tobytes()
        _seed(request["random_seed"])
        _seed_others(request["random_seed"])
        code = _compiled(source, self._filename)
        # Without an entry here, a traceback of this file has no source lines.
        lines = source.decode("utf-8", "replace").splitlines(keepends=True)
        linecache.cache[self._filename] = (len(source), None, lines, self._filename)
        self._module = types.ModuleType(name)
        self._module.__file__ = self._filename
        sys.modules[name] = self._module
        with torch.enable_grad():  # which is as it was then, whatever the file does and however it ends
            exec(code, self._module.__dict__)
            left = [] if torch.is_grad_enabled() else ["grad mode"]
        return {"left": left}

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        model = self._models[request["model"]] if request["model"] is not None else None
        function = self._resolve(model, request["name"])
        self._take(model, request["parameters"])
        arrival = Arrival(request["arrival"])
        # A constant that a function keeps from a call in inference mode could never be used with gradients.
        inference = not request["grad"] and Arrival.INFERENCE in arrival
        twice = (inference or Arrival.TWICE in arrival) and not request.get("replaced")
        times = request["times"] or int(twice)
        if request.get("replaced"):  # it is made again with each answer, and has to come to the same questions
            _seed_others(request["seed"])
        self._surroundings.note()
        if times > 1:
            asked = [self._others(request, arrival, part) for part in range(1, PARTS + 1)]
            earlier.made_often(function, asked, times - 1, request["grad"])
        try:
            made = self._make(model, request, arrival, twice=times > 0)
        except RuntimeError as error:
            # Whoever writes `view` relies on rows without gaps, which nobody has promised nor denied.
            if Arrival.GAPS not in arrival or "view size is not compatible" not in str(error):
                raise
            torch.default_generator.set_state(self._surroundings.generator)
            made = self._make(model, request, arrival & ~Arrival.GAPS, twice=times > 0)
        outputs: list[torch.Tensor] = []
        described: list[dict[str, Any]] = []
        self._exported = 0
        value = self._export(made.result, outputs, described)
        kept = any(output.requires_grad for output in outputs)
        if kept:
            between = None
            if Arrival.BETWEEN in arrival and not request.get("replaced"):
                others = functools.partial(self._others, request, arrival, 1 - PARTS)  # of the other sign
                between = functools.partial(earlier.made_between, function, others)
            self._calls[request["call"]] = _Call(made.inputs, made.parameters, outputs, between)
        self._earlier, self._given, self._answers = [] if kept else made.handed, made.handed, outputs
        return {
            "value": value,
            "asked": made.asked,
            "mutated": made.mutated,
            "disturbed": made.disturbed,
            "models": described,
            "fields": list(getattr(made.result, "_fields", ())) if isinstance(made.result, tuple) else [],
            "line": self._line(function),
        }

    def _others(self, request: dict[str, Any], arrival: Arrival, part: int) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call with so many of ``PARTS`` parts of each number."""
        plain = Arguments(arrival & ~(Arrival.GAPS | Arrival.INFERENCE), [], self._build)
        return plain.of(*(scaled(request[key], part) for key in ("args", "kwargs")))

    def _vjp(self, request: dict[str, Any]) -> dict[str, Any]:
        call = self._calls[request["call"]]
        pairs = [
            (output, cotangent.detach())
            for output, cotangent in zip(call.outputs, request["cotangents"], strict=True)
            if cotangent is not None and output.requires_grad
        ]
        parameters = {name: p for name, p in call.parameters.items() if p.requires_grad}
        inputs = [leaf for leaf in call.inputs if leaf.requires_grad]
        wanted = [*inputs, *parameters.values()]
        gradients: list[torch.Tensor | None] = [None] * len(wanted)
        if call.between is not None:
            call.between()
            call.between = None
        if pairs and wanted:
            # One scalar with the same gradients, bit for bit: given cotangents, torch imports half a second of modules
            # for symbolic shapes. The graph is kept: the grader frees it by releasing the call, and may ask twice.
            with torch.enable_grad():
                # A sum hands the same gradient on to both of its terms.
                beside = [torch.zeros_like(output, requires_grad=True) for output, _ in pairs]
                sums = (((pair[0] + term) * pair[1]).sum() for pair, term in zip(pairs, beside, strict=True))
                total = sum(sums, start=torch.zeros(()))
            torch.rand(1)  # else a generator that is seeded again would be as it was
            self._surroundings.note()
            found = torch.autograd.grad([total], [*wanted, *beside], retain_graph=True, allow_unused=True)
            gradients = list(found[: len(wanted)])
            if changed := self._surroundings.changed():
                raise RuntimeError(f"the backward pass changes what others rely on: the {', '.join(changed)} of torch")
            if not all(same(g, pair[1].to(g)) for pair, g in zip(pairs, found[len(wanted) :], strict=True)):
                raise RuntimeError("the backward pass changes the gradient that it is given in place, which others get")
        of_inputs = iter(gradients[: len(inputs)])
        return {
            "inputs": [next(of_inputs) if leaf.requires_grad else None for leaf in call.inputs],
            "parameters": dict(zip(parameters, gradients[len(inputs) :], strict=True)),
        }

    def _train(self, request: dict[str, Any]) -> dict[str, Any]:
        model = self._models[request["model"]]
        model.train(request["mode"])
        self._surroundings.know(request["model"], model)
        return {}

    def _as_module(self, request: dict[str, Any]) -> dict[str, Any]:
        model = self._models[request["model"]]
        broken = broken_as_module(model)
        self._surroundings.know(request["model"], model)
        return {"broken": broken}

    def _cast(self, request: dict[str, Any]) -> dict[str, Any]:
        model = self._models[request["model"]]
        self._take(model, request["parameters"])
        if model.to(wire.DTYPES[request["dtype"]]) is not model:
            raise RefusedError("structure", f"{type(model).__name__}.to() returns another object than the model itself")
        self._surroundings.know(request["model"], model)
        return {"models": [model_as_data(request["model"], model)]}

    # --- helpers ---

    def _take(self, model: torch.nn.Module | None, parameters: Mapping[str, torch.Tensor]) -> None:
        """Give these values to the parameters of a model."""
        if model is None or not parameters:
            return
        own = dict(model.named_parameters())
        for name, value in parameters.items():
            if name not in own or own[name].shape != value.shape:
                raise RefusedError("structure", f"the model no longer has the parameter {name!r} that it began with")
            own[name].data.copy_(value)

    def _make(self, model: torch.nn.Module | None, request: dict[str, Any], arrival: Arrival, *, twice: bool) -> _Made:
        """Make a call, and see what it leaves otherwise than it was; where it is made ``twice``, at the second time."""
        arguments = Arguments(arrival, self._earlier, self._build)
        args, kwargs = arguments.of(request["args"], request["kwargs"])
        disturbed: list[str] = []
        if twice and not request.get("replaced"):
            function = self._resolve(model, request["name"])
            if not earlier.made_of_the_same(function, args, kwargs, arguments.handed, model, request["grad"]):
                arguments = Arguments(arrival, [], self._build)
                args, kwargs = arguments.of(request["args"], request["kwargs"])
            if model is not None:  # what a second call would put right
                disturbed, _ = self._surroundings.changed_in(request["model"], model)
        before = [(tensor.detach().clone(), tensor.requires_grad) for tensor in arguments.handed]
        inputs = [*arguments.inputs]
        replaced = request.get("replaced", [])
        given = Arguments(Arrival.RESULT, [], self._build)
        answers = [given.hand_over(value, "an answer") for value in request.get("answers", [])]
        asked: str | None = None
        own = {id(tensor) for tensor in arguments.handed}  # which may come again, with other numbers
        gradients, answered = Gradients(), Seen(self._answers, own)
        given_before = Seen(self._given, own)
        gradients.give(inputs)
        hooks = hooks_of((*arguments.handed, *inputs))
        with _recording(request["grad"], arrival), replacing(self._module, model, replaced, answers):
            try:
                result = self._resolve(model, request["name"])(*args, **kwargs)
            except Asked as question:
                asked, result = question.name, (question.args, question.kwargs)
            disturbed += ["grad mode"] if torch.is_grad_enabled() is not request["grad"] else []
        disturbed += self._surroundings.changed()
        disturbed += gradients.changed([*arguments.handed, *inputs])
        gradients.take_away()
        disturbed += ["hooks of arguments"] if hooks_of((*arguments.handed, *inputs)) != hooks else []
        disturbed += ["earlier answers"] if answered.changed() else []
        disturbed += ["earlier arguments"] if given_before.changed() else []
        parameters: dict[str, torch.nn.Parameter] = {}
        if model is not None:
            of_model, parameters = self._surroundings.changed_in(request["model"], model)
            disturbed += of_model
        handed = zip(arguments.names, arguments.handed, before, strict=True)
        mutated = [
            name for name, tensor, (old, takes) in handed if not same(tensor, old) or tensor.requires_grad is not takes
        ]
        return _Made(
            result, asked, [*inputs, *given.inputs], arguments.handed, parameters, mutated, [*dict.fromkeys(disturbed)]
        )

    def _line(self, function: Callable[..., Any]) -> int | None:
        """Where a function of the student's file begins, so that a wrong result can be shown beside its source."""
        target = getattr(function, "forward", function)
        code = getattr(target, "__code__", None)
        return code.co_firstlineno if code is not None and code.co_filename == self._filename else None

    def _resolve(self, model: torch.nn.Module | None, name: str) -> Callable[..., Any]:
        file = os.path.basename(self._filename)  # where a copy of it lies is nobody's concern
        owner, where = (self._module, file) if model is None else (model, type(model).__name__)
        if model is not None and name == "__call__":
            return model
        function: Callable[..., Any] | None = getattr(owner, name, None)
        if not callable(function):
            problem = "is missing" if function is None else "is not a function"
            raise RefusedError("structure", f"{name} {problem} in {where}: keep the names of the skeleton")
        return function

    def _build(self, class_name: str, fields: dict[str, Any]) -> Any:
        """An instance of a class of the student's file."""
        return self._resolve(None, class_name)(**fields)

    def _export(self, value: Any, outputs: list[torch.Tensor], described: list[dict[str, Any]], depth: int = 0) -> Any:
        """``value`` with models replaced by handles, and its tensors noted as outputs in the order of the wire."""
        self._exported += 1
        if self._exported > MAX_VALUES:
            raise RefusedError("structure", f"the result has more than {MAX_VALUES} parts")
        if isinstance(value, torch.nn.Module):
            if len(self._models) >= MAX_MODELS:
                raise RefusedError("crash", "more models were built than a check can need")
            number = len(self._models)
            self._models[number] = value
            self._surroundings.know(number, value)
            described.append(model_as_data(number, value))
            return wire.ModelHandle(number)
        if isinstance(value, torch.Tensor):
            reason = wire.refusal(value)
            if reason:
                return wire.Opaque(reason)
            outputs.append(value)
            return value
        if isinstance(value, (tuple, list)) and depth < wire.MAX_DEPTH and len(value) <= wire.MAX_LENGTH:
            items = [self._export(item, outputs, described, depth + 1) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if type(value) is dict and depth < wire.MAX_DEPTH and len(value) <= wire.MAX_LENGTH:
            return {key: self._export(item, outputs, described, depth + 1) for key, item in value.items()}
        return value

    @contextlib.contextmanager
    def _random(self, seed: int | None) -> Iterator[None]:
        """Let the student's code draw from its own stream, seeded for this call if ``seed`` is given."""
        outside = torch.get_rng_state() if self._shared_process else None
        if seed is not None:
            _seed(seed)
        elif self._shared_process and self._random_state is not None:
            torch.set_rng_state(self._random_state)
        try:
            yield
        finally:
            if outside is not None:
                self._random_state = torch.get_rng_state()
                torch.set_rng_state(outside)

    @contextlib.contextmanager
    def _output_to(self, stream: _Capped) -> Iterator[None]:
        if not self._capture:
            yield
            return
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            yield


@contextlib.contextmanager
def _recording(gradients: bool, arrival: Arrival) -> Iterator[None]:
    """With gradients, or without them in one of torch's two ways."""
    inference = torch.inference_mode() if not gradients and Arrival.INFERENCE in arrival else contextlib.nullcontext()
    with inference, torch.set_grad_enabled(gradients):
        yield


def _seed(seed: int) -> None:
    """Seed torch's default generator; ``torch.manual_seed`` spends a millisecond on devices that are not used."""
    torch.default_generator.manual_seed(seed)


def _seed_others(seed: int) -> None:
    """Seed the generators of Python and NumPy."""
    random.seed(seed)
    np.random.seed(seed % 2**32)


@functools.lru_cache(maxsize=64)
def _compiled(source: bytes, filename: str) -> types.CodeType:
    """Where many executors live in one process, they load the same file again and again."""
    return compile(source, filename, "exec", dont_inherit=True)


def _answer(frame: wire.Frame, reply: dict[str, Any], output: str) -> bytes:
    """The frame that answers ``frame``."""
    arrays: list[torch.Tensor] = []
    tagged = {key: wire.pack(value, arrays) for key, value in {**reply, "output": output}.items()}
    size = sum(array.numel() * array.element_size() for array in arrays)
    if size > MAX_PAYLOAD or len(arrays) > wire.MAX_ARRAYS:
        raise RefusedError("shape", f"the result is too large: {len(arrays)} tensors of {size:,} bytes in all")
    return wire.encode({"id": frame.header.get("id"), "reply": tagged}, arrays)

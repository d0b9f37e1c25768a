"""Right parts in the place of broken ones, so that a function that calls them can be judged all the same.

A check that a part of another item is in the way of is made once more, with the solution's function answering wherever
the submission's code calls that part. The solution stays on this side: the worker says what the part was called with,
the solution answers here, and the call is made again with that answer at hand, until it needs no further one. Gradients
flow through all of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import torch

from ..assignment import Check, Item
from ..boundary.errors import CallTimeoutError, RefusedError, SubmissionFault, WorkerDiedError
from ..boundary.proxy import Model
from ..boundary.replies import MAX_ELEMENTS, tensors_in
from ..boundary.session import Session
from ..boundary.shared.arrival import Arrival
from ..boundary.shared.wire import Opaque
from ..checks.failures import Blocked
from ..checks.parts import same
from .describe import in_the_way
from .run import CheckRun
from .session import CheckSession, SolutionSession

MOST_ANSWERS = 16
"""Calls of replaced parts in one call."""
MOST_OF_A_WHOLE = 2
"""Items that a judgement of the whole may be made without: with more of them it would be one of the solution."""
MOST_STRETCHED = 4
"""How many times as many rows as a check has asked about a part may be asked about."""
_STEP = 1_000_003


class _Answered(NamedTuple):
    """What the solution was asked in the place of a part, and its answer."""

    session: Session
    model: Model | None
    name: str
    arguments: Any
    answer: Any
    seed: int
    times: int


class ReplacedParts:
    """The solution's answers for the functions of some items.

    Args:
        items: the items whose functions are replaced.
        solution: a conversation with the solution.
        known_wrong: those of which it need not be asked whether the submission's own parts are wrong.

    Attributes:
        used: whether a function that is judged ever called a replaced one.
        unrepeated: whether a call came to another question when it was made again: something else in it is random.
        wrong: the items of which some answer was found wrong.
    """

    def __init__(self, items: Sequence[Item], solution: SolutionSession, *, known_wrong: Collection[str] = ()) -> None:
        self.used = self.unrepeated = False
        self._items = {name: item.id for item in items for name in item.functions}
        self.wrong = {*known_wrong}
        self._names = [name for item in items for name in item.functions if not name.endswith("__")]
        self._solution = solution
        self._seeds = itertools.count(1)
        self._twins: dict[Model, Model] = {}
        self._answered: list[_Answered] = []
        self._unanswered = False

    def __call__(
        self,
        session: Session,
        model: Model | None,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        seed: int | None,
        times: int = 0,
    ) -> Any:
        """What a call comes to with the parts replaced.

        Raises:
            SubmissionFault: what the submission's code did instead, or what the solution does with such arguments.
        """
        seed = next(self._seeds) * _STEP if seed is None else seed
        answers: list[Any] = []
        while len(answers) <= MOST_ANSWERS:
            replaced = {"replaced": self._names, "answers": answers}
            result, asked = session.ask(model, name, args, kwargs, seed, replaced)
            if asked is None:
                return result
            self.used |= asked != name  # a check asks for the parts themselves, too
            if not answers and not self.unrepeated:
                self.unrepeated = not same(session.ask(model, name, args, kwargs, seed, replaced)[0], result)
            _refuse_large(result, (*args, *kwargs.values()))
            answers.append(self._answer(session, model, asked, result, seed + len(answers) * _STEP, times))
        raise RefusedError("structure", f"{name} calls other functions more than {MOST_ANSWERS} times")

    def _answer(self, session: Session, model: Model | None, name: str, arguments: Any, seed: int, times: int) -> Any:
        """What the solution answers; and whether the submission's own part, asked alone, answers otherwise."""
        if name not in self._names or not _are_arguments(arguments):
            raise RefusedError("structure", "the submission's process asks for what it was not offered")
        args, kwargs = arguments
        renamed = not {*kwargs} <= {*self._solution.parameters(name)}
        if renamed and self._cannot_be_called(session, model, name, arguments, seed):
            raise RefusedError("structure", f"{name} is called by names of parameters that it does not have")
        twin = self._twin(model) if model is not None else None
        try:
            answer = self._right(twin, name, args, kwargs, seed)
        except SubmissionFault:
            self._unanswered = True
            raise
        asked = _Answered(session, model, name, arguments, answer, seed, times)
        self._answered.append(asked)
        if self._items[name] not in self.wrong and self._is_wrong(*asked):
            self.wrong.add(self._items[name])
        return answer

    def are_like_its_own(self) -> bool:
        """Whether the submission's own parts, asked alone, give answers of the form of right ones to all of it."""
        if self._unanswered:
            return False
        for asked in self._answered:
            own = asked.model.alone() if asked.model is not None else None
            args, kwargs = asked.arguments
            try:
                alone, _ = asked.session.fresh().ask(own, asked.name, args, kwargs, asked.seed, times=asked.times)
            except SubmissionFault:
                return False
            if not _is_alike_in_form(alone, asked.answer):
                return False
        return True

    def _cannot_be_called(self, session: Session, model: Model | None, name: str, arguments: Any, seed: int) -> bool:
        """Whether the submission's own part takes no such arguments: then it is the caller that is wrong."""
        args, kwargs = arguments
        try:
            session.fresh().ask(model.alone() if model is not None else None, name, args, kwargs, seed)
        except SubmissionFault as fault:
            return isinstance(fault, TypeError)
        return False

    def _right(self, twin: Model | None, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], seed: int) -> Any:
        """What the solution answers; what the submission calls otherwise it takes in the order of those parameters."""
        names = self._solution.parameters(name)
        others = [value for key, value in kwargs.items() if key not in names]
        kwargs = {key: value for key, value in kwargs.items() if key in names}
        free = [key for key in names[len(args) :] if key not in kwargs]
        if len(others) > len(free):
            raise RefusedError("structure", f"{name} is called with more arguments than it has")
        return self._solution.call(twin, name, args, kwargs | dict(zip(free, others, strict=False)), seed)

    def _is_wrong(
        self, session: Session, model: Model | None, name: str, arguments: Any, answer: Any, seed: int, times: int
    ) -> bool:
        """Whether the submission's own part, asked alone, gives another answer or other gradients than the solution.

        After as many calls as the one that is judged comes after.
        """
        args, kwargs = arguments
        # What changes its arguments in place may fail only where they are leaves that take gradients; what keeps its
        # answers only where the same ones come again.
        leaves = tuple(map(_leaf, args)), {key: _leaf(value) for key, value in kwargs.items()}
        results = any(not tensor.is_leaf for tensor in tensors_in([*args, *kwargs.values()]))
        usual = session.asked[0] | (Arrival.RESULT if results else Arrival(0))
        for (given, named), arrival in (((args, kwargs), usual), (leaves, Arrival.TWICE)):
            own = model.alone() if model is not None else None
            try:
                alone = session.fresh().ask(own, name, given, named, seed, times=times, arrival=arrival)[0]
            except SubmissionFault:
                return True
            if not same(alone, answer):
                return True
        twin = self._twin(model) if model is not None else None
        return self._differentiates_otherwise(alone, twin, name, leaves, seed)

    def _differentiates_otherwise(
        self, own: Any, twin: Model | None, name: str, leaves: tuple[Any, Any], seed: int
    ) -> bool:
        """Whether the gradients of a right answer to these leaves are wrong, or cannot be computed."""
        wanted = [leaf for leaf in tensors_in([*leaves[0], *leaves[1].values()]) if leaf.requires_grad]
        right = self._right(twin, name, *leaves, seed)
        try:
            return not same(_slopes(own, wanted), _slopes(right, wanted))
        except SubmissionFault:
            return True

    def _twin(self, model: Model) -> Model:
        """The solution's model with the same parameters, which get the gradients of both."""
        known = self._twins.get(model)
        # A model that is converted has other parameters from then on.
        if known is None or any(model.parameters[name] is not own for name, own in known.parameters.items()):
            twin = self._solution.call(None, *model.made_by)
            if not isinstance(twin, Model) or not all(
                name in model.parameters and model.parameters[name].shape == values.shape
                for name, values in twin.parameters.items()
            ):
                raise RefusedError("structure", "the solution's model has other parameters")
            self._twins[model] = twin.share(model)
        return self._twins[model]


def _is_alike_in_form(own: Any, right: Any) -> bool:
    """Whether both are tensors of one shape and dtype, or as many such in a sequence, or else of one type."""
    if isinstance(own, torch.Tensor) and isinstance(right, torch.Tensor):
        return own.shape == right.shape and own.dtype == right.dtype
    if isinstance(own, (tuple, list)) and isinstance(right, (tuple, list)):
        return len(own) == len(right) and all(map(_is_alike_in_form, own, right))
    return type(own) is type(right) and not isinstance(own, (torch.Tensor, Opaque))


def _slopes(answer: Any, wanted: list[torch.Tensor]) -> list[torch.Tensor]:
    """The gradients of an answer, of all its numbers together; zeros where none arrives."""
    outputs = [tensor.sum() for tensor in tensors_in(answer) if tensor.requires_grad]
    if not outputs or not wanted:
        return [torch.zeros_like(leaf) for leaf in wanted]
    total = torch.stack([output.double() for output in outputs]).sum()
    found = torch.autograd.grad(total, wanted, allow_unused=True)
    pairs = zip(wanted, found, strict=True)
    return [torch.zeros_like(leaf) if gradient is None else gradient for leaf, gradient in pairs]


def _leaf(value: Any) -> Any:
    return value.detach().requires_grad_(value.requires_grad) if isinstance(value, torch.Tensor) else value


def _refuse_large(asked: Any, given: Sequence[Any]) -> None:
    """Bound what the solution makes of tensors, of each alone and where they stretch each other (a column, a row)."""
    shapes = [tensor.shape for tensor in tensors_in(asked)]
    sizes = [*itertools.zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1)]
    stretched = [max(size) for size in sizes]
    most = sum(math.prod(tensor.shape[:-1]) for tensor in tensors_in(tuple(given)))
    if math.prod(stretched) > MAX_ELEMENTS or math.prod(stretched[1:]) > MOST_STRETCHED * max(64, most):
        raise RefusedError("shape", "the arguments are too large together")


def _are_arguments(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], tuple) and isinstance(value[1], dict)


class Attempt:
    """A check made once more, as a context that holds its exception; it gives the conversation to make it with.

    Args:
        run: the run.
        check: the check.
        items: the items whose functions are replaced.
        shown: those of them that the check has found wrong by asking them alone.

    Attributes:
        error: how the check ended, if it did not pass.
        passed: whether it passed, and not without a call of what is replaced, each of which is wrong somewhere.
    """

    def __init__(self, run: CheckRun, check: Check, items: Sequence[Item], shown: Collection[str] = ()) -> None:
        self._run, self._items = run, items
        self._parts = ReplacedParts(items, SolutionSession(run, check), known_wrong=shown)
        self._session = CheckSession(run, check, replacements=self._parts)
        self.error: BaseException | None = None
        self.passed = False

    @property
    def unrepeated(self) -> bool:
        """Whether something random in what was judged kept the answers from being those to its questions."""
        return self._parts.unrepeated

    def __enter__(self) -> CheckSession:
        return self._session

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        self.error = error
        self.passed = error is None and self._parts.used and self._parts.wrong >= {item.id for item in self._items}
        if self.passed:
            # One that its own checks find right was in the way of this check alone, which then fails.
            self._session.relied_on |= {(item.id,) for item in self._items}
            self._run.replaced |= {item.id for item in self._items}
        else:
            self._session.end(passed=False)
        return error is None or isinstance(error, Exception)


def replaceable(run: CheckRun, check: Check) -> list[str]:
    """The parts that can be replaced where this check is made: those that the item may call, which come before it."""
    item = run.assignment.item(check.item)
    before = itertools.takewhile(lambda part: part != item, run.assignment.items)
    return [part.id for part in before if part.id not in item.needs and part.file == item.file and part.functions]


def attempts(run: CheckRun, check: Check, error: BaseException) -> Iterator[Attempt]:
    """A check that ended with ``error``, made again and again, each time without one more part that is in its way.

    What is replaced are parts that the item may call, which come before it: a function that calls what calls it would
    else have its own answer found for it. A judgement of the whole is made without those that checks of other items
    were in need of, unless the submission then has too little in it. What its own checks find wrong stays: the whole
    would come to a wrong result with it, whether or not it was of use where another check asked.
    """
    item = run.assignment.item(check.item)
    before = {*replaceable(run, check)} - (set() if item.functions else run.wrong)
    items = [] if item.functions else [run.assignment.item(part) for part in sorted(run.replaced & before)]
    latest: BaseException | None = error
    shown: set[str] = set()
    if len(items) > MOST_OF_A_WHOLE:
        return
    if items:
        yield (attempt := Attempt(run, check, items))
        latest = attempt.error
    if isinstance(error, (WorkerDiedError, CallTimeoutError)) and item.functions:
        # Nobody is left to say which part did that. Each attempt may take as long again, so that of those that may have
        # been too slow only such are tried as have been so by themselves.
        died = isinstance(error, WorkerDiedError)
        for name in (name for name in replaceable(run, check) if died or name in run.slow):
            suspect = run.assignment.item(name)
            if (run.assignment.reference / suspect.file).is_file():
                yield Attempt(run, check, [suspect], {name})
        return
    while latest is not None:
        found = in_the_way(latest, run.assignment, item)
        part = run.assignment.item(found) if found is not None else None
        if part is None or part in items or part.id not in before:
            return
        if not item.functions and len(items) >= MOST_OF_A_WHOLE:
            return
        if not (run.assignment.reference / part.file).is_file():
            return
        items = [*items, part]
        if isinstance(latest, Blocked) and latest.shown:
            shown.add(part.id)
        yield (attempt := Attempt(run, check, items, shown))
        latest = attempt.error
        if latest is not None and attempt.unrepeated and item.functions:
            for name in sorted(before - {part.id for part in items}):  # one of which is that
                other = run.assignment.item(name)
                if (run.assignment.reference / other.file).is_file():
                    yield Attempt(run, check, [*items, other], shown)

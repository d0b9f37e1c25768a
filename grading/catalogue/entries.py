"""What an entry of the catalogue is, and how the modules of an assignment register them.

An entry changes one function of the solution: by a whole function that stands in its place, or by edits of its text::

    misconception = Misconceptions(PREDICT)


    @misconception("The sign is wrong.")
    def wrong_sign(x, weight): ...


    misconception.edit("without_bias", "The bias is missing.", (" + bias", ""))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class CatalogueError(Exception):
    """The assignment has no usable catalogue; the message says what is missing or wrong."""


class Task(NamedTuple):
    """One function that a student writes.

    Attributes:
        item: id of the rubric's item that it belongs to.
        file: name of the student's file.
        name: qualified name of the function in that file.
        section: number of the task in the handout.
    """

    item: str
    file: str
    name: str
    section: str


class Edit(NamedTuple):
    """A change of a function's text.

    Attributes:
        old: text of the solution's function. It has to be there exactly once, docstring aside.
        new: what stands in its place. In both, lines after the first are written as if the first were not indented.
    """

    old: str
    new: str


Change = Callable[..., Any] | tuple[Edit, ...]
"""A whole function, or edits of the solution's. A function uses only names that its file defines or imports."""


@dataclass(frozen=True)
class Misconception:
    """A typical wrong answer to one task.

    Attributes:
        name: unique, ``item.name``.
        task: the function that it answers wrongly; every other one is the solution's.
        tell: what to tell a student who wrote this: the idea, the symptom, why it matters; never the line of code.
        change: the wrong answer itself.
    """

    name: str
    task: Task
    tell: str
    change: Change


@dataclass(frozen=True)
class Variant:
    """A correct answer to one task in another style; it must get full marks.

    Attributes:
        name: unique, ``item.name``.
        task: the function that it answers.
        change: the answer itself.
    """

    name: str
    task: Task
    change: Change


class Misconceptions:
    """Wrong answers to one task, in the order in which a module registers them."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.entries: list[Misconception] = []

    def __call__(self, tell: str) -> Callable[[Function], Function]:
        """The decorator for a wrong answer that is a whole function; the function's name is the entry's."""

        def register(function: Function) -> Function:
            self._add(function.__name__, tell, function)
            return function

        return register

    def edit(self, name: str, tell: str, *edits: tuple[str, str]) -> None:
        """Register a wrong answer that is the solution but for these pairs of old and new text."""
        self._add(name, tell, tuple(Edit(*edit) for edit in edits))

    def _add(self, name: str, tell: str, change: Change) -> None:
        self.entries.append(Misconception(f"{self.task.item}.{name}", self.task, tell, change))


class Variants:
    """Correct answers to one task, in the order in which a module registers them."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.entries: list[Variant] = []

    def __call__(self, function: Function) -> Function:
        """The decorator for a correct answer; the function's name is the entry's."""
        self._add(function.__name__, function)
        return function

    def edit(self, name: str, *edits: tuple[str, str]) -> None:
        """Register a correct answer that is the solution but for these pairs of old and new text."""
        self._add(name, tuple(Edit(*edit) for edit in edits))

    def _add(self, name: str, change: Change) -> None:
        self.entries.append(Variant(f"{self.task.item}.{name}", self.task, change))

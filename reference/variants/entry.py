"""What a correct variant is, and the decorator that makes one of a function."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reference.tasks import Task


@dataclass(frozen=True)
class Variant:
    """A correct answer to one task in another style; it must get full marks.

    Attributes:
        name: unique, ``item.function_name``.
        replaces: qualified name of the function that it stands in for.
        file: the student's file that has this function.
        item: id of the rubric's item that it belongs to.
        function: the answer itself; like those of the misconceptions, it uses only names of its file.
    """

    name: str
    replaces: str
    file: str
    item: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class WholeFile:
    """A whole correct file in another style.

    Attributes:
        name: unique, ``whole.stem``.
        file: the student's file that it stands for.
        path: where it is.
    """

    name: str
    file: str
    path: Path


def variants_of(task: Task) -> Callable[[Callable[..., Any]], Variant]:
    """The decorator for correct answers to one task."""

    def entry(function: Callable[..., Any]) -> Variant:
        return Variant(f"{task.item}.{function.__name__}", task.name, task.file, task.item, function)

    return entry

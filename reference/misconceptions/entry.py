"""What an entry of the catalogue of wrong answers is, and the decorator that makes one of a function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reference.tasks import Task

KINDS = {
    "value": "a wrong number",
    "gradient": "right numbers, wrong gradients",
    "statistics": "each sample looks plausible, the distribution of many does not",
    "state": "what a call does depends on earlier calls, on the mode of the model or on hidden state",
    "dtype": "right numbers at a dtype that was not asked for, or at less precision",
    "mutation": "right numbers, damaged arguments",
    "structure": "a wrong shape, or another kind or number of results",
    "exception": "an error that should be raised is not, or not as promised",
    "crash": "an error where a result was due, on some inputs that the contract allows",
}


@dataclass(frozen=True)
class Misconception:
    """A typical wrong answer to one task.

    Attributes:
        name: unique, ``item.function_name``.
        replaces: qualified name of the function that it stands in for.
        file: the student's file that has this function.
        item: id of the rubric's item that must lose points.
        tell: what to tell a student who wrote this: the idea, the symptom, why it matters; never the line of code.
        section: number of the task in the handout.
        function: the wrong answer itself. It uses only names that its file defines or imports, so its source can stand
            there; here it can be called directly, with the other parts of the reference around it.
        kind: how it first shows, a key of ``KINDS``.
    """

    name: str
    replaces: str
    file: str
    item: str
    tell: str
    section: str
    function: Callable[..., Any]
    kind: str = "value"


def misconceptions_of(task: Task) -> Callable[..., Callable[[Callable[..., Any]], Misconception]]:
    """The decorator for wrong answers to one task: ``@decorator("tell", kind="value")``."""

    def decorator(tell: str, kind: str = "value") -> Callable[[Callable[..., Any]], Misconception]:
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r}: choose one of {', '.join(KINDS)}")

        def entry(function: Callable[..., Any]) -> Misconception:
            name = f"{task.item}.{function.__name__}"
            return Misconception(name, task.name, task.file, task.item, tell, task.section, function, kind)

        return entry

    return decorator

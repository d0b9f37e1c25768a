"""A made class: right, wrong, half done, broken and hostile submissions, each with files of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

HOSTILE = {
    "loop": "while True:\n        pass",
    "memory": "return [bytearray(1 << 30) for _ in range(100)]",
    "exit": "__import__('os')._exit(0)",
    "fork": "while True:\n        __import__('os').fork()",
    "print": "print('x' * (200 << 20))",
}
"""What the body of a function may be that its author did not write to compute anything."""


def hostile(kind: str, right: str, function: str) -> str:
    """A right file, of which one function does what it should not."""
    return f"{right}\n\ndef {function}(*arguments, **named):\n    {HOSTILE[kind]}\n"


def make(folder: Path, number: int, kinds: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, str]:
    """Make a class in a folder, and tell of which kind each student's submission is.

    Args:
        folder: where it is made, a folder for each student.
        number: how many there are.
        kinds: submissions by kind, each its files by name; they are taken in turn.
    """
    made = {}
    names = [*kinds]
    for index in range(number):
        kind = names[index % len(names)]
        turn = index // len(names)
        files = kinds[kind][turn % len(kinds[kind])]
        student = f"student-{index:04}"
        for name, text in files.items():
            path = folder / student / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # No two are equal, or one would be graded for both.
            path.write_text(f"{text}\n# handed in by {student}\n", encoding="utf-8")
        made[student] = kind
    return made

"""Make a student's skeleton from the solution, by replacing each marked region with a stub that says what is missing.

A region stands between two comments of the same indentation:

    # >>> solution: task 2.5, predict
    ...
    # <<< solution
"""

from __future__ import annotations

import re
from pathlib import Path

from ..assignment import Assignment

_OPEN = re.compile(r"^(?P<indent>\s*)# >>> solution(?::\s*(?P<task>.*?))?\s*$")
_CLOSE = re.compile(r"^(?P<indent>\s*)# <<< solution\s*$")
_MARKER_LIKE = re.compile(r"#\s*(>>>|<<<)\s*solution", re.IGNORECASE)


class StripError(Exception):
    """A solution whose marked regions cannot be stripped; the message names file and line."""


def strip(source: str, name: str) -> str:
    """The skeleton of a solution.

    Args:
        source: the text of the solution.
        name: what to call it in error messages.

    Returns:
        The same text with ``raise NotImplementedError("<task>")`` in place of each region.

    Raises:
        StripError: regions are nested, unclosed, without a task or with one used twice, or there are none.
    """
    kept: list[str] = []
    tasks: dict[str, int] = {}
    opened: tuple[int, str] | None = None
    for number, line in enumerate(source.splitlines(keepends=True), start=1):
        begin, end = _OPEN.match(line), _CLOSE.match(line)
        if begin:
            if opened:
                raise StripError(f"{name}:{number}: a solution begins inside the one that began at line {opened[0]}")
            task, indent = begin["task"], begin["indent"]
            if not task:
                raise StripError(f"{name}:{number}: a solution needs its task: '# >>> solution: TASK'")
            if task in tasks:
                raise StripError(f"{name}:{number}: the task {task!r} is already solved at line {tasks[task]}")
            tasks[task] = number
            opened = (number, indent)
            quoted = task.replace("\\", "\\\\").replace('"', '\\"')
            kept.append(f'{indent}raise NotImplementedError("{quoted}")\n')
        elif end:
            if not opened:
                raise StripError(f"{name}:{number}: a solution ends that never began")
            if end["indent"] != opened[1]:
                raise StripError(f"{name}:{number}: indented unlike its beginning at line {opened[0]}")
            opened = None
        elif _MARKER_LIKE.search(line):
            raise StripError(f"{name}:{number}: this looks like a marker of a solution, but is not written as one")
        elif not opened:
            kept.append(line)
    if opened:
        raise StripError(f"{name}:{opened[0]}: a solution begins here and never ends")
    if not tasks:
        raise StripError(f"{name}: no solution is marked, so the skeleton would give it away")
    return "".join(kept)


def skeletons(assignment: Assignment) -> dict[Path, str]:
    """What each of a student's files should hold, from its namesake among the solution's.

    Files of the student's folder with a namesake that are not handed in, and so not graded, are among them.

    Raises:
        StripError: a solution is missing or cannot be stripped.
    """
    result: dict[Path, str] = {}
    solutions = {path.name for path in assignment.reference.glob("*.py") if path.name != "__init__.py"}
    others = sorted(path.name for path in assignment.student.glob("*.py") if path.name in solutions)
    for name in dict.fromkeys((*assignment.files, *others)):
        solution = assignment.reference / name
        if not solution.is_file():
            raise StripError(f"{solution} is missing: a skeleton is made from the solution of the same name")
        text = solution.read_text(encoding="utf-8")
        result[assignment.student / name] = strip(text, f"{assignment.folders.reference}/{name}")
    return result

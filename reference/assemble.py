"""From one function to a whole submission: the reference with that function in place of its own.

``submission_source(entry)`` takes an entry of ``reference.misconceptions`` or ``reference.variants`` and gives the text
of the file it belongs to; ``write_submission(entry, folder)`` writes both files of the submission.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Protocol

from reference.tasks import FILES

REFERENCE = Path(__file__).parent


class Entry(Protocol):
    """What an entry must have: ``file`` and either ``replaces`` and ``function`` or, for a whole file, ``path``."""

    @property
    def file(self) -> str:
        """Name of the student's file that the entry changes."""


def replace_function(source: str, qualified_name: str, function: Callable[..., object]) -> str:
    """Put one function in the place of another, and leave the rest of the file as it is, byte for byte.

    Args:
        source: text of a Python file.
        qualified_name: what to replace, such as ``"kl_divergence"`` or ``"VAE.encode"``.
        function: a plain function; its source takes the place, undecorated and under the old name.

    Returns:
        The text of the file with the new function.

    Raises:
        LookupError: if the file has no such function.
    """
    old = _find(source, qualified_name)
    lines = source.splitlines(keepends=True)
    first = min([old.lineno, *(decorator.lineno for decorator in old.decorator_list)]) - 1
    after = _after_trailing_comments(lines, old)
    new = textwrap.indent(_definition(function, old.name), " " * old.col_offset)
    return "".join([*lines[:first], new, *lines[after:]])


def submission_source(entry: Entry) -> str:
    """The text of ``entry.file`` as a student with this answer would hand it in."""
    path = getattr(entry, "path", None)
    if path is not None:
        return Path(path).read_text(encoding="utf-8")
    return replace_function(_reference(entry.file), entry.replaces, entry.function)  # type: ignore[attr-defined]


def write_submission(entry: Entry, folder: Path) -> None:
    """Write the submission into a folder: the entry's file, and the reference for every other one."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        text = submission_source(entry) if file == entry.file else _reference(file)
        (folder / file).write_text(text, encoding="utf-8")


@cache
def _reference(file: str) -> str:
    return (REFERENCE / file).read_text(encoding="utf-8")


@cache
def _find(source: str, qualified_name: str) -> ast.FunctionDef:
    body: list[ast.stmt] = ast.parse(source).body
    *classes, name = qualified_name.split(".")
    for class_name in classes:
        body = next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == class_name), [])
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise LookupError(f"the file has no function {qualified_name!r}")


def _after_trailing_comments(lines: list[str], function: ast.FunctionDef) -> int:
    """Index of the first line after a function; comments indented into it (such as a closing marker) are part of it."""
    assert function.end_lineno is not None
    after = function.end_lineno
    while after < len(lines):
        text = lines[after].lstrip()
        if not text.startswith("#") or len(lines[after]) - len(text) <= function.col_offset:
            break
        after += 1
    return after


def _definition(function: Callable[..., object], name: str) -> str:
    source = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.FunctionDef):
        raise TypeError(f"{function!r} is not a plain function")
    text = "".join(source.splitlines(keepends=True)[node.lineno - 1 : node.end_lineno])
    text = re.sub(rf"\Adef\s+{re.escape(node.name)}\b", f"def {name}", text)
    return text if text.endswith("\n") else text + "\n"

"""One function of a file in place of another, or edited, with the rest of the file left byte for byte."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Protocol

from .entries import CatalogueError, Edit


class Source(Protocol):
    """The text of a file of which one function is meant."""

    @property
    def source(self) -> bytes:
        """The text of the file."""

    @property
    def replaces(self) -> str | None:
        """The qualified name of the function."""


def replace_function(source: str, qualified_name: str, function: Callable[..., Any]) -> str:
    """Put one function in the place of another.

    Args:
        source: text of a Python file.
        qualified_name: what to replace, such as ``"predict"`` or ``"Model.predict"``.
        function: a plain function; its source takes the place, undecorated and under the old name.

    Returns:
        The text of the file with the new function.

    Raises:
        CatalogueError: the file has no such function.
    """
    old = _find(source, qualified_name)
    return _replaced(source, qualified_name, textwrap.indent(_definition(function, old.name), " " * old.col_offset))


def edit_function(source: str, qualified_name: str, edits: Iterable[Edit]) -> str:
    """Change the text of one function.

    Args:
        source: text of a Python file.
        qualified_name: the function to change.
        edits: each is applied to the text as it was before all of them.

    Returns:
        The text of the file with the changed function.

    Raises:
        CatalogueError: the file has no such function, its text (docstring aside) does not contain the old text of an
            edit exactly once, or two edits overlap.
    """
    code = "".join(source.splitlines(keepends=True)[_lines(source, qualified_name)])
    changes = []
    for old, new in edits:
        found = _occurrences(code, old)
        if len(found) != 1:
            raise CatalogueError(f"{qualified_name} of the solution contains {old!r} {len(found)} times, not once")
        changes.append((found[0].start, found[0].stop, _indented(new, code, found[0].start)))
    end, parts = 0, []
    for start, stop, new in sorted(changes):
        if start < end:
            raise CatalogueError(f"edits of {qualified_name} overlap at {code[start:end]!r}")
        parts += [code[end:start], new]
        end = stop
    return _replaced(source, qualified_name, "".join([*parts, code[end:]]))


def combined(source: bytes, answers: Iterable[Source]) -> bytes:
    """The text of a file with the functions of these answers, each to another function, in place of its own."""
    text = source.decode()
    for answer in answers:
        assert answer.replaces is not None, "a whole file cannot be a part of another"
        other = answer.source.decode()
        function = other.splitlines(keepends=True)[_lines(other, answer.replaces)]
        text = _replaced(text, answer.replaces, "".join(function))
    return text.encode()


def reached(source: str, qualified_name: str) -> frozenset[str]:
    """The functions and methods of a file, by their last names, that one of them names, or that one of those names.

    A class that is named stands for all its methods.
    """
    uses = _uses(source)
    found: set[str] = set()
    left = [qualified_name.rpartition(".")[2]]
    while left:
        named = uses[left.pop()] - found
        found |= named
        left += named
    return frozenset(found)


@cache
def _uses(source: str) -> dict[str, set[str]]:
    """The names in each function and class of a file that are those of others."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    uses: dict[str, set[str]] = {node.name: set() for node in nodes}
    for node in nodes:
        for inner in ast.walk(node):
            name = inner.id if isinstance(inner, ast.Name) else getattr(inner, "attr", getattr(inner, "name", None))
            if name in uses and name != node.name:
                uses[node.name].add(name)
    return uses


def position(source: str, qualified_name: str) -> int:
    """The line, counted from 1, in which a function begins.

    Raises:
        CatalogueError: the file has no such function.
    """
    return _find(source, qualified_name).lineno


def _replaced(source: str, qualified_name: str, function: str) -> str:
    lines = source.splitlines(keepends=True)
    extent = _lines(source, qualified_name)
    return "".join([*lines[: extent.start], function, *lines[extent.stop :]])


@cache
def _find(source: str, qualified_name: str) -> ast.FunctionDef:
    body: list[ast.stmt] = ast.parse(source).body
    *classes, name = qualified_name.split(".")
    for class_name in classes:
        body = next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == class_name), [])
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise CatalogueError(f"the file has no function {qualified_name!r}")


def _lines(source: str, qualified_name: str) -> slice:
    """The lines of a function, with decorators, and comments indented into it (such as a closing marker) behind it."""
    node = _find(source, qualified_name)
    lines = source.splitlines()
    assert node.end_lineno is not None
    after = node.end_lineno
    while after < len(lines):
        text = lines[after].lstrip()
        if not text.startswith("#") or len(lines[after]) - len(text) <= node.col_offset:
            break
        after += 1
    return slice(min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1, after)


def _docstring(code: str) -> slice:
    """The characters of the lines that the docstring of a function takes; an empty slice if it has none."""
    node = ast.parse(textwrap.dedent(code)).body[0]
    assert isinstance(node, ast.FunctionDef)
    if ast.get_docstring(node) is None:
        return slice(0, 0)
    lines = code.splitlines(keepends=True)
    first = node.body[0]
    return slice(*(sum(map(len, lines[:number])) for number in (first.lineno - 1, first.end_lineno)))


def _occurrences(code: str, text: str) -> list[slice]:
    """Where the code of a function contains the text, outside its docstring."""
    docstring = _docstring(code)
    found = []
    for match in re.finditer(re.escape(text.partition("\n")[0]), code):
        start, whole = match.start(), _indented(text, code, match.start())
        stop = start + len(whole)
        if code.startswith(whole, start) and (stop <= docstring.start or start >= docstring.stop):
            found.append(slice(start, stop))
    return found


def _indented(text: str, code: str, place: int) -> str:
    """The text with its lines after the first indented as the line of ``code`` in which it is to stand."""
    line = code[code.rfind("\n", 0, place) + 1 :]
    return text.replace("\n", "\n" + line[: len(line) - len(line.lstrip(" "))])


def _definition(function: Callable[..., Any], name: str) -> str:
    source = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.FunctionDef):
        raise CatalogueError(f"{function!r} is not a plain function")
    text = "".join(source.splitlines(keepends=True)[node.lineno - 1 : node.end_lineno])
    text = re.sub(rf"\Adef\s+{re.escape(node.name)}\b", f"def {name}", text)
    return text if text.endswith("\n") else text + "\n"

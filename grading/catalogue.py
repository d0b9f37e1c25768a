"""The catalogue of typical wrong answers and of correct variants, where the assignment has one.

It lives in the assignment's ``reference`` package, which a student's copy lacks, so it is imported by name and only
when asked for. That package has to provide

- ``reference.misconceptions.CATALOGUE``: wrong answers, each with ``name``, ``item``, ``file``, ``replaces``,
  ``tell``, ``section`` and ``kind``;
- ``reference.variants.VARIANTS`` and ``WHOLE_FILES``: correct answers, each with ``name`` and ``file``, and ``item``
  and ``replaces`` where it is a single function;
- ``reference.assemble.submission_source``: the text of the file that a student with such an answer hands in.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "reference"


class CatalogueError(Exception):
    """The assignment has no usable catalogue; the message says what is missing."""


@dataclass(frozen=True)
class Answer:
    """One answer of the catalogue: a whole file, right or wrong.

    Attributes:
        name: unique in the catalogue.
        file: the student's file that it stands for; every other one is the solution's.
        source: the text of that file.
        item: the item that it answers; None for a whole file.
        replaces: the qualified name of the function that differs from the solution; None for a whole file.
        tell: what to tell a student who wrote it; empty where it is right.
        section: the number of the task in the handout.
        kind: how a wrong answer first shows.
    """

    name: str
    file: str
    source: bytes
    item: str | None = None
    replaces: str | None = None
    tell: str = ""
    section: str = ""
    kind: str = ""


def combined(source: bytes, answers: Iterable[Answer]) -> bytes:
    """The text of a file with the functions of these answers, each to another function, in place of its own."""
    text = source.decode()
    for answer in answers:
        assert answer.replaces is not None, "a whole file cannot be a part of another"
        lines, other = text.splitlines(keepends=True), answer.source.decode()
        function = other.splitlines(keepends=True)[_extent(other, answer.replaces)]
        lines[_extent(text, answer.replaces)] = function
        text = "".join(lines)
    return text.encode()


def _extent(source: str, qualified_name: str) -> slice:
    """The lines of a function, decorators included."""
    nodes: list[ast.stmt] = ast.parse(source).body
    for name in qualified_name.split("."):
        node = next(n for n in nodes if isinstance(n, (ast.ClassDef, ast.FunctionDef)) and n.name == name)
        nodes = node.body
    return slice(min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1, node.end_lineno)


@dataclass(frozen=True)
class Catalogue:
    """Everything that is known about answers to the assignment.

    Attributes:
        solution: the texts of the right files, by name.
        misconceptions: wrong answers, each wrong in one function.
        variants: right answers in other styles.
    """

    solution: dict[str, bytes]
    misconceptions: tuple[Answer, ...]
    variants: tuple[Answer, ...]


def exists(root: Path) -> bool:
    """Whether the assignment in ``root`` has wrong answers to tell: a student's copy has none."""
    folder = root / PACKAGE / "misconceptions"
    return folder.is_dir() or folder.with_suffix(".py").is_file()


def load(root: Path, files: tuple[str, ...]) -> Catalogue:
    """The catalogue of the assignment in ``root``, whose files these are.

    Raises:
        CatalogueError: there is none, or it lacks something.
    """
    if not exists(root):
        raise CatalogueError(
            f"no catalogue in {root / PACKAGE}: wrong answers and the solution are with the instructors only"
        )
    misconceptions = _import(root, "misconceptions").CATALOGUE
    variants = _import(root, "variants")
    source_of = _import(root, "assemble").submission_source
    right = (*variants.VARIANTS, *variants.WHOLE_FILES)
    return Catalogue(
        solution={name: (root / PACKAGE / name).read_bytes() for name in files},
        misconceptions=tuple(_answers(misconceptions, source_of)),
        variants=tuple(_answers(right, source_of)),
    )


def _import(root: Path, name: str) -> ModuleType:
    """A module of the package in ``root``, and of no other package of that name."""
    path = str(root.resolve())
    sys.path.insert(0, path)
    try:
        module = importlib.import_module(f"{PACKAGE}.{name}")
    except ImportError as error:
        raise CatalogueError(f"cannot import {PACKAGE}.{name} from {root}: {error}") from error
    finally:
        sys.path.remove(path)
    found = Path(module.__file__ or "").resolve()
    if not found.is_relative_to(root.resolve()):
        raise CatalogueError(f"{PACKAGE}.{name} was imported from {found} already, not from {root}")
    return module


def _answers(entries: Iterable[Any], source_of: Any) -> Iterable[Answer]:
    for entry in entries:
        yield Answer(
            name=entry.name,
            file=entry.file,
            source=source_of(entry).encode(),
            item=getattr(entry, "item", None),
            replaces=getattr(entry, "replaces", None),
            tell=getattr(entry, "tell", ""),
            section=getattr(entry, "section", ""),
            kind=getattr(entry, "kind", ""),
        )

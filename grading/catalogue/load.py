"""Load the catalogue of an assignment, and make of every entry the file that a student with this answer hands in."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from .entries import CatalogueError, Misconception, Misconceptions, Variant, Variants
from .splice import edit_function, position, replace_function

Entry = Misconception | Variant


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
        section: the number of the task in the handout; empty for a whole file.
        by_edit: it is the solution but for edits of its text, and not a function that was written beside it.
    """

    name: str
    file: str
    source: bytes
    item: str | None = None
    replaces: str | None = None
    tell: str = ""
    section: str = ""
    by_edit: bool = False


@dataclass(frozen=True)
class Catalogue:
    """Everything that is known about answers to the assignment.

    Attributes:
        solution: the texts of the right files, by name.
        misconceptions: wrong answers, each wrong in one function, in the order of the functions in the solution.
        variants: right answers in other styles, in the same order; whole files last.
    """

    solution: dict[str, bytes]
    misconceptions: tuple[Answer, ...]
    variants: tuple[Answer, ...]


def exists(reference: Path) -> bool:
    """Whether the folder of the solution has wrong answers to tell: a student's copy has no such folder."""
    return (reference / "misconceptions").is_dir()


def load(reference: Path, files: tuple[str, ...]) -> Catalogue:
    """The catalogue beside a solution.

    Args:
        reference: the folder of the solution, a package.
        files: the files that students hand in.

    Raises:
        CatalogueError: there is none, it lacks something, or an entry does not fit the solution.
    """
    if not exists(reference):
        hint = "wrong answers and the solution are with the instructors only"
        raise CatalogueError(f"no catalogue in {reference}: {hint}")
    try:
        solution = {name: (reference / name).read_bytes() for name in files}
    except OSError as error:
        raise CatalogueError(f"the solution is incomplete: {error}") from error
    wrong = _entries(reference, "misconceptions", Misconceptions)
    right = _entries(reference, "variants", Variants)
    return Catalogue(
        solution=solution,
        misconceptions=_answers(wrong, solution),
        variants=(*_answers(right, solution), *_whole_files(reference / "variants" / "whole", files)),
    )


def _entries(reference: Path, package: str, register: type[Misconceptions] | type[Variants]) -> Iterator[Entry]:
    """What the modules of a package register, in the order of their names; nothing if there is no such package."""
    folder = reference / package
    for name in sorted(found.name for found in pkgutil.iter_modules([str(folder)]) if not found.ispkg):
        module = _import(reference.parent, f"{reference.name}.{package}.{name}")
        for value in vars(module).values():
            if isinstance(value, register):
                yield from value.entries


def _answers(entries: Iterable[Entry], solution: dict[str, bytes]) -> tuple[Answer, ...]:
    placed = []
    for entry in entries:
        try:
            file, source, place = _applied(entry, solution)
        except CatalogueError as error:
            raise CatalogueError(f"{entry.name}: {error}") from error
        tell = entry.tell if isinstance(entry, Misconception) else ""
        item, name, section = entry.task.item, entry.task.name, entry.task.section
        by_edit = isinstance(entry.change, tuple)
        answer = Answer(entry.name, file, source, item, name, tell, section, by_edit)
        placed.append((place, answer))
    repeated = sorted(name for name, count in Counter(answer.name for _, answer in placed).items() if count > 1)
    if repeated:
        raise CatalogueError(f"several entries of the catalogue are called {', '.join(repeated)}")
    return tuple(answer for _, answer in sorted(placed, key=lambda one: one[0]))


def _applied(entry: Entry, solution: dict[str, bytes]) -> tuple[str, bytes, tuple[int, int]]:
    """An entry's file, the text of it with the entry in place, and where its function stands in the solution."""
    task, change = entry.task, entry.change
    if task.file not in solution:
        raise CatalogueError(f"there is no file {task.file!r} to hand in")
    text = solution[task.file].decode()
    place = (list(solution).index(task.file), position(text, task.name))
    if isinstance(change, tuple):
        text = edit_function(text, task.name, change)
    else:
        text = replace_function(text, task.name, change)
    return task.file, text.encode(), place


def _whole_files(folder: Path, files: tuple[str, ...]) -> Iterator[Answer]:
    """The files of a folder, each for the student's file whose name it begins with."""
    longest_first = sorted(files, key=len, reverse=True)
    for path in sorted(folder.glob("*.py")):
        file = next((name for name in longest_first if path.stem.startswith(Path(name).stem)), None)
        if file is None:
            raise CatalogueError(f"{path} begins with the name of none of {', '.join(files)}")
        yield Answer(f"whole.{path.stem}", file, path.read_bytes())


def _import(root: Path, name: str) -> ModuleType:
    """A module in ``root``, and no other of that name."""
    path = str(root.resolve())
    sys.path.insert(0, path)
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise CatalogueError(f"cannot import {name} from {root}: {error}") from error
    finally:
        sys.path.remove(path)
    found = Path(module.__file__ or "").resolve()
    if not found.is_relative_to(root.resolve()):
        raise CatalogueError(f"{name} was imported from {found} already, not from {root}")
    return module

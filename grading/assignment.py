"""An assignment: its rubric, its tiers of checks, and how points are shared out among them."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from . import __version__

TIERS = ("public", "hidden")
POINT_UNITS = 10_000
"""Points are shared out in ten-thousandths, as integers, so that the sums are exact."""
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
"""Of a task, as sections of the handout have it."""


class AssignmentError(Exception):
    """The assignment itself is broken; the message says where and what to do."""


@dataclass(frozen=True)
class Check:
    """One fact about one item, which one test function checks.

    Attributes:
        id: ``tier/item/name``, unique in the assignment.
        item: the id of its item.
        tier: "public" or "hidden".
        name: the name of the test function, without ``test_``.
        units: what it is worth, in ``1 / POINT_UNITS`` points.
        guard: it says what the item leaves alone, not what it computes.
    """

    id: str
    item: str
    tier: str
    name: str
    units: int
    guard: bool = False

    @property
    def path(self) -> str:
        """The test that makes it, as pytest names it, relative to the assignment's ``tests`` folder."""
        return f"{self.tier}/test_{self.item}.py::test_{self.name}"


@dataclass(frozen=True)
class Item:
    """One thing that a student implements, or that is judged as a whole.

    Attributes:
        id: how documents refer to it.
        title: what a student reads.
        file: the student's file that it is in.
        functions: the functions of that file that it judges, by their bare names; none for a judgement of the whole.
        points: points by tier.
        hint: what to look at when a check of it fails.
        section: the section of the handout that explains it.
        checks: its checks, those of all tiers.
        needs: the items without which it cannot earn anything.
        calls: what the boundary calls a function of the item, by its bare name, where that is something else.
        of_parts: what its functions give is made of what functions of other items give.
    """

    id: str
    title: str
    file: str
    functions: tuple[str, ...]
    points: dict[str, int]
    hint: str
    section: str
    checks: tuple[Check, ...] = ()
    needs: tuple[str, ...] = ()
    calls: dict[str, str] = field(default_factory=dict)
    of_parts: bool = False

    def is_task(self, number: str) -> bool:
        """Whether a number is that of its task, of one of its tasks, or of the part that they belong to."""
        own = [tuple(map(int, found.split("."))) for found in _NUMBER.findall(self.section)]
        if not own or not _NUMBER.fullmatch(number):
            return False
        asked = tuple(map(int, number.split(".")))
        return own[0] <= asked <= own[-1] or asked == own[0][: len(asked)]


@dataclass(frozen=True)
class Folders:
    """Where an assignment keeps what is not in ``tests/``, relative to its root.

    Attributes:
        student: what a student opens; a submission has a folder of the same name, or the bare files.
        reference: the solution and the catalogue; a student's copy has none.
        samples: submissions to demonstrate the grader with.
        answers: the file with the answers of the catalogue to the public checks.
    """

    student: str
    reference: str
    samples: str
    answers: str


@dataclass(frozen=True)
class Assignment:
    """Everything that is known about an assignment before anybody submits.

    Attributes:
        root: its folder.
        name: what people call it.
        version: which edition of it this is.
        files: the files that are handed in.
        items: what is judged, in the order in which a student meets it.
        digest: of the rubric, the checks and what they share.
        folders: where the rest of it is.
        beside: what a student has beside the files, and may hand in with them, without being graded.
        ungraded: folders in ``tests`` with checks that students get and that give no points.
        handout: the page that explains the tasks, if there is one, relative to ``root``.
        finished: what to tell somebody who has all points.
    """

    root: Path
    name: str
    version: str
    files: tuple[str, ...]
    items: tuple[Item, ...]
    digest: str
    folders: Folders
    beside: tuple[str, ...] = ()
    ungraded: tuple[str, ...] = ()
    handout: str = ""
    finished: str = ""

    @property
    def student(self) -> Path:
        """The folder that a student opens."""
        return self.root / self.folders.student

    @property
    def reference(self) -> Path:
        """The folder with the solution, where there is one."""
        return self.root / self.folders.reference

    @property
    def samples(self) -> Path:
        """The folder with submissions to demonstrate the grader with."""
        return self.root / self.folders.samples

    @property
    def answers(self) -> Path:
        """The file with the answers of the catalogue to the public checks."""
        return self.root / self.folders.answers

    @property
    def tests(self) -> Path:
        """The folder with the rubric and the tiers."""
        return self.root / "tests"

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers that are present here: a student's copy has no hidden one."""
        return tuple(tier for tier in TIERS if (self.tests / tier).is_dir())

    def checks(self, tiers: tuple[str, ...] | None = None) -> list[Check]:
        """All checks of the given tiers, in the order of the rubric."""
        wanted = self.tiers if tiers is None else tiers
        return [check for item in self.items for check in item.checks if check.tier in wanted]

    def item(self, item_id: str) -> Item:
        """The item with this id.

        Raises:
            AssignmentError: there is none; the message names those that exist.
        """
        for item in self.items:
            if item.id == item_id:
                return item
        raise AssignmentError(f"no item {item_id!r}; the items are {', '.join(item.id for item in self.items)}")

    def find(self, text: str) -> list[Item]:
        """The items that somebody means, by name, part of a name, or task: "2.5", or "2" for all of part 2.

        Raises:
            AssignmentError: nothing fits, or several items do by their names; the message says which come nearest.
        """
        wanted = " ".join(text.casefold().replace("_", " ").split())
        names = {item.id: item.id.replace("_", " ") for item in self.items}
        titles = {item.id: item.title.casefold() for item in self.items}
        tasks = [item for item in self.items if item.is_task(wanted.removeprefix("task "))]
        if tasks:
            return tasks
        ways: tuple[Callable[[Item], bool], ...] = (
            lambda item: wanted in (names[item.id], titles[item.id], item.section.casefold()),
            lambda item: f" {wanted} " in f" {names[item.id]} ",
            lambda item: wanted in names[item.id],
            lambda item: wanted in titles[item.id],
        )
        fitting = ([item for item in self.items if fits(item)] for fits in ways if wanted)
        found = next(filter(None, fitting), [])
        if len(found) > 1:
            raise AssignmentError(f"{text!r} may be any of {', '.join(item.id for item in found)}")
        if found:
            return found
        words = {word: item.id for item in self.items for word in (names[item.id], *names[item.id].split())}
        near = dict.fromkeys(words[word] for word in difflib.get_close_matches(wanted, words, n=3))
        meant = f": did you mean {' or '.join(near)}?" if near else ";"
        raise AssignmentError(f"no item {text!r}{meant} the items are {', '.join(names)}")


def own_root() -> Path:
    """The assignment that this package was installed from: what grades is never chosen by where somebody stands.

    That is the folder around the package, or, in a release to students, the one with the wheel that it came in. A
    submission may bring tests and a rubric of its own; whoever wants others than these has to name their folder.

    Raises:
        AssignmentError: there is none.
    """
    package = Path(__file__).resolve().parent.parent
    places = [package, *(wheel.parent.parent for wheel in _wheels(package))]
    for place in places:
        if (place / "tests" / "rubric.toml").is_file():
            return place
    shown = " nor ".join(str(place) for place in places)
    raise AssignmentError(f"no assignment beside the grader in {shown}: name its folder with --assignment")


def installed_version() -> str:
    """The version of the grader; one that came in a wheel has the digest of its content in it."""
    package = Path(__file__).resolve().parent.parent
    return next((wheel.name.split("-")[1] for wheel in _wheels(package)), __version__)


def _wheels(packages: Path) -> Iterator[Path]:
    """The wheel on this machine that the grader was installed from, as the installer wrote it down (PEP 610)."""
    for note in packages.glob("*.dist-info/direct_url.json"):
        record = note.with_name("RECORD")
        if record.is_file() and f"{Path(__file__).parent.name}/{Path(__file__).name}," in record.read_text("utf-8"):
            address = urlsplit(str(json.loads(note.read_text("utf-8")).get("url", "")))
            if address.scheme == "file" and address.path.endswith(".whl"):
                yield Path(url2pathname(address.path)).resolve()


def load(root: Path, *, tests: bool = True) -> Assignment:
    """Read the rubric of the assignment in ``root``.

    Args:
        root: its folder.
        tests: hold the rubric and the tests against each other.

    Raises:
        AssignmentError: it cannot be read, or contradicts itself or the tests.
    """
    root = root.resolve()
    path = root / "tests" / "rubric.toml"
    try:
        raw = path.read_bytes()
        rubric = tomllib.loads(raw.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AssignmentError(f"cannot read the rubric {path}: {error}") from error
    try:
        guards = frozenset(rubric["guards"])
        items = tuple(_item(entry, guards) for entry in rubric["item"])
        folders = Folders(**rubric["folders"])
        name, version = str(rubric["name"]), str(rubric["version"])
        files = tuple(rubric["files"])
        beside, ungraded = (tuple(rubric.get(key, ())) for key in ("beside", "ungraded"))
        total = rubric.get("total")
        handout, finished = f"{folders.student}/README.md", " ".join(str(rubric.get("finished", "")).split())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AssignmentError(f"{path}: a field is missing or of the wrong type: {error!r}") from error
    digest = _digest(root / "tests")
    assignment = Assignment(
        root, name, version, files, items, digest, folders, beside, ungraded, handout=handout, finished=finished
    )
    _verify(assignment, path)
    points = sum(sum(item.points.values()) for item in items)
    if total is not None and points != total:
        raise AssignmentError(f"{path}: the items' points add up to {points}, and not to the total of {total}")
    if tests:
        written = [test for tier in assignment.tiers for test in _written(assignment.tests, tier)]
        verify_collected(assignment.checks(), written)
    return assignment


def _item(entry: dict[str, Any], guards: frozenset[str]) -> Item:
    points = {tier: int(entry["points"][tier]) for tier in TIERS}
    checks: list[Check] = []
    for tier in (tier for tier in TIERS if tier in entry["checks"]):
        weights = {str(name): int(weight) for name, weight in entry["checks"][tier].items()}
        if not weights or min(weights.values()) < 1:
            raise ValueError(f"{entry['id']}: the {tier} tier needs checks, each of a weight of at least 1")
        units = share(points[tier] * POINT_UNITS, list(weights.values()))
        checks += [
            Check(f"{tier}/{entry['id']}/{name}", entry["id"], tier, name, unit, name in guards)
            for name, unit in zip(weights, units, strict=True)
        ]
    return Item(
        id=entry["id"],
        title=entry["title"],
        file=entry["file"],
        functions=tuple(name.rpartition(".")[2] for name in entry["functions"]),
        points=points,
        hint=" ".join(entry["hint"].split()),
        section=entry["section"],
        checks=tuple(checks),
        needs=tuple(entry.get("needs", ())),
        calls=dict(entry.get("calls", {})),
        of_parts=bool(entry.get("of_parts", False)),
    )


def share(total: int, weights: list[int]) -> list[int]:
    """``total`` shared out in proportion to ``weights``, in integers that add up to it exactly."""
    bounds = [total * sum(weights[:i]) // sum(weights) for i in range(len(weights) + 1)]
    return [upper - lower for lower, upper in pairwise(bounds)]


def _digest(tests: Path) -> str:
    """A digest of the rubric, the checks and what they share, so that a grade says what it was graded by."""
    digest = hashlib.sha256()
    folders = (tests, *(tests / tier for tier in TIERS))
    for path in sorted([tests / "rubric.toml", *(path for folder in folders for path in folder.glob("*.py"))]):
        digest.update(path.relative_to(tests).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _verify(assignment: Assignment, path: Path) -> None:
    ids = [item.id for item in assignment.items]
    repeated = sorted({i for i in ids if ids.count(i) > 1})
    if repeated:
        raise AssignmentError(f"{path}: items appear more than once: {', '.join(repeated)}")
    for item in assignment.items:
        unlisted = [tier for tier in assignment.tiers if not any(check.tier == tier for check in item.checks)]
        if unlisted:
            raise AssignmentError(f"{path}: {item.id} has no {' and no '.join(unlisted)} checks, but others have")
        if item.file not in assignment.files:
            raise AssignmentError(f"{path}: {item.id} is in {item.file!r}, which is not among the files")
        for needed in item.needs:
            if needed not in ids:
                raise AssignmentError(f"{path}: {item.id} needs {needed!r}, which is no item")


def _written(tests: Path, tier: str) -> Iterator[str]:
    """The tests of a tier, as ``Check.path`` writes them, without running a line of them."""
    for file in sorted((tests / tier).glob("test_*.py")):
        for name in _TEST.findall(file.read_text(encoding="utf-8")):
            yield f"{tier}/{file.name}::{name}"


def verify_collected(checks: Iterable[Check], collected: list[str]) -> None:
    """Hold the rubric and the tests against each other, both ways.

    Args:
        checks: the rubric's side.
        collected: the tests that are there, as ``Check.path`` writes them.

    Raises:
        AssignmentError: one side has what the other has not, or a test stands for several checks.
    """
    listed = {check.path for check in checks}
    problems = [f"{path} is in the rubric, but there is no such test" for path in sorted(listed - set(collected))]
    problems += [f"{path} is a test, but not in the rubric" for path in sorted(set(collected) - listed)]
    repeated = sorted({path for path in collected if collected.count(path) > 1})
    problems += [f"{path} was collected more than once" for path in repeated]
    if problems:
        raise AssignmentError("rubric and tests disagree:\n  " + "\n  ".join(problems))

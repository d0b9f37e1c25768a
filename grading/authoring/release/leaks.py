"""What must not be in a release: lines of the solution, and names and lines of hidden checks."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping

from ...assignment import Assignment
from .. import strip

SHORTEST_SOLUTION_LINE, SHORTEST_HIDDEN_LINE = 24, 40
"""In characters; shorter lines are written alike by many people, in this project's own code too."""
_FORBIDDEN = re.compile(
    r"(^|/)(hidden|harness|samples|misconceptions|variants|\.ci)(/|$)|(^|/)(ci|grade-class)\.yml$|(^|/)audit\.toml$"
)


def found(files: Mapping[str, bytes], assignment: Assignment) -> list[str]:
    """Everything in a release that students must not see, in words; empty where all is well.

    Looks into the wheel, too.

    Args:
        files: the release, by path.
        assignment: the instructor's, with the solution and the hidden tier.
    """
    names, lines = _hidden(assignment)
    solution = _solution(assignment)
    told = []
    for path, content in _unpacked(files):
        if _FORBIDDEN.search(path) and not path.startswith(_wheel_of(files)):
            told.append(f"{path} is the instructor's")
        text = content.decode("utf-8", "replace")
        told += [f"{path} names the hidden check {name}" for name in sorted(names & set(re.findall(r"\w+", text)))]
        for number, line in enumerate(text.splitlines(), start=1):
            plain = _plain(line)
            if plain in solution:
                told.append(f"{path}:{number} is a line of the solution: {plain[:60]}")
            elif plain in lines:
                told.append(f"{path}:{number} is a line of a hidden check: {plain[:60]}")
    return told


def _wheel_of(files: Mapping[str, bytes]) -> str:
    return next((f"{path}!" for path in files if path.endswith(".whl")), "\0")


def _unpacked(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for path, content in files.items():
        if path.endswith(".whl"):
            with zipfile.ZipFile(io.BytesIO(content)) as wheel:
                for name in wheel.namelist():
                    yield f"{path}!{name}", wheel.read(name)
        else:
            yield path, content


def _plain(line: str) -> str:
    return " ".join(line.split())


def _solution(assignment: Assignment) -> set[str]:
    """The lines inside marked regions, but those that some skeleton has as well."""
    skeletons = strip.skeletons(assignment)
    given = {_plain(line) for skeleton in skeletons.values() for line in skeleton.splitlines()}
    texts = [(assignment.reference / path.name).read_text(encoding="utf-8") for path in skeletons]
    lines = {_plain(line) for text in texts for line in text.splitlines()} - given
    return {line for line in lines if len(line) >= SHORTEST_SOLUTION_LINE and not line.startswith(("#", '"""'))}


def _hidden(assignment: Assignment) -> tuple[set[str], set[str]]:
    """Names of hidden checks that no public one has, and the lines of the files that they are in."""
    public = {check.name for check in assignment.checks(("public",))}
    names = {check.name for check in assignment.checks(("hidden",))} - public
    # A name of one word is a word of the language.
    names = {name for name in names if name.count("_") >= 2}
    names |= {f"test_{name}" for name in names}
    given = {
        _plain(line)
        for path in (*(assignment.tests / "public").rglob("*.py"), *assignment.tests.glob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    lines: set[str] = set()
    for path in (assignment.tests / "hidden").rglob("*.py"):
        lines |= {_plain(line) for line in path.read_text(encoding="utf-8").splitlines()} - given
    return names, {line for line in lines if len(line) >= SHORTEST_HIDDEN_LINE}

"""Draws the house in CONTRIBUTING.md from the code: ``python tools/house.py``, or ``--check`` to write nothing.

Rooms are the packages and modules directly in ``grading``, and the solution and the lab beside it. An arrow is an
import somewhere in the room. One that follows from others is left out: where cli imports grade, and grade imports
scores, no arrow leads from cli to scores.
"""

import ast
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- house: begin -->\n", "<!-- house: end -->\n"
PACKAGES = ("grading", "reference", "student.lab")

Imports = dict[str, set[str]]


def imports() -> Imports:
    """For each room, the rooms that it imports."""
    sys.path.insert(0, str(ROOT))
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    rooms = sorted(graph.find_children("grading")) + [package for package in PACKAGES if package != "grading"]
    return {
        room: {
            other
            for other in rooms
            if other != room and graph.direct_import_exists(importer=room, imported=other, as_packages=True)
        }
        for room in rooms
    }


def reached(room: str, found: Imports) -> set[str]:
    """Every room that a room imports, also by way of others."""
    seen: set[str] = set()
    ahead = [*found[room]]
    while ahead:
        other = ahead.pop()
        if other not in seen:
            seen.add(other)
            ahead += found[other]
    return seen


def reduced(found: Imports) -> Imports:
    """The imports without those that follow from others; there are no circles."""
    return {
        room: {other for other in others if not any(other in reached(third, found) for third in others)}
        for room, others in found.items()
    }


def purpose(room: str) -> str:
    """The first sentence of a room's docstring, as Markdown."""
    path = ROOT.joinpath(*room.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n\n")[0].replace("\n", " ").replace("``", "`").rstrip(".")


def drawn() -> str:
    """The picture, in Mermaid, and what each room is for."""
    found = imports()
    names = {room: room.removeprefix("grading.") for room in found}
    lines = ["```mermaid", "flowchart TD"]
    for room, others in reduced(found).items():
        lines += [f"    {names[room]} --> {names[other]}" for other in sorted(others)]
    alone = set(found) - {other for others in found.values() for other in others} - {r for r in found if found[r]}
    lines += [f"    {names[room]}" for room in sorted(alone)]
    lines += ["```", "", "| room | |", "| --- | --- |"]
    folders = {room: "/" if ROOT.joinpath(*room.split(".")).is_dir() else ".py" for room in found}
    lines += [f"| `{names[room]}{folders[room]}` | {purpose(room)} |" for room in found if purpose(room)]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Draw the picture into the page; 1 if it is out of date and nothing was to be written."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        print(f"{PAGE.name} has no place for the picture: {BEGIN.strip()} and {END.strip()}", file=sys.stderr)
        return 2
    new = drawn()
    if new == old:
        print("the house is up to date")
        return 0
    if "--check" in arguments:
        print("the house is out of date: python3 tools/house.py", file=sys.stderr)
        return 1
    PAGE.write_text(before + begin + new + end + after, encoding="utf-8")
    print("the house is drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

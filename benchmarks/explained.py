"""How many wrong answers are explained by experiment alone, with the catalogue out of the way.

Each wrong answer of the catalogue is experimented with as if nobody had listed it. With ``--pairs`` two mistakes of one
function are put together, where both are edits of the solution's text that do not overlap, and both should be told.

    python benchmarks/explained.py [--item ITEM] [--held-back] [--pairs] [--json FILE]

``--held-back`` takes the third of the entries that were not looked at while the laws were written: those whose name's
SHA-256 is divisible by three.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from grading import assignment, catalogue  # noqa: E402
from grading.boundary.local import LocalChannel  # noqa: E402
from grading.boundary.proxy import Session, SourceFile, Submission  # noqa: E402
from grading.catalogue.entries import CatalogueError, Misconception  # noqa: E402
from grading.catalogue.load import Answer, _entries  # noqa: E402
from grading.catalogue.splice import edit_function  # noqa: E402
from grading.diagnosis import experiments  # noqa: E402

SECONDS = 30.0
"""What the experiments of one item may take here: more than in a run, since other work may hold up this machine."""


class _Conversation(Session):
    """The student's side in this process."""

    file: SourceFile
    other: Session | None = None

    def fresh(self) -> Session:
        """Another conversation with the same file, the same one each time."""
        self.other = self.other or opened(self.file)
        return self.other


def opened(file: SourceFile) -> _Conversation:
    """A conversation about a file."""
    session = _Conversation(LocalChannel(capture=True))
    session.file = file
    session.load(file, 0)
    return session


def held_back(name: str) -> bool:
    """Whether an entry was not looked at while the laws were written."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0


def explained(item: str, file: str, source: bytes) -> tuple[tuple[str, ...], float]:
    """What experiments say of a file, and the processor time that it took."""
    began = time.process_time()
    loaded = SourceFile(Path(file).stem, file, source)
    why = experiments.explain(item, lambda *_: Submission(opened(loaded)), time.monotonic() + SECONDS)
    return why, time.process_time() - began


def pairs(root: assignment.Assignment, item: str | None) -> Iterator[tuple[str, str, str, bytes]]:
    """Two entries of one function in one text: their names, the item, the file and the text."""
    solution = {name: (root.reference / name).read_bytes() for name in root.files}
    entries = [
        entry
        for entry in _entries(root.reference, "misconceptions", catalogue.Misconceptions)
        if isinstance(entry, Misconception) and isinstance(entry.change, tuple) and item in (None, entry.task.item)
    ]
    by_task = [[e for e in entries if e.task == task] for task in dict.fromkeys(entry.task for entry in entries)]
    for one, other in (pair for own in by_task for pair in itertools.combinations(own, 2)):
        if not isinstance(one.change, tuple) or not isinstance(other.change, tuple):
            continue
        try:
            text = edit_function(solution[one.task.file].decode(), one.task.name, (*one.change, *other.change))
        except CatalogueError:
            continue
        yield f"{one.name} + {other.name}", one.task.item, one.task.file, text.encode()


def singles(
    answers: tuple[Answer, ...], item: str | None, only_held_back: bool
) -> Iterator[tuple[str, str, str, bytes]]:
    """The entries of the catalogue: name, item, file and text."""
    for answer in answers:
        if answer.item and item in (None, answer.item) and (held_back(answer.name) or not only_held_back):
            yield answer.name, answer.item, answer.file, answer.source


def main() -> None:
    """Measure, and print a line an answer and the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--item")
    parser.add_argument("--held-back", action="store_true")
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    root = assignment.load(ROOT)
    if options.pairs:
        cases = pairs(root, options.item)
    else:
        cases = singles(catalogue.load(root.reference, root.files).misconceptions, options.item, options.held_back)
    rows: list[dict[str, Any]] = []
    for name, item, file, source in cases:
        why, seconds = explained(item, file, source)
        rows.append({"name": name, "item": item, "why": why, "seconds": seconds})
        print(f"{name}  {seconds:.2f} s\n    {' / '.join(why) or '-'}", flush=True)
    told, possible = Counter(r["item"] for r in rows if len(r["why"]) > options.pairs), Counter(r["item"] for r in rows)
    for item, count in possible.items():
        print(f"{item}: {told[item]} of {count}")
    taken = [row["seconds"] for row in rows] or [0.0]
    what = "told two mistakes" if options.pairs else "explained"
    print(f"{what}: {sum(told.values())} of {len(rows)}; {statistics.median(taken):.2f} s, at most {max(taken):.2f} s")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

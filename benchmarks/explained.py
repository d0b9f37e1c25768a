"""How many wrong answers are explained by experiment alone, with the catalogue out of the way.

Each wrong answer of the catalogue is experimented with as if nobody had listed it. What counts as explained is a law:
what the function computes instead. Contrasts, which say where it is right and where not, are counted beside.

    python benchmarks/explained.py [--item ITEM ...] [--held-back | --pairs | --right] [--kinds] [--json FILE]

``--held-back`` takes the third of the entries that were not looked at while the laws were written: those whose name's
SHA-256 is divisible by three. ``--kinds`` runs the checks too, and counts by what they found: a wrong value, else wrong
statistics, else a wrong gradient, else something else. ``--right`` asks the correct answers of the catalogue in place
of the wrong ones: of those nothing should be said.

``--pairs`` puts two mistakes of one function together, where both are edits of the solution's text that do not overlap,
or the second is done around a loss, and neither hides the other in the questions of a contrast. Such a pair counts as
told where of each of the two mistakes something is told that is told of it alone (``telling``).
"""

from __future__ import annotations

import argparse
import functools
import gc
import hashlib
import itertools
import json
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from telling import both_told  # noqa: E402

from grading import assignment, catalogue  # noqa: E402
from grading.authoring.audit import executor  # noqa: E402
from grading.authoring.audit.tasks import Setting, Task  # noqa: E402
from grading.boundary.errors import StudentError  # noqa: E402
from grading.boundary.local import LocalChannel  # noqa: E402
from grading.boundary.proxy import Submission  # noqa: E402
from grading.boundary.session import Session, SourceFile  # noqa: E402
from grading.catalogue.entries import CatalogueError, Misconception  # noqa: E402
from grading.catalogue.load import _entries  # noqa: E402
from grading.catalogue.splice import edit_function  # noqa: E402
from grading.checks.draws import Draws  # noqa: E402
from grading.diagnosis import experiments  # noqa: E402
from grading.diagnosis.laws import contrast  # noqa: E402
from grading.diagnosis.laws.asking import UNUSABLE  # noqa: E402

BESIDE = {
    "twice": "2 * _single(one, other)",
    "negated": "-_single(one, other)",
    "first argument detached": "_single(one.detach(), other)",
    "first argument cut off": "_single(one.clamp(-1.0, 1.0), other)",
    "second argument halved": "_single(one, other / 2)",
    "arguments exchanged": "_single(other, one)",
}
"""A second mistake around a loss of two tensors, whose text can seldom be edited in two places."""
SECONDS = 300.0
"""What the experiments of one item may take here: more than in a run, since other work may hold up this machine."""
KINDS = ("value", "statistics", "gradient")


class Case(NamedTuple):
    """A file with one mistake or two.

    Attributes:
        name: of the entry, or of both.
        item: that is wrong.
        file: the student's file.
        source: its text.
        alone: the texts with one of two mistakes each.
        right: the text with none.
    """

    name: str
    item: str
    file: str
    source: bytes
    alone: tuple[bytes, ...] = ()
    right: bytes = b""


class _Conversation(Session):
    """The student's side in this process."""

    file: SourceFile
    other: Session | None = None

    def fresh(self) -> Session:
        """Another conversation with the same file, the same one each time."""
        self.other = self.other or opened(self.file)
        return self.other


OPEN: list[_Conversation] = []
"""The conversations of the case at hand."""


def opened(file: SourceFile) -> _Conversation:
    """A conversation about a file."""
    session = _Conversation(LocalChannel(capture=True))
    OPEN.append(session)
    session.file = file
    session.load(file, 0)
    return session


def submission(case: Case, source: bytes) -> Submission:
    """A text in the place of a case's file."""
    return Submission(opened(SourceFile(Path(case.file).stem, case.file, source)))


def held_back(name: str) -> bool:
    """Whether an entry was not looked at while the laws were written."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0


def explained(case: Case) -> dict[str, Any]:
    """What experiments say of a case, by law or by contrast, and the processor time that it took."""
    began = time.process_time()
    row: dict[str, Any] = {"name": case.name, "item": case.item}
    if case.alone and _hidden(case):
        _close()
        return row | {"hidden": True}
    why, row["law"] = said(case.item, case.file, case.source)
    row |= {"why": list(why), "seconds": time.process_time() - began}
    if case.alone:
        row["alone"] = [list(why) if law else [] for why, law in (said(case.item, case.file, s) for s in case.alone)]
        row["told"] = row["law"] and both_told(*row["alone"], why)
    return row


@functools.lru_cache(maxsize=256)
def said(item: str, file: str, source: bytes) -> tuple[tuple[str, ...], bool]:
    """The sentences that hold for a text, as a student would read them, and whether they are laws."""
    case, why, law = Case("", item, file, source), [], False
    for found in experiments.holding(item, lambda *_: submission(case, source), time.monotonic() + SECONDS):
        why += [sentence for sentence in found.sentences if sentence not in why]
        law = not found.contrast
    _close()
    return tuple(why[: experiments.MOST_TOLD]), law


def _close() -> None:
    """Forget what was asked: answers with gradients lead back to their conversation by ways that nobody collects."""
    for session in OPEN:
        session.calls.clear()
    OPEN.clear()
    gc.collect()


def _hidden(case: Case) -> bool:
    """Whether two mistakes together answer as one of them alone, or as none, or the second one alone is none."""
    module = experiments.module_of(case.item)
    assert module is not None
    texts = (case.source, *case.alone, case.right)
    both, *others = ([_answer(p, submission(case, text)) for p in module.probes()] for text in texts)
    *ones, right = others
    same = [all(_alike(a, b) for a, b in zip(both, other, strict=True)) for other in others]
    unseen = [all(_alike(a, b) for a, b in zip(one, right, strict=True)) for one in ones]
    return any(same) or (all(unseen[1:]) and not said(case.item, case.file, case.alone[1])[0])


def _answer(probe: contrast.Probe, asked: Submission) -> tuple[Any, list[torch.Tensor]]:
    """What a probe is answered, and the gradients of that for all that it was computed from."""
    try:
        torch.manual_seed(1)
        answer = contrast.put(probe, asked, Draws(1))[0]
    except UNUSABLE as error:
        return type(error).__name__, []
    if not isinstance(answer, torch.Tensor) or not answer.requires_grad:
        return answer, []
    try:
        return answer, list(torch.autograd.grad(answer.sum(), _leaves(answer), retain_graph=True))
    except (*UNUSABLE, StudentError):
        return answer, [torch.tensor(float("nan"))]


def _leaves(answer: torch.Tensor) -> list[torch.Tensor]:
    """The tensors at the ends of a graph, in the order in which it is walked."""
    found: dict[int, torch.Tensor] = {}
    waiting, seen = [answer.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(variable := getattr(node, "variable", None), torch.Tensor):
            found[id(variable)] = variable
        waiting += [following for following, _ in node.next_functions]
    return list(found.values())


def _alike(one: tuple[Any, list[torch.Tensor]], other: tuple[Any, list[torch.Tensor]]) -> bool:
    """Whether two answers are the same, and their gradients."""
    slopes = zip(one[1], other[1], strict=False)
    same = len(one[1]) == len(other[1]) and all(a.shape == b.shape and contrast.agrees(a, b) for a, b in slopes)
    return same and contrast.agrees(one[0], other[0])


def pairs(root: assignment.Assignment, items: list[str] | None, most: int) -> Iterator[Case]:
    """Two entries of one function in one text, up to ``most`` an item."""
    solution = {name: (root.reference / name).read_bytes() for name in root.files}
    entries = [
        entry
        for entry in _entries(root.reference, "misconceptions", catalogue.Misconceptions)
        if isinstance(entry, Misconception)
        and isinstance(entry.change, tuple)
        and entry.task.item in (items or SECTIONS)
    ]
    found: dict[str, list[Case]] = {}
    for one, other in itertools.combinations(entries, 2):
        if one.task != other.task or not isinstance(one.change, tuple) or not isinstance(other.change, tuple):
            continue
        item, file, text = one.task.item, one.task.file, solution[one.task.file].decode()
        try:
            both, *alone = (
                edit_function(text, one.task.name, change).encode()
                for change in ((*one.change, *other.change), one.change, other.change)
            )
        except CatalogueError:
            continue
        found.setdefault(item, []).append(
            Case(f"{one.name} + {other.name}", item, file, both, tuple(alone), text.encode())
        )
    for answer in catalogue.load(root.reference, root.files).misconceptions:
        if answer.item == "kl_divergence" or str(answer.item).startswith("reconstruction_loss_"):
            for words, body in BESIDE.items() if answer.item in (items or SECTIONS) else ():
                name, item = str(answer.replaces), str(answer.item)
                around = f"\n\n_single = {name}\n\n\ndef {name}(one, other):\n    return {body}\n".encode()
                ones = (answer.source, solution[answer.file] + around)
                case = Case(
                    f"{answer.name} + {words}", item, answer.file, answer.source + around, ones, solution[answer.file]
                )
                found.setdefault(item, []).append(case)
    for item, cases in found.items():
        yield from random.Random(item).sample(cases, min(most, len(cases)))


def singles(root: assignment.Assignment, items: list[str] | None, only_held_back: bool) -> Iterator[Case]:
    """The entries of the catalogue."""
    for answer in catalogue.load(root.reference, root.files).misconceptions:
        if answer.item in (items or SECTIONS) and (held_back(answer.name) or not only_held_back):
            yield Case(answer.name, str(answer.item), answer.file, answer.source)


def correct(root: assignment.Assignment, items: list[str] | None) -> Iterator[Case]:
    """Correct answers in other styles, a whole file once for each item that it answers."""
    for answer in catalogue.load(root.reference, root.files).variants:
        for item in root.items:
            own = answer.item == item.id or (answer.item is None and item.file == answer.file)
            if own and item.id in (items or SECTIONS):
                yield Case(f"{answer.name} ({item.id})", item.id, answer.file, answer.source)


def kinds(root: assignment.Assignment, cases: list[Case], jobs: int) -> dict[str, str]:
    """What the checks of its item find wrong in each case."""
    catalogued = catalogue.load(root.reference, root.files)
    changed = {answer.name: answer.replaces for answer in catalogued.misconceptions}
    tasks = [Task("reference", "reference", "kinds", catalogued.solution, assignment.TIERS)]
    for case in cases:
        files = {**catalogued.solution, case.file: case.source}
        place = (case.file, changed.get(case.name))
        tasks.append(Task("misconception", case.name, "kinds", files, assignment.TIERS, changed=place))
    items = {case.name: case.item for case in cases}
    setting = Setting(root, catalogued, assignment.TIERS, tuple(dict.fromkeys(items.values())))
    found = {}
    for result in executor.run(setting, tasks, jobs):
        own = {str(o.kind) for check, o in result.checks.items() if check.split("/")[1] == items.get(result.name)}
        found[result.name] = next((kind for kind in KINDS if kind in own), "other")
    return found


def counted(rows: list[dict[str, Any]], key: str, two: bool) -> None:
    """Print a line a group: how many are explained."""
    for group in dict.fromkeys(row[key] for row in rows):
        own = [row for row in rows if row[key] == group]
        told = sum(row["told"] if two else row["law"] for row in own)
        beside = sum(bool(row["why"]) and not row["law"] for row in own)
        what = "both told" if two else "explained"
        print(f"{group}: {what} {told} of {len(own)} ({told / len(own):.0%}), contrasted {beside}")


SECTIONS: dict[str, str] = {}


def main() -> None:
    """Measure, and print a line an answer and the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--item", action="append")
    parser.add_argument("--held-back", action="store_true")
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--right", action="store_true")
    parser.add_argument("--most", type=int, default=40, help="pairs an item")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    root = assignment.load(ROOT)
    SECTIONS.update({item.id: item.section for item in root.items if item.functions})
    if options.right:
        found = correct(root, options.item)
    elif options.pairs:
        found = pairs(root, options.item, options.most)
    else:
        found = singles(root, options.item, options.held_back)
    cases = list(found)
    rows: list[dict[str, Any]] = []
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(options.jobs, context, torch.set_num_threads, (1,)) as pool:
        for row in pool.map(explained, cases):
            if row.get("hidden"):
                continue
            rows.append(row)
            said = " / ".join(row["why"]) or "-"
            told = {None: "", True: ", both told", False: ", not both told"}[row.get("told")]
            print(f"{row['name']}  {row['seconds']:.2f} s{told}\n    {'' if row['law'] else '~ '}{said}", flush=True)
    if options.kinds:
        kind = kinds(root, cases, options.jobs)
        rows = [row | {"kind": kind[row["name"]]} for row in rows]
        counted(rows, "kind", options.pairs)
    counted(rows, "item", options.pairs)
    counted([row | {"all": "all"} for row in rows], "all", options.pairs)
    taken = [row["seconds"] for row in rows] or [0.0]
    print(f"processor time: median {statistics.median(taken):.2f} s, at most {max(taken):.2f} s")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

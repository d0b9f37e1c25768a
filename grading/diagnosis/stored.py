"""What wrong answers give to the public checks, as numbers in a file: for a machine without catalogue and solution.

For every wrong answer the file lists the public checks that it fails, with what it answers there to each question.
Large tensors are held as a few numbers that sum them up. Nothing in the file is code, and nothing in it is right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..boundary.transcript import Transcript
from ..results import Misconception
from .evidence import Evidence, together
from .leaves import ATTRIBUTE, Leaf, Reader

VERSION = 2
MOST_NUMBERS = 12
DIGITS = 7
# A little more than the tolerance of values, since the numbers in the file are rounded.
RTOL, ATOL = 1.1e-4, 1.1e-5


def summary(leaf: Leaf) -> list[Any]:
    """A leaf as JSON: its label, the message of its exception, and its numbers or what sums them up."""
    return [leaf.label, leaf.message, [_rounded(number) for number in _numbers(leaf.numbers)]]


def _numbers(tensor: torch.Tensor) -> list[float]:
    flat = tensor.reshape(-1).double()
    if flat.numel() <= MOST_NUMBERS:
        return [float(number) for number in flat]
    # Means with weights of all signs see the place of every number, and the others see outliers.
    angle = torch.arange(flat.numel(), dtype=torch.float64)
    weighted = [(flat * torch.cos(frequency * angle)).mean() for frequency in (1.0, 1.7, 2.9)]
    spread = [flat.mean(), flat.abs().mean(), flat.pow(2).mean().sqrt(), flat.min(), flat.max()]
    return [float(number) for number in (*spread, *weighted, flat[0], flat[-1])]


def _rounded(number: float) -> float | str:
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else str(number)


def agrees(stored: list[Any], leaf: list[Any]) -> bool:
    """Whether two summaries are of the same answer."""
    (label, message, numbers), (own_label, own_message, own_numbers) = stored, leaf
    if label != own_label or message != own_message or len(numbers) != len(own_numbers):
        return False
    return all(_near(a, b) for a, b in zip(numbers, own_numbers, strict=True))


def _near(stored: float | str, own: float | str) -> bool:
    if isinstance(stored, str) or isinstance(own, str):
        return stored == own
    return math.isclose(stored, own, rel_tol=RTOL, abs_tol=ATOL)


def summaries(replies: Iterable[bytes]) -> list[list[Any]]:
    """The answers of one check: a list of summaries for each question that has an answer."""
    reader = Reader()
    return [[summary(leaf) for leaf in reader.leaves(reply)] for reply in replies]


@dataclass(frozen=True)
class Stored:
    """Names mistakes by the numbers in a file.

    Attributes:
        items: for each item its wrong answers, each with name, tell, section and the checks that it fails.
    """

    items: dict[str, list[dict[str, Any]]]

    @classmethod
    def load(cls, path: Path) -> Stored | None:
        """The file at ``path``; None if it is of another version than this grader's."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(content["items"]) if content.get("version") == VERSION else None

    def failing(self, item: str) -> dict[str, set[str]]:
        """The public checks that each wrong answer to an item fails, by its name; of others, it fails none."""
        return {mistake["name"]: set(mistake["checks"]) for mistake in self.items.get(item, [])}

    def dumps(self) -> str:
        """The text of the file, one wrong answer a line."""
        lines = []
        for item, mistakes in self.items.items():
            entries = ",\n".join(json.dumps(m, ensure_ascii=False, separators=(",", ":")) for m in mistakes)
            lines.append(f"{json.dumps(item)}: [\n{entries}\n]")
        body = ",\n".join(lines)
        return f'{{"version": {VERSION}, "items": {{\n{body}\n}}}}\n'

    def explain(
        self, item: str, evidence: list[Evidence], deadline: float, beside: Sequence[str] = ()
    ) -> dict[str, Misconception]:
        """The mistakes of one item that fail the same public checks with the same answers."""
        if beside:
            return {}  # what two mistakes answer together is in no file
        public = [piece for piece in evidence if piece.check.startswith("public/")]
        failed = {p.check: summaries(reply for _, reply in p.transcript.exchanges) for p in public if p.failed}
        passed = {piece.check for piece in public if not piece.failed}
        guilty = [
            mistake
            for mistake in self.items.get(item, [])
            if not passed & mistake["checks"].keys()
            and all(same_answers(mistake["checks"].get(check), own) for check, own in failed.items())
        ]
        named = together([(m["name"], m["tell"], m["section"]) for m in guilty])
        return dict.fromkeys(failed, named) if named is not None and failed else {}

    def contradicted(self, item: str, names: Sequence[str], asked: Transcript, deadline: float) -> dict[str, bool]:
        """None: what is in no check has no stored answer."""
        return {}

    def tells(self, item: str) -> dict[str, str]:
        """What to tell of each mistake of an item, by its name."""
        return {mistake["name"]: mistake["tell"] for mistake in self.items.get(item, [])}


def same_answers(stored: list[list[Any]] | None, own: list[list[Any]]) -> bool:
    """Whether two lists of summaries, one for each question, are of the same answers."""
    if stored is None or len(stored) != len(own):
        return False
    return all(_same_answer(*pair) for pair in zip(stored, own, strict=True))


def _same_answer(stored: list[Any], own: list[Any]) -> bool:
    """Whether two answers are the same; what a student's model has beside the catalogue's does not count."""
    (there, extra), (here, own_extra) = (_parted(answer) for answer in (stored, own))
    if len(there) != len(here):
        return False
    pairs = [
        *zip(there, here, strict=True),
        *((extra[name], own_extra[name]) for name in extra.keys() & own_extra.keys()),
    ]
    return all(agrees(a, b) for a, b in pairs)


def _parted(answer: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    plain = [leaf for leaf in answer if not leaf[0].startswith(ATTRIBUTE)]
    return plain, {leaf[0].partition(": ")[0]: leaf for leaf in answer if leaf[0].startswith(ATTRIBUTE)}

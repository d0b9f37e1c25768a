"""Put the questions of a check to another file: to wrong answers of the catalogue, and to the solution."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from ..boundary.local import LocalChannel
from ..boundary.shared import wire
from ..boundary.transcript import Transcript
from ..catalogue import Answer, Catalogue, combined
from .evidence import Evidence, Named, together
from .leaves import Leaf, leaves, messages, same


def replay(transcript: Transcript, source: bytes) -> Iterator[list[Leaf]]:
    """What a file with this source answers to the questions of a transcript, one after the other.

    Its random numbers begin where those of the submission began, so that the same draws give the same samples.
    """
    channel = LocalChannel(capture=True)
    for i, (request, _) in enumerate(transcript.exchanges):
        # The first request of every conversation loads the file.
        yield leaves(channel.exchange(request if i else _loading(request, source), math.inf))


def _loading(request: bytes, source: bytes) -> bytes:
    """The request to load a file, with ``source`` in place of the submission's."""
    header = wire.decode(request).header
    header["request"]["filename"] = "answer.py"  # always the same, so that it is compiled once
    return wire.encode(header, [torch.frombuffer(bytearray(source), dtype=torch.uint8)])


@dataclass
class _Exhibit:
    """One piece of evidence: the submission's answers, and the solution's to the same questions."""

    evidence: Evidence
    answers: list[list[Leaf]]
    right: list[list[Leaf]]

    @classmethod
    def of(cls, evidence: Evidence, solution: bytes) -> _Exhibit:
        answers = [leaves(reply) for _, reply in evidence.transcript.exchanges]
        return cls(evidence, answers, list(replay(evidence.transcript, solution)))

    def fits(self, source: bytes) -> list[list[Leaf]] | None:
        """What a wrong answer gives, if that is what the submission gives."""
        given: list[list[Leaf]] = []
        for own, right, wrong in zip(self.answers, self.right, replay(self.evidence.transcript, source), strict=True):
            if not same(own, wrong):
                return None
            # Where an exception is right its words are free; elsewhere they tell one accident from another.
            if messages(own) != messages(wrong) and not messages(right):
                return None
            given.append(wrong)
        return given

    def shows(self, given: list[list[Leaf]]) -> bool:
        """Whether answers that fit are not the right ones, for all that this check can see."""
        if not self.evidence.failed:
            return False
        if not all(same(own, right) for own, right in zip(self.answers, self.right, strict=True)):
            return True
        triples = zip(self.answers, given, self.right, strict=True)
        return any(messages(own) == messages(wrong) != messages(right) for own, wrong, right in triples)


@dataclass
class Replayed:
    """Names mistakes by asking the wrong answers of a catalogue what the submission was asked."""

    catalogue: Catalogue
    _by_item: dict[str, list[Answer]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for answer in self.catalogue.misconceptions:
            self._by_item.setdefault(answer.item or "", []).append(answer)

    def explain(
        self, item: str, evidence: list[Evidence], deadline: float, beside: Sequence[str] = ()
    ) -> dict[str, Named]:
        """The mistakes of one item that explain all of its evidence, for each check that shows them."""
        suspects = self._by_item.get(item, [])
        if not suspects:
            return {}
        file = suspects[0].file
        around = [a for a in self.catalogue.misconceptions if a.name in beside and a.file == file and a.item != item]
        solution = combined(self.catalogue.solution[file], around)
        sources = {suspect.name: combined(suspect.source, around) for suspect in suspects}
        shown: dict[str, set[str]] = {suspect.name: set() for suspect in suspects}
        # Small conversations first, above all failed ones: they cost little and leave few suspects for the others.
        for piece in sorted(evidence, key=lambda e: e.transcript.size * (1 if e.failed else 8)):
            if not suspects:
                break
            exhibit = _Exhibit.of(piece, solution)
            remaining = []
            for suspect in suspects:
                if time.monotonic() > deadline:
                    return {}
                given = exhibit.fits(sources[suspect.name])
                if given is not None:
                    remaining.append(suspect)
                    if exhibit.shows(given):
                        shown[suspect.name].add(piece.check)
            suspects = remaining
        guilty = [suspect for suspect in suspects if shown[suspect.name]]
        named = together([(s.name, s.tell, s.section) for s in guilty])
        if named is None:
            return {}
        return {check: named for suspect in guilty for check in shown[suspect.name]}

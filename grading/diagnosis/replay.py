"""Put the questions of a check to another file: to wrong answers of the catalogue, and to the solution."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ..boundary.channels import Channel
from ..boundary.errors import CallTimeoutError, SubmissionFault
from ..boundary.shared import wire
from ..boundary.transcript import Transcript
from ..boundary.workers import Workers
from ..catalogue import Answer, Catalogue, combined, reached
from ..results import Misconception
from .clothes import Clothes, Question
from .evidence import Evidence, TimeIsUpError, together
from .leaves import WITH_GRADIENT, Leaf, Reader, fields_of, messages, same
from .stored import Stored

CALL_SECONDS = 3.0
"""What one question may take; the answers of the catalogue take milliseconds."""


class _Conversation:
    """What a submission was asked and answered in one check, each part read once for all files that are asked again."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript, self._reader = transcript, Reader()
        self._questions: dict[int, Question] = {}
        self._fields: dict[int, dict[str, Any]] = {}
        self._leaves: dict[tuple[int, tuple[tuple[str, str], ...]], list[Leaf]] = {}

    def question(self, i: int) -> Question:
        """One request."""
        if i not in self._questions:
            self._questions[i] = Question.of(self._transcript.exchanges[i][0])
        return self._questions[i]

    def fields(self, i: int) -> dict[str, Any]:
        """The fields of one reply."""
        if i not in self._fields:
            self._fields[i] = fields_of(self._transcript.exchanges[i][1])
        return self._fields[i]

    def leaves(self, i: int, names: Mapping[str, str]) -> list[Leaf]:
        """The leaves of one reply, which are asked for in order."""
        key = (i, tuple(sorted(names.items())))
        if key not in self._leaves:
            self._leaves[key] = self._reader.read(self.fields(i), names)
        return self._leaves[key]


class _Replay:
    """Puts the questions of transcripts to files, in a worker: neither time nor memory is the grader's own.

    Args:
        workers: where the files are loaded.
        deadline: when to give up, on the monotonic clock.

    Attributes:
        unanswered: what went wrong with files that gave no answer.
    """

    def __init__(self, workers: Workers, deadline: float) -> None:
        self._workers, self._deadline = workers, deadline
        self._channel: Channel | None = None
        self.unanswered: list[SubmissionFault] = []
        self._read: dict[int, _Conversation] = {}

    def answers(self, transcript: Transcript, source: bytes) -> Iterator[tuple[list[Leaf], list[Leaf]]]:
        """What the submission and a file with this source answer to the questions of a transcript, one after the other.

        Its random numbers begin where those of the submission began, so that the same draws give the same samples, and
        its models with the weights of the submission's, whatever their layers are called.

        Raises:
            SubmissionFault: the file gave no answer.
            TimeIsUpError: the deadline is over.
        """
        channel = self._take_worker()
        clothes, theirs = Clothes(), Reader()
        own = self._read.setdefault(id(transcript), _Conversation(transcript))
        for i, (request, _) in enumerate(transcript.exchanges):
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeIsUpError
            # The first request of every conversation loads the file.
            asked = clothes.translated(own.question(i)) if i else _loading(request, source)
            try:
                answer = channel.exchange(asked, min(CALL_SECONDS, left))
            except SubmissionFault as fault:
                if left < CALL_SECONDS and isinstance(fault, CallTimeoutError):
                    raise TimeIsUpError from None
                self.unanswered.append(fault)
                raise
            fields = fields_of(answer)
            clothes.compare(own.fields(i), fields)
            yield own.leaves(i, clothes.names_at(own.question(i))), theirs.read(fields)

    def _take_worker(self) -> Channel:
        """The worker of the conversation before, which loading a file makes as good as new, if it is still there."""
        if self._channel is None or not self._channel.renew():
            self.close()
            self._channel = self._workers.open()
        return self._channel

    def close(self) -> None:
        """End the worker."""
        if self._channel is not None:
            self._channel.close()


def _loading(request: bytes, source: bytes) -> bytes:
    """The request to load a file, with ``source`` in place of the submission's."""
    header = wire.decode(request).header
    header["request"]["filename"] = "answer.py"  # always the same, so that it is compiled once
    return wire.encode(header, [torch.frombuffer(bytearray(source), dtype=torch.uint8)])


@dataclass
class _Exhibit:
    """One piece of evidence, with the submission's answers and the solution's to the same questions."""

    evidence: Evidence
    right: list[tuple[list[Leaf], list[Leaf]]]

    @classmethod
    def of(cls, evidence: Evidence, solution: bytes, replay: _Replay) -> _Exhibit:
        return cls(evidence, list(replay.answers(evidence.transcript, solution)))

    def fits(self, source: bytes, replay: _Replay) -> list[list[Leaf]] | None:
        """What a wrong answer gives, if that is what the submission gives; what gives none does not fit."""
        given: list[list[Leaf]] = []
        replayed = replay.answers(self.evidence.transcript, source)
        with contextlib.suppress(SubmissionFault):
            for i, ((own, wrong), (_, right)) in enumerate(zip(replayed, self.right, strict=True), 1):
                if not same(own, wrong):
                    return None
                # Where an exception is right its words are free; elsewhere they tell one accident from another. A check
                # that fails by a right exception, the last of its answers, fails by the words.
                by_words = self.evidence.failed and i == len(self.right) and same(own, right)
                if messages(own) != messages(wrong) and (by_words or not messages(right)):
                    return None
                given.append(wrong)
            return given
        return None

    def shows(self, given: list[list[Leaf]]) -> bool:
        """Whether answers that fit are not the right ones, for all that this check can see."""
        if not self.evidence.failed:
            return False
        if not all(same(own, right) for own, right in self.right):
            return True
        triples = zip(self.right, given, strict=True)
        return any(messages(own) == messages(wrong) != messages(right) for (own, right), wrong in triples)


@dataclass
class Replayed:
    """Names mistakes by asking the wrong answers of a catalogue what the submission was asked.

    Attributes:
        catalogue: the wrong answers, and the solution.
        workers: where they run.
        stored: which public checks each of them fails, if that is known: the inputs of these are always the same, so
            that one which fails others than the submission does need not be asked.
    """

    catalogue: Catalogue
    workers: Workers
    stored: Stored | None = None
    _by_item: dict[str, list[Answer]] = field(default_factory=dict)
    _line_ups: dict[tuple[str, tuple[str, ...]], _LineUp] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for answer in self.catalogue.misconceptions:
            self._by_item.setdefault(answer.item or "", []).append(answer)

    def explain(
        self, item: str, evidence: list[Evidence], deadline: float, beside: Sequence[str] = ()
    ) -> dict[str, Misconception]:
        """The mistakes of one item that explain all of its evidence, for each check that shows them.

        Raises:
            TimeIsUpError: no mistake was found before the deadline.
            TimeoutError: no mistake was found, and a wrong answer could not be asked.
        """
        suspects = self._by_item.get(item, [])
        if not suspects:
            return {}
        file = suspects[0].file
        around = self._around(suspects, beside)
        if beside and not around:
            return {}  # none of these mistakes is one of what it calls, so that nothing is otherwise than without them
        key = item, tuple(a.name for a in around)
        line_up = self._line_ups.get(key)
        if line_up is None or not line_up.goes_on_with(evidence):
            # Those of a submission that is gone would each keep the texts of all wrong answers.
            self._line_ups = {known: other for known, other in self._line_ups.items() if other.is_needed}
            possible = suspects if around else self._possible(item, suspects, evidence)
            line_up = self._line_ups[key] = _LineUp(possible, self.catalogue.solution[file], around)
        replay = _Replay(self.workers, deadline)
        try:
            line_up.ask(evidence, replay)
        finally:
            replay.close()
        shown = line_up.shown
        named = together([(s.name, s.tell, s.section) for s in suspects if shown.get(s.name)])
        if named is None:
            if replay.unanswered:
                raise TimeoutError(f"a wrong answer of the catalogue gave no answer: {replay.unanswered[0]}")
            return {}
        return {check: named for checks in shown.values() for check in checks}

    def tells(self, item: str) -> dict[str, str]:
        """What to tell of each mistake of an item, by its name."""
        return {answer.name: answer.tell for answer in self._by_item.get(item, [])}

    def contradicted(self, item: str, names: Sequence[str], asked: Transcript, deadline: float) -> dict[str, bool]:
        """Which of these mistakes answer other questions than those of the checks otherwise than the submission.

        Args:
            item: the item that they belong to.
            names: of the mistakes.
            asked: the questions, with what the submission answered.
            deadline: when to give up, on the monotonic clock.

        Returns:
            Their names, each with whether it is a gradient that is another one.
        """
        suspects = self._by_item.get(item, [])
        solution = {answer.file: self.catalogue.solution[answer.file].decode() for answer in suspects}
        own = {answer.replaces for answer in suspects}
        others = {a.replaces.rpartition(".")[2] for a in self.catalogue.misconceptions if a.replaces} - {
            function.rpartition(".")[2] for function in own if function
        }
        if any(reached(text, f) & others for text in solution.values() for f in own if f):
            return {}  # the mistakes of what it calls would speak against it
        replay = _Replay(self.workers, deadline)
        found: dict[str, bool] = {}
        try:
            for suspect in suspects:
                if suspect.name in names:
                    with contextlib.suppress(SubmissionFault, TimeIsUpError):
                        difference = _difference(asked, replay.answers(asked, suspect.source))
                        if difference is not None:
                            found[suspect.name] = difference
        finally:
            replay.close()
        return found

    def _around(self, suspects: Sequence[Answer], names: Sequence[str]) -> list[Answer]:
        """Those of the named mistakes that are in functions which this one calls."""
        file, own = suspects[0].file, {suspect.replaces for suspect in suspects}
        solution = self.catalogue.solution[file].decode()
        called = {name for function in own if function for name in reached(solution, function)}
        return [
            answer
            for answer in self.catalogue.misconceptions
            if answer.name in names and answer.file == file and answer.item != suspects[0].item
            if answer.replaces is not None and answer.replaces.rpartition(".")[2] in called
        ]

    def _possible(self, item: str, suspects: list[Answer], evidence: Sequence[Evidence]) -> list[Answer]:
        """The wrong answers that fail those public checks which the submission fails."""
        if self.stored is None:
            return suspects
        failing = self.stored.failing(item)
        public = [piece for piece in evidence if piece.check.startswith("public/")]
        failed = {piece.check for piece in public if piece.failed}
        asked = {piece.check for piece in public}
        return [suspect for suspect in suspects if failing.get(suspect.name, set()) & asked == failed]


def _difference(asked: Transcript, answers: Iterator[tuple[list[Leaf], list[Leaf]]]) -> bool | None:
    """Whether it is in gradients that two files first differ; None where they do not."""
    for (request, _), (own, other) in zip(asked.exchanges, answers, strict=True):
        if not same(own, other):
            plain = [
                [dataclasses.replace(leaf, label=leaf.label.removesuffix(WITH_GRADIENT)) for leaf in answer]
                for answer in (own, other)
            ]
            return Question.of(request).operation != "call" or same(*plain)
    return None


class _LineUp:
    """The wrong answers to an item that explain all of a submission's evidence so far.

    Args:
        suspects: the wrong answers.
        solution: the file with none of them.
        around: mistakes in other items that the submission makes as well.

    Attributes:
        shown: the checks that show each that is left, by its name.
    """

    def __init__(self, suspects: Sequence[Answer], solution: bytes, around: Sequence[Answer]) -> None:
        self.shown: dict[str, set[str]] = {suspect.name: set() for suspect in suspects}
        self._sources = {suspect.name: combined(suspect.source, around) for suspect in suspects}
        self._solution = combined(solution, around)
        self._asked: list[weakref.ref[Evidence]] = []

    def goes_on_with(self, evidence: Sequence[Evidence]) -> bool:
        """Whether all that was asked about is among this evidence: it is of the same submission."""
        return all(any(asked() is piece for piece in evidence) for asked in self._asked)

    @property
    def is_needed(self) -> bool:
        """Whether anybody still has what was asked about."""
        return any(asked() is not None for asked in self._asked)

    def ask(self, evidence: Sequence[Evidence], replay: _Replay) -> None:
        """Ask those that are left about the evidence that is new."""
        new = [piece for piece in evidence if not any(asked() is piece for asked in self._asked)]
        # Small conversations first, above all failed ones: they cost little and leave few suspects for the others.
        for piece in sorted(new, key=lambda e: e.transcript.size * (1 if e.failed else 8)):
            if not self.shown:
                break
            exhibit = _Exhibit.of(piece, self._solution, replay)
            for name in list(self.shown):
                given = exhibit.fits(self._sources[name], replay)
                if given is None:
                    del self.shown[name]
                elif exhibit.shows(given):
                    self.shown[name].add(piece.check)
            self._asked.append(weakref.ref(piece))

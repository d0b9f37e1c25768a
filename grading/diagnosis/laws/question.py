"""What a function answers, part by part: in ordinary circumstances and in others, once and many times.

An assignment says how a function is asked and what the right answer is (``Question``). What is found here holds for any
function: the structure of the answer, what is done to its numbers, its gradients, what it does to its arguments and to
torch, whether it remembers or draws at random, and what is otherwise under circumstances such as evaluation mode.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ...boundary.errors import StudentError
from ...boundary.proxy import Submission
from ...checks.draws import Draws
from . import behind_noise, series, sizes
from .asking import UNUSABLE, Raised, alike
from .asking import ask as ask_safely
from .circumstances import EVAL, LEAVES, ORDINARY, PLAIN, Asked, Question, Setting
from .contrast import Probe
from .disturbed import DISTURBED
from .facts import Fact, sentences_of
from .law import listed, ordinal
from .reading import LOST, WRONG_NUMBER, Reading, any_slope, explains, inside, is_or_are, judged, read, slopes, start

UNUSUAL = 8, 40
"""So many examples are in questions of one and the same shape, as are in no others."""
BOUND = "is cut off "
"""In what is said of numbers that end at a bound."""
CALLS = 16
"""So many questions are put one after the other to see whether something is kept."""


def facts_of(question: Question) -> tuple[Fact, ...]:
    """All that can be found out about the answers to a question."""
    return (
        lambda submission, draws: _ordinary(question, submission, draws),
        lambda submission, draws: _settings(question, submission, draws),
        remembers(question),
        lambda submission, draws: _marks(question, submission, draws),
    )


def remembers(question: Question) -> Fact:
    """Whether what comes back depends on what was asked before."""
    return lambda submission, draws: _memory(question, submission, draws)


def _sentences(asked: Asked) -> tuple[str, ...]:
    reading = read(asked.answer, asked.parts)
    return (*reading.sentences, *slopes(reading))


@dataclass(frozen=True)
class _Usual:
    """What is so in ordinary circumstances, so that others can be held against it.

    Attributes:
        asked: a question and its answer.
        reading: what explains such answers.
        unexplained: the names of the parts that nothing explains.
        leaves: the parts, each with a leaf, whose gradients are known there; None where all may be told.
    """

    asked: Asked
    reading: Reading
    unexplained: set[str]
    leaves: set[tuple[str, str]] | None

    def otherwise(self, asked: Asked, *, with_slopes: bool) -> tuple[str, ...]:
        """What is wrong with another answer in another way than with the usual one."""
        usual, known = self.asked, self.reading.known
        reading = read(asked.answer, asked.parts, known, without=self.unexplained)
        # What explains the usual answer too has one and the same cause in both.
        same = {
            name
            for name, found in reading.known.items()
            if (found[0] or found[1].words)
            and found != known.get(name)
            and explains(usual.answer, usual.parts, name, found)
        }
        if same:
            reading = read(asked.answer, asked.parts, known, without=self.unexplained | same)
        return (*reading.sentences, *(slopes(reading, self.leaves) if with_slopes else ()))


def differs(question: Question, submission: Submission, draws: Draws, setting: Setting) -> bool:
    """Whether the same question to the same subject has two answers."""
    subject, seed = question.subject(submission, draws, setting), draws.seed()
    setting = replace(setting, leaves=False)
    one, other = (ask_safely(lambda: question.on(subject, Draws(seed), setting)) for _ in range(2))
    if not (isinstance(one, Asked) and isinstance(other, Asked)):
        return False
    return not (alike(one.answer, _detached(other.answer)) and _repeats(one.answer, other.answer))


def _repeats(one: Any, other: Any) -> bool:
    """Whether the numbers of two answers are the same but for rounding: small noise is within a check's tolerance."""
    if isinstance(one, (tuple, list)):
        return all(map(_repeats, one, other))
    if not isinstance(one, torch.Tensor) or not one.is_floating_point() or not bool(one.isfinite().all()):
        return True
    return bool((one - other).abs().max() <= 1e-5 * one.abs().max()) if one.numel() else True


def _detached(answer: Any) -> Any:
    if isinstance(answer, torch.Tensor):
        return answer.detach()
    if isinstance(answer, (tuple, list)):
        return tuple(_detached(part) for part in answer)
    return answer


def _ordinary(question: Question, submission: Submission, draws: Draws) -> Iterator[str]:
    if not question.random and differs(question, submission, draws, ORDINARY):
        if _made_of(question, submission, draws) is not None:
            return  # what differs is not random
        quiet = EVAL in question.settings and not differs(question, submission, draws, EVAL)
        yield from _noise(question, submission, draws, " in train mode" if quiet else "")
        if quiet:
            told = _sentences(question.put(submission, draws, EVAL))
            if not told or any(BOUND in sentence for sentence in told):  # which large numbers meet on either side
                large = [replace(EVAL, options=s.options) for s in question.settings if "scale" in s.options]
                told = next(filter(None, (_sentences(question.put(submission, draws, s)) for s in large)), told)
            for sentence in told:
                yield f"{start(EVAL.words)}, where nothing is random: {inside(sentence)}"
        return
    base = _base(question, submission, draws)
    answer = ask_safely(lambda: question.put(submission, draws, base))
    if not isinstance(answer, Raised):
        reading = _read(question, submission, draws, answer)
        try:
            said = (*reading.sentences, *slopes(reading))
        except StudentError as error:
            yield f"Where the arguments take gradients, none can be computed: {error.type_name} is raised."
            said = _sentences(question.put(submission, draws, PLAIN))
            yield from (f"{start(PLAIN.words)}: {inside(sentence)}" for sentence in said)
            return
        right = _where_right(question, submission, draws, answer, said) if said else ""
        yield from (
            (f"Right {right}, but not always elsewhere: {inside(sentence)}" for sentence in said) if right else said
        )
        return
    works = [setting for setting in question.settings if _answers(question, submission, draws, setting)]
    if works:
        words = [setting.words for setting in works]
        yield f"{answer.name} is raised in an ordinary case, though not {' and not '.join(words[:2])}."
        for sentence in _sentences(question.put(submission, draws, works[0])):
            yield f"{start(words[0])}: {inside(sentence)}"


def _read(question: Question, submission: Submission, draws: Draws, asked: Asked) -> Reading:
    """What an answer is, held against one at other sizes where a factor in it may follow from them."""
    other = next((setting for setting in question.settings if "sizes" in setting.options), None)
    if other is None:
        return read(asked.answer, asked.parts)

    def elsewhere() -> sizes.Answered | None:
        there = ask_safely(lambda: question.put(submission, draws, replace(other, leaves=False)))
        return None if isinstance(there, Raised) else (there.answer, there.parts)

    return sizes.reading((asked.answer, asked.parts), elsewhere)


def _where_right(question: Question, submission: Submission, draws: Draws, ordinary: Asked, said: Sequence[str]) -> str:
    """The circumstances under which nothing is wrong, though this is in ordinary ones; empty if there are none."""
    reading = read(ordinary.answer, ordinary.parts, deep=False)
    of_values = bool(reading.sentences or reading.unexplained)  # else no gradients are no wrong ones
    settings = [setting for setting in question.apart if of_values or (setting.recording and setting.leaves)]
    # Most are wrong in all of them, which one question each shows. What is right there is asked in a process of its
    # own, as one may not hold many models.
    shared = submission.alone()
    settings = [s for s in settings if _is_right(question, shared, draws, s, said, times=1)]
    places = [s.words for s in settings if _is_right(question, submission.alone(), draws, s, said)]
    if not places:
        return ""
    return listed(places if len(places) < 4 else [*places[:2], "in other cases"])


def _answers(question: Question, submission: Submission, draws: Draws, setting: Setting) -> bool:
    return not isinstance(ask_safely(lambda: question.put(submission, draws, setting)), Raised)


def _base(question: Question, submission: Submission, draws: Draws) -> Setting:
    answer = ask_safely(lambda: question.put(submission, draws))
    return PLAIN if isinstance(answer, Raised) else ORDINARY


def _noise(question: Question, submission: Submission, draws: Draws, mode: str) -> Iterator[str]:
    """What is random in the answers, where nothing should be."""
    subject, seed = question.subject(submission, draws, ORDINARY), draws.seed()
    several = [question.on(subject, Draws(seed)) for _ in range(40)]
    known = () if question.chance is None else sentences_of(question.chance, submission, draws)
    yield from (f"{start(mode.strip())} {inside(words)}" if mode else words for words in known)
    for i, part in enumerate(several[0].parts):
        answers = [asked.answer[i] if isinstance(asked.answer, (tuple, list)) else asked.answer for asked in several]
        if not all(isinstance(a, torch.Tensor) and a.shape == part.right.shape for a in answers):
            continue
        stacked, right = torch.stack([a.detach() for a in answers]), part.right.detach()
        if bool((stacked == stacked[0]).all()):
            continue
        if known:
            yield from (f"{start(part.name)} {words}." for words in behind_noise.words(right, stacked))
            continue
        zeros = (stacked == 0) & (right != 0)
        kept = (stacked / right)[~zeros]
        if 0.03 < float(zeros.float().mean()) < 0.97 and float(kept.max() - kept.min()) < 1e-3:
            yield f"{start(part.name)} goes through a dropout{mode}: some of its numbers are set to 0 at random."
        elif bool(((stacked == 0) | (stacked == 1)).all()):
            yield f"{start(part.name)} is drawn at random{mode} as 0 or 1; it should be the number itself."
        else:
            yield f"{start(part.name)} is random{mode}: two calls with the same arguments give different numbers."
            yield from (f"{start(part.name)} {words}." for words in behind_noise.words(right, stacked))


def _settings(question: Question, submission: Submission, draws: Draws) -> Iterator[str]:
    """What is otherwise under other circumstances."""
    if not question.random and differs(question, submission, draws, ORDINARY):
        return
    base = _base(question, submission, draws)
    asked = question.put(submission, draws, base)
    reading = _read(question, submission, draws, asked)
    settings = question.settings
    if (reading.sentences or reading.unexplained) and _is_right(question, submission, draws, PLAIN):
        base, settings = PLAIN, (*settings, LEAVES)  # what is wrong is so where gradients are asked for
        asked = question.put(submission, draws, base)
        reading = read(asked.answer, asked.parts)
    ordinary = {*reading.sentences, *slopes(reading)}
    # What explains one answer and not the next is no explanation that other circumstances could be held against.
    asked = question.put(submission, draws, base)
    unexplained = {*reading.unexplained, *read(asked.answer, asked.parts, reading.known, deep=False).unexplained}
    usual = _Usual(asked, reading, unexplained, None)
    known_slopes = replace(usual, leaves=judged(reading)) if base.leaves else usual
    found: dict[str, list[str]] = {}
    # Of a mode or a dtype it is known what there is beside it; numbers of other sizes have not all been tried.
    exact = {setting.words for setting in settings if not setting.options}
    # Gradients of large models take longest, and are asked for last, where they may say more.
    for setting in sorted(settings, key=lambda one: "sizes" in one.options):
        with_slopes = "sizes" not in setting.options or not found or any(map(_of_gradient, found))
        if not base.leaves and setting is not LEAVES:
            setting = replace(setting, leaves=False)
        try:
            answer = ask_safely(lambda setting=setting: question.put(submission, draws, setting))  # type: ignore[misc]
        except UNUSABLE:
            continue  # what is held against it is of no use here
        if isinstance(answer, Raised):
            quiet = replace(setting, training=False)
            in_train = EVAL in settings and setting.training and _answers(question, submission, draws, quiet)
            words = f"{setting.words} in train mode" if in_train else setting.words
            found.setdefault(f"{answer.name} is raised.", []).append(words)
            continue
        held_against = usual if setting is LEAVES else known_slopes
        for sentence in held_against.otherwise(answer, with_slopes=with_slopes):
            if sentence not in ordinary and not any(_same_matter(sentence, other) for other in ordinary):
                found.setdefault(sentence, []).append(setting.words)
    for sentence, places in found.items():
        where = listed(places if len(places) < 4 or exact >= {*places} else places[:2])
        only = f"{start(where)}, and not otherwise" if exact >= {*places} else f"In some cases, such as {where}"
        yield f"{only}: {inside(sentence)}"


def _is_right(
    question: Question,
    submission: Submission,
    draws: Draws,
    setting: Setting,
    said: Sequence[str] | None = None,
    *,
    times: int = 3,
) -> bool:
    """Whether the answers to some questions are what they should be, and where something is said their gradients."""
    for _ in range(times):
        try:
            asked = ask_safely(lambda: question.put(submission, draws, setting))
        except UNUSABLE:
            return False  # what is held against it is of no use here
        if not isinstance(asked, Asked):
            return False
        reading = read(asked.answer, asked.parts, deep=False)
        if reading.sentences or reading.unexplained or (said is not None and any_slope(reading, said)):
            return False
    return True


def _of_gradient(sentence: str) -> bool:
    return sentence.startswith("The gradient of ")


def _same_matter(one: str, other: str) -> bool:
    """Whether two sentences are of the gradient of one part, or of values that are too many or too few."""
    if one.startswith(LOST) and WRONG_NUMBER in other:
        return True
    begins = [sentence.partition(" for ")[0].partition(" is ")[0] for sentence in (one, other)]
    return begins[0] == begins[1] and _of_gradient(one)


def _memory(question: Question, submission: Submission, draws: Draws) -> str | None:
    """Whether what comes back depends on what was asked before."""
    made_of = None if question.random else _made_of(question, submission, draws)
    if made_of is not None:
        return made_of
    if not question.random and differs(question, submission.alone(), draws, ORDINARY):
        return None
    # Of a size that was not asked for yet, as what is kept may be kept by its size.
    setting = Setting(options={"alike": draws.integer(*UNUSUAL)})
    first = read_of(question, submission.alone(), Draws(draws.seed()), setting)
    if first.unexplained:
        return None
    made = draws.seed()
    subject = question.subject(submission, Draws(made), ORDINARY)
    wrong: list[int] = []
    old = False
    earlier: list[Any] = []
    for place in range(1, CALLS + 1):
        if place == CALLS // 2 + 1:
            made = draws.seed()
            subject = question.subject(submission, Draws(made), ORDINARY)  # another one, with other weights
        seed = draws.seed()
        asked = question.on(subject, Draws(seed), setting)
        reading = read(asked.answer, asked.parts, first.known, deep=False)
        own = _detached(asked.answer if isinstance(asked.answer, (tuple, list)) else (asked.answer,))
        if set(reading.sentences) - set(first.sentences) or reading.unexplained:
            if not wrong and _same_alone(question, submission, made, seed, setting, asked.answer):
                return None  # the question is another one, not the time
            wrong.append(place)
            old |= any(alike(a, b) for before in earlier for a, b in zip(own, before, strict=False))
        earlier += [own, tuple(predicted.detach() for _, predicted, _ in reading.predicted)]
    if not wrong or (wrong[0] == 1 and first.sentences):
        return None
    if old:
        return (
            "What was computed for an earlier question comes back again: something is kept from one call to the next."
        )
    rhythm = {b - a for a, b in itertools.pairwise(wrong)}
    if len(wrong) > 1 and len(rhythm) == 1 and rhythm != {1}:
        return f"Every {ordinal(rhythm.pop())} call is otherwise than the others: calls are counted."
    if wrong[0] > 1 and wrong == list(range(wrong[0], CALLS + 1)):
        return f"From the {ordinal(wrong[0])} call on the answers are otherwise than before: something is kept."
    return "The answer to a question depends on what was asked before: something is kept from one call to the next."


def _same_alone(
    question: Question, submission: Submission, made: int, seed: int, setting: Setting, answer: Any
) -> bool:
    """Whether a question has the same answer in another process too, twice over, as what is counted has not."""

    def again() -> Any:
        subject = question.subject(submission.alone(), Draws(made), ORDINARY)
        return _detached(question.on(subject, Draws(seed), setting).answer)

    return all(alike(answer, ask_safely(again)) for _ in range(2))


def _made_of(question: Question, submission: Submission, draws: Draws) -> str | None:
    """Whether each answer is made of those before it."""
    subject = question.subject(submission, draws, ORDINARY)
    setting = Setting(options={"alike": draws.integer(*UNUSUAL)})
    asked = [question.on(subject, draws, setting) for _ in range(CALLS // 2)]
    for i, part in enumerate(asked[0].parts):
        own = [one.answer[i] if isinstance(one.answer, (tuple, list)) else one.answer for one in asked]
        if all(isinstance(answer, torch.Tensor) for answer in own):
            words = series.relation([one.parts[i].right for one in asked], own)
            if words is not None:
                return f"What comes back as {part.name} is {words}: something is kept from one call to the next."
    return None


def read_of(question: Question, submission: Submission, draws: Draws, setting: Setting = ORDINARY) -> Reading:
    """What the answer to a first question is."""
    asked = question.put(submission, draws, setting)
    return read(asked.answer, asked.parts)


def form_of(question: Question, submission: Submission, draws: Draws) -> tuple[str, ...]:
    """What is wrong with the structure, the shapes and the dtypes of an answer."""
    asked = question.put(submission, draws)
    return read(asked.answer, asked.parts, without=question.names).sentences


def _marks(question: Question, submission: Submission, draws: Draws) -> Iterator[str]:
    """What a call leaves behind in its arguments and in torch."""
    subject, seed = question.subject(submission, draws, ORDINARY), draws.seed()
    seeded = (
        ask_safely(lambda: question.on(submission.seeded(seed), draws, PLAIN)) if subject is submission else Raised("")
    )
    if isinstance(seeded, Raised):
        question.on(subject, draws, PLAIN)
    names = {f"argument {i}": name for i, name in enumerate(question.arguments, start=1)}
    changed = [names.get(name, name) for name in submission.mutated]
    if changed:
        what = " and ".join(changed)
        yield f"{start(what)} {is_or_are(what)} changed in place: whoever called finds other numbers there than before."
    drawn = "generator" in submission.disturbed and differs(question, submission.alone(), draws, ORDINARY)
    ignored = {"generator"} if question.random or drawn else set()  # what is random has said so
    for name in submission.disturbed:
        if name not in ignored:
            yield f"After a call {DISTURBED.get(name, f'the {name} of torch is another one')}."


def probes_of(question: Question) -> list[Probe]:
    """Where the answers are right and where not, for a contrast."""

    def put(part: int, setting: Setting) -> Callable[[Submission, Draws], tuple[Any, Any]]:
        def asked(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            found = question.put(submission, draws, setting)
            own = found.answer if len(found.parts) == 1 else found.answer[part]
            return own, found.parts[part].right.detach()

        return asked

    return [
        Probe(setting.words, put(i, setting), name)
        for i, name in enumerate(question.names)
        for setting in (ORDINARY, *question.settings)
    ]

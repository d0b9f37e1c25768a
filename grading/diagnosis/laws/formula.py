"""Losses: their laws and their contrasts.

A loss is found in independent parts: what is done to the arguments first, how much each term counts, how the matrix of
terms becomes a number, and through which terms gradients pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from . import backward, bends, facts, places, question, random_loss, symmetries
from .asking import NO_GRADIENT, Raised, alike, ask, gradients
from .circumstances import DOUBLE, ORDINARY, PLAIN, SILENT, Asked, Question, Setting
from .law import Law, Trial, number
from .loss_probes import probes, with_gradients
from .reading import Part
from .reduction import BY_NAME, REDUCTIONS, Reduction, sentence
from .search import MODERATE, SEVERAL, Search
from .special import asked, bend, instead, is_usual
from .terms import Arguments, Drawn, Formula, Found, Tensor, common_factor, is_near, reduced_otherwise, snapped

__all__ = ["Drawn", "explain", "probes"]

MANY = 4
"""So many sentences make another explanation worth a longer search."""


def term_gradients(found: Found, arguments: Arguments, index: int) -> Tensor:
    """The gradient of each term's part of the value for one argument, as columns."""
    doubles = tuple(a.detach().double().requires_grad_() for a in arguments)
    columns = []
    for j, weight in enumerate(found.weights):
        if found.outer is None:
            part = found.value(doubles, [weight if k == j else 0.0 for k in range(len(found.weights))]).sum()
        else:
            part = found.value(doubles).sum() / len(found.weights)
        gradient = None
        if part.requires_grad:
            (gradient,) = torch.autograd.grad(part, doubles[index], allow_unused=True)
        columns.append((torch.zeros_like(doubles[index]) if gradient is None else gradient).reshape(-1))
    return torch.stack(columns, 1)


def _as_column(gradient: Any, like: Tensor) -> Tensor:
    return (torch.zeros_like(like) if gradient is NO_GRADIENT else gradient).double().reshape(-1)


def _same_column(own: Tensor, matrix: Tensor, counts: Tensor) -> bool:
    tolerance = 2e-4 * matrix.abs().sum(1) + 2e-5
    return bool(((matrix @ counts - own).abs() <= tolerance).all())


def _same_gradient(own: Tensor, expected: Any, like: Tensor) -> bool:
    return _same_column(own, _as_column(expected, like)[:, None], torch.ones(1, dtype=own.dtype))


def gradient_sentences(found: Found, answered: list[tuple[Arguments, Any]]) -> tuple[list[str], list[Tensor]] | None:
    """What is wrong with the gradients, given the explanation of the values, and what each term's gradient counts.

    Args:
        found: explains the values.
        answered: arguments with gradients, and the answers.

    Returns:
        Sentences and, for each argument, what the gradient of each term counts; None if that explains nothing.
    """
    said: list[str] = []
    counts: list[Tensor] = []
    for i, name in found.formula.judged:
        owns = [gradients(answer, arguments)[i] for arguments, answer in answered]
        matrix = torch.cat([term_gradients(found, arguments, i) for arguments, _ in answered])
        target = torch.cat([_as_column(own, arguments[i]) for own, (arguments, _) in zip(owns, answered, strict=True)])
        ones = torch.ones(matrix.shape[1], dtype=matrix.dtype)
        if _same_column(target, matrix, ones):
            counts.append(ones)
            continue
        if not bool(target.any()):
            said.append(CUT_OFF.format(name))
            counts.append(torch.zeros_like(ones))
            continue
        live = matrix.abs().amax(0) > 1e-9
        if not bool(live.any()) or not bool(torch.isfinite(matrix).all() and torch.isfinite(target).all()):
            return None
        solved = torch.linalg.lstsq(matrix[:, live], target[:, None], driver="gelsd").solution[:, 0]
        full = ones.clone()
        full[live] = torch.tensor([snapped(float(weight)) for weight in solved], dtype=solved.dtype)
        if not _same_column(target, matrix, full):
            return None
        counts.append(full)
        alive = [(t, float(c)) for t, c, is_live in zip(found.columns, full, live, strict=True) if is_live]
        if all(is_near(c, alive[0][1]) for _, c in alive):
            said.append(f"The gradient for {name} is {number(alive[0][1])} times that of the value that is returned.")
            continue
        for term, c in alive:
            if is_near(c, 0.0):
                said.append(f"No gradient for {name} passes through one of the terms: {term.words}.")
            elif not is_near(c, 1.0):
                said.append(
                    f"The gradient for {name} through the term {term.words} is {number(c)} times the right one."
                )
    return said, counts


def explain(formula: Formula, submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """The laws of a loss that fit what it answers: of ordinary arguments, of special ones, and of circumstances."""
    ordinary = _question(formula, formula.right, exact=True)
    if question.differs(ordinary, submission, draws, ORDINARY):
        yield from facts.explain((partial(_on_average, formula), *question.facts_of(ordinary)), submission, draws)
        return  # no law of one answer is one of the next
    cases = [formula.draw(draws, batch, width, 1.0) for batch, width in MODERATE]
    answers = [asked(formula, submission, case) for case in cases]
    able = [(c, a) for c, a in zip(cases, answers, strict=True) if not isinstance(a, Raised)]
    if len(able) >= len(SEVERAL):  # what has no answer to a batch of one may follow a law all the same
        cases, answers = [c for c, _ in able], [a for _, a in able]
    usual = list(zip(cases, answers, strict=True))
    found: Found | None = None
    counts: list[Tensor] | None = None
    bent: bends.Value | None = None
    usable = all(isinstance(a, torch.Tensor) and a.dtype.is_floating_point for a in answers)
    if usable:
        search = Search(formula, cases, answers, time.monotonic() + 0.4 * (until - time.monotonic()))
        for deep in (False, True):  # a number in one place is more likely than two mistakes
            found = search.best(deep=deep)
            if deep and found is None:
                break  # of the right formula no bend has been found before
            by_bend = bend(formula, found, usual, submission, draws)
            if by_bend is not None or (found is not None and len(found.sentences) < MANY):
                break
        if found is not None and found.sentences:
            alone = instead(formula, found, usual, submission, draws)
            found, by_bend = (found, by_bend) if alone is None else (None, alone)
        if found is not None and by_bend is None and not is_usual(formula, found, submission, draws):
            found, by_bend = None, bend(formula, None, usual, submission, draws)
        said = [] if found is None else [*found.sentences]
        likely: bends.Value = formula.right if found is None else found.value
        likely = likely if by_bend is None else by_bend[1]
        bent_back = facts.sentences_of(partial(_backward, formula, likely), submission, draws)
        if found is not None and not bent_back:
            slopes = _gradients(formula, found, submission, draws)
            if slopes is not None:
                cuts, counts, found = slopes
                said += cuts
        if by_bend is not None:
            said.append(by_bend[0])
            bent = by_bend[1]
        if said:
            yield Law(tuple(said), _trials(formula, found, counts, bent))
    value = bent or (formula.right if found is None else found.value)
    if usable:
        if counts is None:
            yield from facts.explain([partial(_slopes, formula, value)], submission, draws)
        yield from facts.explain([partial(_of_data, formula, value)], submission, draws)
        if found is None and bent is None:
            yield from _put_together(formula, submission, draws)
            for law in facts.explain([partial(symmetries.sentences, formula)], submission, draws):
                yield replace(law, contrast=True)  # which says nothing of what it computes
    exact = bent is None and (found is None or not found.sentences)
    everywhere = _question(formula, value, exact=exact, found=found, bent=bent is not None)
    known = found is not None or bent is not None
    about = question.facts_of(everywhere)[1 if known else 0 :]
    if not exact:  # what is kept from one call to the next may have led to a law that does not hold
        about += (question.remembers(ordinary),)
    yield from facts.explain(about, submission, draws)


def _on_average(formula: Formula, submission: Submission, draws: Draws) -> str | None:
    """The factor of a result that is random, where that is plain to see in the mean of many calls."""
    ratios = []
    for batch, width in ((6, 5), (5, 7), (8, 6)):
        arguments = formula.draw(draws, batch, width, 1.0)
        several = [asked(formula, submission, arguments) for _ in range(24)]
        ratios.append(float(torch.stack(several).mean() / formula.right(arguments)))
    found = next((f for f in (-1.0, 2.0, 0.5, -2.0) if all(abs(r - f) < 0.08 * abs(f) for r in ratios)), None)
    return None if found is None else common_factor(found)


def _put_together(formula: Formula, submission: Submission, draws: Draws) -> Iterator[Law]:
    """How the values of single elements become one number, where what they are is not known."""
    reduction = _reduction(formula, submission, draws)
    if reduction is None:
        return
    right = BY_NAME[formula.reduction]
    words = sentence(reduction, right, formula.features)
    if reduction is right:
        how = right.words.format(features=formula.features)
        words = f"What one element adds is wrong; how they are put together is right: {how}."

    def trials(submission: Submission, draws: Draws) -> Iterator[Trial]:
        arguments = formula.draw(draws, 4, 3, 1.0)
        same = alike(asked(formula, submission, arguments), formula.right(arguments))
        yield Trial(_reduction(formula, submission, draws) is reduction, same)

    yield Law((words,), trials, contrast=reduction is right)


def _reduction(formula: Formula, submission: Submission, draws: Draws) -> Reduction | None:
    """What makes values of some shapes of the values of their elements, asked one by one."""
    pieces = []
    for batch, width in ((2, 3), (4, 2), (3, 4)):
        arguments = formula.draw(draws, batch, width, 1.0)
        places = [(slice(i, i + 1), slice(j, j + 1)) for i in range(batch) for j in range(width)]
        whole = asked(formula, submission, arguments)
        single = [asked(formula, submission, tuple(a[place] for a in arguments)) for place in places]
        if not all(isinstance(t, torch.Tensor) and bool(torch.isfinite(t).all()) for t in (whole, *single)):
            return None
        if any(t.numel() != 1 for t in single):
            return None
        elements = torch.stack([t.reshape(()) for t in single]).reshape(batch, width)
        if not bool(elements.any()):
            return None
        pieces.append((whole, elements))
    ordered = sorted(REDUCTIONS, key=lambda reduction: reduction.name != formula.reduction)
    return next((r for r in ordered if all(alike(whole, r.apply(elements)) for whole, elements in pieces)), None)


def _backward(formula: Formula, value: bends.Value, submission: Submission, draws: Draws) -> list[str]:
    """What is wrong with gradients by another factor for large ones than for small."""
    arguments = with_gradients(formula.draw(draws, 4, 3, 1.0))
    answer = formula.call(submission, arguments)
    leaves = {name: arguments[i] for i, name in formula.judged}
    right = value(arguments)
    return backward.sentences("the result", answer, right, leaves) if alike(answer, right.detach()) else []


def _slopes(formula: Formula, value: bends.Value, submission: Submission, draws: Draws) -> list[str]:
    """What is wrong with gradients that no share of the terms explains."""
    bent = _backward(formula, value, submission, draws)
    if bent:
        return bent
    said = [*_cut_off(formula, submission, draws), *places.sentences(formula, value, submission, draws)]
    return said or list(places.otherwise(formula, value, submission, draws))


CUT_OFF = "No gradient arrives at {}: the computation is cut off there, so that nothing before learns from it."


def _cut_off(formula: Formula, submission: Submission, draws: Draws) -> Iterator[str]:
    """Which arguments the result depends on without a gradient, whatever it is."""
    yield from (CUT_OFF.format(formula.arguments[i]) for i in _silent(formula, submission, draws, formula.judged_at))


def _of_data(formula: Formula, value: bends.Value, submission: Submission, draws: Draws) -> Iterator[str]:
    """Which of the arguments that nobody learns get no gradient, though what is computed has one for them."""
    others = tuple(i for i in range(len(formula.arguments)) if i not in formula.judged_at)
    for i in _silent(formula, submission, draws, others):
        arguments = with_gradients(formula.draw(draws, 4, 3, 1.0))
        expected = gradients(value(arguments), arguments)[i]
        if expected is not NO_GRADIENT and bool(expected.any()):
            yield f"No gradient arrives at {formula.arguments[i]}: the result is cut off from there."


def _silent(formula: Formula, submission: Submission, draws: Draws, places: tuple[int, ...]) -> Iterator[int]:
    """The places of the arguments with which the result changes, but for which it has no gradient."""
    one, other = (formula.draw(draws, 4, 3, 1.0) for _ in range(2))
    one = with_gradients(one)
    answer = formula.call(submission, one)
    for i in places:
        gradient = gradients(answer, one)[i]
        if gradient is NO_GRADIENT or not bool(gradient.any()):
            moved = formula.call(submission, (*one[:i], other[i], *one[i + 1 :]))
            if bool((moved - answer).abs().max() > 1e-3):
                yield i


def _gradients(
    formula: Formula, found: Found, submission: Submission, draws: Draws
) -> tuple[list[str], list[Tensor], Found] | None:
    """What is wrong with the gradients, what each term's counts, and the terms: those found, or others of that sum."""
    points = [with_gradients(formula.draw(draws, batch, width, 1.0)) for batch, width in ((2, 3), (4, 2), (3, 5))]
    answered = [(point, ask(lambda point=point: formula.call(submission, point))) for point in points]  # type: ignore[misc]
    if not all(isinstance(answer, torch.Tensor) for _, answer in answered):
        return None
    ways = [found]
    if not found.sentences:  # the same may be written with other terms, through which gradients pass or not
        ways += [replace(found, columns=terms, weights=tuple(t.weight for t in terms)) for terms in formula.otherwise]
    for way in ways:
        said = gradient_sentences(way, answered)
        if said is not None:
            return *said, way
    return None


def _question(
    formula: Formula, value: bends.Value, *, exact: bool, found: Found | None = None, bent: bool = False
) -> Question:
    """What it gives under all circumstances, held against the law that it follows in ordinary ones.

    Where the law is not exact, as it is where its weights were measured, float64 tells no more than the dtype.
    """

    def put(submission: Submission, draws: Draws, setting: Setting) -> Asked:
        draw = setting.options.get("draw")
        varied = (draws.integer(3, 19), draws.integer(2, 29))  # what is owed to a size is not the same again
        if "alike" in setting.options:
            varied = (setting.options["alike"], 3)
        batch, width = setting.options.get("batch", varied[0]), setting.options.get("width", varied[1])
        drawn = draw(draws) if draw is not None else formula.draw(draws, batch, width, 1.0)
        arguments = tuple(setting.leaf(a) for a in drawn)
        answer = formula.call(submission, arguments)
        leaves = {name: arguments[i] for i, name in formula.judged} if setting.leaves else {}
        right = value(arguments)
        if setting is DOUBLE and not exact and isinstance(answer, torch.Tensor):
            right, leaves = answer.detach().double(), {}
        others = tuple if bent else partial(reduced_otherwise, formula, found, arguments)
        return Asked(answer, (Part("the result", right.to(arguments[0].dtype), others, leaves),))

    settings = (
        SILENT,
        PLAIN,
        DOUBLE,
        Setting("for a batch of one", options={"batch": 1}),
        Setting(f"where there is one of the {formula.features} only", options={"width": 1}),
        Setting("for 128 examples", options={"batch": 128}),
        Setting("for 1500 examples", options={"batch": 1500}),
        Setting(f"where there are hundreds of the {formula.features}", options={"width": 784}),
        # Where numbers are equal a median or a largest one has several gradients, of which each is right.
        *(
            Setting(words, leaves=found is None or found.reduction.linear, options={"draw": draw})
            for words, draw in formula.situations
        ),
    )
    return Question(
        lambda submission, draws, setting: submission,
        put,
        ("the result",),
        formula.arguments,
        settings,
        chance=partial(random_loss.sentences, formula),
    )


def _trials(
    formula: Formula, found: Found | None, counts: list[Tensor] | None, bent: bends.Value | None
) -> Callable[[Submission, Draws], Iterator[Trial]]:
    def predicted(arguments: Arguments) -> Tensor:
        if bent is not None:
            return bent(arguments).to(arguments[0].dtype)
        return formula.right(arguments) if found is None else found.value(arguments)

    def trials(submission: Submission, draws: Draws) -> Iterator[Trial]:
        for batch, width in ((3, 4), (2, 6), (7, 3)):
            arguments = with_gradients(formula.draw(draws, batch, width, 1.0))
            answer = ask(lambda a=arguments: formula.call(submission, a))  # type: ignore[misc]
            if isinstance(answer, Raised):  # as what changes its arguments does where gradients are asked of them
                plain = tuple(a.detach().clone() for a in arguments)
                answer = ask(lambda a=plain: formula.call(submission, tuple(t.clone() for t in a)))  # type: ignore[misc]
                yield Trial(alike(answer, predicted(plain).detach()), alike(answer, formula.right(plain).detach()))
                continue
            fits = alike(answer, predicted(arguments).detach())
            right = formula.right(arguments)
            same = alike(answer, right.detach())
            slopes, right_slopes = gradients(answer, arguments), gradients(right, arguments)
            by_bend = gradients(predicted(arguments), arguments) if bent is not None else [None] * len(arguments)
            for place, (i, _) in enumerate(formula.judged):
                column = _as_column(slopes[i], arguments[i])
                same = same and _same_gradient(column, right_slopes[i], arguments[i])
                # A bend that does not show in ordinary values may show in their gradients.
                bends_too = by_bend[i] is not None and _same_gradient(column, by_bend[i], arguments[i])
                if counts is not None and found is not None and not bends_too:
                    fits = fits and _same_column(column, term_gradients(found, arguments, i), counts[place])
            yield Trial(fits, same)
        for _, draw in formula.situations if bent is not None else ():
            arguments = draw(draws)
            answer = asked(formula, submission, arguments) if len({a.shape for a in arguments}) == 1 else None
            if isinstance(answer, torch.Tensor) and bool(answer.isfinite().all()):
                near = answer.shape == () and bends.near(predicted(arguments), answer)
                yield Trial(near, bends.near(formula.right(arguments), answer))

    return trials

"""Losses of which no law is known: the questions that show where they are right and where not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .asking import gradients
from .contrast import Probe
from .terms import Arguments, Formula


def with_gradients(arguments: Arguments) -> Arguments:
    """The same arguments, where gradients are asked for."""
    return tuple(a.detach().clone().requires_grad_() for a in arguments)


def probes(formula: Formula) -> list[Probe]:
    """The questions of a contrast: an ordinary one, the special situations, float64, gradients, and the same again."""

    def value(draw: Callable[[Draws], Arguments]) -> Callable[[Submission, Draws], tuple[Any, Any]]:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            arguments = draw(draws)
            return formula.call(submission, arguments), formula.right(arguments)

        return put

    def slope(index: int) -> Callable[[Submission, Draws], tuple[Any, Any]]:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            arguments = with_gradients(ordinary(draws))
            answer = formula.call(submission, arguments)
            return gradients(answer, arguments)[index], gradients(formula.right(arguments), arguments)[index]

        return put

    def silent(submission: Submission, draws: Draws) -> tuple[Any, Any]:
        arguments = ordinary(draws)
        with torch.no_grad():
            return formula.call(submission, arguments), formula.right(arguments)

    def ordinary(draws: Draws) -> Arguments:
        return formula.draw(draws, draws.integer(3, 7), draws.integer(2, 6), 1.0)  # "always" is not for one shape

    def doubles(draws: Draws) -> Arguments:
        return tuple(a.double() for a in ordinary(draws))

    def probe(words: str, draw: Callable[[Draws], Arguments]) -> Probe:
        move = None if words in formula.placed else formula.elsewhere
        return Probe(words, value(draw), also=None if move is None else value(lambda draws: move(draw(draws))))

    return [
        Probe("", value(ordinary)),
        probe("for a batch of one", lambda draws: formula.draw(draws, 1, 5, 1.0)),
        probe(f"where there is one of the {formula.features} only", lambda draws: formula.draw(draws, 4, 1, 1.0)),
        *(probe(words, draw) for words, draw in formula.situations),
        probe("in float64", doubles),
        Probe("under torch.no_grad()", silent),
        *(Probe("", slope(i), f"The gradient for {name}") for i, name in formula.judged),
    ]

"""How questions are put: what is random is known as such, and what has been asked is not asked again."""

import itertools

import pytest
import torch
from harness.diagnosis.mistakes import KL
from harness.diagnosis.test_experiments import explain, workers

from grading.checks.draws import Draws
from grading.diagnosis.laws import ORDINARY, Asked, Part, Question, backward, question, symmetries
from grading.diagnosis.laws.changes import find_change

__all__ = ["workers"]


def answering(*numbers):
    """A question to which these are the answers, over and over."""
    answers = itertools.cycle(torch.tensor(float(number)) for number in numbers)
    return Question(lambda *_: None, lambda *_: Asked(next(answers), (Part("it", torch.tensor(1.0)),)), ("it",), ("x",))


@pytest.mark.parametrize(("numbers", "differ"), [((1, 1), False), ((1, 2), True)])
def test_a_question_with_two_answers_is_known_as_one(numbers, differ):
    assert question.differs(answering(*numbers), None, Draws(1), ORDINARY) is differ


def test_of_a_random_result_nothing_is_told_that_presupposes_a_function(workers, monkeypatch):
    from laws.kl_divergence import KL as FORMULA

    draws, noise = Draws(1), Draws(2)

    def call(formula, submission, arguments):
        return formula.right(arguments) + noise.normal(1)[0]

    monkeypatch.setattr(symmetries, "asked", call)
    assert list(symmetries.sentences(FORMULA, None, draws)) == []
    sampled = "z = mu + (logvar / 2).exp() * torch.randn_like(mu); q = torch.distributions.Normal(mu, (logvar / 2).exp"
    sampled += "()); return (q.log_prob(z) + z ** 2 / 2 + 0.9189385).sum(1).mean()"
    (why,), _ = explain(workers, "kl_divergence", KL, sampled)
    assert why.startswith("The divergence is estimated from one sample of z")


def test_gradients_that_are_known_are_not_asked_for_again():
    leaf = torch.ones(3, requires_grad=True)
    own = leaf * 2
    known = [torch.full((3,), 2.0)]
    assert backward.sentences("it", own, 2 * leaf, {"x": leaf}, known) == []
    assert backward.sentences("it", own, 2 * leaf, {"x": leaf}, [None]) == []
    own.register_hook(torch.sign)
    (words,) = backward.sentences("it", own, 2 * leaf, {"x": leaf})
    assert words == "Of the gradient that comes back through it only the sign goes on, and not the size."


IN_FLOAT32 = "is right to a few digits only, as where float32 is used on the way"


@pytest.mark.parametrize(
    ("ratio", "dtype", "rounded", "words"),
    [
        (1 + 1e-5, torch.float64, True, IN_FLOAT32),
        (1 + 1e-5, torch.float64, False, IN_FLOAT32.partition(",")[0]),
        (1 + 1e-3, torch.float32, False, "is 1.001 times what it should be"),
        (1 + 1.5e-3, torch.float64, True, "is 1.0015 times what it should be"),
    ],
)
def test_float32_is_told_only_where_float64_is_asked_for_and_a_number_of_float32_comes_back(
    ratio, dtype, rounded, words
):
    true = torch.tensor(2.0 / 3.0, dtype=dtype)
    own = ratio * true
    assert find_change(true, own.float().to(dtype) if rounded else own).words == words

"""``reconstruction_loss_bernoulli(logits, x)``: fresh shapes, soft targets, huge logits, gradients."""

import oracles
import torch
from asking import in_turn

from grading.checks import assert_close, assert_finite, assert_gradient, assert_tensor, assert_unchanged


def test_is_right_on_fresh_shapes(submission, draws):
    for _ in range(3):
        batch, features = draws.distinct(2, 2, 17)
        logits, x = draws.normal(batch, features, std=3.0), draws.uniform(batch, features)
        value = submission.reconstruction_loss_bernoulli(logits, x)
        assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of a random batch")


def test_is_right_for_binary_pixels(submission, draws):
    logits, x = draws.normal(4, 7, std=3.0), draws.uniform(4, 7).round()
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of binary pixels")


def test_is_additive_over_features(submission, draws):
    logits, x = draws.normal(4, 6), draws.uniform(4, 6)
    parts = [oracles.bernoulli(logits[:, [i]], x[:, [i]]) for i in range(6)]
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, torch.stack(parts).sum().float(), "the Bernoulli loss of independent pixels")


def test_a_batch_of_one_works(submission, draws):
    logits, x = draws.normal(1, 6), draws.uniform(1, 6)
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of a single example")


def test_is_finite_and_right_at_logits_of_ten_thousand(submission):
    logits = torch.tensor([[1e4, -1e4, 1e4], [-1e4, 1e4, -1e4]])
    x = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.25, 0.5]])
    value = assert_tensor(submission.reconstruction_loss_bernoulli(logits, x), (), torch.float32, "the Bernoulli loss")
    assert_finite(value, "the Bernoulli loss at logits of ±1e4")
    assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss at logits of ±1e4")


def test_a_confident_hit_costs_nothing(submission):
    logits, x = torch.tensor([[1e4, -1e4], [50.0, -50.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, torch.tensor(0.0), "the Bernoulli loss of right answers at huge logits")


def test_a_single_feature_works(submission, draws):
    logits, x = draws.normal(5, 1), draws.uniform(5, 1)
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of a single feature")


def test_keeps_float64(submission, draws):
    logits, x = draws.normal(5, 3, dtype=torch.float64), draws.uniform(5, 3, dtype=torch.float64)
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, oracles.bernoulli(logits, x), "the Bernoulli loss in float64")


def test_its_gradient_is_the_error_of_the_probability(submission, draws):
    logits, x = oracles.away_from_zero(draws, 5, 3).requires_grad_(), draws.uniform(5, 3)
    value = submission.reconstruction_loss_bernoulli(logits, x)
    closed_form = (torch.sigmoid(logits.detach()) - x) / 5
    assert_gradient(value, logits, closed_form, "the gradient of the Bernoulli loss for the logits")


def test_its_gradient_survives_huge_logits(submission):
    logits, x = torch.tensor([[1e4, -1e4], [200.0, -200.0]], requires_grad=True), torch.tensor([[0.0, 1.0]] * 2)
    value = submission.reconstruction_loss_bernoulli(logits, x)
    closed_form = torch.tensor([[0.5, -0.5], [0.5, -0.5]])
    assert_gradient(value, logits, closed_form, "the gradient of the Bernoulli loss at huge logits")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other numbers in the same shape, in other shapes, and the first ones again."""
    questions = [(draws.normal(batch, 6, std=3.0), draws.uniform(batch, 6)) for batch in (5, 5, 5, 2)]
    for logits, x in in_turn(questions):
        expected = oracles.bernoulli(logits, x).float()
        assert_close(submission.reconstruction_loss_bernoulli(logits, x), expected, "the loss, asked repeatedly,")


def test_leaves_its_arguments_alone(submission, draws):
    submission.reconstruction_loss_bernoulli(draws.normal(5, 3), draws.uniform(5, 3))
    assert_unchanged(submission, "reconstruction_loss_bernoulli")

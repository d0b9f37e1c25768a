"""``reconstruction_loss_gaussian(mean, x)``: fresh shapes, raw means, float64, gradients."""

import oracles
import torch
from asking import in_turn

from grading.checks import assert_close, assert_gradient, assert_unchanged


def test_is_right_on_fresh_shapes(submission, draws):
    for _ in range(3):
        batch, features = draws.distinct(2, 2, 17)
        mean, x = draws.normal(batch, features), draws.uniform(batch, features)
        value = submission.reconstruction_loss_gaussian(mean, x)
        assert_close(value, oracles.gaussian(mean, x).float(), "the Gaussian loss of a random batch")


def test_the_mean_is_the_raw_output_wherever_it_lies(submission, draws):
    mean, x = draws.normal(4, 7, std=5.0), draws.normal(4, 7, std=5.0)
    value = submission.reconstruction_loss_gaussian(mean, x)
    assert_close(value, oracles.gaussian(mean, x).float(), "the Gaussian loss of means far outside [0, 1]")


def test_doubling_the_error_quadruples_the_loss(submission, draws):
    x, error = draws.normal(4, 3), draws.normal(4, 3)
    value = submission.reconstruction_loss_gaussian(x + 2 * error, x)
    assert_close(value, 4 * oracles.gaussian(x + error, x).float(), "the Gaussian loss at twice the error")


def test_a_batch_of_one_works(submission, draws):
    mean, x = draws.normal(1, 6), draws.normal(1, 6)
    value = submission.reconstruction_loss_gaussian(mean, x)
    assert_close(value, oracles.gaussian(mean, x).float(), "the Gaussian loss of a single example")


def test_a_single_feature_works(submission, draws):
    mean, x = draws.normal(5, 1), draws.normal(5, 1)
    value = submission.reconstruction_loss_gaussian(mean, x)
    assert_close(value, oracles.gaussian(mean, x).float(), "the Gaussian loss of a single feature")


def test_keeps_float64(submission, draws):
    mean, x = draws.normal(5, 3, dtype=torch.float64), draws.normal(5, 3, dtype=torch.float64)
    value = submission.reconstruction_loss_gaussian(mean, x)
    assert_close(value, oracles.gaussian(mean, x), "the Gaussian loss in float64")


def test_its_gradient_is_twice_the_error(submission, draws):
    mean, x = draws.normal(5, 3).requires_grad_(), draws.normal(5, 3)
    value = submission.reconstruction_loss_gaussian(mean, x)
    assert_gradient(value, mean, 2 * (mean.detach() - x) / 5, "the gradient of the Gaussian loss for the mean")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other numbers in the same shape, in other shapes, and the first ones again."""
    questions = [(draws.normal(batch, 6, std=3.0), draws.uniform(batch, 6)) for batch in (5, 5, 5, 2)]
    for mean, x in in_turn(questions):
        expected = oracles.gaussian(mean, x).float()
        assert_close(submission.reconstruction_loss_gaussian(mean, x), expected, "the loss, asked repeatedly,")


def test_leaves_its_arguments_alone(submission, draws):
    submission.reconstruction_loss_gaussian(draws.normal(5, 3), draws.normal(5, 3))
    assert_unchanged(submission, "reconstruction_loss_gaussian")

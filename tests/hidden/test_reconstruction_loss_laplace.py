"""``reconstruction_loss_laplace(location, x)``: fresh shapes, raw locations, float64, gradients away from ties."""

import oracles
import torch
from asking import in_turn

from grading.checks import assert_close, assert_gradient, assert_unchanged


def test_is_right_on_fresh_shapes(submission, draws):
    for _ in range(3):
        batch, features = draws.distinct(2, 2, 17)
        location, x = draws.normal(batch, features), draws.uniform(batch, features)
        value = submission.reconstruction_loss_laplace(location, x)
        assert_close(value, oracles.laplace(location, x).float(), "the Laplace loss of a random batch")


def test_the_location_is_the_raw_output_wherever_it_lies(submission, draws):
    location, x = draws.normal(4, 7, std=5.0), draws.normal(4, 7, std=5.0)
    value = submission.reconstruction_loss_laplace(location, x)
    assert_close(value, oracles.laplace(location, x).float(), "the Laplace loss of locations far outside [0, 1]")


def test_small_errors_count_in_proportion_too(submission, draws):
    x, error = draws.uniform(4, 3), 0.01 * oracles.away_from_zero(draws, 4, 3)
    value = submission.reconstruction_loss_laplace(x + error, x)
    assert_close(value, error.abs().sum() / 4, "the Laplace loss of small errors", rtol=1e-3)


def test_a_batch_of_one_works(submission, draws):
    location, x = draws.normal(1, 6), draws.normal(1, 6)
    value = submission.reconstruction_loss_laplace(location, x)
    assert_close(value, oracles.laplace(location, x).float(), "the Laplace loss of a single example")


def test_a_single_feature_works(submission, draws):
    location, x = draws.normal(5, 1), draws.normal(5, 1)
    value = submission.reconstruction_loss_laplace(location, x)
    assert_close(value, oracles.laplace(location, x).float(), "the Laplace loss of a single feature")


def test_keeps_float64(submission, draws):
    location, x = draws.normal(5, 3, dtype=torch.float64), draws.normal(5, 3, dtype=torch.float64)
    value = submission.reconstruction_loss_laplace(location, x)
    assert_close(value, oracles.laplace(location, x), "the Laplace loss in float64")


def test_its_gradient_is_the_sign_of_the_error(submission, draws):
    x, error = draws.normal(5, 3), oracles.away_from_zero(draws, 5, 3)
    location = (x + error).requires_grad_()
    value = submission.reconstruction_loss_laplace(location, x)
    assert_gradient(value, location, error.sign() / 5, "the gradient of the Laplace loss for the location")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other numbers in the same shape, in other shapes, and the first ones again."""
    questions = [(draws.normal(batch, 6, std=3.0), draws.uniform(batch, 6)) for batch in (5, 5, 5, 2)]
    for location, x in in_turn(questions):
        expected = oracles.laplace(location, x).float()
        assert_close(submission.reconstruction_loss_laplace(location, x), expected, "the loss, asked repeatedly,")


def test_leaves_its_arguments_alone(submission, draws):
    submission.reconstruction_loss_laplace(draws.normal(5, 3), draws.normal(5, 3))
    assert_unchanged(submission, "reconstruction_loss_laplace")

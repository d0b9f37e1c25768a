"""``reconstruction_loss_gaussian(mean, x)``: squared error, summed over features, averaged over the batch."""

import oracles
import torch

from grading.checks import assert_close, assert_tensor


def test_is_zero_for_a_perfect_reconstruction(submission, draws):
    x = draws.normal(4, 3)
    value = submission.reconstruction_loss_gaussian(x, x.clone())
    assert_close(value, torch.tensor(0.0), "the Gaussian loss at mean = x")


def test_one_feature_can_be_computed_by_hand(submission):
    mean, x = torch.tensor([[3.0]]), torch.tensor([[0.5]])
    by_hand = torch.tensor((3.0 - 0.5) ** 2)
    assert_close(submission.reconstruction_loss_gaussian(mean, x), by_hand, "the Gaussian loss at mean = 3, x = 0.5")


def test_sums_over_features_and_is_right_for_a_batch_that_holds_every_example_twice(submission):
    mean, x = torch.tensor([[1.0, -1.0, 2.0], [0.0, 0.0, 2.0]]), torch.zeros(2, 3)
    by_hand = torch.tensor(((1 + 1 + 4) + (0 + 0 + 4)) / 2)
    assert_close(submission.reconstruction_loss_gaussian(mean, x), by_hand, "the Gaussian loss of two examples")


def test_is_a_scalar_that_equals_the_negative_log_likelihood_without_its_constant(submission, draws):
    mean, x = draws.normal(5, 3), draws.normal(5, 3)
    value = assert_tensor(submission.reconstruction_loss_gaussian(mean, x), (), torch.float32, "the Gaussian loss")
    assert_close(value, oracles.gaussian(mean, x).float(), "the Gaussian loss of a random batch")

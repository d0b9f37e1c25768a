"""``kl_divergence(mu, logvar)``: from the posterior to the standard normal prior, in nats per example."""

import math

import oracles
import torch

from grading.checks import assert_close, assert_tensor


def test_is_zero_when_the_posterior_is_the_prior(submission):
    zeros = torch.zeros(4, 3)
    assert_close(submission.kl_divergence(zeros, zeros), torch.tensor(0.0), "the KL at mu = 0, logvar = 0", atol=1e-5)


def test_one_dimension_can_be_computed_by_hand(submission):
    mu, logvar = torch.tensor([[2.0]]), torch.tensor([[math.log(4.0)]])
    by_hand = 0.5 * (2.0**2 + 4.0 - math.log(4.0) - 1)
    assert_close(submission.kl_divergence(mu, logvar), torch.tensor(by_hand), "the KL at mu = 2, sigma = 2")


def test_six_dimensions_of_half_a_nat_cost_three(submission):
    mu, logvar = torch.full((1, 6), 1.0), torch.zeros(1, 6)
    assert_close(
        submission.kl_divergence(mu, logvar), torch.tensor(6 * 0.5), "the KL of six dimensions of 1/2 nat each"
    )


def test_is_right_for_a_batch_that_holds_every_example_twice(submission, draws):
    mu, logvar = draws.normal(5, 3), draws.normal(5, 3)
    twice = submission.kl_divergence(mu.repeat(2, 1), logvar.repeat(2, 1))
    assert_close(twice, oracles.kl(mu, logvar).float(), "the KL of a batch that holds every example twice")


def test_is_a_scalar_that_equals_the_divergence_of_torch_distributions(submission, draws):
    mu, logvar = draws.normal(5, 3), draws.normal(5, 3)
    value = assert_tensor(submission.kl_divergence(mu, logvar), (), torch.float32, "the KL")
    assert_close(value, oracles.kl(mu, logvar).float(), "the KL of a random batch")

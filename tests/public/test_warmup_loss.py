"""``vae_loss(recon_x, x, mu, logvar)`` of the warm-up: squared error plus KL, both SUMMED over the batch."""

import math

import oracles
import torch

from grading.checks import assert_close, assert_tensor


def test_is_zero_for_a_perfect_reconstruction_and_the_prior(submission, draws):
    x, zeros = draws.uniform(4, 5), torch.zeros(4, 3)
    value = submission.vae_loss(x, x.clone(), zeros, zeros)
    assert_close(value, torch.tensor(0.0), "the loss of a perfect reconstruction from the prior")


def test_six_pixels_that_are_off_by_a_half_cost_one_and_a_half(submission):
    recon_x, x, prior = torch.full((2, 3), 0.5), torch.zeros(2, 3), torch.zeros(2, 4)
    by_hand = torch.tensor(6 * 0.5**2)
    assert_close(submission.vae_loss(recon_x, x, prior, prior), by_hand, "the loss of six pixels that are off by 1/2")


def test_six_latents_at_mu_two_and_sigma_two_can_be_computed_by_hand(submission):
    x, mu, logvar = torch.zeros(3, 5), torch.full((3, 2), 2.0), torch.full((3, 2), math.log(4.0))
    by_hand = torch.tensor(6 * 0.5 * (2.0**2 + 4.0 - math.log(4.0) - 1))
    value = submission.vae_loss(x, x.clone(), mu, logvar)
    assert_close(value, by_hand, "the loss of six latents with mu = 2, sigma = 2 and a perfect reconstruction")


def test_is_a_scalar_that_is_right_for_a_random_batch(submission, draws):
    recon_x, x, mu, logvar = draws.uniform(5, 4), draws.uniform(5, 4), draws.normal(5, 3), draws.normal(5, 3)
    value = assert_tensor(submission.vae_loss(recon_x, x, mu, logvar), (), torch.float32, "the loss")
    assert_close(value, oracles.warmup_loss(recon_x, x, mu, logvar).float(), "the loss of a random batch")

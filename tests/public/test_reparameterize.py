"""``VAE.reparameterize(mu, logvar)``: ``z = mu + sigma * eps`` with fresh standard normal noise."""

import math

import networks
import torch

from grading.checks import CheckFailure, assert_close, assert_gradient, assert_statistic, assert_tensor, same


def test_z_has_the_shape_of_mu(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    assert_tensor(model.reparameterize(draws.normal(5, 3), draws.normal(5, 3)), (5, 3), None, "z")


def test_z_is_mu_when_the_variance_vanishes(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    mu = draws.normal(5, 3)
    assert_close(model.reparameterize(mu, torch.full((5, 3), -60.0)), mu, "z at logvar = -60")


def test_the_variance_of_z_is_nine_at_logvar_log_nine(submission):
    """40,000 draws at sigma = 3, that is logvar = log 9."""
    model = networks.build(submission, 11, 13, 4)
    mu = torch.zeros(10_000, 4)
    z = assert_tensor(model.reparameterize(mu, torch.full_like(mu, math.log(9.0))), mu.shape, None, "z")
    variance = z.detach().pow(2).mean().item()
    assert_statistic(variance, 9.0, 9.0 * math.sqrt(2 / 40_000), "the mean square of z at mu = 0 and logvar = log 9")


def test_two_calls_draw_different_noise(submission):
    model = networks.build(submission, 11, 13, 3)
    # At logvar = 0 what is wrong with the scale would hide noise that is fresh.
    mu, logvar = torch.zeros(5, 3), torch.full((5, 3), math.log(9.0))
    first = assert_tensor(model.reparameterize(mu, logvar), (5, 3), None, "z")
    second = assert_tensor(model.reparameterize(mu, logvar), (5, 3), None, "z")
    if same(first, second):
        raise CheckFailure("statistics", "two calls give the same z", expected="fresh noise", actual="the same numbers")


def test_the_gradient_for_mu_is_one(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    mu = draws.normal(5, 3).requires_grad_()
    z = model.reparameterize(mu, draws.normal(5, 3))
    assert_gradient(z, mu, torch.ones(5, 3), "dz/dmu")

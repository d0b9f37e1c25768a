"""The warm-up ``VAE`` of ``simple_vae.py``: encode, sample, decode."""

import math

import torch
import warmup

from grading.checks import CheckFailure, assert_close, assert_statistic


def test_encode_gives_mu_and_logvar_of_shape_batch_by_latent(submission, draws):
    warmup.encode(warmup.build(submission, 11, 13, 3), draws.uniform(5, 11), latent_dim=3)


def test_reparameterize_draws_from_a_normal_with_mean_mu_and_variance_exp_logvar(submission):
    """40,000 draws at mu = 2, logvar = log 9; and z is mu when the variance vanishes."""
    model = warmup.build(submission, 11, 13, 4)
    mu = torch.full((10_000, 4), 2.0)
    noise = warmup.reparameterize(model, mu, torch.full_like(mu, math.log(9.0))).detach() - mu
    assert_statistic(noise.mean().item(), 0.0, 3.0 / 200, "the mean of z - mu")
    assert_statistic(
        noise.pow(2).mean().item(), 9.0, 9.0 * math.sqrt(2 / 40_000), "the mean square of z - mu at logvar = log 9"
    )
    assert_close(warmup.reparameterize(model, mu, torch.full_like(mu, -60.0)), mu, "z at logvar = -60")


def test_decode_gives_values_between_zero_and_one(submission, draws):
    x = warmup.decode(warmup.build(submission, 11, 13, 3), draws.normal(5, 3), input_dim=11)
    if not bool(((x > 0) & (x < 1)).all()):
        actual = f"{x.min().item():.3g} to {x.max().item():.3g}"
        raise CheckFailure("value", "decode(z) leaves (0, 1)", expected="values in (0, 1)", actual=actual)


def test_forward_returns_the_reconstruction_and_what_encode_gives(submission, draws):
    model = warmup.build(submission, 11, 13, 3)
    x = draws.uniform(5, 11)
    expected_mu, expected_logvar = warmup.encode(model, x, latent_dim=3)
    _, mu, logvar = warmup.forward(model, x, latent_dim=3)  # the last call is where a failure is looked for
    assert_close(mu, expected_mu.detach(), "mu, held against encode(x),")
    assert_close(logvar, expected_logvar.detach(), "logvar, held against encode(x),")

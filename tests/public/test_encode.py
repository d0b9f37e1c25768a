"""``VAE.encode(x)``: the mean and log-variance of the posterior, raw."""

import networks

from grading.checks import assert_close, assert_tensor, unpack


def test_returns_mu_and_logvar_of_shape_batch_by_latent(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    mu, logvar = unpack(model.encode(draws.uniform(5, 11)), ("mu", "logvar"), "encode")
    assert_tensor(mu, (5, 3), None, "mu")
    assert_tensor(logvar, (5, 3), None, "logvar")


def test_mu_is_the_mu_head_on_the_hidden_features(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    x = draws.uniform(5, 11)
    mu, _ = unpack(model.encode(x), ("mu", "logvar"), "encode")
    assert_close(mu, networks.encode(model.parameters, x)[0], "mu")


def test_logvar_is_the_logvar_head_on_the_hidden_features(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    x = draws.uniform(5, 11)
    _, logvar = unpack(model.encode(x), ("mu", "logvar"), "encode")
    assert_close(logvar, networks.encode(model.parameters, x)[1], "logvar")


def test_is_right_for_values_of_both_signs(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    networks.spread_heads(model, reach=5.0)
    x = draws.uniform(5, 11)
    mu, logvar = unpack(model.encode(x), ("mu", "logvar"), "encode")
    expected_mu, expected_logvar = networks.encode(model.parameters, x)
    assert_close(mu, expected_mu, "mu with biases from -5 to 5")
    assert_close(logvar, expected_logvar, "logvar with biases from 5 to -5")

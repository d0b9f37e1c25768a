"""``build_model(cfg)``: the ``VAE`` that a configuration describes."""

from configurations import assert_built_as

CONFIG = {"input_dim": 17, "hidden_dim": 9, "num_hidden_layers": 2, "latent_dim": 4}


def test_the_sizes_of_the_configuration_are_passed_on(submission):
    assert_built_as(submission, {"input_dim": 17, "hidden_dim": 9, "latent_dim": 4}, ["parameters"])


def test_the_number_of_hidden_layers_is_passed_on(submission):
    assert_built_as(submission, CONFIG | {"num_hidden_layers": 3}, ["parameters"])


def test_the_likelihood_is_passed_on(submission):
    assert_built_as(submission, CONFIG | {"recon_loss": "gaussian"}, ["recon_loss"])


def test_beta_is_passed_on(submission):
    assert_built_as(submission, CONFIG | {"beta": 4.0}, ["beta"])

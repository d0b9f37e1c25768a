"""``VAE.forward(x)``: encode, sample, decode, put together from the submission's own parts."""

import networks
import parts
from noise import assert_standard_moments


def test_returns_logits_mu_logvar_and_z_in_this_order(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    x = draws.uniform(5, 11)
    output = parts.forward(model, x, seed=1)
    parts.assert_shapes(submission, output, model, x, 1, parts.NAMES)


def test_mu_and_logvar_are_those_of_encode(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    x = draws.uniform(5, 11)
    output = parts.forward(model, x, seed=1)
    parts.assert_fields(submission, output, model, x, 1, ["mu", "logvar"])


def test_z_is_sampled_from_mu_and_logvar(submission, draws):
    """120,000 numbers in eval mode and in train mode: a VAE samples in both."""
    model = networks.build(submission, 11, 13, 300)
    x = draws.uniform(400, 11)
    for training in (True, False):
        eps = parts.noise(submission, model.train(training), x, seed=1)
        if eps is not None:
            assert_standard_moments(eps, "(z - mu) / sigma")


def test_logits_are_the_decoded_z(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    x = draws.uniform(5, 11)
    output = parts.forward(model, x, seed=1)
    parts.assert_fields(submission, output, model, x, 1, ["logits"])

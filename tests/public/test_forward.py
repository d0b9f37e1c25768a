"""``VAE.forward(x)``: encode, sample, decode, put together from the submission's own parts."""

from functools import partial

import networks
import parts
from noise import assert_standard_moments

from grading.checks import assert_names_in_order


def test_returns_logits_mu_logvar_and_z_in_this_order(submission, draws):
    case = parts.Case(submission, networks.build(submission, 11, 13, 3), draws.uniform(5, 11), seed=1)
    names = ("logits", "mu", "logvar", "z")
    case.assert_shapes(case.forward(), names)
    assert_names_in_order(submission, names, "forward")


def test_mu_and_logvar_are_those_of_encode(submission, draws):
    x = draws.uniform(5, 11)
    case = parts.Case(submission, networks.build(submission, 11, 13, 3), x, seed=1)
    output = case.forward()
    case.assert_equal(output, mu=lambda part: part.encode(x)[0], logvar=lambda part: part.encode(x)[1])


def test_z_is_sampled_from_mu_and_logvar(submission, draws):
    """120,000 numbers in eval mode and in train mode: a VAE samples in both."""
    model, x = networks.build(submission, 11, 13, 60), draws.uniform(2_000, 11)
    for training in (True, False):
        case = parts.Case(submission, model.train(training), x, seed=1)
        case.judged_noise(case.forward(), partial(assert_standard_moments, what="(z - mu) / sigma"))


def test_logits_are_the_decoded_z(submission, draws):
    case = parts.Case(submission, networks.build(submission, 11, 13, 3), draws.uniform(5, 11), seed=1)
    output = case.forward()
    case.assert_equal(output, logits=lambda part: part.decode(output.z))

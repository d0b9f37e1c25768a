"""``VAE.decode(z)``: the raw parameters of the likelihood."""

import networks
import torch

from grading.checks import assert_close, assert_tensor


def test_has_one_row_of_features_for_each_code(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    assert_tensor(model.decode(draws.normal(5, 3)), (5, 11), None, "decode(z)")


def test_is_the_output_of_the_decoder_network(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    z = draws.normal(5, 3)
    assert_close(model.decode(z), networks.decode(model.parameters, z), "decode(z)")


def test_is_right_for_values_from_minus_five_to_five(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    model.set("dec.2.bias", torch.linspace(-5.0, 5.0, 11))
    z = draws.normal(5, 3)
    assert_close(model.decode(z), networks.decode(model.parameters, z), "decode(z) with output biases from -5 to 5")

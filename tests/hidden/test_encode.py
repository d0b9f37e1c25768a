"""``VAE.encode(x)``: deeper networks, raw outputs of any size, gradients, modes, dtypes."""

import networks
import oracles
import torch
from asking import in_turn

from grading.checks import assert_close, assert_gradient, assert_unchanged, unpack


def encode(model, x):
    return unpack(model.encode(x), ("mu", "logvar"), "encode")


def assert_encodes(model, x):
    mu, logvar = encode(model, x)
    expected_mu, expected_logvar = networks.encode(model.parameters, x)
    assert_close(mu, expected_mu, "mu")
    assert_close(logvar, expected_logvar, "logvar")


def test_is_right_for_networks_of_any_size(submission, draws):
    """Small ones, and that of the handout."""
    assert_encodes(networks.build(submission, 784, 400, 20), draws.uniform(128, 784))
    for layers in (1, 2, 3):
        batch, inputs, hidden, latent = draws.distinct(4, 2, 23)
        assert_encodes(networks.build(submission, inputs, hidden, latent, layers), draws.normal(batch, inputs, std=2.0))


def test_neither_head_is_clamped(submission, draws):
    model = networks.build(submission, 11, 13, 7, layers=2, recon_loss="laplace", beta=4.0)
    networks.spread_heads(model, reach=60.0)
    assert_encodes(model, draws.uniform(5, 11))


def test_works_for_a_batch_of_one(submission, draws):
    assert_encodes(networks.build(submission, 11, 13, 3, layers=2), draws.uniform(1, 11))


def test_is_the_same_in_train_and_eval_mode_and_without_gradients(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2)
    x = draws.uniform(5, 11)
    assert_encodes(model.train(), x)
    assert_encodes(model.eval(), x)
    with torch.no_grad():
        assert_encodes(model, x)


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Batches of one size with other data, for other weights, and the first ones again."""
    models = [networks.build(submission, 11, 13, 3, layers=2) for _ in range(2)]
    networks.spread_heads(models[1], reach=2.0)
    batches = [draws.uniform(5, 11) for _ in range(3)]
    for model, x in in_turn([(model, x) for model in models for x in batches]):
        assert_encodes(model, x)


def test_rows_do_not_depend_on_each_other(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    x = draws.uniform(5, 11)
    assert_encodes(model, torch.cat([x, 100 * draws.normal(2, 11)]))
    assert_encodes(model, x.repeat(30, 1))


def test_keeps_float64(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2).double()
    assert_encodes(model, draws.uniform(5, 11, dtype=torch.float64))


def test_gradients_reach_x_and_every_layer_of_the_encoder(submission, draws):
    """In train and eval mode, for data of usual sizes and of all up to 100; in double precision, away from kinks."""
    model = networks.build(submission, 11, 13, 3, layers=2).double()
    for training, largest in ((True, 1.0), (False, 100.0)):
        x = oracles.of_all_sizes(draws, 5, 11, largest=largest, dtype=torch.float64)
        heads = encode(model.train(training), x.requires_grad_()), networks.encode(model.parameters, x)
        for head, own, true in zip(("mu", "logvar"), *heads, strict=True):
            assert_close(own, true.detach(), f"{head}, where its gradient is asked for,")
            layers = ("enc.0.weight", "enc.0.bias", "enc.2.weight", "enc.2.bias", f"{head}.weight", f"{head}.bias")
            for name, leaf in (("x", x), *((layer, model.parameters[layer]) for layer in layers)):
                (expected,) = torch.autograd.grad(true.sum(), leaf, retain_graph=True)
                assert_gradient(own, leaf, expected, f"the gradient of {head} for {name}")


def test_leaves_its_argument_and_torch_alone(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    encode(model, draws.normal(5, 11))
    assert_unchanged(submission, "encode")

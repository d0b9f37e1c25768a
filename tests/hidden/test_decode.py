"""``VAE.decode(z)``: deeper networks, raw outputs of any size, gradients, modes, dtypes."""

import networks
import oracles
import torch
from asking import in_turn

from grading.checks import assert_close, assert_gradient, assert_unchanged


def assert_decodes(model, z):
    assert_close(model.decode(z), networks.decode(model.parameters, z), "decode(z)")


def test_is_right_for_networks_of_any_size(submission, draws):
    """Small ones, and that of the handout."""
    assert_decodes(networks.build(submission, 784, 400, 20), draws.normal(128, 20))
    for layers in (1, 2, 3):
        batch, inputs, hidden, latent = draws.distinct(4, 2, 23)
        assert_decodes(networks.build(submission, inputs, hidden, latent, layers), draws.normal(batch, latent, std=3.0))


def test_the_output_is_not_clamped(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    model.set("dec.2.bias", torch.linspace(-60.0, 60.0, 11))
    assert_decodes(model, draws.normal(5, 3))


def test_is_raw_for_every_likelihood_and_beta(submission, draws):
    for recon_loss in ("bernoulli", "gaussian", "laplace"):
        model = networks.build(submission, 11, 13, 3, recon_loss=recon_loss, beta=4.0)
        model.set("dec.2.bias", torch.linspace(-5.0, 5.0, 11))
        assert_decodes(model, draws.normal(5, 3))


def test_works_for_a_batch_of_one(submission, draws):
    assert_decodes(networks.build(submission, 11, 13, 3, layers=2), draws.normal(1, 3))


def test_is_the_same_in_train_and_eval_mode_and_without_gradients(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2)
    z = draws.normal(5, 3)
    assert_decodes(model.train(), z)
    assert_decodes(model.eval(), z)
    with torch.no_grad():
        assert_decodes(model, z)


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Batches of one size with other codes, for other weights, and the first ones again."""
    models = [networks.build(submission, 11, 13, 3, layers=2) for _ in range(2)]
    models[1].set("dec.4.bias", torch.linspace(-2.0, 2.0, 11))
    batches = [draws.normal(5, 3) for _ in range(3)]
    for model, z in in_turn([(model, z) for model in models for z in batches]):
        assert_decodes(model, z)


def test_keeps_float64(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2).double()
    assert_decodes(model, draws.normal(5, 3, dtype=torch.float64))


def test_gradients_reach_z_and_every_layer_of_the_decoder(submission, draws):
    """In train and eval mode, for codes of usual sizes and of all up to 100; in double precision, away from kinks."""
    model = networks.build(submission, 11, 13, 3, layers=2).double()
    layers = {name: leaf for name, leaf in model.parameters.items() if name.startswith("dec.")}
    for training, largest in ((True, 1.0), (False, 100.0)):
        z = oracles.of_all_sizes(draws, 5, 3, largest=largest, dtype=torch.float64)
        own = model.train(training).decode(z.requires_grad_())
        true = networks.decode(model.parameters, z)
        assert_close(own, true.detach(), "decode(z), where its gradient is asked for,")
        for name, leaf in {"z": z, **layers}.items():
            (expected,) = torch.autograd.grad(true.sum(), leaf, retain_graph=True)
            assert_gradient(own, leaf, expected, f"the gradient of decode(z) for {name}")


def test_leaves_its_argument_and_torch_alone(submission, draws):
    model = networks.build(submission, 11, 13, 3)
    model.decode(draws.normal(5, 3))
    assert_unchanged(submission, "decode")

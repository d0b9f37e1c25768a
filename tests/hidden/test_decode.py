"""``VAE.decode(z)``: deeper networks, raw outputs of any size, gradients, modes, dtypes."""

import itertools

import networks
import oracles
import torch
from asking import in_turn, sizes_of_every_kind, through_many

from grading.checks import assert_all_digits, assert_close, assert_unchanged, gradient


def assert_decodes(model, z):
    assert_close(model.decode(z), networks.decode(model.parameters, z), "decode(z)")


def assert_differentiates(model, z, of_z):
    """``decode(z)`` and its gradients for all layers, and ``of_z`` too, relative to the largest number in each."""
    own = model.decode(z.requires_grad_(of_z))
    true = networks.decode(model.parameters, z)
    assert_close(own, true.detach(), "decode(z), where its gradient is asked for,")
    layers = {name: leaf for name, leaf in model.parameters.items() if name.startswith("dec.")}
    oracles.assert_gradients(own, true, {"z": z, **layers} if of_z else layers, "decode(z)")
    others = {name: leaf for name, leaf in model.parameters.items() if name not in layers}
    oracles.assert_no_gradients(own, others, "decode(z)")


def test_is_right_for_networks_of_any_size(submission, draws):
    """And for any batch; in any mode, with gradients and without. Every second one gives logits of up to 1,000."""
    for i, (batch, *size) in enumerate(networks.sizes(draws)):
        with networks.any_way(networks.build(submission, *size, draws=draws), draws) as model:
            if i % 2:
                networks.spread_output(model, reach=1e3)
            assert_decodes(model, draws.normal(batch, size[2], std=3.0))
    small = networks.build(submission, 5, 7, 3, draws=draws)
    assert_decodes(small, draws.normal(draws.integer(10_000, 12_000), 3))  # as of a whole test set


def test_the_output_is_not_clamped(submission, draws):
    model = networks.build(submission, 11, 13, 3, draws=draws)
    for largest in (1e4, 1e6):
        model.set("dec.2.bias", torch.linspace(-largest, largest, 11))
        assert_decodes(model, draws.normal(5, 3))


def test_is_raw_for_every_likelihood_and_beta(submission, draws):
    for recon_loss in ("bernoulli", "gaussian", "laplace"):
        model = networks.build(submission, 11, 13, 3, recon_loss=recon_loss, beta=4.0, draws=draws)
        model.set("dec.2.bias", torch.linspace(-5.0, 5.0, 11))
        assert_decodes(model, draws.normal(5, 3))


def test_works_for_a_batch_of_one(submission, draws):
    assert_decodes(networks.build(submission, 11, 13, 3, layers=2, draws=draws), draws.normal(1, 3))


def test_is_the_same_in_train_and_eval_mode_and_without_gradients(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws)
    for _ in networks.every_way(model):
        for batch in networks.batches(draws):
            assert_decodes(model, draws.normal(batch, 3))
        for z in networks.rows_of_every_kind(draws, 5, 3):
            assert_decodes(model, z)


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Batches of one size with other codes, for other weights, and the first ones again; also after many calls."""
    models = [networks.build(submission, 11, 13, 3, layers=2, draws=draws) for _ in range(2)]
    models[1].set("dec.4.bias", torch.linspace(-2.0, 2.0, 11))
    batches = [draws.normal(5, 3) for _ in range(3)]
    for model, z in in_turn([(model, z) for model in models for z in batches]):
        assert_close(model.seeded(draws.seed()).decode(z), networks.decode(model.parameters, z), "decode(z)")
    for model in networks.while_training(models[0]):
        assert_decodes(model, z)
    model = models[1]
    for times in through_many(draws):
        logits = model.after(times, draws.seed()).decode(z)
        assert_close(logits, networks.decode(model.parameters, z), "decode(z), asked hundreds of times,")


def test_keeps_float64(submission, draws):
    """In either mode, with gradients and without."""
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws).double()
    for _ in networks.every_way(model):
        z = draws.normal(5, 3, dtype=torch.float64)
        assert_decodes(model, z)
        assert_all_digits(model.decode(z), "decode(z) in float64")


def test_gradients_reach_z_and_every_layer_of_the_decoder(submission, draws):
    """In train and eval mode, for codes of usual sizes and of all up to 100; in both precisions, away from kinks."""
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws)
    for training, of_z in itertools.product((True, False), (True, False)):
        z = networks.clear_of_kinks(model, "dec", draws.normal(draws.integer(9, 40), 3))
        assert_differentiates(model.train(training), z, of_z)
    model.double()
    for training, of_z, largest in ((True, True, 1.0), (False, True, 100.0), (True, False, 100.0), (False, False, 1.0)):
        z = oracles.of_all_sizes(draws, 5, 3, largest=largest, dtype=torch.float64)
        assert_differentiates(model.train(training), z, of_z)
    size = draws.integer(100, 400)
    large = networks.build(submission, size, 8, size, draws=draws)
    assert_differentiates(large, networks.clear_of_kinks(large, "dec", draws.normal(9, size))[:1], of_z=True)
    many = networks.build(submission, 7, 5, 3, layers=draws.integer(1, 4), draws=draws).double()
    few = networks.build(submission, 11, 13, 3, draws=draws)
    for i, size in enumerate(sizes_of_every_kind(draws)):
        training, of_z = i % 2 == 0, i // 2 % 2 == 0
        assert_differentiates(many.train(training), draws.normal(size, 3, dtype=torch.float64), of_z)
        z = networks.clear_of_kinks(few, "dec", draws.normal(size + 8, 3))[:size]
        assert_differentiates(few.train(training), z, not of_z)
    with torch.no_grad():
        few.decode(draws.normal(5, 3))
    networks.assert_trainable_after(few, draws.uniform(5, 11), "decode")


def test_leaves_its_argument_and_torch_alone(submission, draws):
    """And its own parameters, in either mode, with gradients and without, so that they take gradients afterwards."""
    model = networks.build(submission, 11, 13, 3, draws=draws)
    before = {name: parameter.detach().double() for name, parameter in model.parameters.items()}
    large = networks.build(submission, 784, 16, 70, draws=draws)
    for _ in networks.every_way(model, large):
        few = draws.integer(2, 200)
        for batch in (1, few, few):  # an answer of the same size must not lie where the one before does
            model.decode(draws.normal(batch, 3))
            assert_unchanged(submission, "decode")
        for _ in range(2):
            large.decode(draws.normal(128, 70))
            assert_unchanged(submission, "decode")
    networks.assert_left_alone(model, before, "decode")
    output = model.decode(draws.normal(5, 3, dtype=torch.float64))
    assert_unchanged(submission, "decode")
    for name, parameter in model.parameters.items():
        if name.startswith("dec."):
            gradient(output, parameter, f"the gradient for {name} after calls without gradients")

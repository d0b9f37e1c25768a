"""``VAE.encode(x)``: deeper networks, raw outputs of any size, gradients, modes, dtypes."""

import contextlib
import itertools

import networks
import oracles
import torch
from asking import in_turn, sizes_of_every_kind, through_many

from grading.boundary.errors import RefusedError
from grading.checks import (
    CheckFailure,
    StudentError,
    assert_all_digits,
    assert_close,
    assert_unchanged,
    gradient,
    same,
    unpack,
)


def encode(model, x):
    return unpack(model.encode(x), ("mu", "logvar"), "encode")


def assert_encodes(model, x):
    mu, logvar = encode(model, x)
    expected_mu, expected_logvar = networks.encode(model.parameters, x)
    assert_close(mu, expected_mu, "mu")
    assert_close(logvar, expected_logvar, "logvar")


def assert_differentiates(model, x, of_x):
    """``encode(x)`` and the gradients of each head for its layers, and ``of_x`` too, which takes none in training."""
    heads = encode(model, x.requires_grad_(of_x)), networks.encode(model.parameters, x)
    for head, own, true in zip(("mu", "logvar"), *heads, strict=True):
        assert_close(own, true.detach(), f"{head}, where its gradient is asked for,")
        layers = {name: leaf for name, leaf in model.parameters.items() if name.startswith(("enc.", f"{head}."))}
        oracles.assert_gradients(own, true, {"x": x, **layers} if of_x else layers, head)
        others = {name: leaf for name, leaf in model.parameters.items() if name not in layers}
        oracles.assert_no_gradients(own, others, head)


def test_is_right_for_networks_of_any_size(submission, draws):
    """And for any batch, of data in [0, 1] and of others; in any mode, with gradients and without.

    Every second network gives numbers of up to 1,000 in size.
    """
    for i, (batch, *size) in enumerate(networks.sizes(draws)):
        with networks.any_way(networks.build(submission, *size, draws=draws), draws) as model:
            if i % 2:
                networks.spread_heads(model, reach=1e3)
            assert_encodes(model, draws.normal(batch, size[0], std=2.0) if i else draws.uniform(batch, size[0]))
    small = networks.build(submission, 5, 7, 3, draws=draws)
    assert_encodes(small, draws.uniform(draws.integer(10_000, 12_000), 5))  # as of a whole test set


def test_neither_head_is_clamped(submission, draws):
    model = networks.build(submission, 11, 13, 7, layers=2, recon_loss="laplace", beta=4.0, draws=draws)
    for reach in (1e3, 1e6):
        networks.spread_heads(model, reach=reach)
        assert_encodes(model, draws.uniform(5, 11))


def test_works_for_a_batch_of_one(submission, draws):
    assert_encodes(networks.build(submission, 11, 13, 3, layers=2, draws=draws), draws.uniform(1, 11))


def test_is_the_same_in_train_and_eval_mode_and_without_gradients(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws)
    for _ in networks.every_way(model):
        for batch in networks.batches(draws):
            assert_encodes(model, draws.uniform(batch, 11, high=2.0))
        for x in networks.rows_of_every_kind(draws, 5, 11):
            assert_encodes(model, x)


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Batches of one size with other data, for other weights, and the first ones again; also after many calls."""
    models = [networks.build(submission, 11, 13, 3, layers=2, draws=draws) for _ in range(2)]
    networks.spread_heads(models[1], reach=2.0)
    batches = [draws.uniform(5, 11) for _ in range(3)]
    for model, x in in_turn([(model, x) for model in models for x in batches]):
        assert_encodes(model, x)
    for model in networks.while_training(models[0]):
        assert_encodes(model, x)
    model = models[1]
    for times in through_many(draws):
        mu, logvar = unpack(model.after(times, draws.seed()).encode(x), ("mu", "logvar"), "encode")
        for name, own, true in zip(("mu", "logvar"), (mu, logvar), networks.encode(model.parameters, x), strict=True):
            assert_close(own, true, f"{name}, asked hundreds of times,")
    assert_leaves_the_seed(model, x, draws)


def assert_leaves_the_seed(model, x, draws):
    """What is drawn after ``encode`` follows from the seed that the caller has given to torch, and not from its own."""

    def drawn(seed):
        encode(model.seeded(seed), x)
        return model.reparameterize(torch.zeros(5, 3), torch.zeros(5, 3))

    seeds = draws.seed(), draws.seed()
    with contextlib.suppress(StudentError, RefusedError):  # of reparameterize
        plain = [model.seeded(seed).reparameterize(torch.zeros(5, 3), torch.zeros(5, 3)) for seed in seeds]
        if same(*map(drawn, seeds)) and not same(*plain):
            message = "after encode torch draws the same numbers, whatever it was seeded with"
            raise CheckFailure("statistics", message, expected="other numbers for another seed", actual="the same")


def test_rows_do_not_depend_on_each_other(submission, draws):
    model = networks.build(submission, 11, 13, 3, draws=draws)
    x = draws.uniform(5, 11)
    assert_encodes(model, torch.cat([x, 100 * draws.normal(2, 11)]))
    assert_encodes(model, x.repeat(30, 1))


def test_keeps_float64(submission, draws):
    """In either mode, with gradients and without."""
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws).double()
    for _ in networks.every_way(model):
        x = draws.uniform(5, 11, dtype=torch.float64)
        assert_encodes(model, x)
        for name, value in zip(("mu", "logvar"), encode(model, x), strict=True):
            assert_all_digits(value, f"{name} in float64")


def test_gradients_reach_x_and_every_layer_of_the_encoder(submission, draws):
    """In train and eval mode, for data of usual sizes and of all up to 100; in both precisions, away from kinks."""
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws)
    for training, of_x in itertools.product((True, False), (True, False)):
        x = networks.clear_of_kinks(model, "enc", draws.normal(draws.integer(9, 40), 11))
        assert_differentiates(model.train(training), x, of_x)
    model.double()
    for training, of_x, largest in ((True, True, 1.0), (False, True, 100.0), (True, False, 100.0), (False, False, 1.0)):
        x = oracles.of_all_sizes(draws, 5, 11, largest=largest, dtype=torch.float64)
        assert_differentiates(model.train(training), x, of_x)
    size = draws.integer(100, 400)
    large = networks.build(submission, size, 8, size, draws=draws)
    assert_differentiates(large, networks.clear_of_kinks(large, "enc", draws.uniform(9, size))[:1], of_x=True)
    many = networks.build(submission, 7, 5, 3, layers=draws.integer(1, 4), draws=draws).double()
    few = networks.build(submission, 11, 13, 3, draws=draws)
    for i, size in enumerate(sizes_of_every_kind(draws)):
        training, of_x = i % 2 == 0, i // 2 % 2 == 0
        assert_differentiates(many.train(training), draws.uniform(size, 7, dtype=torch.float64), of_x)
        x = networks.clear_of_kinks(few, "enc", draws.normal(size + 8, 11))[:size]
        assert_differentiates(few.train(training), x, not of_x)
    with torch.no_grad():
        few.encode(draws.normal(5, 11))
    networks.assert_trainable_after(few, draws.uniform(5, 11), "encode")


def test_leaves_its_argument_and_torch_alone(submission, draws):
    """And its own parameters, in either mode, with gradients and without, so that they take gradients afterwards."""
    model = networks.build(submission, 11, 13, 3, draws=draws)
    before = {name: parameter.detach().double() for name, parameter in model.parameters.items()}
    large = networks.build(submission, 784, 16, 20, draws=draws)
    for _ in networks.every_way(model, large):
        few = draws.integer(2, 200)
        for batch in (1, few, few):  # an answer of the same size must not lie where the one before does
            encode(model, draws.normal(batch, 11))
            assert_unchanged(submission, "encode")
        for _ in range(2):
            encode(large, draws.normal(128, 784))
            assert_unchanged(submission, "encode")
    networks.assert_left_alone(model, before, "encode")
    mu, logvar = encode(model, draws.normal(5, 11, dtype=torch.float64))
    assert_unchanged(submission, "encode")
    for name, parameter in model.parameters.items():
        if not name.startswith("dec."):
            output = logvar if name.startswith("logvar.") else mu
            gradient(output, parameter, f"the gradient for {name} after calls without gradients")

"""``reconstruction_loss_laplace(location, x)``: fresh shapes, raw locations, float64, gradients away from ties.

Locations, data and their differences are judged up to 10,000 in size, as the logits of the Bernoulli loss are.
"""

import itertools

import oracles
import torch
from asking import beside_a_model, in_turn, through_many

from grading.checks import assert_close, assert_gradient


def test_is_right_on_fresh_shapes(submission, draws):
    """Of one row, of over 1,000, and that of a batch of digits; with gradients and without.

    Every second one has numbers of any size among others, and data of either sign.
    """
    for i, (batch, features) in enumerate(oracles.shapes(draws)):
        far = i % 2 == 1
        location = oracles.numbers(draws, batch, features, largest=1e4, far=far)
        x = draws.normal(batch, features, std=3.0) if far else draws.uniform(batch, features)
        with torch.set_grad_enabled(bool(draws.integer(0, 1))):
            value = submission.reconstruction_loss_laplace(location, x)
        assert_close(value, oracles.laplace(location, x).float(), "the Laplace loss of a random batch")
    for batch, dtype, gradients in oracles.ways(draws):
        location = oracles.numbers(draws, batch, 5, largest=1e4, far=bool(draws.integer(0, 1)), dtype=dtype)
        x = oracles.pixels(draws, batch, 5, dtype=dtype)
        with torch.set_grad_enabled(gradients):
            value = submission.reconstruction_loss_laplace(location, x)
        what = f"the Laplace loss {'with gradients' if gradients else 'under torch.no_grad()'}"
        assert_close(value, oracles.laplace(location, x).to(dtype), what)


def test_the_location_is_the_raw_output_wherever_it_lies(submission, draws):
    for largest, dtype in itertools.product((5.0, 100.0, 1e4), oracles.PRECISIONS):
        location, x = (oracles.of_all_sizes(draws, 4, 7, largest=largest, dtype=dtype) for _ in range(2))
        value = submission.reconstruction_loss_laplace(location, x)
        assert_close(
            value, oracles.laplace(location, x).to(dtype), f"the Laplace loss of locations of up to {largest:g}"
        )


def test_small_errors_count_in_proportion_too(submission, draws):
    x, error = draws.uniform(4, 3), 0.01 * oracles.away_from_zero(draws, 4, 3)
    value = submission.reconstruction_loss_laplace(x + error, x)
    assert_close(value, error.abs().sum() / 4, "the Laplace loss of small errors", rtol=1e-3)


def test_a_batch_of_one_works(submission, draws):
    location, x = draws.normal(1, 6), draws.normal(1, 6)
    value = submission.reconstruction_loss_laplace(location, x)
    assert_close(value, oracles.laplace(location, x).float(), "the Laplace loss of a single example")


def test_a_single_feature_works(submission, draws):
    location, x = draws.normal(5, 1), draws.normal(5, 1)
    value = submission.reconstruction_loss_laplace(location, x)
    assert_close(value, oracles.laplace(location, x).float(), "the Laplace loss of a single feature")


def test_keeps_float64(submission, draws):
    def draw():
        return draws.normal(5, 3, dtype=torch.float64), draws.normal(5, 3, dtype=torch.float64)

    oracles.assert_keeps_float64(draw, submission.reconstruction_loss_laplace, oracles.laplace, "the Laplace loss")


def test_its_gradient_is_the_sign_of_the_error(submission, draws):
    """For errors of usual sizes and of all up to 10,000; and for x it has the other sign."""
    for size, largest, dtype in ((7, 1e4, torch.float64), (5, 3.0, torch.float32), (9, 1e4, torch.float32)):
        x = draws.normal(size, 3, dtype=dtype)
        error = oracles.of_all_sizes(draws, size, 3, largest=largest, dtype=dtype)
        location = (x + error).requires_grad_()
        value = submission.reconstruction_loss_laplace(location, x)
        expected = oracles.laplace(location, x).to(dtype).detach()
        assert_close(value, expected, "the Laplace loss, where a gradient is asked for,")
        assert_gradient(value, location, error.sign() / size, "the gradient of the Laplace loss for the location")
    value = submission.reconstruction_loss_laplace(location, x.requires_grad_())
    assert_gradient(value, x, -error.sign() / size, "the gradient of the Laplace loss for x")
    for i, (batch, features, dtype) in enumerate(oracles.batches_to_differentiate(draws)):
        x = draws.normal(batch, features, dtype=dtype)
        location = x + oracles.errors(draws, batch, features, far=i % 4 > 1)
        leaves = oracles.taking_gradients(i, location=location, x=x)
        value = submission.reconstruction_loss_laplace(location, x)
        true = oracles.laplace(location, x).to(dtype)
        assert_close(value, true.detach(), "the Laplace loss, where gradients are asked for,")
        oracles.assert_gradients(value, true, leaves, "the Laplace loss")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other numbers in the same shape, in other shapes, and the first ones again; also after hundreds of calls."""
    beside_a_model(submission, draws)
    questions = [(draws.normal(batch, 6, std=3.0), draws.uniform(batch, 6)) for batch in (5, 5, 5, 2)]
    for location, x in in_turn(questions):
        expected = oracles.laplace(location, x).float()
        assert_close(
            submission.seeded(draws.seed()).reconstruction_loss_laplace(location, x),
            expected,
            "the loss, asked repeatedly,",
        )
    for times in through_many(draws):
        value = submission.after(times, draws.seed()).reconstruction_loss_laplace(location, x)
        assert_close(value, expected, "the loss, asked hundreds of times,")


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """With gradients and without, in both precisions, for any batch; nor what it has answered before."""
    oracles.assert_leaves_alone(
        submission,
        "reconstruction_loss_laplace",
        lambda batch, size, dtype: (
            draws.normal(batch, size, dtype=dtype),
            oracles.pixels(draws, batch, size, dtype=dtype),
        ),
        draws,
    )

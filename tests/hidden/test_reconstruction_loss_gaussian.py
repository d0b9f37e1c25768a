"""``reconstruction_loss_gaussian(mean, x)``: fresh shapes, raw means, float64, gradients.

Means, data and their differences are judged up to 10,000 in size, as the logits of the Bernoulli loss are.
"""

import itertools

import oracles
import torch
from asking import beside_a_model, in_turn, through_many

from grading.checks import assert_close, assert_gradient, assert_tensor


def test_is_right_on_fresh_shapes(submission, draws):
    """Of one row, of over 1,000, and that of a batch of digits; with gradients and without.

    Every second one has numbers of any size among others, and data of either sign.
    """
    for i, (batch, features) in enumerate(oracles.shapes(draws)):
        far = i % 2 == 1
        mean = oracles.numbers(draws, batch, features, largest=1e4, far=far)
        x = draws.normal(batch, features, std=3.0) if far else draws.uniform(batch, features)
        with torch.set_grad_enabled(bool(draws.integer(0, 1))):
            value = submission.reconstruction_loss_gaussian(mean, x)
        assert_close(value, oracles.gaussian(mean, x).float(), "the Gaussian loss of a random batch")
    for batch, dtype, gradients in oracles.ways(draws):
        mean = oracles.numbers(draws, batch, 5, largest=1e4, far=bool(draws.integer(0, 1)), dtype=dtype)
        x = oracles.pixels(draws, batch, 5, dtype=dtype)
        with torch.set_grad_enabled(gradients):
            value = submission.reconstruction_loss_gaussian(mean, x)
        what = f"the Gaussian loss {'with gradients' if gradients else 'under torch.no_grad()'}"
        assert_close(value, oracles.gaussian(mean, x).to(dtype), what)


def test_the_mean_is_the_raw_output_wherever_it_lies(submission, draws):
    for largest, dtype in itertools.product((5.0, 100.0, 1e4), oracles.PRECISIONS):
        mean, x = (oracles.of_all_sizes(draws, 4, 7, largest=largest, dtype=dtype) for _ in range(2))
        value = submission.reconstruction_loss_gaussian(mean, x)
        assert_close(value, oracles.gaussian(mean, x).to(dtype), f"the Gaussian loss of means of up to {largest:g}")


def test_doubling_the_error_quadruples_the_loss(submission, draws):
    x, error = draws.normal(4, 3), draws.normal(4, 3)
    loss = submission.reconstruction_loss_gaussian
    once = assert_tensor(loss(x + error, x), (), torch.float32, "the Gaussian loss")
    assert_close(loss(x + 2 * error, x), 4 * once, "the Gaussian loss at twice the error")
    assert_close(once, oracles.gaussian(x + error, x).float(), "the Gaussian loss")  # four times zero is zero too


def test_a_batch_of_one_works(submission, draws):
    mean, x = draws.normal(1, 6), draws.normal(1, 6)
    value = submission.reconstruction_loss_gaussian(mean, x)
    assert_close(value, oracles.gaussian(mean, x).float(), "the Gaussian loss of a single example")


def test_a_single_feature_works(submission, draws):
    mean, x = draws.normal(5, 1), draws.normal(5, 1)
    value = submission.reconstruction_loss_gaussian(mean, x)
    assert_close(value, oracles.gaussian(mean, x).float(), "the Gaussian loss of a single feature")


def test_keeps_float64(submission, draws):
    def draw():
        return draws.normal(5, 3, dtype=torch.float64), draws.normal(5, 3, dtype=torch.float64)

    oracles.assert_keeps_float64(draw, submission.reconstruction_loss_gaussian, oracles.gaussian, "the Gaussian loss")


def test_its_gradient_is_twice_the_error(submission, draws):
    """For errors of usual sizes and of all up to 10,000; and for x it has the other sign."""
    for size, largest, dtype in ((7, 1e4, torch.float64), (5, 3.0, torch.float32), (9, 1e4, torch.float32)):
        x = draws.normal(size, 3, dtype=dtype)
        error = oracles.of_all_sizes(draws, size, 3, largest=largest, dtype=dtype)
        mean = (x + error).requires_grad_()
        value = submission.reconstruction_loss_gaussian(mean, x)
        expected = oracles.gaussian(mean, x).to(dtype).detach()
        assert_close(value, expected, "the Gaussian loss, where a gradient is asked for,")
        closed_form = 2 * (mean.detach() - x) / size
        assert_gradient(value, mean, closed_form, "the gradient of the Gaussian loss for the mean")
    value = submission.reconstruction_loss_gaussian(mean, x.requires_grad_())
    assert_gradient(value, x, -closed_form, "the gradient of the Gaussian loss for x")
    mean = draws.uniform(5, 3).requires_grad_()
    value = submission.reconstruction_loss_gaussian(mean, mean.detach().clone())
    assert_gradient(value, mean, torch.zeros(5, 3), "the gradient of the Gaussian loss at no error")
    for i, (batch, features, dtype) in enumerate(oracles.batches_to_differentiate(draws)):
        x = draws.normal(batch, features, dtype=dtype)
        mean = x + oracles.errors(draws, batch, features, far=i % 4 > 1)
        leaves = oracles.taking_gradients(i, mean=mean, x=x)
        value = submission.reconstruction_loss_gaussian(mean, x)
        true = oracles.gaussian(mean, x).to(dtype)
        assert_close(value, true.detach(), "the Gaussian loss, where gradients are asked for,")
        oracles.assert_gradients(value, true, leaves, "the Gaussian loss")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other numbers in the same shape, in other shapes, and the first ones again; also after hundreds of calls."""
    beside_a_model(submission, draws)
    questions = [(draws.normal(batch, 6, std=3.0), draws.uniform(batch, 6)) for batch in (5, 5, 5, 2)]
    for mean, x in in_turn(questions):
        expected = oracles.gaussian(mean, x).float()
        assert_close(
            submission.seeded(draws.seed()).reconstruction_loss_gaussian(mean, x),
            expected,
            "the loss, asked repeatedly,",
        )
    for times in through_many(draws):
        value = submission.after(times, draws.seed()).reconstruction_loss_gaussian(mean, x)
        assert_close(value, expected, "the loss, asked hundreds of times,")


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """With gradients and without, in both precisions, for any batch; nor what it has answered before."""
    oracles.assert_leaves_alone(
        submission,
        "reconstruction_loss_gaussian",
        lambda batch, size, dtype: (
            draws.normal(batch, size, dtype=dtype),
            oracles.pixels(draws, batch, size, dtype=dtype),
        ),
        draws,
    )

"""``reconstruction_loss_bernoulli(logits, x)``: fresh shapes, soft targets, huge logits, gradients."""

import oracles
import torch
from asking import beside_a_model, in_turn, through_many

from grading.checks import assert_close, assert_finite, assert_gradient, assert_tensor


def test_is_right_on_fresh_shapes(submission, draws):
    """Of one row, of over 1,000, and that of a batch of digits; with gradients and without.

    Every second one has logits of any size among others.
    """
    for i, (batch, features) in enumerate(oracles.shapes(draws)):
        logits = oracles.numbers(draws, batch, features, std=3.0, largest=1e4, far=i % 2 == 1)
        x = oracles.pixels(draws, batch, features)
        with torch.set_grad_enabled(bool(draws.integer(0, 1))):
            value = submission.reconstruction_loss_bernoulli(logits, x)
        assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of a random batch")
    for batch, dtype, gradients in oracles.ways(draws):
        logits = oracles.numbers(draws, batch, 5, largest=1e4, far=bool(draws.integer(0, 1)), dtype=dtype)
        x = oracles.pixels(draws, batch, 5, dtype=dtype)
        with torch.set_grad_enabled(gradients):
            value = submission.reconstruction_loss_bernoulli(logits, x)
        what = f"the Bernoulli loss {'with gradients' if gradients else 'under torch.no_grad()'}"
        assert_close(value, oracles.bernoulli(logits, x).to(dtype), what)


def test_is_right_for_binary_pixels(submission, draws):
    logits, x = draws.normal(4, 7, std=3.0), draws.uniform(4, 7).round()
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of binary pixels")


def test_is_additive_over_features(submission, draws):
    logits, x = draws.normal(4, 6), draws.uniform(4, 6)
    whole, loss = submission.reconstruction_loss_bernoulli(logits, x), submission.reconstruction_loss_bernoulli
    parts = [
        assert_tensor(loss(logits[:, [i]], x[:, [i]]), (), torch.float32, "the loss of one feature") for i in range(6)
    ]
    assert_close(whole, torch.stack(parts).sum(), "the Bernoulli loss of independent pixels")
    assert_close(whole, oracles.bernoulli(logits, x).float(), "the Bernoulli loss")  # zeros add up too


def test_a_batch_of_one_works(submission, draws):
    logits, x = draws.normal(1, 6), draws.uniform(1, 6)
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of a single example")


def test_is_finite_and_right_at_logits_of_ten_thousand(submission):
    for dtype in oracles.PRECISIONS:
        logits = torch.tensor([[1e4, -1e4, 1e4], [-1e4, 1e4, -1e4]], dtype=dtype)
        x = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.25, 0.5]], dtype=dtype)
        value = assert_tensor(submission.reconstruction_loss_bernoulli(logits, x), (), dtype, "the Bernoulli loss")
        assert_finite(value, "the Bernoulli loss at logits of ±1e4")
        assert_close(value, oracles.bernoulli(logits, x).to(dtype), "the Bernoulli loss at logits of ±1e4")


def test_a_confident_hit_costs_nothing(submission):
    logits, x = torch.tensor([[1e4, -1e4], [50.0, -50.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, torch.tensor(0.0), "the Bernoulli loss of right answers at huge logits")


def test_a_single_feature_works(submission, draws):
    logits, x = draws.normal(5, 1), draws.uniform(5, 1)
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of a single feature")


def test_keeps_float64(submission, draws):
    def draw():
        return draws.normal(5, 3, dtype=torch.float64), draws.uniform(5, 3, dtype=torch.float64)

    oracles.assert_keeps_float64(
        draw, submission.reconstruction_loss_bernoulli, oracles.bernoulli, "the Bernoulli loss"
    )


def test_its_gradient_is_the_error_of_the_probability(submission, draws):
    """For logits of usual sizes and of all up to 10,000; and for x it is what is left of the logits."""
    for size, largest, dtype in ((7, 1e4, torch.float64), (5, 3.0, torch.float32), (9, 1e4, torch.float32)):
        x = draws.uniform(size, 3, dtype=dtype)
        logits = oracles.of_all_sizes(draws, size, 3, largest=largest, dtype=dtype).requires_grad_()
        value = submission.reconstruction_loss_bernoulli(logits, x)
        expected = oracles.bernoulli(logits, x).to(dtype).detach()
        assert_close(value, expected, "the Bernoulli loss, where a gradient is asked for,")
        closed_form = (torch.sigmoid(logits.detach()) - x) / size
        assert_gradient(value, logits, closed_form, "the gradient of the Bernoulli loss for the logits")
    value = submission.reconstruction_loss_bernoulli(logits, x.requires_grad_())
    assert_gradient(value, x, -logits.detach() / size, "the gradient of the Bernoulli loss for x")
    for i, (batch, features, dtype) in enumerate(oracles.batches_to_differentiate(draws)):
        x = oracles.pixels(draws, batch, features, dtype=dtype)
        logits = oracles.beside(x, oracles.errors(draws, batch, features, far=i % 4 > 1))
        leaves = oracles.taking_gradients(i, logits=logits, x=x)
        value = submission.reconstruction_loss_bernoulli(logits, x)
        true = oracles.bernoulli(logits, x).to(dtype)
        assert_close(value, true.detach(), "the Bernoulli loss, where gradients are asked for,")
        oracles.assert_gradients(value, true, leaves, "the Bernoulli loss")


def test_its_gradient_survives_huge_logits(submission):
    for dtype in oracles.PRECISIONS:
        logits = torch.tensor([[1e4, -1e4], [200.0, -200.0]], dtype=dtype).requires_grad_()
        value = submission.reconstruction_loss_bernoulli(logits, torch.tensor([[0.0, 1.0]] * 2, dtype=dtype))
        closed_form = torch.tensor([[0.5, -0.5], [0.5, -0.5]], dtype=dtype)
        assert_gradient(value, logits, closed_form, "the gradient of the Bernoulli loss at huge logits")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other numbers in the same shape, in other shapes, and the first ones again; also after hundreds of calls."""
    beside_a_model(submission, draws)
    questions = [(draws.normal(batch, 6, std=3.0), draws.uniform(batch, 6)) for batch in (5, 5, 5, 2)]
    for logits, x in in_turn(questions):
        expected = oracles.bernoulli(logits, x).float()
        assert_close(
            submission.seeded(draws.seed()).reconstruction_loss_bernoulli(logits, x),
            expected,
            "the loss, asked repeatedly,",
        )
    for times in through_many(draws):
        value = submission.after(times, draws.seed()).reconstruction_loss_bernoulli(logits, x)
        assert_close(value, expected, "the loss, asked hundreds of times,")


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """With gradients and without, in both precisions, for any batch; nor what it has answered before."""
    oracles.assert_leaves_alone(
        submission,
        "reconstruction_loss_bernoulli",
        lambda batch, size, dtype: (
            draws.normal(batch, size, dtype=dtype),
            oracles.pixels(draws, batch, size, dtype=dtype),
        ),
        draws,
    )

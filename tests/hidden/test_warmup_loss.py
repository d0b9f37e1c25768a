"""``vae_loss(recon_x, x, mu, logvar)`` of the warm-up: fresh shapes, float64, gradients of each term."""

import itertools

import oracles
import torch
from asking import in_turn, through_many

from grading.checks import assert_close, assert_gradient, assert_tensor


def draw(draws, batch, features, latent, dtype=torch.float32, far=False):
    recon_x, x = draws.uniform(batch, features, dtype=dtype), draws.uniform(batch, features, dtype=dtype)
    return recon_x, x, *oracles.posterior(draws, batch, latent, far=far, dtype=dtype)


def test_is_right_on_fresh_shapes(submission, draws):
    """Of one row, of over 1,000, and that of a batch of digits; with gradients and without.

    Every second one has means and log-variances of any size among others.
    """
    for i, (batch, features) in enumerate((*oracles.shapes(draws), (2, 5))):
        latent = {128: 20, 2: draws.integer(301, 500)}.get(batch) or draws.integer(1, 300 if batch < 1_001 else 5)
        # Beside a posterior that is far away an error of a thousand pixels would not show.
        for far in (False, True) if features > 1_000 else (i % 2 == 1,):
            arguments = draw(draws, batch, features, latent, far=far)
            with torch.set_grad_enabled(bool(draws.integer(0, 1))):
                value = submission.vae_loss(*arguments)
            assert_close(value, oracles.warmup_loss(*arguments).float(), "the warm-up loss")
    for batch, dtype, gradients in oracles.ways(draws):
        arguments = draw(draws, batch, 6, 3, dtype, far=bool(draws.integer(0, 1)))
        with torch.set_grad_enabled(gradients):
            value = submission.vae_loss(*arguments)
        what = f"the warm-up loss {'with gradients' if gradients else 'under torch.no_grad()'}"
        assert_close(value, oracles.warmup_loss(*arguments).to(dtype), what)


def test_a_batch_given_twice_costs_twice_as_much(submission, draws):
    arguments = draw(draws, 4, 6, 3)
    once = assert_tensor(submission.vae_loss(*arguments), (), torch.float32, "the warm-up loss")
    twice = submission.vae_loss(*(tensor.repeat(2, 1) for tensor in arguments))
    assert_close(twice, 2 * once, "the loss of a batch that is there twice")
    assert_close(once, oracles.warmup_loss(*arguments).float(), "the warm-up loss")  # twice zero is zero too


def test_a_batch_of_one_works(submission, draws):
    arguments = draw(draws, 1, 6, 3)
    assert_close(submission.vae_loss(*arguments), oracles.warmup_loss(*arguments).float(), "the loss of one example")


def test_keeps_float64(submission, draws):
    def arguments():
        return draw(draws, 4, 6, 3, torch.float64)

    oracles.assert_keeps_float64(arguments, submission.vae_loss, oracles.warmup_loss, "the loss")


def test_the_gradient_for_the_reconstruction_is_twice_the_error(submission, draws):
    """And for x it has the other sign; for errors of usual sizes and of all up to 10,000."""
    for largest, dtype in itertools.product((1.0, 1e4), oracles.PRECISIONS[::-1]):
        recon_x, _, mu, logvar = draw(draws, 4, 6, 3, dtype)  # as it comes from a sigmoid
        x = recon_x - oracles.of_all_sizes(draws, 4, 6, largest=largest, dtype=dtype)
        recon_x.requires_grad_()
        value = submission.vae_loss(recon_x, x, mu, logvar)
        expected = oracles.warmup_loss(recon_x, x, mu, logvar).to(dtype).detach()
        assert_close(value, expected, "the loss, where a gradient for recon_x is asked for,")
        closed_form = 2 * (recon_x.detach() - x)
        assert_gradient(value, recon_x, closed_form, "the gradient of the loss for recon_x")
    value = submission.vae_loss(recon_x, x.requires_grad_(), mu, logvar)
    assert_gradient(value, x, -closed_form, "the gradient of the loss for x")
    recon_x, mu = draws.uniform(4, 6).requires_grad_(), torch.zeros(4, 3, requires_grad=True)
    value = submission.vae_loss(recon_x, recon_x.detach().clone(), mu, torch.zeros(4, 3))
    for what, leaf in (("recon_x at no error", recon_x), ("mu at 0", mu)):
        assert_gradient(value, leaf, torch.zeros_like(leaf), f"the gradient of the loss for {what}")


def test_the_gradients_for_the_posterior_are_those_of_the_closed_form(submission, draws):
    """For means of usual sizes and of all up to 100."""
    for largest, dtype in itertools.product((1.0, 100.0), oracles.PRECISIONS):
        recon_x, x, _, logvar = draw(draws, 4, 6, 3, dtype)
        mu = oracles.of_all_sizes(draws, 4, 3, largest=largest, dtype=dtype).requires_grad_()
        value = submission.vae_loss(recon_x, x, mu, logvar.requires_grad_())
        expected = oracles.warmup_loss(recon_x, x, mu, logvar).to(dtype).detach()
        assert_close(value, expected, "the loss, where gradients for mu and logvar are asked for,")
        assert_gradient(value, mu, mu.detach(), "the gradient of the loss for mu")
        assert_gradient(value, logvar, (logvar.detach().exp() - 1) / 2, "the gradient of the loss for logvar")
    for i, (batch, features, dtype) in enumerate(oracles.batches_to_differentiate(draws)):
        recon_x, x, mu, logvar = draw(draws, batch, features, min(features, 300), dtype)
        tensors = {"recon_x": recon_x, "mu": mu, "logvar": logvar} | ({"x": x} if i % 2 else {})  # none in training
        leaves = oracles.taking_gradients(i // 2, **tensors)
        true = oracles.warmup_loss(recon_x, x, mu, logvar).to(dtype)
        value = submission.vae_loss(recon_x, x, mu, logvar)
        assert_close(value, true.detach(), "the loss, where gradients are asked for,")
        oracles.assert_gradients(value, true, leaves, "the loss")


def test_is_right_for_tiny_and_for_huge_variances(submission, draws):
    for (low, high), dtype in itertools.product(((-80.0, -10.0), (5.0, 20.0)), oracles.PRECISIONS):
        recon_x, x, mu, _ = draw(draws, 7, 6, 3, dtype)
        mu = (30 * mu).clamp(-100, 100)
        arguments = recon_x, x, mu, torch.linspace(low, high, 21, dtype=dtype).reshape(7, 3).requires_grad_()
        value = submission.vae_loss(*arguments)
        what = f"the loss for logvar from {low:g} to {high:g}"
        assert_close(value, oracles.warmup_loss(*arguments).to(dtype).detach(), what)
        logvar = arguments[-1]
        assert_gradient(value, logvar, (logvar.detach().exp() - 1) / 2, f"the gradient of {what}")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other numbers in the same shape, in other shapes, and the first ones again; also after hundreds of calls."""
    for arguments in in_turn([draw(draws, batch, 6, 3) for batch in (5, 5, 5, 2)]):
        expected = oracles.warmup_loss(*arguments).float()
        assert_close(submission.vae_loss(*arguments), expected, "the warm-up loss, asked repeatedly,")
    for times in through_many(draws):
        value = submission.after(times, draws.seed()).vae_loss(*arguments)
        assert_close(value, expected, "the warm-up loss, asked hundreds of times,")


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """With gradients and without, in both precisions, for any batch; nor what it has answered before."""
    oracles.assert_leaves_alone(
        submission,
        "vae_loss",
        lambda batch, size, dtype: draw(draws, batch, size, 3, dtype),
        draws,
    )

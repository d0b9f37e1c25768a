"""``kl_divergence(mu, logvar)``: what a random batch of usual numbers does not show."""

import oracles
import torch
from asking import beside_a_model, in_turn, through_many

from grading.checks import assert_close, assert_gradient, assert_tensor


def test_is_right_on_fresh_shapes(submission, draws):
    """Of one row, of over 1,000, and that of a batch of codes in training; with gradients and without.

    Every second one has numbers of any size among others.
    """
    shapes = [(batch, min(latent, 300)) for batch, latent in oracles.shapes(draws)]  # some have a matrix for each
    for i, (batch, latent) in enumerate(
        (*shapes, (128, 20), (2, draws.integer(301, 1_000)), (draws.integer(2, 9), 256))
    ):
        mu, logvar = oracles.posterior(draws, batch, latent, far=i % 2 == 1)
        with torch.set_grad_enabled(bool(draws.integer(0, 1))):
            value = submission.kl_divergence(mu, logvar)
        assert_close(value, oracles.kl(mu, logvar).float(), "the KL of a random batch")
    for batch, dtype, gradients in oracles.ways(draws):
        mu, logvar = oracles.posterior(draws, batch, 3, far=bool(draws.integer(0, 1)), dtype=dtype)
        with torch.set_grad_enabled(gradients):
            value = submission.kl_divergence(mu, logvar)
        what = f"the KL {'with gradients' if gradients else 'under torch.no_grad()'}"
        assert_close(value, oracles.kl(mu, logvar).to(dtype), what)


def test_is_additive_over_latent_dimensions(submission, draws):
    mu, logvar = draws.normal(7, 5), draws.normal(7, 5)
    whole, kl = submission.kl_divergence(mu, logvar), submission.kl_divergence
    parts = [assert_tensor(kl(mu[:, [i]], logvar[:, [i]]), (), torch.float32, "the KL of one part") for i in range(5)]
    assert_close(whole, torch.stack(parts).sum(), "the KL of independent parts")
    assert_close(whole, oracles.kl(mu, logvar).float(), "the KL of independent parts")  # zeros add up too


def test_a_batch_of_one_works(submission, draws):
    mu, logvar = draws.normal(1, 6), draws.normal(1, 6)
    assert_close(submission.kl_divergence(mu, logvar), oracles.kl(mu, logvar).float(), "the KL of a single example")


def test_a_single_latent_dimension_works(submission, draws):
    mu, logvar = draws.normal(5, 1), draws.normal(5, 1)
    assert_close(submission.kl_divergence(mu, logvar), oracles.kl(mu, logvar).float(), "the KL of one latent dimension")


def test_is_right_for_tiny_variances(submission):
    for dtype in oracles.PRECISIONS:
        logvar = torch.linspace(-80.0, -10.0, 21, dtype=dtype).reshape(7, 3)
        mu = torch.linspace(-3.0, 3.0, 21, dtype=dtype).reshape(7, 3)
        value = submission.kl_divergence(mu, logvar)
        assert_close(value, oracles.kl(mu, logvar).to(dtype), "the KL for logvar from -80 to -10")


def test_is_right_for_huge_variances(submission):
    for dtype in oracles.PRECISIONS:
        logvar = torch.linspace(5.0, 20.0, 21, dtype=dtype).reshape(7, 3)
        mu = torch.linspace(-10.0, 10.0, 21, dtype=dtype).reshape(7, 3)
        value = submission.kl_divergence(mu, logvar)
        assert_close(value, oracles.kl(mu, logvar).to(dtype), "the KL for logvar from 5 to 20")


def test_is_right_for_means_far_from_the_prior(submission, draws):
    for dtype in oracles.PRECISIONS:
        mu, logvar = draws.normal(4, 6, std=30.0, dtype=dtype).clamp(-100, 100), draws.normal(4, 6, dtype=dtype)
        value = submission.kl_divergence(mu, logvar)
        assert_close(value, oracles.kl(mu, logvar).to(dtype), "the KL for means of about 30")


def test_keeps_float64(submission, draws):
    def draw():
        return draws.normal(5, 3, dtype=torch.float64), draws.normal(5, 3, dtype=torch.float64)

    oracles.assert_keeps_float64(draw, submission.kl_divergence, oracles.kl, "the KL")


def everywhere(draws):
    """Means and log-variances of usual sizes, and of all for which the KL is judged, in batches of every kind."""
    yield draws.normal(5, 3), draws.normal(5, 3)
    yield torch.zeros(4, 3), torch.zeros(4, 3)  # as where the heads begin with zeros
    for dtype in oracles.PRECISIONS:
        mu = oracles.of_all_sizes(draws, 9, 4, largest=100.0, dtype=dtype)
        yield mu, oracles.log_variances(draws, 9, 4).to(dtype)
    for i, (batch, latent, dtype) in enumerate((*oracles.batches_to_differentiate(draws), (128, 20, torch.float32))):
        yield oracles.posterior(draws, batch, min(latent, 300), far=i % 4 > 1, dtype=dtype)


def test_its_gradient_for_mu_is_that_of_the_closed_form(submission, draws):
    for i, (mu, logvar) in enumerate(everywhere(draws)):  # with one for logvar, as in training, and without
        value = submission.kl_divergence(mu.requires_grad_(), logvar.requires_grad_(i % 2 == 0))
        true = oracles.kl(mu, logvar).to(mu.dtype)
        assert_close(value, true.detach(), "the KL, where a gradient for mu is asked for,")
        oracles.assert_gradients(value, true, {"mu": mu}, "the KL")


def test_its_gradient_for_logvar_is_that_of_the_closed_form(submission, draws):
    for i, (mu, logvar) in enumerate(everywhere(draws)):
        value = submission.kl_divergence(mu.requires_grad_(i % 2 == 0), logvar.requires_grad_())
        true = oracles.kl(mu, logvar).to(mu.dtype)
        assert_close(value, true.detach(), "the KL, where a gradient for logvar is asked for,")
        closed_form = ((logvar.detach().double().exp() - 1) / (2 * len(mu))).to(mu.dtype)
        assert_gradient(value, logvar, closed_form, "the gradient of the KL for logvar")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other numbers in the same shape, in other shapes, and the first ones again; also after hundreds of calls."""
    beside_a_model(submission, draws)
    questions = [(draws.normal(batch, 3), draws.normal(batch, 3)) for batch in (5, 5, 5, 2)]
    for mu, logvar in in_turn(questions):
        assert_close(
            submission.seeded(draws.seed()).kl_divergence(mu, logvar),
            oracles.kl(mu, logvar).float(),
            "the KL, asked repeatedly,",
        )
    for times in through_many(draws):
        value = submission.after(times, draws.seed()).kl_divergence(mu, logvar)
        assert_close(value, oracles.kl(mu, logvar).float(), "the KL, asked hundreds of times,")


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """With gradients and without, in both precisions, for any batch; nor what it has answered before."""
    oracles.assert_leaves_alone(
        submission,
        "kl_divergence",
        lambda batch, size, dtype: [draws.normal(batch, size, dtype=dtype) for _ in range(2)],
        draws,
    )

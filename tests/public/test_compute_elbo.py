"""``compute_elbo(x, logits, mu, logvar, recon_loss, beta)``: the loss and its two parts."""

import elbo
import points

from grading.checks import assert_names_in_order


def test_without_further_arguments_recon_is_the_bernoulli_loss(submission, draws):
    x, logits, _, _ = point = points.draw(draws, 5, 4, 3)
    case = elbo.Case(submission, point)
    _, recon, _ = case.compute_elbo()
    assert_names_in_order(submission, ("loss", "recon", "kl"), "compute_elbo")
    case.assert_equal(recon, lambda part: part.reconstruction_loss_bernoulli(logits, x), "the reconstruction term")


def test_recon_loss_gaussian_chooses_the_squared_error(submission, draws):
    x, logits, _, _ = point = points.draw(draws, 5, 4, 3)
    case = elbo.Case(submission, point)
    _, recon, _ = case.compute_elbo(recon_loss="gaussian")
    case.assert_equal(
        recon, lambda part: part.reconstruction_loss_gaussian(logits, x), "the reconstruction term for 'gaussian'"
    )


def test_recon_loss_laplace_chooses_the_absolute_error(submission, draws):
    x, logits, _, _ = point = points.draw(draws, 5, 4, 3)
    case = elbo.Case(submission, point)
    _, recon, _ = case.compute_elbo(recon_loss="laplace")
    case.assert_equal(
        recon, lambda part: part.reconstruction_loss_laplace(logits, x), "the reconstruction term for 'laplace'"
    )


def test_kl_is_reported_without_beta(submission, draws):
    _, _, mu, logvar = point = points.draw(draws, 5, 4, 3)
    case = elbo.Case(submission, point)
    _, _, kl = case.compute_elbo(recon_loss="gaussian", beta=4.0)
    case.assert_equal(kl, lambda part: part.kl_divergence(mu, logvar), "the KL term, which beta does not multiply,")


def test_loss_is_recon_plus_beta_times_kl(submission, draws):
    case = elbo.Case(submission, points.draw(draws, 5, 4, 3))
    case.compute_elbo(recon_loss="gaussian", beta=4.0)
    case.assert_loss(lambda recon, kl: recon + 4.0 * kl)


def test_an_unknown_recon_loss_raises_a_value_error(submission, draws):
    case = elbo.Case(submission, points.draw(draws, 5, 4, 3))
    case.assert_value_error(recon_loss="poisson")

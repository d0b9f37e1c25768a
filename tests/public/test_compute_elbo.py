"""``compute_elbo(x, logits, mu, logvar, recon_loss, beta)``: the loss and its two parts."""

import elbo


def test_without_further_arguments_recon_is_the_bernoulli_loss(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 5, 4, 3), "bernoulli")
    _, recon, _ = case.compute_elbo_of()
    case.assert_recon(recon)


def test_recon_loss_gaussian_chooses_the_squared_error(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 5, 4, 3), "gaussian")
    _, recon, _ = case.compute_elbo()
    case.assert_recon(recon)


def test_recon_loss_laplace_chooses_the_absolute_error(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 5, 4, 3), "laplace")
    _, recon, _ = case.compute_elbo()
    case.assert_recon(recon)


def test_kl_is_reported_without_beta(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 5, 4, 3))
    _, _, kl = case.compute_elbo(beta=4.0)
    case.assert_kl(kl)


def test_loss_is_recon_plus_beta_times_kl(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 5, 4, 3))
    loss, recon, kl = case.compute_elbo(beta=4.0)
    case.assert_sum(loss, recon, kl, beta=4.0)


def test_an_unknown_recon_loss_raises_a_value_error(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 5, 4, 3))
    case.assert_value_error(recon_loss="poisson")

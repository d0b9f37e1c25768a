"""``vae_loss(output, x, recon_loss, beta)``: ``compute_elbo`` on the fields of what the model gave for ``x``."""

import points
from output_loss import OutputCase


def test_is_compute_elbo_on_the_fields_of_the_output(submission, draws):
    case = OutputCase(submission, draws, points.draw(draws, 5, 4, 3))
    output, (x, logits, mu, logvar) = case.output, case.point
    case.assert_equal(
        lambda vae_loss: vae_loss(output, x),
        lambda compute_elbo: compute_elbo(x, logits, mu, logvar),
    )


def test_passes_recon_loss_on(submission, draws):
    case = OutputCase(submission, draws, points.draw(draws, 5, 4, 3))
    output, (x, logits, mu, logvar) = case.output, case.point
    case.assert_equal(
        lambda vae_loss: vae_loss(output, x, recon_loss="laplace"),
        lambda compute_elbo: compute_elbo(x, logits, mu, logvar, recon_loss="laplace"),
    )


def test_passes_beta_on(submission, draws):
    case = OutputCase(submission, draws, points.draw(draws, 5, 4, 3))
    output, (x, logits, mu, logvar) = case.output, case.point
    case.assert_equal(
        lambda vae_loss: vae_loss(output, x, recon_loss="gaussian", beta=4.0),
        lambda compute_elbo: compute_elbo(x, logits, mu, logvar, recon_loss="gaussian", beta=4.0),
    )

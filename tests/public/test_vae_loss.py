"""``vae_loss(output, x, recon_loss, beta)``: ``compute_elbo`` on the fields of what the model gave for ``x``."""

import elbo
from output_loss import OutputCase


def test_is_compute_elbo_on_the_fields_of_the_output(submission, draws):
    OutputCase(submission, draws, elbo.draw(draws, 5, 4, 3)).assert_right()


def test_passes_recon_loss_on(submission, draws):
    OutputCase(submission, draws, elbo.draw(draws, 5, 4, 3), recon_loss="laplace").assert_right()


def test_passes_beta_on(submission, draws):
    OutputCase(submission, draws, elbo.draw(draws, 5, 4, 3), recon_loss="gaussian", beta=4.0).assert_right()

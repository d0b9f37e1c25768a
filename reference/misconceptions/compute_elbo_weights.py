"""Wrong answers to ``compute_elbo``: how the terms are weighted and added."""

import torch

from reference.misconceptions.entry import misconceptions_of
from reference.tasks import COMPUTE_ELBO
from reference.vae import (
    ElboTerms,
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

misconception = misconceptions_of(COMPUTE_ELBO)


@misconception("Beta is not used: the loss is that of a plain VAE, whatever weight the caller asks for.")
def ignores_beta(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + kl, recon, kl)


@misconception(
    "The KL term that you return is multiplied by beta already. The loss needs the weighted one, the report the plain "
    "one: otherwise runs with different beta cannot be compared."
)
def kl_returned_weighted(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    kl = beta * kl
    return ElboTerms(recon + kl, recon, kl)


@misconception("Beta is applied twice, so its square weights the KL term. At beta 1 nobody notices; at 4 it is 16.")
def beta_twice(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    kl_term = beta * kl
    return ElboTerms(recon + beta * kl_term, recon, kl)


@misconception(
    "The KL term is multiplied by beta, and then once more in the loss. Beta enters once, and the KL term that you "
    "return is the plain one."
)
def beta_twice_through_kl(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    kl = beta * kl
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "Beta weights the reconstruction. It belongs to the KL term: a larger beta should press codes towards the prior, "
    "yours does the opposite."
)
def beta_on_reconstruction(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(beta * recon + kl, recon, kl)


@misconception(
    "Beta weights the sum of both terms, which only changes the learning rate. It sets the balance BETWEEN the terms "
    "and weights the KL term alone."
)
def beta_on_both(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(beta * (recon + kl), recon, kl)


@misconception("You divide the KL term by beta. A larger beta means a heavier KL term.")
def divides_by_beta(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + kl / beta, recon, kl)


@misconception(
    "You divide the reconstruction by beta. That keeps the balance of the terms but not the scale of the loss, and "
    "fails at beta 0; the KL term is to be multiplied."
)
def reconstruction_over_beta(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon / beta + kl, recon, kl)


@misconception(
    "You mix the terms with the weights 1 - beta and beta. Beta is not a share between 0 and 1: the reconstruction "
    "keeps its full weight whatever beta is."
)
def convex_mixture(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms((1 - beta) * recon + beta * kl, recon, kl)


@misconception(
    "The KL term is subtracted, so training pushes the posterior AWAY from the prior. The loss is the negative ELBO: "
    "both terms are costs, and they add."
)
def subtracts_kl(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon - beta * kl, recon, kl)


@misconception("You return the ELBO itself, which is maximized. An optimizer minimizes: the loss is its negative.")
def returns_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(-(recon + beta * kl), recon, kl)


@misconception(
    "A beta of 0 is replaced by 1, because zero counts as false. Zero is a weight like any other: a warm-up begins "
    "with it."
)
def beta_zero_means_default(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    beta = beta or 1.0
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("A beta below 1 is raised to 1. Small weights are allowed, and a warm-up passes through all of them.")
def beta_at_least_one(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + max(beta, 1.0) * kl, recon, kl)


@misconception("A beta above 1 is lowered to 1. Above 1 is where a beta-VAE begins.")
def beta_at_most_one(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + min(beta, 1.0) * kl, recon, kl)


@misconception("You round beta down to a whole number, so every weight below 1 becomes 0.")
def whole_number_beta(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + int(beta) * kl, recon, kl)


@misconception(
    "At beta 0 you do not compute the KL term and report 0. Its weight in the loss is 0; its value is still asked "
    "for, and tells whether the posterior drifts away."
)
def no_kl_at_beta_zero(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    if beta == 0:
        kl = torch.zeros_like(recon)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "You hold the KL term at a target (a capacity) instead of weighting it. That is another objective; here the loss "
    "is linear in the KL term."
)
def capacity_target(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * (kl - 5.0).abs(), recon, kl)


@misconception(
    "The KL term does not count below a threshold (free bits). A remedy for collapse that changes the objective; here "
    "every nat counts."
)
def free_bits(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * torch.clamp(kl, min=3.0), recon, kl)


@misconception("You average the two terms. They are two parts of one log-likelihood and add.")
def mean_of_both_terms(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms((recon + beta * kl) / 2, recon, kl)


@misconception("You divide the loss by the number of features. It is in nats per example, not per pixel.")
def divided_by_features(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms((recon + beta * kl) / x.shape[1], recon, kl)


@misconception(
    "You multiply the loss by the batch size, as the summed loss of the warm-up would be. Part 2 averages over the "
    "batch."
)
def times_batch_size(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms((recon + beta * kl) * x.shape[0], recon, kl)


@misconception(
    "You divide the KL term by the number of latents, which weakens the prior. It is a sum over the latents."
)
def kl_over_latents(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    kl = kl / mu.shape[1]
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "You scale the KL term by the ratio of latents to features, as some write beta-VAEs. Here beta is the whole "
    "weight, and nothing else scales the term."
)
def kl_scaled_to_features(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl * mu.shape[1] / x.shape[1], recon, kl)

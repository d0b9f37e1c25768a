"""Wrong answers to ``compute_elbo``: how the terms are weighted and added."""

from grading.catalogue import Misconceptions
from reference.tasks import COMPUTE_ELBO

misconception = Misconceptions(COMPUTE_ELBO)


misconception.edit(
    "ignores_beta",
    "Beta is not used: the loss is that of a plain VAE, whatever weight the caller asks for.",
    ("beta * kl", "kl"),
)

misconception.edit(
    "kl_returned_weighted",
    "The KL term that you return is multiplied by beta already. The loss needs the weighted one, the report the plain "
    "one: otherwise runs with different beta cannot be compared.",
    ("kl=kl", "kl=beta * kl"),
)

misconception.edit(
    "beta_twice",
    "Beta is applied twice, so its square weights the KL term. At beta 1 nobody notices; at 4 it is 16.",
    ("beta * kl", "beta * beta * kl"),
)

misconception.edit(
    "beta_twice_through_kl",
    "The KL term is multiplied by beta, and then once more in the loss. Beta enters once, and the KL term that you "
    "return is the plain one.",
    ("return ElboTerms", "kl = beta * kl\nreturn ElboTerms"),
)

misconception.edit(
    "beta_on_reconstruction",
    "Beta weights the reconstruction. It belongs to the KL term: a larger beta should press codes towards the prior, "
    "yours does the opposite.",
    ("recon + beta * kl", "beta * recon + kl"),
)

misconception.edit(
    "beta_on_both",
    "Beta weights the sum of both terms, which only changes the learning rate. It sets the balance BETWEEN the terms "
    "and weights the KL term alone.",
    ("recon + beta * kl", "beta * (recon + kl)"),
)

misconception.edit(
    "divides_by_beta",
    "You divide the KL term by beta. A larger beta means a heavier KL term.",
    ("beta * kl", "kl / beta"),
)

misconception.edit(
    "reconstruction_over_beta",
    "You divide the reconstruction by beta. That keeps the balance of the terms but not the scale of the loss, and "
    "fails at beta 0; the KL term is to be multiplied.",
    ("recon + beta * kl", "recon / beta + kl"),
)

misconception.edit(
    "convex_mixture",
    "You mix the terms with the weights 1 - beta and beta. Beta is not a share between 0 and 1: the reconstruction "
    "keeps its full weight whatever beta is.",
    ("recon + beta * kl", "(1 - beta) * recon + beta * kl"),
)

misconception.edit(
    "subtracts_kl",
    "The KL term is subtracted, so training pushes the posterior AWAY from the prior. The loss is the negative ELBO: "
    "both terms are costs, and they add.",
    ("recon + beta * kl", "recon - beta * kl"),
)

misconception.edit(
    "returns_elbo",
    "You return the ELBO itself, which is maximized. An optimizer minimizes: the loss is its negative.",
    ("recon + beta * kl", "-(recon + beta * kl)"),
)

misconception.edit(
    "beta_zero_means_default",
    "A beta of 0 is replaced by 1, as where zero counts as false. Zero is a weight like any other: a warm-up begins "
    "with it.",
    ("return ElboTerms", "beta = beta or 1.0\nreturn ElboTerms"),
)

misconception.edit(
    "beta_at_least_one",
    "A beta below 1 is raised to 1. Small weights are allowed, and a warm-up passes through all of them.",
    ("beta * kl", "max(beta, 1.0) * kl"),
)

misconception.edit(
    "beta_at_most_one",
    "A beta above 1 is lowered to 1. Above 1 is where a beta-VAE begins.",
    ("beta * kl", "min(beta, 1.0) * kl"),
)

misconception.edit(
    "whole_number_beta",
    "You round beta down to a whole number, so every weight below 1 becomes 0.",
    ("beta * kl", "int(beta) * kl"),
)

misconception.edit(
    "no_kl_at_beta_zero",
    "At beta 0 you do not compute the KL term and report 0. Its weight in the loss is 0; its value is still asked "
    "for, and tells whether the posterior drifts away.",
    ("return ElboTerms", "if beta == 0:\n    kl = torch.zeros_like(recon)\nreturn ElboTerms"),
)

misconception.edit(
    "capacity_target",
    "You hold the KL term at a target (a capacity) instead of weighting it. That is another objective; here the loss "
    "is linear in the KL term.",
    ("beta * kl", "beta * (kl - 5.0).abs()"),
)

misconception.edit(
    "free_bits",
    "The KL term does not count below a threshold (free bits). A remedy for collapse that changes the objective; here "
    "every nat counts.",
    ("beta * kl", "beta * torch.clamp(kl, min=3.0)"),
)

misconception.edit(
    "mean_of_both_terms",
    "You average the two terms. They are two parts of one log-likelihood and add.",
    ("recon + beta * kl", "(recon + beta * kl) / 2"),
)

misconception.edit(
    "divided_by_features",
    "You divide the loss by the number of features. It is in nats per example, not per pixel.",
    ("recon + beta * kl", "(recon + beta * kl) / x.shape[1]"),
)

misconception.edit(
    "times_batch_size",
    "You multiply the loss by the batch size, as the summed loss of the warm-up would be. Part 2 averages over the "
    "batch.",
    ("recon + beta * kl", "(recon + beta * kl) * x.shape[0]"),
)

misconception.edit(
    "kl_over_latents",
    "You divide the KL term by the number of latents, which weakens the prior. It is a sum over the latents.",
    ("return ElboTerms", "kl = kl / mu.shape[1]\nreturn ElboTerms"),
)

misconception.edit(
    "kl_scaled_to_features",
    "You scale the KL term by the ratio of latents to features, as some write beta-VAEs. Here beta is the whole "
    "weight, and nothing else scales the term.",
    ("beta * kl", "beta * kl * mu.shape[1] / x.shape[1]"),
)

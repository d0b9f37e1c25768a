"""Wrong answers to ``compute_elbo``: which loss is called, and with what."""

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


@misconception(
    "Mean and log-variance have changed places where you call the KL divergence, so log-variances are squared and "
    "means exponentiated."
)
def kl_arguments_swapped(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(logvar, mu)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "Data and decoder output have changed places, among your parameters or where you call the loss. Symmetric losses "
    "forgive it, the Bernoulli one does not."
)
def data_and_logits_swapped(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](x, logits)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("The Bernoulli loss is used whatever likelihood is asked for. The name chooses the loss.")
def always_bernoulli(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = reconstruction_loss_bernoulli(logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "The Gaussian and the Laplace likelihood are exchanged: the squared error is Gaussian, the absolute error Laplace."
)
def gaussian_and_laplace_swapped(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_laplace,
        "laplace": reconstruction_loss_gaussian,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("You apply a sigmoid before the Gaussian loss. The raw output IS the mean of this likelihood.")
def sigmoid_on_gaussian_mean(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    output = torch.sigmoid(logits) if recon_loss == "gaussian" else logits
    recon = losses[recon_loss](output, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "You apply a sigmoid for every likelihood but the Bernoulli one. The raw output IS the mean or location of the "
    "others."
)
def sigmoid_on_real_values(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    output = logits if recon_loss == "bernoulli" else torch.sigmoid(logits)
    recon = losses[recon_loss](output, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "You apply a sigmoid before every loss. The Bernoulli loss has one inside, and the others take the raw output as "
    "mean or location."
)
def sigmoid_before_every_loss(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](torch.sigmoid(logits), x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "You halve the Gaussian term here. The contract's Gaussian has variance one half, and its loss is the squared "
    "error itself."
)
def halved_gaussian(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    if recon_loss == "gaussian":
        recon = 0.5 * recon
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("The Laplace likelihood is missing: a name that the contract lists is refused.", kind="crash")
def laplace_forgotten(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss == "bernoulli":
        recon = reconstruction_loss_bernoulli(logits, x)
    elif recon_loss == "gaussian":
        recon = reconstruction_loss_gaussian(logits, x)
    else:
        raise ValueError("recon_loss must be one of 'bernoulli', 'gaussian', 'laplace'")
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "Any name that is neither Bernoulli nor Gaussian counts as Laplace. A misspelt name must be an error, or a whole "
    "run is trained on another loss than its author thinks.",
    kind="exception",
)
def unknown_name_is_laplace(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss == "bernoulli":
        recon = reconstruction_loss_bernoulli(logits, x)
    elif recon_loss == "gaussian":
        recon = reconstruction_loss_gaussian(logits, x)
    else:
        recon = reconstruction_loss_laplace(logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "An unknown name quietly means Bernoulli. A misspelt name must be an error, or a whole run is trained on another "
    "loss than its author thinks.",
    kind="exception",
)
def unknown_name_is_bernoulli(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    recon = losses.get(recon_loss, reconstruction_loss_bernoulli)(logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "An unknown name raises a KeyError from the table. The caller is promised a ValueError that says which names "
    "there are.",
    kind="exception",
)
def key_error(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "The error for an unknown name does not say which names there are. A good message tells what would have been "
    "right: all three.",
    kind="exception",
)
def error_without_names(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"unknown recon_loss: {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("The error for an unknown name lists only two of the three names.", kind="exception")
def error_with_two_names(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be 'bernoulli' or 'gaussian', not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "An unknown name raises an AssertionError. Assertions are for mistakes of your own and can be switched off; a "
    "caller's mistake is a ValueError.",
    kind="exception",
)
def assertion(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    assert recon_loss in losses, f"recon_loss must be one of {', '.join(losses)}"
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "An unknown name raises a NotImplementedError. A wrong value from the caller is a ValueError.", kind="exception"
)
def not_implemented_error(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise NotImplementedError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception(
    "An unknown name gives None, and the caller fails later and elsewhere. A wrong value is a ValueError, at once.",
    kind="exception",
)
def returns_none_for_unknown_name(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        return None
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("The default of beta should be 1: whoever does not ask for a beta-VAE gets a VAE.")
def default_beta_four(x, logits, mu, logvar, recon_loss="bernoulli", beta=4.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("The default likelihood should be the Bernoulli one; yours is another.")
def default_gaussian(x, logits, mu, logvar, recon_loss="gaussian", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("Likelihood and beta have no defaults, though the contract gives them.", kind="crash")
def beta_without_default(x, logits, mu, logvar, recon_loss, beta):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)

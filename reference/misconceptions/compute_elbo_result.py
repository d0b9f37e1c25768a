"""Wrong answers to ``compute_elbo``: what is returned, and where gradients end."""

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


@misconception("The two parts have changed places in your result: the order is loss, reconstruction, KL.")
def swapped_parts(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, kl, recon)


@misconception("The loss comes last in your result. The order is loss, reconstruction, KL.")
def loss_last(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return recon, kl, recon + beta * kl


@misconception(
    "You return the loss alone. Reconstruction and KL are asked for too: a loss that goes down tells little, its "
    "parts tell what happens.",
    kind="structure",
)
def returns_loss_only(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return recon + beta * kl


@misconception("You return the two parts without the loss.", kind="structure")
def returns_parts_only(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return recon, kl


@misconception(
    "You return a dictionary. The contract asks for the three terms in order, best in the named tuple that is given.",
    kind="structure",
)
def returns_dict(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return {"loss": recon + beta * kl, "recon": recon, "kl": kl}


@misconception(
    "The reconstruction term that you return is the log-likelihood, with a minus. Both parts are costs: the loss is "
    "their weighted sum."
)
def negative_reconstruction(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, -recon, kl)


@misconception("You return the loss a second time in the place of the reconstruction term.")
def loss_for_reconstruction(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    loss = recon + beta * kl
    return ElboTerms(loss, loss, kl)


@misconception(
    "The reconstruction is detached before the sum: the loss looks right, but only the KL term trains, and the "
    "posterior collapses.",
    kind="gradient",
)
def detached_reconstruction(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon.detach() + beta * kl, recon, kl)


@misconception(
    "The KL term is detached before the sum: the loss looks right, but nothing holds the posterior near the prior.",
    kind="gradient",
)
def detached_kl(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl.detach(), recon, kl)


@misconception("The loss is a new tensor without history, so there is nothing to go back through.", kind="gradient")
def detached_loss(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    loss = torch.tensor(float(recon + beta * kl), dtype=x.dtype)
    return ElboTerms(loss, recon, kl)


@misconception(
    "The two parts are detached for reporting. Gradients are to flow through all three: callers may weight the parts "
    "themselves, and can detach what they print.",
    kind="gradient",
)
def detached_parts(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon.detach(), kl.detach())


@misconception(
    "The two parts are plain Python numbers. All three are tensors with gradients: callers may weight the parts "
    "themselves.",
    kind="gradient",
)
def parts_as_numbers(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon.item(), kl.item())


@misconception("You convert the terms to float32. What arrives in float64 should leave in float64.", kind="dtype")
def converts_to_float32(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms((recon + beta * kl).float(), recon.float(), kl.float())


@misconception("The loss is a tensor of one element instead of a scalar.", kind="structure")
def loss_with_batch_axis(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms((recon + beta * kl).reshape(1), recon, kl)

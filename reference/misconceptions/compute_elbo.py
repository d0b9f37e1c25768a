"""Wrong answers to ``compute_elbo``: which loss is called, and with what."""

from grading.catalogue import Misconceptions
from reference.tasks import COMPUTE_ELBO
from reference.vae import (
    ElboTerms,
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

misconception = Misconceptions(COMPUTE_ELBO)


misconception.edit(
    "kl_arguments_swapped",
    "Mean and log-variance have changed places in the KL term, so log-variances are squared and means exponentiated.",
    ("kl_divergence(mu, logvar)", "kl_divergence(logvar, mu)"),
)

misconception.edit(
    "data_and_logits_swapped",
    "Data and decoder output have changed places, among your parameters or where you call the loss. Symmetric losses "
    "forgive it, the Bernoulli one does not.",
    ("losses[recon_loss](logits, x)", "losses[recon_loss](x, logits)"),
)

misconception.edit(
    "always_bernoulli",
    "The Bernoulli loss is used whatever likelihood is asked for. The name chooses the loss.",
    ("losses[recon_loss]", "reconstruction_loss_bernoulli"),
)

misconception.edit(
    "gaussian_and_laplace_swapped",
    "The Gaussian and the Laplace likelihood are exchanged: the squared error is Gaussian, the absolute error Laplace.",
    ("reconstruction_loss_gaussian", "reconstruction_loss_laplace"),
    ("reconstruction_loss_laplace", "reconstruction_loss_gaussian"),
)

misconception.edit(
    "sigmoid_on_gaussian_mean",
    "You apply a sigmoid before the Gaussian loss. The raw output IS the mean of this likelihood.",
    ("losses[recon_loss](logits", 'losses[recon_loss](torch.sigmoid(logits) if recon_loss == "gaussian" else logits'),
)

misconception.edit(
    "sigmoid_on_real_values",
    "You apply a sigmoid for every likelihood but the Bernoulli one. The raw output IS the mean or location of the "
    "others.",
    ("losses[recon_loss](logits", 'losses[recon_loss](logits if recon_loss == "bernoulli" else torch.sigmoid(logits)'),
)

misconception.edit(
    "sigmoid_before_every_loss",
    "You apply a sigmoid before every loss. The Bernoulli loss has one inside, and the others take the raw output as "
    "mean or location.",
    ("losses[recon_loss](logits, x)", "losses[recon_loss](torch.sigmoid(logits), x)"),
)

misconception.edit(
    "halved_gaussian",
    "You halve the Gaussian term here. The contract's Gaussian has variance one half, and its loss is the squared "
    "error itself.",
    ("return ElboTerms", 'if recon_loss == "gaussian":\n    recon = 0.5 * recon\nreturn ElboTerms'),
)


@misconception("The Laplace likelihood is missing: a name that the contract lists is refused.")
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
    "run is trained on another loss than its author thinks."
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


misconception.edit(
    "unknown_name_is_bernoulli",
    "An unknown name means Bernoulli and raises no error. A misspelt name must be an error, or a whole run is trained "
    "on another loss than its author thinks.",
    (
        "raise ValueError(f\"unknown recon_loss {recon_loss!r}: choose one of {', '.join(losses)}\")",
        'recon_loss = "bernoulli"',
    ),
)

misconception.edit(
    "key_error",
    "An unknown name raises a KeyError, as a look-up in a table does. The caller is promised a ValueError that says "
    "which names there are.",
    (
        (
            "if recon_loss not in losses:\n"
            "    raise ValueError(f\"unknown recon_loss {recon_loss!r}: choose one of {', '.join(losses)}\")\n"
            "recon"
        ),
        "recon",
    ),
)

misconception.edit(
    "error_without_names",
    "The error for an unknown name does not say which names there are. A good message tells what would have been "
    "right: all three.",
    (": choose one of {', '.join(losses)}", ""),
)

misconception.edit(
    "error_with_two_names",
    "The error for an unknown name lists only two of the three names.",
    ("choose one of {', '.join(losses)}", "choose bernoulli or gaussian"),
)

misconception.edit(
    "assertion",
    "An unknown name raises an AssertionError. Assertions are for mistakes of your own and can be switched off; a "
    "caller's mistake is a ValueError.",
    (
        (
            "if recon_loss not in losses:\n"
            "    raise ValueError(f\"unknown recon_loss {recon_loss!r}: choose one of {', '.join(losses)}\")"
        ),
        "assert recon_loss in losses, f\"recon_loss must be one of {', '.join(losses)}\"",
    ),
)

misconception.edit(
    "not_implemented_error",
    "An unknown name raises a NotImplementedError. A wrong value from the caller is a ValueError.",
    ("ValueError", "NotImplementedError"),
)

misconception.edit(
    "returns_none_for_unknown_name",
    "An unknown name gives None, and the caller fails later and elsewhere. A wrong value is a ValueError, at once.",
    ("raise ValueError(f\"unknown recon_loss {recon_loss!r}: choose one of {', '.join(losses)}\")", "return None"),
)

misconception.edit(
    "default_beta_four",
    "The default of beta should be 1: whoever does not ask for a beta-VAE gets a VAE.",
    ("beta: float = 1.0", "beta: float = 4.0"),
)

misconception.edit(
    "default_gaussian",
    "The default likelihood should be the Bernoulli one; yours is another.",
    ('recon_loss: str = "bernoulli"', 'recon_loss: str = "gaussian"'),
)

misconception.edit(
    "beta_without_default",
    "Likelihood and beta have no defaults, though the contract gives them.",
    ('recon_loss: str = "bernoulli"', "recon_loss: str"),
    ("beta: float = 1.0", "beta: float"),
)

"""Wrong answers to ``vae_loss``."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import VAE_LOSS
from reference.vae import ElboTerms, VAEOutput, compute_elbo

misconception = Misconceptions(VAE_LOSS)


@misconception(
    "The likelihood that was asked for is not passed on: the loss is always the Bernoulli one, whatever the caller "
    "says."
)
def drops_recon_loss(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar, beta=beta)


@misconception("Beta is not passed on: the loss is that of a plain VAE, whatever weight the caller asks for.")
def drops_beta(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss)


@misconception("Neither the likelihood nor beta is passed on; both have their defaults.")
def drops_both(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar)


@misconception("You pass the sample where the mean belongs. The KL term needs the parameters of the posterior.")
def code_for_mean(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.z, output.logvar, recon_loss, beta)


@misconception("You pass the sample where the log-variance belongs. The KL term needs the parameters of the posterior.")
def code_for_logvar(output, x, recon_loss="bernoulli", beta=1.0):
    _, mu, _, z = output
    return compute_elbo(x, output.logits, mu, z, recon_loss, beta)


@misconception("Mean and log-variance have changed places on the way.")
def swapped_mean_and_logvar(output, x, recon_loss="bernoulli", beta=1.0):
    logits, logvar, mu, _ = output
    return compute_elbo(x, logits, mu, logvar, recon_loss, beta)


@misconception("You unpack the output in the wrong order: the code is its last field, not its second.")
def unpacks_code_second(output, x, recon_loss="bernoulli", beta=1.0):
    logits, _, mu, logvar = output
    return compute_elbo(x, logits, mu, logvar, recon_loss, beta)


@misconception(
    "Data and decoder output have changed places on the way. Symmetric losses forgive it, the Bernoulli one does not."
)
def swapped_data_and_logits(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(output.logits, x, output.mu, output.logvar, recon_loss, beta)


@misconception("You apply a sigmoid before handing the output on. The losses expect it raw.")
def sigmoid_on_logits(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, torch.sigmoid(output.logits), output.mu, output.logvar, recon_loss, beta)


@misconception(
    "You turn the log-variance into a standard deviation before handing it on. The KL term does that itself."
)
def std_for_logvar(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, torch.exp(0.5 * output.logvar), recon_loss, beta)


@misconception("You return the loss alone. All three terms are asked for.")
def returns_loss_only(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta).loss


@misconception("You return a dictionary. The contract asks for the three terms in order.")
def returns_dict(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)._asdict()


@misconception("The two parts have changed places in your result: the order is loss, reconstruction, KL.")
def swapped_parts(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(loss, kl, recon)


@misconception("Beta is applied a second time: the function that you call has weighted the KL term already.")
def beta_twice(output, x, recon_loss="bernoulli", beta=1.0):
    _, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    kl = beta * kl
    return ElboTerms(recon + beta * kl, recon, kl)


@misconception("The KL term that you return is weighted with beta. The plain one is asked for.")
def kl_returned_weighted(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(loss, recon, beta * kl)


@misconception("You weight the whole loss with beta, not just the KL term in it.")
def weights_whole_loss(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss)
    return ElboTerms(beta * loss, recon, kl)


@misconception(
    "A beta of 0 is replaced by 1, as where zero counts as false. Zero is a weight like any other: a warm-up begins "
    "with it."
)
def beta_zero_means_default(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss or "bernoulli", beta or 1.0)


@misconception(
    "An unknown likelihood raises no error, and another one stands in its place. Errors pass through: a misspelt name "
    "must not train a different model."
)
def swallows_error(output, x, recon_loss="bernoulli", beta=1.0):
    try:
        return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    except ValueError:
        return compute_elbo(x, output.logits, output.mu, output.logvar, "bernoulli", beta)


@misconception(
    "The error for an unknown likelihood is of another kind. Errors of what you call pass through as they are."
)
def changes_error(output, x, recon_loss="bernoulli", beta=1.0):
    try:
        return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    except ValueError as error:
        raise RuntimeError("the loss could not be computed") from error


@misconception("An unknown likelihood gives None and raises no error. Errors pass through.")
def none_for_error(output, x, recon_loss="bernoulli", beta=1.0):
    try:
        return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    except ValueError:
        return None


@misconception("The loss is detached: right to look at, useless to train with.")
def detached(output, x, recon_loss="bernoulli", beta=1.0):
    output = VAEOutput(*(field.detach() for field in output))
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)


@misconception("The terms are plain Python numbers, cut off from everything that could learn from them.")
def plain_numbers(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(*(term.item() for term in terms))


@misconception(
    "You multiply by the batch size, as the summed loss of the warm-up would be. Part 2 averages over the batch."
)
def summed_over_batch(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(*(term * x.shape[0] for term in terms))


@misconception("You divide by the number of features. The terms are in nats per example, not per pixel.")
def per_feature(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(*(term / x.shape[1] for term in terms))


@misconception("You round the data to 0 and 1 before the loss. Grey and real values count as they are.")
def rounds_data(output, x, recon_loss="bernoulli", beta=1.0):
    x = (x > 0.5).to(x.dtype)
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)


@misconception("Your parameters are in another order than the contract's: the model's output comes first.")
def swapped_parameters(x, output, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)

"""Wrong answers to ``VAE.forward``."""

import torch
import torch.nn.functional as F

from reference.misconceptions.entry import misconceptions_of
from reference.tasks import FORWARD
from reference.vae import VAEOutput, compute_elbo

misconception = misconceptions_of(FORWARD)


@misconception(
    "You decode the mean instead of the sample. The decoder then never sees noise, the posterior may collapse to "
    "points, and samples from the prior look like nothing."
)
def decodes_mean(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(logits=self.decode(mu), mu=mu, logvar=logvar, z=z)


@misconception(
    "Nothing is sampled: the code is the mean. That is a plain autoencoder with a KL term that nothing balances."
)
def never_samples(self, x):
    mu, logvar = self.encode(x)
    return VAEOutput(logits=self.decode(mu), mu=mu, logvar=logvar, z=mu)


@misconception(
    "In eval mode you decode the mean. The sample is part of the model, not a regularizer like dropout: the ELBO on "
    "held-out data is an expectation over samples too.",
    kind="state",
)
def mean_in_eval_mode(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar) if self.training else mu
    return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)


@misconception(
    "You switch gradients off in eval mode. The caller decides whether gradients are recorded; the mode of the model "
    "is another question.",
    kind="gradient",
)
def no_gradient_in_eval_mode(self, x):
    with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)


@misconception(
    "You return the probabilities instead of the raw output. The losses expect logits and apply the sigmoid "
    "themselves; twice, it squeezes everything between 0.5 and 0.73."
)
def returns_probabilities(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(torch.sigmoid(self.decode(z)), mu, logvar, z)


@misconception(
    "Mean and log-variance have changed places in the result. The fields are read by position and by name; keep the "
    "order that the type gives."
)
def swapped_mean_and_logvar(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), logvar, mu, z)


@misconception(
    "The code comes second in your result and the mean last. The order is: output, mean, log-variance, code."
)
def swapped_mean_and_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), z, logvar, mu)


@misconception(
    "The result is in the wrong order: the output of the decoder comes first, the code last.", kind="structure"
)
def reversed_order(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return z, mu, logvar, self.decode(z)


@misconception(
    "The code is missing from your result, as in the warm-up. Part 2 returns four things: whoever inspects the latent "
    "space needs the sample that was decoded.",
    kind="structure",
)
def without_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return self.decode(z), mu, logvar


@misconception("You return the decoder's output alone. The loss needs mean and log-variance too.", kind="structure")
def returns_logits_only(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar))


@misconception(
    "You return a dictionary. The contract asks for the four tensors in order, best in the named tuple that is given.",
    kind="structure",
)
def returns_dict(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return {"logits": self.decode(z), "mu": mu, "logvar": logvar, "z": z}


@misconception(
    "The code that you return is another sample than the one that you decoded. Sample once: output and code belong "
    "together."
)
def samples_twice(self, x):
    mu, logvar = self.encode(x)
    logits = self.decode(self.reparameterize(mu, logvar))
    return VAEOutput(logits, mu, logvar, self.reparameterize(mu, logvar))


@misconception(
    "You decode a sample but return the mean as the code. The code in the result is the one that was decoded."
)
def returns_mean_as_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, mu)


@misconception(
    "You return the sample where the mean belongs. The KL term needs the parameters of the posterior, not a draw from "
    "it."
)
def returns_code_as_mean(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), z, logvar, z)


@misconception(
    "Mean and log-variance are exchanged when you sample. The code then lies around the log-variance.",
    kind="statistics",
)
def samples_with_swapped_arguments(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(logvar, mu)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "You exponentiate the log-variance before sampling from it. The sampling function takes the log-variance and does "
    "that itself, so here it happens twice.",
    kind="statistics",
)
def samples_with_std(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, torch.exp(0.5 * logvar))
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception("You return the standard deviation where the log-variance belongs. The KL term exponentiates it itself.")
def returns_std(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, torch.exp(0.5 * logvar), z)


@misconception("You return the variance where the log-variance belongs. The KL term exponentiates it itself.")
def returns_variance(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar.exp(), z)


@misconception(
    "You clamp the log-variance between encoding and sampling. The result should hold what the encoder said."
)
def clamps_logvar(self, x):
    mu, logvar = self.encode(x)
    logvar = logvar.clamp(-4.0, 4.0)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "The sample is detached before it is decoded, so the reconstruction error never reaches the encoder: it learns "
    "from the KL term alone and collapses onto the prior.",
    kind="gradient",
)
def detached_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar).detach()
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception("Mean and log-variance are detached in the result, so the KL term trains nothing.", kind="gradient")
def detached_posterior(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu.detach(), logvar.detach(), z)


@misconception(
    "The posterior is computed without gradients, so neither term of the loss reaches the encoder.", kind="gradient"
)
def encodes_without_gradient(self, x):
    with torch.no_grad():
        mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "You average several samples before decoding, so the code has less spread than the posterior. One sample for each "
    "data point is asked for.",
    kind="statistics",
)
def averages_samples(self, x):
    mu, logvar = self.encode(x)
    z = torch.stack([self.reparameterize(mu, logvar) for _ in range(5)]).mean(dim=0)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "You add noise to a sample that is noisy already. The posterior's spread is in the sample; more of it is another "
    "model.",
    kind="statistics",
)
def adds_noise_twice(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    z = z + torch.exp(0.5 * logvar) * torch.randn_like(z)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "You draw several samples for each data point, so codes and outputs have an extra axis. One sample is asked for: "
    "shapes (B, L) and (B, D).",
    kind="structure",
)
def several_samples(self, x):
    mu, logvar = self.encode(x)
    z = torch.stack([self.reparameterize(mu, logvar) for _ in range(4)])
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "The code is drawn from the prior, so the output has nothing to do with the input. That is how one generates; "
    "here the code is drawn from the posterior of the data point.",
    kind="statistics",
)
def samples_from_prior(self, x):
    mu, logvar = self.encode(x)
    z = torch.randn_like(mu)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "Half the way to the mean: you decode the average of sample and mean, whose spread is half the posterior's."
)
def halfway_to_mean(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(0.5 * (z + mu)), mu, logvar, z)


@misconception(
    "You add noise to the input (a denoising autoencoder). In a VAE the noise enters once, when the code is sampled."
)
def noisy_input(self, x):
    mu, logvar = self.encode(x + 0.1 * torch.randn_like(x))
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "You round the input to 0 and 1 before encoding it. Grey and real values carry information, and rounding has no "
    "gradient."
)
def binarizes_input(self, x):
    mu, logvar = self.encode((x > 0.5).to(x.dtype))
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "You flatten the input to 784 values a row, whatever its size. That works for MNIST only; the batch arrives as "
    "(B, D) already.",
    kind="crash",
)
def hard_coded_input_size(self, x):
    mu, logvar = self.encode(x.view(-1, 784))
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception("The model is left in eval mode after a call. The mode belongs to the caller.", kind="state")
def switches_to_eval_mode(self, x):
    self.eval()
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception("The model is left in training mode after a call. The mode belongs to the caller.", kind="state")
def switches_to_train_mode(self, x):
    self.train()
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "You set the seed at every call, so every call draws the same noise. Seeds are set once, by the script that runs "
    "the experiment.",
    kind="state",
)
def seeds_at_every_call(self, x):
    torch.manual_seed(0)
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "The input is added to the output. A shortcut around the code makes reconstruction trivial, and the model cannot "
    "generate without an input."
)
def skips_the_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(x + self.decode(z), mu, logvar, z)


@misconception(
    "You squeeze the results, so a batch of one loses its batch axis. The shapes are (B, D) and (B, L) for every B.",
    kind="structure",
)
def squeezed(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(*(field.squeeze() for field in (self.decode(z), mu, logvar, z)))


@misconception(
    "You return the loss. Computing it is another function's work; forward returns what the loss needs.",
    kind="structure",
)
def returns_loss(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return compute_elbo(x, self.decode(z), mu, logvar, self.recon_loss, self.beta)


@misconception(
    "The noise that you add here yourself is the same for the whole batch. Each data point needs a draw of its own, "
    "which the sampling function gives.",
    kind="statistics",
)
def noise_shared_in_batch(self, x):
    mu, logvar = self.encode(x)
    z = mu + torch.exp(0.5 * logvar) * torch.randn(1, mu.shape[1], dtype=mu.dtype)
    return VAEOutput(self.decode(z), mu, logvar, z)


@misconception(
    "You apply dropout to the code before decoding. The code in the result is then not the one that was decoded, and "
    "the posterior's noise is the only one a VAE needs."
)
def dropout_on_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(F.dropout(z, p=0.2)), mu, logvar, z)


@misconception("You convert to float32. What arrives in float64 should leave in float64.", kind="dtype")
def converts_to_float32(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z).float(), mu.float(), logvar.float(), z.float())

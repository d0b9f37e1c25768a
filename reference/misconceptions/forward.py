"""Wrong answers to ``VAE.forward``."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import FORWARD
from reference.vae import VAEOutput, compute_elbo

misconception = Misconceptions(FORWARD)


misconception.edit(
    "decodes_mean",
    "You decode the mean instead of the sample. The decoder then never sees noise, the log-variances have no part in "
    "the reconstruction, and samples from the prior look like nothing.",
    ("self.decode(z)", "self.decode(mu)"),
)


@misconception(
    "Nothing is sampled: the code is the mean. That is a plain autoencoder with a KL term that nothing balances."
)
def never_samples(self, x):
    mu, logvar = self.encode(x)
    return VAEOutput(logits=self.decode(mu), mu=mu, logvar=logvar, z=mu)


misconception.edit(
    "mean_in_eval_mode",
    "In eval mode you decode the mean. The sample is part of the model, not a regularizer like dropout: the ELBO on "
    "held-out data is an expectation over samples too.",
    ("self.reparameterize(mu, logvar)", "self.reparameterize(mu, logvar) if self.training else mu"),
)


@misconception(
    "You switch gradients off in eval mode. The caller decides whether gradients are recorded; the mode of the model "
    "is another question."
)
def no_gradient_in_eval_mode(self, x):
    with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)


misconception.edit(
    "returns_probabilities",
    "You return the probabilities instead of the raw output. The losses expect logits and apply the sigmoid "
    "themselves; twice, it squeezes everything between 0.5 and 0.73.",
    ("self.decode(z)", "torch.sigmoid(self.decode(z))"),
)


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


@misconception("The result is in the wrong order: the output of the decoder comes first, the code last.")
def reversed_order(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return z, mu, logvar, self.decode(z)


misconception.edit(
    "without_code",
    "The code is missing from your result, as in the warm-up. Part 2 returns four things: whoever inspects the latent "
    "space needs the sample that was decoded.",
    ("VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)", "self.decode(z), mu, logvar"),
)


@misconception("You return the decoder's output alone. The loss needs mean and log-variance too.")
def returns_logits_only(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar))


@misconception(
    "You return a dictionary. The contract asks for the four tensors in order, best in the named tuple that is given."
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


misconception.edit(
    "returns_mean_as_code",
    "You decode a sample but return the mean as the code. The code in the result is the one that was decoded.",
    ("z=z", "z=mu"),
)

misconception.edit(
    "returns_code_as_mean",
    "You return the sample where the mean belongs. The KL term needs the parameters of the posterior, not a draw from "
    "it.",
    ("mu=mu", "mu=z"),
)


@misconception("Mean and log-variance are exchanged when you sample. The code then lies around the log-variance.")
def samples_with_swapped_arguments(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(logvar, mu)
    return VAEOutput(self.decode(z), mu, logvar, z)


misconception.edit(
    "samples_with_std",
    "You exponentiate the log-variance before sampling from it. The sampling function takes the log-variance and does "
    "that itself, so here it happens twice.",
    ("self.reparameterize(mu, logvar)", "self.reparameterize(mu, torch.exp(0.5 * logvar))"),
)


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


misconception.edit(
    "clamps_logvar",
    "You clamp the log-variance between encoding and sampling. The result should hold what the encoder said.",
    ("z = self.reparameterize", "logvar = logvar.clamp(-4.0, 4.0)\nz = self.reparameterize"),
)

misconception.edit(
    "detached_code",
    "The sample is detached before it is decoded, so the reconstruction error never reaches the encoder: it learns "
    "from the KL term alone and collapses onto the prior.",
    ("self.reparameterize(mu, logvar)", "self.reparameterize(mu, logvar).detach()"),
)


@misconception("Mean and log-variance are detached in the result, so the KL term trains nothing.")
def detached_posterior(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu.detach(), logvar.detach(), z)


misconception.edit(
    "encodes_without_gradient",
    "The posterior is computed without gradients, so neither term of the loss reaches the encoder.",
    ("mu, logvar = self.encode(x)", "with torch.no_grad():\n    mu, logvar = self.encode(x)"),
)

misconception.edit(
    "averages_samples",
    "You average several samples before decoding, so the code has less spread than the posterior. One sample for each "
    "data point is asked for.",
    ("self.reparameterize(mu, logvar)", "torch.stack([self.reparameterize(mu, logvar) for _ in range(5)]).mean(dim=0)"),
)

misconception.edit(
    "adds_noise_twice",
    "You add noise to a sample that is noisy already. The posterior's spread is in the sample; more of it is another "
    "model.",
    ("return VAEOutput", "z = z + torch.exp(0.5 * logvar) * torch.randn_like(z)\nreturn VAEOutput"),
)

misconception.edit(
    "several_samples",
    "You draw several samples for each data point, so codes and outputs have an extra axis. One sample is asked for: "
    "shapes (B, L) and (B, D).",
    ("self.reparameterize(mu, logvar)", "torch.stack([self.reparameterize(mu, logvar) for _ in range(4)])"),
)

misconception.edit(
    "samples_from_prior",
    "The code is drawn from the prior, so the output has nothing to do with the input. That is how one generates; "
    "here the code is drawn from the posterior of the data point.",
    ("self.reparameterize(mu, logvar)", "torch.randn_like(mu)"),
)

misconception.edit(
    "halfway_to_mean",
    "Half the way to the mean: you decode the average of sample and mean, whose spread is half the posterior's.",
    ("self.decode(z)", "self.decode(0.5 * (z + mu))"),
)

misconception.edit(
    "noisy_input",
    "You add noise to the input (a denoising autoencoder). In a VAE the noise enters once, when the code is sampled.",
    ("self.encode(x)", "self.encode(x + 0.1 * torch.randn_like(x))"),
)

misconception.edit(
    "binarizes_input",
    "You round the input to 0 and 1 before encoding it. Grey and real values carry information, and rounding has no "
    "gradient.",
    ("self.encode(x)", "self.encode((x > 0.5).to(x.dtype))"),
)

misconception.edit(
    "hard_coded_input_size",
    "You flatten the input to 784 values a row, whatever its size. That works for MNIST only; the batch arrives as "
    "(B, D) already.",
    ("self.encode(x)", "self.encode(x.view(-1, 784))"),
)

misconception.edit(
    "switches_to_eval_mode",
    "The model is left in eval mode after a call. The mode belongs to the caller.",
    ("mu, logvar = self.encode", "self.eval()\nmu, logvar = self.encode"),
)

misconception.edit(
    "switches_to_train_mode",
    "The model is left in training mode after a call. The mode belongs to the caller.",
    ("mu, logvar = self.encode", "self.train()\nmu, logvar = self.encode"),
)

misconception.edit(
    "seeds_at_every_call",
    "You set the seed at every call, so every call draws the same noise. Seeds are set once, by the script that runs "
    "the experiment.",
    ("mu, logvar = self.encode", "torch.manual_seed(0)\nmu, logvar = self.encode"),
)

misconception.edit(
    "skips_the_code",
    "The input is added to the output. A shortcut around the code makes reconstruction trivial, and the model cannot "
    "generate without an input.",
    ("self.decode(z)", "x + self.decode(z)"),
)


@misconception(
    "You squeeze the results, so a batch of one loses its batch axis. The shapes are (B, D) and (B, L) for every B."
)
def squeezed(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(*(field.squeeze() for field in (self.decode(z), mu, logvar, z)))


@misconception("You return the loss. Computing it is another function's work; forward returns what the loss needs.")
def returns_loss(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return compute_elbo(x, self.decode(z), mu, logvar, self.recon_loss, self.beta)


misconception.edit(
    "noise_shared_in_batch",
    "The noise that you add here yourself is the same for the whole batch. Each data point needs a draw of its own, "
    "which the sampling function gives.",
    ("self.reparameterize(mu, logvar)", "mu + torch.exp(0.5 * logvar) * torch.randn(1, mu.shape[1], dtype=mu.dtype)"),
)

misconception.edit(
    "dropout_on_code",
    "You apply dropout to the code before decoding. The code in the result is then not the one that was decoded, and "
    "the posterior's noise is the only one a VAE needs.",
    ("self.decode(z)", "self.decode(F.dropout(z, p=0.2))"),
)


@misconception("You convert to float32. What arrives in float64 should leave in float64.")
def converts_to_float32(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z).float(), mu.float(), logvar.float(), z.float())

"""What a whole pass draws by itself is told: averages, rows from elsewhere, a sigma of its own; and each cause once."""

import pytest
from harness.diagnosis.mistakes import OUTPUT
from harness.diagnosis.test_experiments import explain, workers

__all__ = ["workers"]

Z = "z = self.reparameterize(mu, logvar)"
ENCODE = "mu, logvar = self.encode(x)"
SIGMA = "# >>> solution: task 1.3, VAE.reparameterize\n        sigma = torch.exp(0.5 * logvar)"
UNKNOWN = """if recon_loss not in losses:
        raise ValueError(f"unknown recon_loss {recon_loss!r}: choose one of {', '.join(losses)}")
    recon = losses[recon_loss](logits, x)"""
ENCODED = "h = self.enc(x)"
MIXED = f"{Z}; keep = {{}}; z = torch.where(keep[:, None], z, torch.randn_like(z))"
SMALLER = "The spread of z is smaller than that of reparameterize(mu, logvar): "
CUT = "In forward sigma is another one than in reparameterize: it is that of a logvar which is cut off "
REST = ". The logvar that is returned is not."
SUM = "sum(self.decode(self.reparameterize(mu, logvar)) for _ in range({0})) / {0}"
WARMUP = "return self.decode(z), mu, logvar"


def own(sigma):
    """A pass that draws its own sample."""
    return f"z = mu + {sigma} * torch.randn_like(mu)"


# Item, text of the solution, what stands in its place, and all that is told.
CASES = {
    "average": (
        "forward", Z, "z = torch.stack([self.reparameterize(mu, logvar) for _ in range(10)]).mean(0)",
        [f"{SMALLER}z is the average of 10 samples, whose spread is sigma divided by the root of 10."],
    ),
    "average by itself": (
        "forward", Z, "z = mu + (logvar / 2).exp() * torch.randn(4, *mu.shape).mean(0)",
        [f"{SMALLER}z is the average of 4 samples, whose spread is sigma divided by the root of 4."],
    ),
    "half": (
        "forward", Z, "z = (mu + self.reparameterize(mu, logvar)) / 2",
        [f"{SMALLER}it is 0.5 times as large everywhere, as in an average of about 4 samples."],
    ),
    "larger": (
        "forward", Z, "z = 1.5 * self.reparameterize(mu, logvar) - mu / 2",
        ["The spread of z is larger than that of reparameterize(mu, logvar): it is 1.5 times as large everywhere."],
    ),
    "every second row": (
        "forward", Z, MIXED.format("torch.arange(len(x)) % 2 == 0"),
        ["In z every second row is drawn from the prior N(0, I), whatever mu and logvar are."],
    ),
    "every third row": (
        "forward", Z, MIXED.format("torch.arange(len(x)) % 3 > 0"),
        ["In z every third row, from the first on, is drawn from the prior N(0, I), whatever mu and logvar are."],
    ),
    "first half": (
        "forward", Z, MIXED.format("torch.arange(len(x)) >= len(x) // 2"),
        ["In z the first half of the rows is drawn from the prior N(0, I), whatever mu and logvar are."],
    ),
    "some rows": (
        "forward", Z, MIXED.format("torch.rand(len(x)) < 0.7"),
        ["% of the rows are drawn from the prior N(0, I), whatever mu and logvar are."],
    ),
    "some columns": (
        "forward", Z, f"{Z}; z = torch.where(torch.arange(z.shape[1]) < 2, torch.randn_like(z), z)",
        ["In z some latent dimensions are drawn from the prior N(0, 1), whatever mu and logvar are."],
    ),
    "clamped": (
        "forward", Z, own("(logvar.clamp(-2, 2) / 2).exp()"),
        [f"{CUT}below -2 and above 2, so that sigma is never less than 0.368 and never more than 2.72{REST}"],
    ),
    "clamped above": (
        "forward", Z, own("(logvar.clamp(max=10) / 2).exp()"),
        [f"{CUT}above 10, so that sigma is never more than 148{REST}"],
    ),
    "clamped in eval mode": (
        "forward", Z, f"{Z} if self.training else mu + (logvar.clamp(min=-4) / 2).exp() * torch.randn_like(mu)",
        [f"In eval mode: i{CUT[1:]}below -4, so that sigma is never less than 0.135{REST}"],
    ),
    "floor": (
        "forward", Z, own("((logvar / 2).exp() + 1e-3)"),
        ["In forward sigma is another one than in reparameterize: to sigma 0.001 is added."],
    ),
    "softplus": (
        "forward", Z, own("F.softplus(logvar)"),
        ["In forward sigma is another one than in reparameterize: softplus of logvar is used as sigma."],
    ),
    "variance": ("forward", Z, own("logvar.exp()"), ["What stands in the place of z is a sample with twice logvar."]),
    "the right sigma": ("forward", Z, own("(logvar / 2).exp()"), []),
    "eval mode beside a sigmoid": (
        "forward", OUTPUT, OUTPUT.replace("self.decode(z)", "self.decode(z).sigmoid()").replace(
            "return", "z = z if self.training else mu; return"),
        ["The field logits goes through a sigmoid, so that it stays between 0 and 1.",
         "In eval mode z is mu: no sample is drawn. It should be sampled in train and eval mode alike."],
    ),
    "another mean in eval mode": (
        "forward", OUTPUT, f"z = z if self.training else z + mu; {OUTPUT}",
        ["In eval mode: z is drawn around twice mu, where mu belongs."],
    ),
    "sigma of the other sign, beside codes without gradient": (
        "forward", f"{Z}\n        {OUTPUT}", "z = mu + torch.randn_like(mu) / (logvar / 2).exp(); "
        "return VAEOutput(self.decode(z.data), mu, logvar, z)",
        ["What stands in the place of z is a sample with minus logvar.",
         "The gradient of logits for the mu head, the logvar head, the encoder's hidden layer and x is cut off: none "
         "arrives."],
    ),
    "sigma that is very small somewhere": (
        "forward", Z, own("(-logvar).exp()"),
        ["In forward sigma is another one than in reparameterize: sigma is the exponential of minus logvar."],
    ),
    "sigma that is very small somewhere, and noise that one dimension has not": (
        "forward", Z, "z = mu + (-logvar).exp() * torch.randn_like(mu); z[:, -1] = mu[:, -1]",
        ["In z the last latent dimension gets no noise."],
    ),
    "noise on x, and a sample around half of mu": (
        "forward", f"{ENCODE}\n        {Z}",
        f"{ENCODE.replace('(x)', '(x + 0.3 * torch.randn_like(x))')}; z = self.reparameterize(mu / 2, logvar)",
        ["Noise of standard deviation about 0.3 is added to x before it is encoded.",
         "z is drawn around half of mu, where mu belongs."],
    ),
    "dropout on x, and noise that is added twice": (
        "forward", f"{ENCODE}\n        {Z}",
        f"{ENCODE.replace('(x)', '(F.dropout(x, 0.4))')}; z = self.reparameterize(mu, logvar); "
        "z = z + (logvar / 2).exp() * torch.randn_like(z)",
        ["x is set to 0 at random with probability 0.4, and multiplied by 1.667 otherwise, before it is encoded: that "
         "is a dropout.",
         "The spread of z is larger than that of reparameterize(mu, logvar): it is 1.4 times as large everywhere."],
    ),
    "noise that is added twice": (
        "forward", Z, "z = self.reparameterize(self.reparameterize(mu, logvar), logvar)",
        ["What stands in the place of z is a sample around a sample: noise is added twice."],
    ),
    "warm-up, noise that is added twice, beside a head without gradient": (
        "warmup_model", f"{Z}\n        {WARMUP}", "z = self.reparameterize(mu, logvar) + (logvar / 2).exp() * "
        f"torch.randn_like(mu); {WARMUP}.data",
        ["What stands in the place of recon_x is decode of a sample around a sample: noise is added twice.",
         "The gradient of logvar is cut off: none arrives."],
    ),
    "warm-up, half of logvar as sigma, and nothing in eval mode": (
        "warmup_model", SIGMA, "if not self.training:\n            return mu\n        sigma = 0.5 * logvar",
        ["Half of logvar is used as sigma, without the exponential.",
         "In eval mode z is mu: there is no noise. It should be sampled in train and eval mode alike."],
    ),
    "a recon that is too small, and an error of another class": (
        "compute_elbo", UNKNOWN, "recon = losses[recon_loss](logits, x) / x.shape[1]",
        ["The loss is beta kl + recon over the number of features; it should be recon + beta kl.",
         "The recon is recon over the number of features; it should be the reconstruction loss.",
         "An unknown recon_loss ends in KeyError; it should be a ValueError that names the three."],
    ),
    "mean that is returned doubled": (
        "forward", OUTPUT, OUTPUT.replace("mu=mu", "mu=2 * mu"), ["mu is multiplied by 2."],
    ),
    "a third of the gradient": (
        "forward", Z, f"{Z}; z = z / 3 + 2 * z.detach() / 3",
        ["The gradient of z is multiplied by 1/3."],
    ),
    "warm-up, twice mu": (
        "warmup_model", f"{Z}\n        {WARMUP}", f"z = self.reparameterize(mu, logvar) + mu; {WARMUP}",
        ["What stands in the place of recon_x is decode of a sample around twice mu."],
    ),
    "half of mu": (
        "forward", Z, "z = self.reparameterize(mu / 2, logvar)", ["z is drawn around half of mu, where mu belongs."],
    ),
    "decoded average": (
        "forward", OUTPUT, "several = [self.reparameterize(mu, logvar) for _ in range(5)]; z = several[-1]; "
        + OUTPUT.replace("self.decode(z)", "sum(map(self.decode, several)) / 5"),
        ["What stands in the place of logits is the average of decode(z) over 5 samples z, of which the z that is "
         "returned is the last."],
    ),
    "decoded average in one call": (
        "forward", OUTPUT, OUTPUT.replace(
            "self.decode(z)", "self.decode(mu + (logvar / 2).exp() * torch.randn(4, *mu.shape)).mean(0)"),
        ["The logits are not decode(z) of the z that is returned with them: they vary as the average of decode over "
         "about 4 samples does."],
    ),
    "decoded mean": (
        "forward", OUTPUT, OUTPUT.replace("self.decode(z)", "self.decode(mu)").replace("mu=mu", "mu=mu.detach()"),
        ["What stands in the place of logits is decode of mu, and not of the z that is returned.",
         "The gradient of mu is cut off: none arrives."],
    ),
    "decoded noise": (
        "forward", OUTPUT, OUTPUT.replace("self.decode(z)", "self.decode(torch.randn_like(z))"),
        ["What stands in the place of logits is decode of noise alone, which is not that of z."],
    ),
    "warm-up, average": (
        "warmup_model", WARMUP, f"return {SUM.format(3)}, mu, logvar",
        ["What stands in the place of recon_x is the average of decode(z) over 3 samples z."],
    ),
    "warm-up, average in one call": (
        "warmup_model", WARMUP,
        "z = mu + (logvar / 2).exp() * torch.randn(5, *mu.shape); return self.decode(z).mean(0), mu, logvar",
        ["as an average of about 5 decoded samples."],
    ),
    "warm-up, one noise for all of a model's life": (
        "warmup_model", WARMUP,
        "self.kept = getattr(self, 'kept', torch.randn(1, mu.shape[1])); z = mu + (logvar / 2).exp() * self.kept; "
        "return self.decode(z), mu, logvar",
        ["Two passes in train and in eval mode give the same reconstruction: there is no fresh noise."],
    ),
    "warm-up, noise alone": (
        "warmup_model", WARMUP, "return self.decode(torch.randn_like(mu)), mu, logvar",
        ["What stands in the place of recon_x is decode of the noise alone."],
    ),
    "half in train mode, nothing in eval mode": (
        "forward", Z, "z = (mu + self.reparameterize(mu, logvar)) / 2 if self.training else mu",
        ["In eval mode z is mu: no sample is drawn. It should be sampled in train and eval mode alike.",
         f"In train mode: {SMALLER[0].lower()}{SMALLER[1:]}it is 0.5 times as large everywhere, as in an average of "
         "about 4 samples."],
    ),
    "bias of a head without gradient": (
        "encode", "return self.mu(h), self.logvar(h)",
        "return F.linear(h, self.mu.weight, self.mu.bias.detach()), F.linear(h, self.logvar.weight.detach(), "
        "self.logvar.bias.detach())",
        ["The gradient of mu for the bias of its head is cut off: none arrives.",
         "The gradient of logvar for its head is cut off: none arrives."],
    ),
    "weight of the last layer without gradient": (
        "decode", "return self.dec(z)",
        "last = self.dec[-1]; return F.linear(self.dec[:-1](z), last.weight.detach(), last.bias)",
        ["The gradient of the output for the weight of the last layer is cut off: none arrives."],
    ),
    "warm-up, weight of the last layer without gradient": (
        "warmup_model", "return torch.sigmoid(self.output(h))",
        "return torch.sigmoid(F.linear(h, self.output.weight.detach(), self.output.bias))",
        ["The gradient of the output of decode for the weight of the last layer is cut off: none arrives."],
    ),
    "root of the batch": (
        "forward", Z, f"{Z}; z = mu + (z - mu) / len(x) ** 0.5",
        ["The size of the noise in z depends on the batch size: it falls with it. Sigma alone decides on it."],
    ),
    "likelihoods exchanged": (
        "compute_elbo", "kl = kl_divergence(mu, logvar)", "recon = {'laplace': reconstruction_loss_gaussian, "
        "'gaussian': reconstruction_loss_laplace, 'bernoulli': reconstruction_loss_bernoulli}[recon_loss](logits, x); "
        "kl = kl_divergence(mu, logvar)",
        ["The gaussian and the laplace loss stand in each other's place: each is computed for the other's name."],
    ),
    "one likelihood for another": (
        "compute_elbo", "kl = kl_divergence(mu, logvar)", "kl = kl_divergence(mu, logvar); recon = "
        "reconstruction_loss_gaussian(logits, x) if recon_loss == 'laplace' else recon",
        ["For recon_loss = 'laplace' the recon is the gaussian loss; it should be the laplace loss."],
    ),
    "fields exchanged": (
        "forward", OUTPUT, "return VAEOutput(self.decode(z), mu, z, logvar)",
        ["logvar and z stand in each other's place in what is returned."],
    ),
    "fields in another order, in eval mode": (
        "forward", OUTPUT, "return VAEOutput(self.decode(z), *((mu, logvar, z) if self.training else (z, mu, logvar)))",
        ["In eval mode the order is another one: (logits, z, mu, logvar) comes back where (logits, mu, logvar, z) "
         "belongs."],
    ),
    "noise on x in train mode": (
        "forward", "mu, logvar = self.encode(x)",
        "mu, logvar = self.encode(x + 0.3 * torch.randn_like(x) * self.training)",
        ["In train mode noise of standard deviation about 0.3 is added to x before it is encoded."],
    ),
    "first layer alone": (
        "encode", ENCODED, "h = self.enc[0](x)",
        ["Only the first layer of enc is applied: the ReLU behind it and all further hidden layers are left out."],
    ),
    "first and last layer alone": (
        "decode", "return self.dec(z)", "return self.dec[-1](self.dec[0](z))",
        ["Only the first and the last layer of dec are applied: what is between them, ReLUs and layers, is left out."],
    ),
    "no last ReLU": (
        "encode", ENCODED, "h = self.enc[:-1](x)",
        [f"What stands in the place of {head} is the output of the {head} head without the ReLU of the hidden layer."
         for head in ("mu", "logvar")],
    ),
    "no last ReLU in decode": (
        "decode", "return self.dec(z)", "return self.dec[-1](self.dec[:-2](z))",
        ["What stands in the place of the output is that without the ReLU of the hidden layer."],
    ),
    "no last ReLU of many": (
        "encode", ENCODED, "h = self.enc[:-1](x) if len(self.enc) > 2 else self.enc(x)",
        ["In some cases, such as with two hidden layers and with three hidden layers: what stands in the "
         f"place of {head} is the output of the {head} head without the ReLU of the last hidden layer."
         for head in ("mu", "logvar")],
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_what_a_pass_draws_is_told_and_each_cause_once(workers, name):
    item, old, new, words = CASES[name]
    why, _ = explain(workers, item, old, new)
    assert len(why) == len(words), why
    assert all(sentence.endswith(end) for sentence, end in zip(why, words, strict=True)), why

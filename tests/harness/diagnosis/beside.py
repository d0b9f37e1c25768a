"""Mistakes that stand beside others, or that a single circumstance hides: what is told of them, word for word."""

from harness.diagnosis.mistakes import BERNOULLI, DECODED, ELBO, FIELDS, GAUSSIAN, HEADS, KL, LAPLACE, SAMPLE

NO_BIAS = "F.linear(self.dec[:-1](z), self.dec[-1].weight)"
WITHOUT_BIAS = "hat stands in the place of the output is that without the bias of the last layer."

FAILS = """class Fails(torch.autograd.Function):
            forward = staticmethod(lambda ctx, h: h.clone())
            backward = staticmethod(lambda ctx, gradient: 1 / 0)
        h = Fails.apply(self.enc(x)) if x.requires_grad else self.enc(x).detach()"""

CASES = [
    # Noise too small for a check to see in a large number, and a constant that hides what it is added to.
    ("reconstruction_loss_laplace", LAPLACE,
     "return torch.distributions.Laplace(location, 1.0).log_prob(x + torch.rand_like(x) / 300).sum(1).mean().neg()",
     ("Uniform noise from about 0 to 0.0033 is added to x before the loss is computed.",
      "0.6931 is added for each feature; it has no place in the formula.")),
    ("reconstruction_loss_bernoulli", BERNOULLI,
     BERNOULLI.replace("(logits, x,", "(logits.clamp(-40, 40), 0.9 * x + 0.05,"),
     ("The data x are drawn towards one half, by 0.1 of the way.", "The logits are cut off beyond -40 and 40.")),
    # Gradients of values that are right.
    ("compute_elbo", ELBO, "total = recon + beta * kl; return ElboTerms(total, total - beta * kl.detach(), kl)",
     ("A gradient passes from recon to mu and logvar, of which it is no function: what arrives is that of beta kl.",)),
    ("compute_elbo", ELBO, "return ElboTerms(recon + kl + ((beta - 1) * kl).detach(), recon, kl)",
     ("The gradient of the loss for mu and logvar is that of the kl, whatever beta is: it counts in values alone.",)),
    ("encode", "h = self.enc(x)",
     FAILS, ("Where the arguments take gradients, none can be computed: ZeroDivisionError is raised.",
      "Where no gradient for the arguments is asked for: the gradient of mu and logvar for the hidden layers is cut "
      "off: none arrives.")),
    # What is done to the numbers before the first layer, beside what is wrong behind the last one.
    ("encode", HEADS, "h = self.enc((x - 0.25) / 0.5); return self.mu(h.detach()), self.logvar(h)",
     ("x is multiplied by 2 and has -1/2 added before it is encoded.",
      "The gradient of mu for the hidden layers and x is cut off: none arrives.")),
    ("decode", DECODED, f"z = z.clamp(-2, 2); return {NO_BIAS}",
     ("z is cut off below -2 and above 2 before it is decoded.", f"W{WITHOUT_BIAS}")),
    ("decode", DECODED, f"z = F.dropout(z, 0.25, self.training); return {NO_BIAS}",
     ("In train mode z is set to 0 at random with probability 0.25, and multiplied by 1.333 otherwise: that is a "
      "dropout.", f"In eval mode, where nothing is random: w{WITHOUT_BIAS}")),
    ("encode", "h = self.enc(x)", "h = self.enc(2 * x - 1)",
     ("x is multiplied by 2 and has -1 added before it is encoded.",)),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return 0.5 * (mean - x.clamp(0, 1)).square().sum(dim=1).mean()",
     ("The result is half of what it should be: there is a factor of one half too many.",
      "The data x are cut off below 0 and above 1.")),
    ("reconstruction_loss_laplace", LAPLACE,
     "return (F.smooth_l1_loss(location, x, reduction='none', beta=0.1) + 0.5).sum(dim=1).mean()",
     ("It is the smooth absolute error (smooth L1): an error below 0.1 counts with its square over twice that, a "
      "larger one with its size less half of that. And 1/2 is added for each of the features.",)),
    ("reconstruction_loss_gaussian", GAUSSIAN,
     "error = (mean - x).square().mean(); return x.shape[1] * (0.5 * (error + 0.01).log() + 0.5)",
     ("For usual numbers, each time that the mean and x are twice as large the result grows by the same, about 2.77 "
      "where there are 4 features: it goes with their logarithm.",)),
    # A softplus at either end, and bounds of a gradient alone.
    ("encode", HEADS, "v = 2 - F.softplus(2 - self.logvar(h)); return self.mu(h), -6 + F.softplus(v + 6)",
     ("logvar is kept above -6 and below 2 by softplus, which moves all numbers a little.",)),
    ("encode", HEADS, "v = self.logvar(h); c = v.clamp(-5, 2); return self.mu(h), c + (v - c).detach()",
     ("No gradient comes back through logvar where it is below -5 or above 2, though its value is handed on there.",)),
    ("decode", DECODED, "v = self.dec(z); return v + (v.clamp(max=4) - v) - (v.clamp(max=4) - v).detach()",
     ("No gradient comes back through the output where it is above 4, though its value is handed on there.",)),
    # A weight of its own where there is no warm-up.
    ("beta_schedule", "if warmup_steps <= 0:\n        return float(beta_max)",
     "if warmup_steps <= 0:\n        return 1.0",
     ("Without a warm-up the final weight should hold at once, but for warmup_steps = 0 and for warmup_steps below 0 "
      "it is 1, whatever beta_max is.",)),
    ("beta_schedule", "if warmup_steps <= 0:", "step = step + 1\n    if warmup_steps == 0:",
     ("It is one step ahead: step 0 does not give 0.",
      "Without a warm-up the final weight should hold at once, but for warmup_steps below 0 it is not beta_max.")),
    # A gradient that is cut off by what it is of, and a weight that counts where gradients are taken alone.
    ("kl_divergence", KL, "own = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1); free = own.clamp(min=0.5)"
     ".sum(dim=1).mean(); return free + (own.sum(dim=1).mean() - free).detach()",
     ("No gradient for mu and logvar arrives where what an element adds is small; elsewhere it is right.",)),
    ("vae_loss", FIELDS, f"beta = beta if output.logits.requires_grad else 1.0; {FIELDS}",
     ("Where the arguments take no gradients: the loss is kl + recon; it should be recon + beta kl.",)),
    # Noise that is picked from a set that was drawn once.
    ("reparameterize", SAMPLE,
     "bank = self.__dict__.setdefault('bank', torch.randn(200, 2_000)); rows = torch.randint(200, (len(mu),)); "
     "return mu + sigma * bank[rows, : mu.shape[1]].to(mu.dtype)",
     ("The noise of one example comes again for others: of 4000 examples about 200 have noise of their own. Each "
      "number needs a draw of its own.",)),
]  # fmt: skip

"""Mistakes that stand beside others, or that a single circumstance hides: what is told of them, word for word."""

from harness.diagnosis.mistakes import BERNOULLI, DECODED, ELBO, HEADS, LAPLACE, SAMPLE

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
    # Noise that is picked from a set that was drawn once.
    ("reparameterize", SAMPLE,
     "bank = self.__dict__.setdefault('bank', torch.randn(200, 2_000)); rows = torch.randint(200, (len(mu),)); "
     "return mu + sigma * bank[rows, : mu.shape[1]].to(mu.dtype)",
     ("The noise of one example comes again for others: of 4000 examples about 200 have noise of their own. Each "
      "number needs a draw of its own.",)),
]  # fmt: skip

"""Right when it is asked, and wrong for what comes afterwards: an optimizer, a backward pass, another call."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import ENCODE, KL_DIVERGENCE, LAPLACE, REPARAMETERIZE

wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_kl = Misconceptions(KL_DIVERGENCE)
wrong_laplace = Misconceptions(LAPLACE)


@wrong_encode(
    "A layer gets a new parameter at each call: an optimizer has the old one, so that the layer never learns."
)
def parameters_made_anew(self, x):
    self.mu.weight = torch.nn.Parameter(self.mu.weight.data)
    h = self.enc(x)
    return self.mu(h), self.logvar(h)


@wrong_reparameterize("The backward pass seeds torch's generator, so that every step of a training has the same noise.")
def backward_seeds_the_generator(self, mu, logvar):
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    if z.requires_grad:
        z.register_hook(lambda gradient: torch.manual_seed(0) and None)
    return z


@wrong_laplace("The data of the call before are changed in place, when nobody looks at them any more.")
def rounds_earlier_data(location, x, last=[]):
    if last:
        last.pop().data.round_()
    last.append(x)
    return (location - x).abs().sum(dim=1).mean()


@wrong_kl("Rows after the first 2,000 do not count, so that the test set as a whole has another KL.")
def first_two_thousand_rows(mu, logvar):
    mu, logvar = mu[:2_000], logvar[:2_000]
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()

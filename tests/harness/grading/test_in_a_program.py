"""Right in every function, and wrong for the program that imports the file, names a field, or trains the model."""

import pytest
from harness.conftest import ROOT

pytestmark = pytest.mark.slow

CASES = {
    "gradients are off for whoever imports the file": ("torch.set_grad_enabled(False)", {"training"}),
    "fields of other names, filled by their places": (
        """
class ElboTerms(NamedTuple):
    kl: torch.Tensor
    recon: torch.Tensor
    loss: torch.Tensor

_elbo = compute_elbo

def compute_elbo(*args, **options):
    return ElboTerms(*_elbo(*args, **options))
""",
        {"compute_elbo", "training"},
    ),
    "a method of torch's in the way": ("VAE.eval = lambda self, x: self.encode(x)", {"build_model"}),
    "an optimizer gets two of the parameters": (
        "VAE.parameters = lambda self, recurse=True: iter([self.dec[0].weight, self.dec[0].bias])",
        {"build_model"},
    ),
    "nothing can be saved": ("VAE.state_dict = lambda self, *args, **kwargs: {}", {"build_model"}),
    "gradients add up from step to step": ("VAE.zero_grad = lambda self, set_to_none=True: None", {"build_model"}),
    "other defaults than those that are given": (
        """
_init = VAE.__init__

def _plain(self, input_dim, hidden_dim, latent_dim, *, num_hidden_layers=2, recon_loss="bernoulli", beta=1.0):
    _init(self, input_dim, hidden_dim, latent_dim,
          num_hidden_layers=num_hidden_layers, recon_loss=recon_loss, beta=beta)

VAE.__init__ = _plain
""",
        {"build_model"},
    ),
    # What costs nothing: a train() of its own that does what it says.
    "a method of torch's, done as torch does it": (
        """
def _train(self, mode=True):
    nn.Module.train(self, mode)
    return self

VAE.train = _train
""",
        set(),
    ),
    # A class of its own with a method called forward is not the model's.
    "an exception in the forward of another class": (
        """
class Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mu, logvar):
        raise RuntimeError("no")

def kl_divergence(mu, logvar):
    return Sum.apply(mu, logvar)

_pass = VAE.forward

def _forward(self, x):
    return _pass(self, x)._replace(mu=x)

VAE.forward = _forward
""",
        {"kl_divergence", "forward", "training"},
    ),
    "what a part keeps for all calls, in those who call it": (
        """
class Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mu, logvar):
        Sample.kept = torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return mu + Sample.kept

    @staticmethod
    def backward(ctx, gradient):
        return gradient, gradient * Sample.kept / 2

VAE.reparameterize = lambda self, mu, logvar: Sample.apply(mu, logvar)
""",
        {"reparameterize"},
    ),
    "a gradient that is changed in place, in those who add it to others": (
        """
class Squares(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mean, x):
        ctx.save_for_backward(mean - x)
        return (mean - x).square().sum(1).mean()

    @staticmethod
    def backward(ctx, gradient):
        (error,) = ctx.saved_tensors
        slope = gradient.mul_(2 / len(error)) * error
        return slope, -slope

reconstruction_loss_gaussian = Squares.apply
""",
        {"reconstruction_loss_gaussian"},
    ),
}
WARM_UP = {
    "gradients are off for whoever imports the warm-up": "torch.set_grad_enabled(False)",
    "a method of torch's in the way of the warm-up": "VAE.eval = lambda self, x: self.encode(x)",
    "a layer past the hidden one": """
_init, _encode = VAE.__init__, VAE.encode

def _with_one_more(self, input_dim, hidden_dim, latent_dim):
    _init(self, input_dim, hidden_dim, latent_dim)
    self.past = nn.Linear(input_dim, latent_dim)

def _past(self, x):
    mu, logvar = _encode(self, x)
    return mu + self.past(x), logvar

VAE.__init__, VAE.encode = _with_one_more, _past
""",
}


@pytest.mark.parametrize(("code", "wrong"), CASES.values(), ids=CASES)
def test_a_program_that_uses_the_file_is_no_worse_off_for_it(judged, hand_in, code, wrong):
    solution = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
    items = ("encode", "reparameterize", "forward", "kl_divergence", "reconstruction_loss_gaussian", "compute_elbo")
    outcome = judged(hand_in(vae=f"{solution}\n{code}\n"), *items, "vae_loss", "build_model", "training")
    assert outcome.lost == wrong, [c for c in outcome.checks.values() if c["status"] != "passed"]


@pytest.mark.parametrize("code", WARM_UP.values(), ids=WARM_UP)
def test_nor_is_one_that_uses_the_warm_up(judged, hand_in, code):
    solution = (ROOT / "reference" / "simple_vae.py").read_text(encoding="utf-8")
    outcome = judged(hand_in(simple_vae=f"{solution}\n{code}\n"), "warmup_model", "warmup_loss")
    assert outcome.lost == {"warmup_model"}

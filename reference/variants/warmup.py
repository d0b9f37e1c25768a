"""Correct answers to the warm-up in other styles."""

import torch
import torch.nn.functional as F
from torch import nn

from grading.catalogue import Variants
from reference.simple_vae import VAE
from reference.tasks import (
    WARMUP_DECODE,
    WARMUP_ENCODE,
    WARMUP_FORWARD,
    WARMUP_INIT,
    WARMUP_LOSS,
    WARMUP_REPARAMETERIZE,
)

variant_init = Variants(WARMUP_INIT)
variant_encode = Variants(WARMUP_ENCODE)
variant_reparameterize = Variants(WARMUP_REPARAMETERIZE)
variant_decode = Variants(WARMUP_DECODE)
variant_forward = Variants(WARMUP_FORWARD)
variant_loss = Variants(WARMUP_LOSS)


@variant_init
def init_with_xavier_weights(self, input_dim, hidden_dim, latent_dim):
    super(VAE, self).__init__()
    self.hidden = nn.Linear(input_dim, hidden_dim)
    self.mu = nn.Linear(hidden_dim, latent_dim)
    self.logvar = nn.Linear(hidden_dim, latent_dim)
    self.decoder_hidden = nn.Linear(latent_dim, hidden_dim)
    self.output = nn.Linear(hidden_dim, input_dim)
    for layer in (self.hidden, self.mu, self.logvar, self.decoder_hidden, self.output):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


@variant_init
def init_with_normalized_weights(self, input_dim, hidden_dim, latent_dim):
    super(VAE, self).__init__()
    self.hidden = nn.utils.parametrizations.weight_norm(nn.Linear(input_dim, hidden_dim))
    self.mu = nn.Linear(hidden_dim, latent_dim)
    self.logvar = nn.Linear(hidden_dim, latent_dim)
    self.decoder_hidden = nn.Linear(latent_dim, hidden_dim)
    self.output = nn.Linear(hidden_dim, input_dim)


@variant_init
def init_heads_without_bias(self, input_dim, hidden_dim, latent_dim):
    super(VAE, self).__init__()
    self.hidden = nn.Linear(input_dim, hidden_dim)
    self.mu, self.logvar = (nn.Linear(hidden_dim, latent_dim, bias=False) for _ in range(2))
    self.decoder_hidden = nn.Linear(latent_dim, hidden_dim)
    self.output = nn.Linear(hidden_dim, input_dim)


@variant_init
def init_with_two_hidden_layers(self, input_dim, hidden_dim, latent_dim):
    super(VAE, self).__init__()
    self.hidden = nn.Sequential(nn.Linear(input_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim))
    self.mu = nn.Linear(hidden_dim, latent_dim)
    self.logvar = nn.Linear(hidden_dim, latent_dim)
    self.decoder_hidden = nn.Sequential(nn.Linear(latent_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim))
    self.output = nn.Linear(hidden_dim, input_dim)


@variant_init
def init_with_a_learned_gain(self, input_dim, hidden_dim, latent_dim):
    class Gain(nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = nn.Parameter(torch.tensor(1.0))

        def forward(self, h):
            return self.gain * h

    super(VAE, self).__init__()
    self.hidden = nn.Linear(input_dim, hidden_dim)
    self.mu = nn.Linear(hidden_dim, latent_dim)
    self.logvar = nn.Linear(hidden_dim, latent_dim)
    self.decoder_hidden = nn.Linear(latent_dim, hidden_dim)
    self.output = nn.Sequential(nn.Linear(hidden_dim, input_dim), Gain())


@variant_init
def init_with_raw_parameters(self, input_dim, hidden_dim, latent_dim):
    class Affine(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(inputs, outputs) / inputs**0.5)
            self.bias = nn.Parameter(torch.zeros(1, outputs))

        def forward(self, h):
            return h @ self.weight + self.bias

    super(VAE, self).__init__()
    self.hidden = Affine(input_dim, hidden_dim)
    self.mu = Affine(hidden_dim, latent_dim)
    self.logvar = Affine(hidden_dim, latent_dim)
    self.decoder_hidden = Affine(latent_dim, hidden_dim)
    self.output = Affine(hidden_dim, input_dim)


@variant_init
def init_with_lazy_layers(self, input_dim, hidden_dim, latent_dim):
    super(VAE, self).__init__()
    self.hidden = nn.LazyLinear(hidden_dim)
    self.mu, self.logvar = nn.LazyLinear(latent_dim), nn.LazyLinear(latent_dim)
    self.decoder_hidden = nn.LazyLinear(hidden_dim)
    self.output = nn.LazyLinear(input_dim)


@variant_encode
def encode_with_method_call(self, x):
    h = self.hidden(x).relu()
    mu = self.mu(h)
    logvar = self.logvar(h)
    return mu, logvar


@variant_encode
def encode_with_clamp_min(self, x):
    h = self.hidden(x).clamp(min=0)
    return [self.mu(h), self.logvar(h)]


@variant_encode
def encode_with_leaky_relu(self, x):
    h = F.leaky_relu(self.hidden(x), 0.01)
    return self.mu(h), self.logvar(h)


@variant_reparameterize
def reparameterize_with_rsample(self, mu, logvar):
    return torch.distributions.Normal(mu, logvar.mul(0.5).exp()).rsample()


@variant_reparameterize
def reparameterize_with_covariance(self, mu, logvar):
    return torch.distributions.MultivariateNormal(mu, torch.diag_embed(logvar.exp())).rsample()


@variant_reparameterize
def reparameterize_with_root_of_variance(self, mu, logvar):
    std = logvar.exp().sqrt()
    eps = torch.randn(std.shape, dtype=std.dtype, device=std.device)
    return eps.mul(std).add(mu)


@variant_reparameterize
def reparameterize_within_the_ranges_of_the_contract(self, mu, logvar):
    return mu.clamp(-100, 100) + torch.exp(logvar.clamp(-60, 8) / 2) * torch.randn_like(mu)


@variant_reparameterize
def reparameterize_with_normal_in_place(self, mu, logvar):
    eps = torch.empty_like(mu).normal_()
    return torch.addcmul(mu, torch.exp(logvar / 2), eps)


@variant_decode
def decode_with_method_calls(self, z):
    return self.output(self.decoder_hidden(z).relu()).sigmoid()


@variant_decode
def decode_with_written_out_sigmoid(self, z):
    logits = self.output(torch.maximum(self.decoder_hidden(z), torch.zeros((), dtype=z.dtype)))
    return torch.exp(F.logsigmoid(logits))


@variant_forward
def forward_with_inline_noise(self, x):
    mu, logvar = self.encode(x)
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    return self.decode(z), mu, logvar


@variant_forward
def forward_with_star(self, x):
    posterior = self.encode(x)
    return (self.decode(self.reparameterize(*posterior)), *posterior)


@variant_forward
def forward_returning_list(self, x):
    mu, logvar = self.encode(x)
    return [self.decode(self.reparameterize(mu, logvar)), mu, logvar]


@variant_loss
def loss_written_out(recon_x, x, mu, logvar):
    return ((x - recon_x) ** 2).sum() + 0.5 * (mu**2 + torch.exp(logvar) - 1.0 - logvar).sum()


@variant_loss
def loss_with_distributions(recon_x, x, mu, logvar):
    posterior = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return F.mse_loss(recon_x, x, reduction="none").sum() + torch.distributions.kl_divergence(posterior, prior).sum()


@variant_loss
def loss_within_the_ranges_of_the_contract(recon_x, x, mu, logvar):
    mu, logvar = mu.clamp(-100, 100), logvar.clamp(-80, 20)
    return F.mse_loss(recon_x, x, reduction="sum") + 0.5 * torch.sum(mu**2 + logvar.exp() - 1 - logvar)


@variant_loss
def loss_with_module(recon_x, x, mu, logvar):
    return nn.MSELoss(reduction="sum")(recon_x, x) + (-0.5) * (1 + logvar - mu * mu - logvar.exp()).sum(1).sum(0)


@variant_loss
def loss_with_norm(recon_x, x, mu, logvar):
    error = (recon_x - x).flatten()
    kl = torch.sum(torch.expm1(logvar) - logvar + mu.square()) / 2
    return torch.dot(error, error) + kl


@variant_loss
def loss_per_example_first(recon_x, x, mu, logvar):
    squared_error = (recon_x - x).square().sum(-1)
    kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(-1)
    return (squared_error + kl).sum()


@variant_loss
def loss_as_log_likelihood(recon_x, x, mu, logvar):
    import math

    density = torch.distributions.Normal(recon_x, math.sqrt(0.5))
    nll = -(density.log_prob(x) + 0.5 * math.log(math.pi)).sum()
    return nll + 0.5 * torch.sum(mu.pow(2) + logvar.exp() - 1 - logvar)


variant_init.edit(
    "init_with_small_heads",
    (
        "self.logvar = nn.Linear(hidden_dim, latent_dim)",
        """self.logvar = nn.Linear(hidden_dim, latent_dim)
for head in (self.mu, self.logvar):
    nn.init.normal_(head.weight, std=1e-3)""",
    ),
)


@variant_decode
def decode_row_by_row(self, z):
    return torch.stack([torch.sigmoid(self.output(F.relu(self.decoder_hidden(row)))) for row in z])

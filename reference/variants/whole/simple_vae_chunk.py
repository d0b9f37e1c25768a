"""The warm-up with two hidden layers and one head of double width, cut in two."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


class VAE(nn.Module):
    def __init__(self, input_dim: int, hidden_dim: int, latent_dim: int) -> None:
        super().__init__()
        self.to_posterior = mlp(input_dim, hidden_dim, hidden_dim, 2 * latent_dim)
        self.to_logits = mlp(latent_dim, hidden_dim, hidden_dim, input_dim)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.to_posterior(x).chunk(2, dim=-1)
        return mu, logvar

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        return torch.distributions.Normal(mu, (logvar / 2).exp()).rsample()

    def decode(self, z: Tensor) -> Tensor:
        return self.to_logits(z).sigmoid()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        posterior = self.encode(x)
        return self.decode(self.reparameterize(*posterior)), *posterior


def vae_loss(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    return F.mse_loss(recon_x, x, reduction="sum") + 0.5 * (mu**2 + logvar.exp() - logvar - 1).sum()

"""The warm-up in as few lines as its author could: heads without bias, matrices made by hand."""

import torch
from torch import nn


class VAE(nn.Module):
    def __init__(self, input_dim, hidden_dim, latent_dim):
        super().__init__()
        matrix = lambda n, m: nn.Parameter(torch.randn(n, m) / n**0.5)
        self.W, self.b = matrix(input_dim, hidden_dim), nn.Parameter(torch.zeros(hidden_dim))
        self.M, self.S = matrix(hidden_dim, latent_dim), matrix(hidden_dim, latent_dim)
        self.V, self.c = matrix(latent_dim, hidden_dim), nn.Parameter(torch.zeros(hidden_dim))
        self.U, self.d = matrix(hidden_dim, input_dim), nn.Parameter(torch.zeros(input_dim))

    def encode(self, x):
        h = (x @ self.W + self.b).clamp(min=0)
        return h @ self.M, h @ self.S

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * (logvar / 2).exp()

    def decode(self, z):
        return ((z @ self.V + self.c).clamp(min=0) @ self.U + self.d).sigmoid()

    def forward(self, x):
        m, s = self.encode(x)
        return self.decode(self.reparameterize(m, s)), m, s


def vae_loss(recon_x, x, mu, logvar):
    return ((recon_x - x) ** 2).sum() + (mu**2 + logvar.exp() - logvar - 1).sum() / 2

"""Part 1, the warm-up: a Variational Autoencoder in one sitting.

A VAE (Kingma & Welling 2013, arXiv:1312.6114) is two networks and one idea. The encoder turns a data point ``x`` into a
distribution over codes, the decoder turns a code ``z`` back into a data point, and the reparameterization trick lets
gradients pass through the sampling between the two.

Notation: ``B`` batch, ``D`` input_dim, ``H`` hidden_dim, ``L`` latent_dim. All tensors are floating point; what you
return has the dtype of what you were given.

This part SUMS its loss over the batch, as many short scripts do; part 2 averages over it. The handout says why.
"""

import torch
import torch.nn.functional as F
from torch import nn


class VAE(nn.Module):
    """A VAE with one hidden layer of ReLU units on each side, for data in ``[0, 1]``."""

    def __init__(self, input_dim: int, hidden_dim: int, latent_dim: int) -> None:
        """Build the layers. Their names are yours.

        The encoder is ``input_dim -> hidden_dim -> (mu, logvar)``, the decoder
        ``latent_dim -> hidden_dim -> input_dim``.

        Args:
            input_dim: ``D``, the number of values in a data point.
            hidden_dim: ``H``, the width of the hidden layer on each side.
            latent_dim: ``L``, the number of values in a code.
        """
        super().__init__()
        self.hidden = nn.Linear(input_dim, hidden_dim)
        self.mu = nn.Linear(hidden_dim, latent_dim)
        self.logvar = nn.Linear(hidden_dim, latent_dim)
        self.decoder_hidden = nn.Linear(latent_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, input_dim)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map data points to the mean and log-variance of their posterior ``q(z | x)``.

        Args:
            x: data points, shape ``(B, D)``.

        Returns:
            ``(mu, logvar)``, each of shape ``(B, L)``; ``logvar`` is ``log(sigma ** 2)`` and may be any real number.
        """
        h = F.relu(self.hidden(x))
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
        """Draw ``z ~ N(mu, sigma ** 2)`` so that gradients reach ``mu`` and ``logvar``.

        ``z = mu + sigma * eps`` with ``sigma = exp(logvar / 2)`` and fresh noise ``eps ~ N(0, I)`` from torch's default
        generator (Kingma & Welling 2013, section 2.4).

        Args:
            mu: means, shape ``(B, L)``.
            logvar: log-variances, shape ``(B, L)``.

        Returns:
            ``z``, shape ``(B, L)``.
        """
        sigma = torch.exp(0.5 * logvar)
        return mu + sigma * torch.randn_like(sigma)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Map codes to data points in ``(0, 1)``: one hidden ReLU layer, then a sigmoid on the output.

        Args:
            z: codes, shape ``(B, L)``.

        Returns:
            Reconstructions, shape ``(B, D)``, every value between 0 and 1.
        """
        h = F.relu(self.decoder_hidden(z))
        return torch.sigmoid(self.output(h))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encode, sample one code for each data point, decode.

        Args:
            x: data points, shape ``(B, D)``.

        Returns:
            ``(recon_x, mu, logvar)`` of shapes ``(B, D)``, ``(B, L)`` and ``(B, L)``.
        """
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def vae_loss(recon_x: torch.Tensor, x: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """Squared error plus KL divergence, both SUMMED over the batch and over all dimensions.

    The squared error is the negative log-likelihood of ``N(recon_x, I/2)`` in nats without its constant; the KL
    divergence from ``N(mu, sigma ** 2)`` to ``N(0, I)`` is ``-1/2 sum(1 + logvar - mu ** 2 - exp(logvar))``, in nats
    (Kingma & Welling 2013, appendix B).

    Args:
        recon_x: reconstructions, shape ``(B, D)``.
        x: data points, shape ``(B, D)``.
        mu: posterior means, shape ``(B, L)``.
        logvar: posterior log-variances, shape ``(B, L)``.

    Returns:
        The loss, a scalar of shape ``()``; 0 for a perfect reconstruction and a posterior equal to the prior.
    """
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return squared_error + kl

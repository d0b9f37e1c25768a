"""Pictures of images: reconstructions, prior samples, interpolations, traversals."""

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from student.lab.figures import style

PAIRS = 16
SAMPLES = 64
STEPS = 11
TRAVERSED = 10


def draw_reconstructions(x: Tensor, means: Tensor, shape: tuple[int, int]) -> Figure:
    """Test images in the upper row, their reconstructions in the lower one, both ``(N, D)``."""
    sheet = style.tiles(_images(torch.cat([x, means]), shape), len(x))
    fig = style.figure(10, 10 * sheet.shape[0] / sheet.shape[1] + 0.3)
    style.show(fig.subplots(), sheet, "above: test images; below: their reconstructions")
    return fig


def draw_samples(means: Tensor, observed: Tensor, shape: tuple[int, int], noise: str) -> Figure:
    """The same prior samples twice: what the decoder says on average, and one observation drawn from that.

    Args:
        means, observed: shape ``(64, D)``.
        shape: height and width of an image.
        noise: what the observation noise is, for the title.
    """
    fig = style.figure(10, 5.3)
    left, right = fig.subplots(1, 2)
    style.show(left, style.tiles(_images(means, shape), 8), "z ~ N(0, I): the mean of p(x | z)")
    style.show(right, style.tiles(_images(observed, shape), 8), f"the same z, with observation noise: {noise}")
    return fig


def draw_beside_autoencoder(
    vae: Tensor, autoencoder: Tensor, shape: tuple[int, int], spread: tuple[float, float]
) -> Figure:
    """The same prior samples decoded by the VAE and by the plain autoencoder, both ``(64, D)``.

    Args:
        vae, autoencoder: decoded means.
        shape: height and width of an image.
        spread: standard deviation of the codes of the test images, of the VAE and of the autoencoder. The prior's is 1.
    """
    fig = style.figure(10, 5.25)
    left, right = fig.subplots(1, 2)
    style.show(left, style.tiles(_images(vae, shape), 8), f"VAE (its codes spread by {spread[0]:.1f}, the prior by 1)")
    title = f"plain autoencoder, the same z (its codes spread by {spread[1]:.1f})"
    style.show(right, style.tiles(_images(autoencoder, shape), 8), title)
    return fig


def draw_interpolations(means: Tensor, shape: tuple[int, int]) -> Figure:
    """Straight lines between the codes of two test images; ``means`` has shape ``(lines * STEPS, D)``."""
    sheet = style.tiles(_images(means, shape), STEPS)
    fig = style.figure(7, 7 * sheet.shape[0] / sheet.shape[1] + 0.3)
    style.show(fig.subplots(), sheet, "each row: from the code of one test image to that of another")
    return fig


def draw_traversals(means: Tensor, shape: tuple[int, int], names: list[str], limit: float) -> Figure:
    """One latent dimension moved at a time; ``means`` has shape ``(len(names) * STEPS, D)``."""
    sheet = style.tiles(_images(means, shape), STEPS)
    fig = style.figure(8.4, 6.8 * sheet.shape[0] / sheet.shape[1] + 0.3)
    axes = fig.subplots()
    style.show(axes, sheet, f"one dimension moved from −{limit:g} to {limit:g}, the others at the image's code")
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    height = sheet.shape[0] / len(names)
    axes.set_yticks([height * (row + 0.5) for row in range(len(names))], names, fontsize=8)
    axes.tick_params(length=0)
    return fig


def line(start: Tensor, end: Tensor) -> Tensor:
    """``STEPS`` codes on the straight line between two codes of shape ``(L,)``; shape ``(STEPS, L)``."""
    return torch.lerp(start, end, torch.linspace(0, 1, STEPS, device=start.device).unsqueeze(1))


def traverse(code: Tensor, dimensions: list[int], limit: float) -> Tensor:
    """A code of shape ``(L,)`` with one dimension at a time set to ``STEPS`` values; ``(len(dimensions) * STEPS, "
    "L)``."""
    codes = code.repeat(len(dimensions), STEPS, 1)
    for row, dimension in enumerate(dimensions):
        codes[row, :, dimension] = torch.linspace(-limit, limit, STEPS, device=code.device)
    return codes.flatten(0, 1)


def _images(x: Tensor, shape: tuple[int, int]) -> NDArray[np.float32]:
    return x.detach().float().cpu().numpy().reshape(-1, *shape)

"""Pictures of the latent plane: where the data lies in it, and what the decoder makes of every place."""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray
from torch import Tensor

from student.lab.figures import style

POINTS = 5000
FEW = 2000  # points; below it each one is drawn larger, and fewer ellipses lie over them
WIDE = 0.3  # median sigma; above it many ellipses would hide the points
HALF, MOST = math.sqrt(2 * math.log(2)), math.sqrt(-2 * math.log(0.05))  # radii that hold 50 % and 95 % of N(0, I)


def draw_latent_map(
    mu: Tensor,
    sigma: Tensor,
    labels: NDArray[np.int64],
    class_names: tuple[str, ...],
    axes_names: tuple[str, str],
    latent_dim: int = 2,
) -> Figure:
    """Posterior means coloured by class, some posteriors as ellipses of one sigma, and the prior as circles.

    Args:
        mu, sigma: the two dimensions to show, each ``(N, 2)``.
        labels: class of each point, ``(N,)``.
        class_names: one for each class.
        axes_names: of the two dimensions.
        latent_dim: ``L``, how many there are in all.
    """
    points, widths, classes = mu[:POINTS].cpu().numpy(), sigma[:POINTS].cpu().numpy(), labels[:POINTS]
    fig = style.figure(8.2, 6.4)
    axes = fig.subplots()
    few = len(points) < FEW
    size, alpha = (min(26.0, 10_000 / max(len(points), 1)), 0.75) if few else (5.0, 0.55)
    wide = len(widths) > 0 and float(np.median(widths)) > WIDE
    for index, name in enumerate(class_names):
        here, colour = classes == index, style.CLASSES[index % len(style.CLASSES)]
        told = name.replace("$", r"\$")
        axes.scatter(points[here, 0], points[here, 1], s=size, alpha=alpha, linewidths=0, label=told, color=colour)
        chosen = np.flatnonzero(here)[: 1 if few or wide or latent_dim > 2 else 6]
        line = colour if few or latent_dim > 2 else "black"
        for place, (across, up) in zip(points[chosen], 2 * widths[chosen], strict=True):
            axes.add_patch(Ellipse(place, across, up, fill=False, edgecolor=line, linewidth=0.9))
    edge = max(MOST * 1.1, float(np.quantile(np.abs(points), 0.998)) * 1.05 if len(points) else 0)
    around = np.linspace(0, 2 * math.pi, 200)
    for radius, share, dash in ((HALF, "50 %", ":"), (MOST, "95 %", "--")):
        circle, told = (radius * np.cos(around), radius * np.sin(around)), f"{share} of the prior"
        axes.plot(*circle, linestyle=dash, color="#555555", linewidth=1.2, label=told)
    axes.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
    plane = "the latent plane" if latent_dim == 2 else f"two of {latent_dim} latent dimensions"
    title = f"test examples in {plane}; ellipses: one sigma of single posteriors"
    style.tidy(axes, title, axes_names[0], axes_names[1])
    scale = 3 * (5 / size) ** 0.5
    axes.legend(fontsize=8, frameon=False, markerscale=scale, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return fig


def draw_aggregate(z: Tensor, axes_names: tuple[str, str]) -> Figure:
    """Sampled codes of test examples over samples of the prior, in two dimensions; ``z`` has shape ``(N, 2)``."""
    points = z[:POINTS].cpu().numpy()
    prior = np.random.default_rng(0).standard_normal(points.shape)
    fig = style.figure(6.2, 6)
    axes = fig.subplots()
    size = min(14.0, 10_000 / max(len(points), 1))
    axes.scatter(
        prior[:, 0], prior[:, 1], s=size, alpha=0.5, linewidths=0, color=style.BASELINE, label="samples of the prior"
    )
    told = f"one sample of q(z | x) for each of {len(points):,} test examples"
    axes.scatter(points[:, 0], points[:, 1], s=size, alpha=0.45, linewidths=0, color=style.TRAIN, label=told)
    edge = max(MOST * 1.4, float(np.quantile(np.abs(points), 0.998)) * 1.05)
    axes.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal")
    style.tidy(axes, "the aggregate posterior q(z) over the prior p(z)", *axes_names)
    fig.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False, markerscale=(40 / size) ** 0.5)
    return fig


def manifold_codes(n: int) -> Tensor:
    """An ``n`` by ``n`` grid that the prior finds equally likely everywhere: the inverse normal CDF at ``(i + 1/2)/n``.

    Returns:
        Codes of shape ``(n * n, 2)``, row by row, the second dimension growing upwards as in a plot
        (Kingma & Welling 2013, appendix A, figure 4).
    """
    places = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n).float()
    second, first = torch.meshgrid(places.flip(0), places, indexing="ij")
    return torch.stack([first.flatten(), second.flatten()], dim=1)


def draw_manifold(means: Tensor, shape: tuple[int, int], n: int) -> Figure:
    """The decoded grid of :func:`manifold_codes`; ``means`` has shape ``(n * n, D)``."""
    sheet = style.tiles(means.float().cpu().numpy().reshape(-1, *shape), n)
    return style.sheets([(sheet, "the decoded plane, in equal steps of prior probability")], 700)

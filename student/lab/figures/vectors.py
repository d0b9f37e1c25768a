"""Pictures for data that are not images: reconstructions as a table of colours, samples as clouds of points."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from student.lab.figures import style

EXAMPLES = 24


def draw_reconstructions(x: Tensor, means: Tensor) -> Figure:
    """Test examples (rows) and their reconstructions, feature by feature (columns), both ``(N, D)``."""
    fig = style.figure(style.COLUMN, 4)
    panels = (("test examples", x), ("reconstructions", means), ("difference", means - x))
    every = fig.subplots(1, 3)
    for axes, (title, values) in zip(every, panels, strict=True):
        image = axes.imshow(values[:EXAMPLES].cpu().numpy(), cmap="RdBu_r", vmin=-3, vmax=3, aspect="auto")
        style.tidy(axes, title, "feature", "example")
        axes.grid(False)
    fig.colorbar(image, ax=every, label="standard deviations from the mean", shrink=0.9)
    return fig


def draw_clouds(data: Tensor, clouds: list[tuple[str, Tensor]]) -> Figure:
    """Generated examples over real ones, on the first two principal components of the real ones.

    Args:
        data: real examples, shape ``(N, D)``.
        clouds: a title and generated examples ``(M, D)`` for each panel.
    """
    centre = data.mean(dim=0)
    _, _, components = torch.linalg.svd(data - centre, full_matrices=False)
    plane = components[:2].T

    def project(values: Tensor) -> np.ndarray:
        return np.asarray(((values - centre) @ plane).cpu())

    real = project(data)
    fig = style.figure(min(5 * len(clouds), style.COLUMN), 4.6 if len(clouds) < 3 else 3.8)
    every = fig.subplots(1, len(clouds), squeeze=False)[0]
    edges = np.abs(real).max(axis=0) * 1.1
    for axes, (title, values) in zip(every, clouds, strict=True):
        made = project(values)
        outside = float((np.abs(made) > edges).any(axis=1).mean())
        for cloud, colour, label in ((real, style.BASELINE, "real"), (made, style.TEST, "generated")):
            axes.scatter(cloud[:, 0], cloud[:, 1], s=14, color=colour, alpha=0.6, linewidths=0, label=label)
        axes.set(xlim=(-edges[0], edges[0]), ylim=(-edges[1], edges[1]))
        style.tidy(axes, title + (f" ({outside:.0%} outside)" if outside else ""), "component 1", "component 2")
    fig.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return fig

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
    sheet = style.tiles(of(torch.cat([x, means]), shape), len(x))
    return style.sheets([(sheet, "above: test images; below: their reconstructions")])


def draw_side_by_side(panels: list[tuple[str, Tensor]], shape: tuple[int, int]) -> Figure:
    """Samples of several origins, a title and ``(64, D)`` for each; of three origins the first 40, drawn larger."""
    columns = 8 if len(panels) < 3 else 5
    return style.sheets([(style.tiles(of(means[: 8 * columns], shape), columns), title) for title, means in panels])


def draw_interpolations(sources: Tensor, means: Tensor, shape: tuple[int, int]) -> Figure:
    """Straight lines between the codes of two test images, which stand at the ends.

    Args:
        sources: the images, shape ``(2 * lines, D)``.
        means: the decoded steps, shape ``(lines * STEPS, D)``.
        shape: height and width of an image.
    """
    rows = [
        torch.cat([ends[:1], steps, ends[1:]])
        for ends, steps in zip(torch.split(sources, 2), torch.split(means, STEPS), strict=True)
    ]
    sheet = style.tiles(of(torch.cat(rows), shape), STEPS + 2)
    return style.sheets(
        [(sheet, "first and last column: two test images; between: the straight line from code to code")]
    )


def draw_traversals(
    pair: Tensor, means: Tensor, shape: tuple[int, int], names: list[str], limit: float, own: list[float]
) -> Figure:
    """One latent dimension moved at a time.

    Args:
        pair: the image and its reconstruction, shape ``(2, D)``.
        means: shape ``(len(names) * STEPS, D)``.
        shape: height and width of an image.
        names: of the dimensions.
        limit: the values go from minus this to this.
        own: the image's own code in each dimension.
    """
    blank = torch.ones(STEPS - 2, pair.shape[1], device=pair.device)
    sheet = style.tiles(of(torch.cat([pair, blank, means]), shape), STEPS)
    sheet[: (sheet.shape[0] + 1) // (len(names) + 1), 2 * (sheet.shape[1] + 1) // STEPS - 1 :] = 1  # no lines there
    title = "first row: an image and its reconstruction; ▲ below a row: its own code"
    fig = style.sheets([(sheet, title)], 900, left=110)
    axes = fig.axes[0]
    style.name_rows(axes, ["", *names])
    height, width = (sheet.shape[0] + 1) / (len(names) + 1), (sheet.shape[1] + 1) / STEPS
    values = np.linspace(-limit, limit, STEPS)
    told = [f"{value:.1f}".replace("-", "−") for value in values]
    axes.set_xticks((np.arange(STEPS) + 0.5) * width - 0.5, told, fontsize=8)
    places = [((value + limit) / (2 * limit) * (STEPS - 1) + 0.5) * width - 0.5 for value in own]
    rows = [height * (row + 2) - 2 for row in range(len(names))]
    axes.plot(
        places, rows, "^", color="#ffaa00", markeredgecolor="black", markersize=8, clip_on=False, linestyle="none"
    )
    axes.tick_params(axis="x", pad=6)  # the last row's mark is above them
    axes.set_xlim(-0.5, sheet.shape[1] - 0.5)
    return fig


def line(start: Tensor, end: Tensor) -> Tensor:
    """``STEPS`` codes on the straight line between two codes of shape ``(L,)``; shape ``(STEPS, L)``."""
    return torch.lerp(start, end, torch.linspace(0, 1, STEPS, device=start.device).unsqueeze(1))


def traverse(code: Tensor, dimensions: list[int], limit: float) -> Tensor:
    """A code of shape ``(L,)`` with one dimension at a time set to ``STEPS`` values.

    Returns:
        The codes, shape ``(len(dimensions) * STEPS, L)``.
    """
    codes = code.repeat(len(dimensions), STEPS, 1)
    for row, dimension in enumerate(dimensions):
        codes[row, :, dimension] = torch.linspace(-limit, limit, STEPS, device=code.device)
    return codes.flatten(0, 1)


def of(x: Tensor, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Examples ``(N, D)`` as grey values, ``(N, height, width)``."""
    return x.detach().float().cpu().numpy().reshape(-1, *shape)

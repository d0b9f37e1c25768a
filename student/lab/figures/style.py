"""What the pictures have in common."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

TRAIN, TEST, BASELINE, ACCENT = "#4477aa", "#cc4433", "#888888", "#228833"
SERIES = ("#4477aa", "#cc4433", "#228833", "#aa7733", "#66a0c0", "#aa3377", "#bbaa22", "#555555")
CLASSES = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#12126b", "#bcbd22", "#17becf")
DPI = 100
COLUMN = 9.7  # inches: the width of a report, in which a picture is drawn dot for dot
EXPLODED = 1e4  # nats; beyond it a curve leaves the picture, and a number is told by its power of ten
BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1}
GAP = 1  # pixels between tiles
SMALLEST = 28  # pixels: smaller images are enlarged, so that the lines between them stay thin


def figure(width: float, height: float) -> Figure:
    """A white figure of the given size in inches, drawn without a display."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def has_pixels(fig: Figure) -> bool:
    """Whether a figure comes from :func:`sheets`, and is to be scaled by whole numbers only."""
    return fig.get_layout_engine() is None


def number(value: float | None) -> str:
    """Nats for a title or a legend; a number that exploded keeps its size and its place."""
    if value is None or not math.isfinite(value):
        return "not finite"
    return f"{value:.1f}" if abs(value) < EXPLODED else f"{value:.1e}".replace("e+", "e")


def tidy(axes: Axes, title: str, x: str, y: str, size: float = 10) -> None:
    """Title, axis labels, a light grid and no box."""
    axes.set_title(title, fontsize=size, loc="left")
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def tiles(images: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """Lay images of shape ``(N, height, width)`` out in rows, with a thin grey line between them."""
    scale = max(1, SMALLEST // images.shape[1])
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), 0.5, dtype=np.float32)
    for index, image in enumerate(images):
        top, left = (index // columns) * (height + GAP), (index % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet


def sheets(panels: list[tuple[NDArray[np.float32], str]], width: int = 980, left: int = 0) -> Figure:
    """Sheets of grey values beside each other, each pixel of them drawn as a square of whole pixels.

    Args:
        panels: a sheet and its title.
        width: how wide the figure may be, in pixels; where one for one is wider already, it is that.
        left: pixels to leave free on the left, for names.
    """
    between, title = 16, 14 + 14 * max(1 + name.count("\n") for _, name in panels)
    total = sum(sheet.shape[1] for sheet, _ in panels)
    scale = max(1, (width - left - between * (len(panels) + 1)) // total)
    tall = max(sheet.shape[0] for sheet, _ in panels) * scale + title + 24
    wide = total * scale + left + between * (len(panels) + 1)
    fig = Figure(figsize=(wide / DPI, tall / DPI), dpi=DPI, facecolor="white")
    place = left + between
    for sheet, name in panels:
        across, down = sheet.shape[1] * scale, sheet.shape[0] * scale
        axes = fig.add_axes((place / wide, 1 - (title + down) / tall, across / wide, down / tall))
        axes.imshow(np.clip(sheet, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(name, fontsize=10, loc="left")
        place += across + between
    return fig


def name_rows(axes: Axes, names: list[str]) -> None:
    """Write a name beside each row of a sheet's tiles, where there is one."""
    height = (axes.images[0].get_size()[0] + GAP) / len(names)
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([height * (row + 0.5) - 0.5 for row in range(len(names))], names, fontsize=8)
    axes.tick_params(length=0)

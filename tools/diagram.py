"""Draws the handout's diagram of a VAE: ``python tools/diagram.py [FILE.png]``."""

import sys
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

TARGET = Path(__file__).resolve().parents[1] / "student" / "lab" / "pictures" / "model.png"
INK, FORWARD, BACKWARD, NOISE = "#1d2430", "#2f5d8a", "#c2185b", "#7a7f87"
FILLS = {"given": "#eef1f4", "network": "#dbe8f4", "code": "#fdf3d7", "loss": "#fbe4ec"}
HEIGHT = 0.62

Point = tuple[float, float]

# Name: (centre, width, what is written, kind)
BOXES: dict[str, tuple[Point, float, str, str]] = {
    "x": ((0.6, 2.0), 0.9, "$x$\n$(B, D)$", "given"),
    "encoder": ((2.2, 2.0), 1.2, "encoder\n$q(z\\,|\\,x)$", "network"),
    "mu": ((4.1, 2.65), 1.2, "$\\mu$  $(B, L)$", "code"),
    "logvar": ((4.1, 1.35), 1.2, "$\\log\\sigma^2$  $(B, L)$", "code"),
    "z": ((6.5, 2.0), 1.5, "$z=\\mu+\\sigma\\,\\varepsilon$\n$(B, L)$", "code"),
    "noise": ((6.5, 0.55), 1.5, "$\\varepsilon\\sim N(0, I)$\n$(B, L)$", "given"),
    "decoder": ((8.6, 2.0), 1.2, "decoder\n$p(x\\,|\\,z)$", "network"),
    "logits": ((10.4, 2.0), 1.0, "logits\n$(B, D)$", "code"),
    "recon": ((10.4, 3.7), 1.9, "recon\n$-\\log p(x\\,|\\,z)$", "loss"),
    "kl": ((4.1, 4.25), 2.2, "kl\n$KL(q(z\\,|\\,x)\\,\\Vert\\,N(0, I))$", "loss"),
    "loss": ((7.4, 4.25), 2.0, "loss = recon + $\\beta\\,$kl", "loss"),
}
FORWARD_ARROWS = (
    ("x", "encoder"), ("encoder", "mu"), ("encoder", "logvar"), ("mu", "z"), ("logvar", "z"), ("noise", "z"),
    ("z", "decoder"), ("decoder", "logits"), ("logits", "recon"), ("recon", "loss"), ("kl", "loss"),
)  # fmt: skip
KL_GRADIENTS = "$\\partial$kl$/\\partial\\mu=\\mu$\n$\\partial$kl$/\\partial\\log\\sigma^2=(\\sigma^2-1)/2$"
# From, to, how far the arrow is bent, what is written, and where.
BACKWARD_ARROWS: tuple[tuple[Point, Point, float, str, Point], ...] = (
    ((8.4, 4.45), (9.45, 3.9), -0.25, "", (0, 0)),
    ((10.75, 3.37), (10.75, 2.33), 0.0, "", (0, 0)),
    ((10.2, 1.68), (9.0, 1.68), -0.25, "", (0, 0)),
    ((8.2, 1.68), (7.25, 1.75), -0.25, "", (0, 0)),
    ((5.9, 2.33), (4.72, 2.8), 0.22, "$\\partial z/\\partial\\mu=1$", (5.55, 2.95)),
    ((5.9, 1.67), (4.72, 1.2), -0.22, "$\\partial z/\\partial\\log\\sigma^2=\\sigma\\varepsilon/2$", (5.82, 1.17)),
    ((3.5, 2.8), (2.5, 2.33), 0.25, "", (0, 0)),
    ((3.5, 1.2), (2.5, 1.67), -0.25, "", (0, 0)),
    ((6.4, 4.45), (5.2, 4.45), 0.2, "", (0, 0)),
    ((3.85, 3.92), (3.85, 3.12), 0.0, KL_GRADIENTS, (2.75, 3.5)),
)


def draw() -> Figure:
    """The diagram, without a display."""
    figure = Figure(figsize=(11.2, 4.9), dpi=110, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, 11.6)
    axes.set_ylim(-0.05, 5.0)
    axes.set_axis_off()
    # What the KL term is made from: both together.
    axes.add_patch(
        FancyBboxPatch((3.4, 0.95), 1.4, 2.1, boxstyle="round,pad=0.05", fc="none", ec=NOISE, lw=1.0, linestyle=":")
    )
    _arrow(axes, (4.35, 3.05), (4.35, 3.95), FORWARD, 0.0)
    for (x, y), width, text, kind in BOXES.values():
        corner = (x - width / 2, y - HEIGHT / 2)
        shape = FancyBboxPatch(
            corner, width, HEIGHT, boxstyle="round,pad=0.02,rounding_size=0.12", fc=FILLS[kind], ec=INK, lw=1.1
        )
        axes.add_patch(shape)
        axes.text(x, y, text, ha="center", va="center", fontsize=10.5, color=INK)
    for one, other in FORWARD_ARROWS:
        _connect(axes, one, other)
    for start, end, bend, text, place in BACKWARD_ARROWS:
        _arrow(axes, start, end, BACKWARD, bend, dashed=True)
        axes.text(*place, text, color=BACKWARD, fontsize=9.5, ha="center", va="center")
    axes.text(
        7.4,
        0.55,
        "the only random number, and it\ndepends on nothing: no gradient",
        color=NOISE,
        fontsize=9.5,
        va="center",
    )
    for row, (color, text) in enumerate([(FORWARD, "values"), (BACKWARD, "gradient")]):
        y = 0.75 - 0.35 * row
        _arrow(axes, (0.2, y), (0.9, y), color, 0.0, dashed=color == BACKWARD)
        axes.text(1.0, y, text, fontsize=10, va="center", color=INK)
    return figure


def _connect(axes: Axes, start: str, end: str) -> None:
    """An arrow from one box's side to the next one's, on the side that faces it."""
    (x, y), width, _, _ = BOXES[start]
    (to_x, to_y), to_width, _, _ = BOXES[end]
    if abs(to_x - x) < 0.1:
        up = 1 if to_y > y else -1
        _arrow(axes, (x, y + up * HEIGHT / 2), (to_x, to_y - up * HEIGHT / 2), FORWARD, 0.0)
        return
    right = 1 if to_x > x else -1
    _arrow(axes, (x + right * width / 2, y), (to_x - right * to_width / 2, to_y), FORWARD, 0.0)


def _arrow(axes: Axes, start: Point, end: Point, color: str, bend: float, dashed: bool = False) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=13, color=color, lw=1.6, shrinkA=3, shrinkB=3,
            connectionstyle=f"arc3,rad={bend}", linestyle=(0, (4, 2.5)) if dashed else "solid",
        )
    )  # fmt: skip


if __name__ == "__main__":
    draw().savefig(sys.argv[1] if len(sys.argv) > 1 else TARGET)

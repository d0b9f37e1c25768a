"""The pictures of the class report, as SVG that takes its colours from the page around it.

The same numbers give the same bytes: ids are hashed with a salt of ours, and no date is written.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_INK, _SOFT, _ACCENT, _GRID = "#010101", "#020202", "#030303", "#040404"
"""Stand-ins, which the page's colours take the place of."""
_PAGE = {_INK: "var(--ink)", _SOFT: "var(--soft)", _ACCENT: "var(--accent)", _GRID: "var(--line)"}
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "class report",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _SOFT,
    "axes.edgecolor": _GRID,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
}


def distribution(shares: Sequence[float], title: str) -> str:
    """How many students have which share of the points, in twenty steps.

    Args:
        shares: of each student, from 0 to 1.
        title: what the picture shows, for readers who do not see it.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(7, 2.6), layout="constrained")
        axes = figure.subplots()
        counts = [0] * 20
        for share in shares:
            counts[min(19, max(0, int(share * 20 + 1e-9)))] += 1
        axes.bar([5 * step + 2.5 for step in range(20)], counts, width=4.6, color=_ACCENT)
        axes.set(xlim=(0, 100), xlabel="percent of the points", ylabel="students")
        axes.set_xticks(range(0, 101, 10))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure, axes, "distribution", title)


def items(points: Sequence[tuple[str, float, float]], title: str) -> str:
    """Difficulty and discrimination of each item.

    Args:
        points: the item's number in the table, its mean share, its correlation with the rest.
        title: what the picture shows, for readers who do not see it.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(7, 2.6), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=_GRID, linewidth=1)
        axes.scatter([100 * x for _, x, _ in points], [y for _, _, y in points], s=22, color=_ACCENT)
        for name, x, y in points:
            axes.annotate(name, (100 * x, y), xytext=(4, 3), textcoords="offset points", color=_INK, fontsize=8)
        lowest = max(0.0, min(x for _, x, _ in points) * 100 - 8)
        axes.set(xlim=(lowest, 102), ylim=(min(-0.2, *(y for _, _, y in points), 0) - 0.05, 1.05))
        axes.set(xlabel="mean percent of its points", ylabel="discrimination")
        return _svg(figure, axes, "items", title)


def _svg(figure: Figure, axes: Axes, name: str, title: str) -> str:
    axes.grid(axis="y", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for stand_in, colour in _PAGE.items():
        text = text.replace(stand_in, colour)
    # Its size is the page's, and its ids begin with its own name, as two pictures stand on one page.
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)

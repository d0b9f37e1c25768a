"""The matrix of an audit as a picture: wrong answers from top to bottom, checks from left to right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .judge import Verdict

PASSED, BLOCKED, FOUND, STRAY, UNKNOWN = range(5)
COLORS = ("#f4f4f2", "#f2c14e", "#2f6690", "#d1495b", "#ffffff")
LABELS = ("passed", "blocked by the item", "found by the item's own check", "lost outside the item")
HEIGHT, WIDTH = 0.068, 0.1
"""Inches for each wrong answer and each check."""


class PictureError(Exception):
    """The picture cannot be drawn here; the message says what is missing."""


def draw(verdict: Verdict, path: Path) -> None:
    """Draw the matrix into the file at ``path``, in the format that its ending names.

    Raises:
        PictureError: matplotlib is not installed.
        OSError, ValueError: the file cannot be written, or its ending names no format.
    """
    try:
        from matplotlib.colors import ListedColormap
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch
    except ImportError as error:
        raise PictureError(f"a picture needs matplotlib, which the extra 'lab' installs: {error}") from None
    results = {result.name: result for result in verdict.audit.group("misconception")}
    names = [finding.answer.name for finding in verdict.findings]
    made = {check for result in results.values() for check in result.checks}
    checks = [check for check in verdict.audit.assignment.checks() if check.id in made]
    own = {finding.answer.name: finding.answer.item for finding in verdict.findings}
    cells = [[_cell(results[name].checks.get(check.id), check.item == own[name]) for check in checks] for name in names]

    figure = Figure(figsize=(4.2 + WIDTH * len(checks), 5.2 + HEIGHT * len(names)), layout="constrained")
    axes: Any = figure.add_subplot()
    axes.imshow(cells, cmap=ListedColormap(COLORS), vmin=0, vmax=len(COLORS) - 1, aspect="auto", interpolation="none")
    axes.set_xticks(range(len(checks)), [_words(check.id) for check in checks], rotation=90, fontsize=5)
    axes.set_yticks(range(len(names)), [name.rpartition(".")[2].replace("_", " ") for name in names], fontsize=4.5)
    axes.tick_params(length=0)
    title = f"{verdict.audit.assignment.name}: which check (a column) finds which wrong answer (a row)"
    figure.suptitle(title, fontsize=16)
    _separate(axes, [check.item for check in checks], vertical=True)
    _separate(axes, [own[name] or "" for name in names], vertical=False)
    handles = [
        Patch(facecolor=color, edgecolor="#999999", label=label) for color, label in zip(COLORS, LABELS, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=11, frameon=False)
    figure.savefig(path, dpi=130)


def _cell(outcome: Any, own: bool) -> int:
    if outcome is None:
        return UNKNOWN
    if outcome.passed:
        return PASSED
    if outcome.blocked:
        return BLOCKED
    return FOUND if own else STRAY


def _words(check: str) -> str:
    tier, _, name = check.split("/")
    words = name.replace("_", " ")
    return f"{words if len(words) <= 52 else words[:51] + '…'}  ({tier[0]})"


def _separate(axes: Any, groups: list[str], *, vertical: bool) -> None:
    """Lines between items, and their names along the far edge."""
    starts = [i for i, group in enumerate(groups) if i == 0 or group != groups[i - 1]]
    for start, end in zip(starts, [*starts[1:], len(groups)], strict=True):
        middle = (start + end - 1) / 2
        if vertical:
            axes.axvline(start - 0.5, color="#555555", linewidth=0.4)
            axes.text(middle, -1.5, groups[start], rotation=30, fontsize=9, ha="left", va="bottom")
        else:
            axes.axhline(start - 0.5, color="#555555", linewidth=0.4)
            axes.text(1.002, middle, groups[start], fontsize=9, va="center", transform=axes.get_yaxis_transform())

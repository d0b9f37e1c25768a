"""Pictures of numbers: training curves, KL per dimension, rate and distortion, runs beside each other."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from torch import Tensor

from student.lab._app.folder import Row
from student.lab.figures import style
from student.lab.measure import ACTIVE_VARIANCE, Floors

PANELS = (("neg_elbo", "−ELBO"), ("recon", "reconstruction"), ("kl", "KL divergence"))
NATS = "nats per example"
FREE = 0.03  # distance from a floor's name to a line that is far enough, as a share of the panel's height
LETTER = (0.0175, 0.07)  # width and height of a letter of a floor's name, as shares of its panel


def draw_curves(rows: Sequence[Row], floors: Floors, setting: str) -> Figure:
    """−ELBO, reconstruction and KL over the epochs for train and test, with the untrained point and the floors.

    Args:
        rows: the metrics of a run, the untrained point (epoch 0) first.
        floors: the levels that need no learning.
        setting: data and binarisation, for the title.
    """
    fig = style.figure(11, 3.6)
    epochs = [row["epoch"] for row in rows]
    for axes, (key, name) in zip(fig.subplots(1, 3), PANELS, strict=True):
        for part, colour in (("train", style.TRAIN), ("test", style.TEST)):
            values = [row[f"{part}_{key}"] for row in rows]
            last = style.number(values[-1]) if values else "none"
            axes.plot(epochs, _plottable(values), color=colour, linewidth=1.6, label=f"{part}, last {last}")
            axes.plot(epochs[:1], _plottable(values)[:1], "o", color=colour, markersize=5)
        style.tidy(axes, name, "epoch (dot: untrained)", NATS)
        _epochs(axes, epochs)
        _scale(axes, [floors.zero, floors.constant] if key != "kl" else [], log=key != "kl")
        if key != "kl":
            if math.isclose(floors.zero, floors.constant, rel_tol=0.02):
                _floor(axes, floors.constant, "zero output, or one constant example")
            else:
                _floor(axes, floors.zero, "zero output")
                _floor(axes, floors.constant, "one constant example")
        axes.legend(fontsize=8, frameon=False, loc="best")
    fig.suptitle(setting, fontsize=11, parse_math=False)
    return fig


def draw_kl_dimensions(kl: Tensor, mean_variance: Tensor) -> Figure:
    """KL of each latent dimension, largest first, active ones coloured.

    Args:
        kl: shape ``(L,)``, nats.
        mean_variance: shape ``(L,)``, variance of the posterior mean over the examples.
    """
    order = kl.argsort(descending=True)
    active = (mean_variance[order] > ACTIVE_VARIANCE).tolist()
    fig = style.figure(max(5.0, min(11.0, 2.5 + 0.16 * len(kl))), 3.2)
    axes = fig.subplots()
    axes.bar(range(len(kl)), kl[order].tolist(), color=[style.ACCENT if on else "#cccccc" for on in active], width=0.85)
    title = (
        f"KL of each latent dimension: {sum(active)} of {len(kl)} active, {style.number(float(kl.sum()))} nats in all"
    )
    style.tidy(axes, title, "latent dimension, by KL", "nats")
    step = max(1, len(kl) // 25)
    places = range(0, len(kl), step)
    axes.set_xticks(places, [f"z{int(order[place]) + 1}" for place in places], fontsize=7)
    axes.set_xlim(-0.6, len(kl) - 0.4)
    return fig


def draw_rate_distortion(points: Sequence[tuple[float, float, float]]) -> Figure:
    """A beta sweep: the rate-distortion curve (Alemi et al. 2018) and the −ELBO over beta.

    Args:
        points: ``(beta, rate, distortion)`` of each run, in nats per example, ordered by beta. The rate is the KL, the
            distortion the reconstruction term; the −ELBO is their sum.
    """
    betas, rates, distortions = (np.array(column) for column in zip(*points, strict=True))
    sums = rates + distortions
    best = int(sums.argmin())
    fig = style.figure(10, 4)
    left, right = fig.subplots(1, 2)
    left.plot(rates, distortions, "o-", color=style.TRAIN, linewidth=1.4, markersize=5)
    for beta, rate, distortion in points:
        left.annotate(f"β {beta:g}", (rate, distortion), xytext=(6, 4), textcoords="offset points", fontsize=8)
    left.margins(x=0.12)
    low, high = left.get_xlim()
    line = np.array([max(low, 0), min(high, sums[best])])
    left.plot(line, sums[best] - line, "--", color=style.FLOOR, linewidth=1)
    left.annotate(
        f"rate + distortion = {sums[best]:.1f}", (0.98, 0.96), xycoords="axes fraction", ha="right", va="top",
        fontsize=8, color=style.FLOOR,
    )  # fmt: skip
    style.tidy(left, "rate and distortion", f"rate: KL, {NATS}", f"distortion: reconstruction, {NATS}")
    right.plot(betas, sums, "o-", color=style.TEST, linewidth=1.4, markersize=5)
    right.plot(betas[best], sums[best], "*", color=style.ACCENT, markersize=15, label=f"lowest at β = {betas[best]:g}")
    right.axvline(1.0, color=style.FLOOR, linewidth=1, linestyle="--", label="β = 1: the ELBO itself")
    right.set_xscale("log")
    right.set_xticks(betas, [f"{beta:g}" for beta in betas])
    right.xaxis.set_minor_formatter(NullFormatter())
    style.tidy(right, "−ELBO (β 1) of a model trained with β", "β in training, log scale", NATS)
    right.legend(fontsize=8, frameon=False)
    return fig


def draw_comparison(runs: Sequence[tuple[str, Sequence[Row]]], reported: bool = False) -> Figure:
    """Test −ELBO, reconstruction and KL of several runs over each other.

    Args:
        runs: a label and the metrics of each run.
        reported: put the loss that each implementation reports in training first, as a fourth panel.
    """
    panels = [(f"test_{key}", f"measured: {name}" if reported else f"test {name}") for key, name in PANELS]
    if reported:
        panels = [("reported_loss", "what the code reports as its loss"), *panels[:1], *panels[1:]]
    fig = style.figure(4.2 * len(panels), 4.4)
    every = fig.subplots(1, len(panels))
    for axes, (key, name) in zip(every, panels, strict=True):
        for index, (label, rows) in enumerate(runs):
            colour, dash = style.SERIES[index % len(style.SERIES)], ("-", "--", ":")[index // len(style.SERIES) % 3]
            epochs, values = [row["epoch"] for row in rows], _plottable([row[key] for row in rows])
            axes.plot(epochs, values, dash, color=colour, linewidth=1.5, label=_plain(label))
        style.tidy(axes, name, "epoch", NATS)
        _epochs(axes, [row["epoch"] for _, rows in runs for row in rows])
        _scale(axes, [], log=key != "test_kl" or reported)
        _note_missing(axes, [(label, [row[key] for row in rows]) for label, rows in runs])
    fig.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return fig


def _epochs(axes: Axes, epochs: Sequence[float]) -> None:
    """Show all epochs, also those of a run that has left the picture."""
    style.whole_numbers(axes)
    first, last = min(epochs, default=0), max(epochs, default=0)
    margin = 0.04 * (last - first) or 0.5
    axes.set_xlim(first - margin, last + margin)


def _plottable(values: Sequence[float | None]) -> list[float]:
    """The values of a line: a gap where there is no number, and a way out of the picture where a run exploded.

    Beyond the limit only the points next to a tame one are kept (at a size that can be drawn), so that the line leaves
    the picture there and no plateau is left behind.
    """
    known = [math.nan if value is None or not math.isfinite(value) else value for value in values]

    def drawn(place: int) -> float:
        value, around = known[place], known[max(0, place - 1) : place + 2]
        if abs(value) < style.EXPLODED:
            return value
        kept = any(abs(other) < style.EXPLODED for other in around)
        return math.copysign(100 * style.EXPLODED, value) if kept and not math.isnan(value) else math.nan

    return [drawn(place) for place in range(len(known))]


def _floor(axes: Axes, level: float, name: str) -> None:
    """A dashed line with its name beside it, where no curve crosses the name if there is such a place."""
    axes.axhline(level, color=style.FLOOR, linewidth=1, linestyle="--")
    text = f"{name}: {level:.1f}"
    size = (min(LETTER[0] * len(text), 1.0), LETTER[1])
    places = [(x, above) for x in (1.0, 0.5, 0.0) for above in (True, False)]
    # The first place that is far enough from all lines, else the farthest.
    x, above = max(places, key=lambda place: min(_clearance(axes, level, size, *place), FREE))
    axes.annotate(
        text, (x, level), xycoords=("axes fraction", "data"), xytext=(3 - 6 * x, 3 if above else -3),
        textcoords="offset points", ha={1.0: "right", 0.5: "center", 0.0: "left"}[x], va="bottom" if above else "top",
        fontsize=7.5, color=style.FLOOR, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
    )  # fmt: skip


def _clearance(axes: Axes, level: float, size: tuple[float, float], x: float, above: bool) -> float:
    """How far the nearest line stays from a floor's name, as a share of the panel's height; negative if it crosses.

    Args:
        axes: with its curves, earlier floors and limits.
        level: of the floor.
        size: width and height of the name, as shares of the panel.
        x: place of the name, 0 at the left edge of the panel and 1 at the right one; it is aligned accordingly.
        above: whether it stands on the floor's line or hangs from it.
    """
    to_share = axes.transData + axes.transAxes.inverted()
    bottom = float(to_share.transform((0, level))[1]) - (0 if above else size[1])
    left = x * (1 - size[0])
    inside = min(bottom, 1 - bottom - size[1])  # the edge of the panel counts as a line
    nearest = inside if inside < 0 else math.inf
    places = np.linspace(left, left + size[0], 60)
    for line in axes.get_lines():
        data = np.asarray(line.get_xydata(), dtype=float)
        if line.get_linestyle() == "--":  # another floor, whose line spans the panel in shares of its width
            shares = to_share.transform(np.stack([np.zeros(len(data)), data[:, 1]], axis=1))
            if abs(data[0, 1] - level) < 1e-9:
                continue
            heights = np.full(len(places), shares[0, 1])
        else:
            shares = to_share.transform(data[np.isfinite(data).all(axis=1)])
            if not len(shares):
                continue
            heights = np.interp(places, shares[:, 0], shares[:, 1])
        nearest = min(nearest, float(np.maximum(bottom - heights, heights - bottom - size[1]).min()))
    return nearest


def _scale(axes: Axes, floors: Sequence[float], log: bool) -> None:
    """Limits around everything tame, and a log scale with plain numbers where the values need one.

    The untrained point is far above everything after it. An exploded run leaves the picture instead of flattening the
    others.

    Args:
        axes: with its curves.
        floors: levels that must be in the picture too.
        log: whether a log scale may be used at all.
    """
    values = [value for line in axes.get_lines() for value in np.asarray(line.get_ydata(), dtype=float)]
    finite = [value for value in [*values, *floors] if math.isfinite(value) and abs(value) < style.EXPLODED]
    if not finite:
        return
    low, high = min(finite), max(finite)
    margin = max(0.06 * (high - low), 0.1)  # a tenth of a nat: no magnifying glass on a single point
    if not log or high < 3 * max(low, 1.0) or (low <= 1 and high < 100):
        axes.set_ylim(low - margin, high + margin)
        return
    if low <= 1:
        axes.set_yscale("symlog", linthresh=10)
        axes.set_ylim(low - 1, high * 1.3)
    else:
        axes.set_yscale("log")
        axes.set_ylim(low * 0.9, high * 1.15)
        # Powers of ten alone leave a short range with one number or none.
        steps = (1, 1.5, 2, 3, 5, 7) if high < 12 * low else (1, 2, 5) if high < 1000 * low else (1,)
        axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=20))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))


def _note_missing(axes: Axes, runs: Sequence[tuple[str, Sequence[float | None]]]) -> None:
    """Name the runs whose last value a panel cannot show, with that value."""
    gone = [(label, values[-1]) for label, values in runs if values]
    told = [
        f"{_plain(label)} ({style.number(last)})"
        for label, last in gone
        if last is None or not abs(last) < style.EXPLODED
    ]
    if told:
        text = textwrap.fill("ends outside: " + ", ".join(told), 60)
        axes.set_xlabel(f"{axes.get_xlabel()}\n{text}", fontsize=9)  # there no curve can cross it


def _plain(label: str) -> str:
    """A label that matplotlib does not read as mathematics, nor hides because it begins with an underscore."""
    label = label.replace("$", r"\$")
    return "\u200b" + label if label.startswith("_") else label

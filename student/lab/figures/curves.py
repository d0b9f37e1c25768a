"""Pictures of numbers: training curves, KL per dimension, rate and distortion, runs beside each other."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter
from torch import Tensor

from student.lab.figures import style
from student.lab.folder import Row
from student.lab.measure import ACTIVE_VARIANCE, Floors

PANELS = (("neg_elbo", "−ELBO"), ("recon", "reconstruction"), ("kl", "KL divergence"))
NATS = "nats per example"
EXPLODED = 1e4  # nats; beyond it a curve may leave the picture


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
            values = [_plottable(row[f"{part}_{key}"]) for row in rows]
            last = f"{values[-1]:.1f}" if len(values) and math.isfinite(values[-1]) else "not finite"
            axes.plot(epochs, values, color=colour, linewidth=1.6, label=f"{part}, last {last}")
            axes.plot(epochs[:1], values[:1], "o", color=colour, markersize=5)
        if key != "kl":
            if math.isclose(floors.zero, floors.constant, rel_tol=0.02):
                _floor(axes, floors.constant, "zero output, or one constant example")
            else:
                _floor(axes, floors.zero, "zero output")
                _floor(axes, floors.constant, "one constant example")
            _log_scale(axes)
        style.tidy(axes, name, "epoch (dot: untrained)", NATS)
        style.whole_numbers(axes)
        axes.legend(fontsize=8, frameon=False, loc="lower right" if key == "kl" else "center right")
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
    title = f"KL of each latent dimension: {sum(active)} of {len(kl)} active, {float(kl.sum()):.1f} nats in all"
    style.tidy(axes, title, "latent dimension, by KL", "nats")
    step = max(1, len(kl) // 25)
    places = range(0, len(kl), step)
    axes.set_xticks(places, [f"z{int(order[place]) + 1}" for place in places], fontsize=7)
    axes.set_xlim(-0.6, max(len(kl), 6) - 0.4)
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
            values = [_plottable(row[key]) for row in rows]
            axes.plot([row["epoch"] for row in rows], values, dash, color=colour, linewidth=1.5, label=_plain(label))
        style.tidy(axes, name, "epoch", NATS)
        style.whole_numbers(axes)
        if key != "test_kl" or reported:
            _log_scale(axes)
    fig.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return fig


def _plottable(value: float | None) -> float:
    """A gap in the line where there is no number, and a limit where a run exploded."""
    if value is None or not math.isfinite(value):
        return math.nan
    return max(-1e6, min(1e6, value))


def _floor(axes: Axes, level: float, name: str) -> None:
    axes.axhline(level, color=style.FLOOR, linewidth=1, linestyle="--")
    axes.annotate(
        f"{name}: {level:.1f}", (1, level), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", ha="right", fontsize=7.5, color=style.FLOOR,
    )  # fmt: skip


def _log_scale(axes: Axes) -> None:
    """A log scale with plain numbers where the values need one: the untrained point is far above everything after it.

    An exploded run leaves the picture instead of flattening the others.
    """
    values = [value for line in axes.get_lines() for value in np.asarray(line.get_ydata(), dtype=float)]
    finite = [value for value in values if math.isfinite(value) and abs(value) < EXPLODED]
    if not finite:
        return
    low, high = min(finite), max(finite)
    margin = 0.06 * (high - low) or 1.0
    if high < 3 * max(low, 1.0) or (low <= 1 and high < 100):
        axes.set_ylim(low - margin, high + margin)
    elif low <= 1:
        axes.set_yscale("symlog", linthresh=10)
        axes.set_ylim(low - 1, high * 1.3)
        axes.yaxis.set_major_formatter(ScalarFormatter())
    else:
        axes.set_yscale("log")
        axes.set_ylim(low * 0.9, high * 1.15)
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(ScalarFormatter() if high < 20 * low else NullFormatter())
        axes.tick_params(axis="y", which="minor", labelsize=7)


def _plain(label: str) -> str:
    """A label that matplotlib does not read as mathematics, nor hides because it begins with an underscore."""
    label = label.replace("$", r"\$")
    return "\u200b" + label if label.startswith("_") else label

"""Pictures of numbers: training curves, KL per dimension, rate and distortion, runs beside each other."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter
from torch import Tensor

from student.lab.figures import style
from student.lab.measure import ACTIVE_VARIANCE, Baselines

PANELS = (("neg_elbo", "−ELBO"), ("recon", "reconstruction"), ("kl", "KL divergence"))
PARTS = (("train", style.TRAIN), ("validation", style.ACCENT), ("test", style.TEST))
NATS = "nats per example"
COLUMNS = 4  # patients in a row
MANY = 100  # bars; gaps between so many would be drawn uneven

Row = Mapping[str, float]
"""A line of a run's metrics, by name."""


def draw_curves(rows: Sequence[Row], baselines: Baselines, setting: str) -> Figure:
    """−ELBO, reconstruction and KL over the epochs, with the untrained point and the baselines; below, a zoom.

    Args:
        rows: the metrics of a run, the untrained point (epoch 0) first.
        baselines: the levels that need no learning.
        setting: data and binarisation, for the title.
    """
    fig = style.figure(style.COLUMN, 6.8)
    for place, axes in enumerate(fig.subplots(2, 3).flat):
        zoomed, (key, name) = place >= 3, PANELS[place % 3]
        levels = {"zero output": baselines.zero, "one constant example": baselines.constant} if key != "kl" else {}
        shown = rows[1:] if zoomed and len(rows) > 2 else rows
        for part, colour in PARTS:
            last = style.number(rows[-1][f"{part}_{key}"])
            _plot(axes, shown, f"{part}_{key}", color=colour, linewidth=1.6, label=f"{part}, last {last}")
            if not zoomed:
                _plot(axes, rows[:1], f"{part}_{key}", marker="o", color=colour, markersize=5)
        for (label, level), dash in zip(levels.items(), ("--", ":"), strict=False):
            axes.axhline(level, color=style.BASELINE, linewidth=1, linestyle=dash, label=f"{label}: {level:.1f}")
        style.tidy(
            axes, f"{name}, from epoch 1" if zoomed else name, "epoch" if zoomed else "epoch (dot: untrained)", NATS
        )
        _limits(axes, shown, [f"{part}_{key}" for part, _ in PARTS], [] if zoomed else [*levels.values()])
        if zoomed:
            axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0, -0.2))
    fig.suptitle(setting, fontsize=11, parse_math=False)
    return fig


def draw_bound(points: Sequence[tuple[int, float]], neg_elbo: float) -> Figure:
    """The importance-weighted bound against its number of samples.

    Args:
        points: ``K`` and the bound on ``-log p(x)``, nats per example.
        neg_elbo: on the same examples.
    """
    samples, bounds = zip(*points, strict=True)
    fig = style.figure(6.4, 3.4)
    axes = fig.subplots()
    axes.axhline(neg_elbo, color=style.BASELINE, linewidth=1, linestyle="--", label=f"−ELBO {neg_elbo:.2f}")
    axes.plot(samples, bounds, "o-", color=style.TEST, linewidth=1.4, markersize=5)
    for count, bound in points:
        place, behind = (count, bound), style.BEHIND_TEXT
        axes.annotate(f"{bound:.2f}", place, (5, 5), textcoords="offset points", fontsize=8, bbox=behind)
    _log_scale(axes, samples, [f"{count:,}" for count in samples])
    axes.margins(x=0.1, y=0.18)
    gained = neg_elbo - bounds[-1]
    told = f"{abs(gained):.2f} nats {'below' if gained >= 0 else 'above'} the −ELBO at K = {samples[-1]:,}"
    style.tidy(axes, f"bound on −log p(x); {told}", "K, samples of z", NATS)
    axes.legend(fontsize=8, frameon=False)
    return fig


def draw_kl_dimensions(kl: Tensor, mean_variance: Tensor) -> Figure:
    """KL of each latent dimension, largest first, active ones coloured.

    Args:
        kl: shape ``(L,)``, nats.
        mean_variance: shape ``(L,)``, variance of the posterior mean over the examples.
    """
    order = kl.argsort(descending=True)
    active = (mean_variance[order] > ACTIVE_VARIANCE).tolist()
    fig = style.figure(max(5.0, min(style.COLUMN, 2.5 + 0.16 * len(kl))), 3.2)
    axes = fig.subplots()
    colours, width = [style.ACCENT if on else "#cccccc" for on in active], 0.85 if len(kl) < MANY else 1.0
    axes.bar(range(len(kl)), kl[order].tolist(), color=colours, width=width)
    told = f"{sum(active)} of {len(kl)} active, {style.number(float(kl.sum()))} nats in all"
    style.tidy(axes, f"KL of each latent dimension: {told}", "latent dimension, by KL", "nats")
    places = range(0, len(kl), max(1, len(kl) // 25))
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
    fig = style.figure(style.COLUMN, 4)
    left, right = fig.subplots(1, 2)
    left.plot(rates, distortions, "o-", color=style.TRAIN, linewidth=1.4, markersize=5)
    for beta, rate, distortion in points:
        step = 0.07 * min(np.ptp(rates), np.ptp(distortions) / beta)
        run = np.array([-step, step])
        left.plot(rate + run, distortion - beta * run, color=style.ACCENT, linewidth=2.2, solid_capstyle="butt")
        left.annotate(f"β {beta:g}", (rate, distortion), xytext=(7, 7), textcoords="offset points", fontsize=9)
    left.margins(x=0.12)
    low, high = left.get_xlim()
    line = np.array([max(low, 0), min(high, sums[best])])
    left.plot(line, sums[best] - line, "--", color=style.BASELINE, linewidth=1)
    told = f"dashed: rate + distortion = {sums[best]:.1f}\ngreen: slope −β"
    left.text(0.98, 0.96, told, transform=left.transAxes, ha="right", va="top", fontsize=8, color="#555555")
    style.tidy(left, "rate and distortion", f"rate: KL, {NATS}", f"distortion: reconstruction, {NATS}")
    right.plot(betas, sums, "o-", color=style.TEST, linewidth=1.4, markersize=5)
    right.plot(betas[best], sums[best], "*", color=style.ACCENT, markersize=15, label=f"lowest at β = {betas[best]:g}")
    right.axvline(1.0, color=style.BASELINE, linewidth=1, linestyle="--", label="β = 1: the ELBO itself")
    _log_scale(right, betas, [f"{beta:g}" for beta in betas])
    style.tidy(right, "−ELBO (β 1) of a model trained with β", "β in training, log scale", NATS)
    right.legend(fontsize=8, frameon=False)
    return fig


def draw_comparison(runs: Sequence[tuple[str, Sequence[Row]]]) -> Figure:
    """Test −ELBO, reconstruction and KL of several runs over each other; the scale is that of the trained networks.

    Args:
        runs: a label and the metrics of each run.
    """
    fig = style.figure(style.COLUMN, 4.4)
    every = fig.subplots(1, 3)
    for axes, (key, name) in zip(every, PANELS, strict=True):
        for index, (label, rows) in enumerate(runs):
            colour, dash = style.SERIES[index % len(style.SERIES)], ("-", "--", ":")[index // len(style.SERIES) % 3]
            _plot(axes, rows, f"test_{key}", color=colour, linestyle=dash, linewidth=1.5, label=_plain(label))
        style.tidy(axes, f"test {name}", "epoch", NATS)
        _limits(axes, [row for _, rows in runs for row in rows if row["epoch"] or len(rows) == 1], [f"test_{key}"])
    fig.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return fig


def draw_patients(runs: Sequence[tuple[str, Sequence[Row]]], zero: float) -> Figure:
    """For each patient what its code reports and what is true, on one scale, the healthy one in grey behind it.

    Args:
        runs: a name and the metrics of each, the healthy one first.
        zero: the baseline of zero output, nats: the scale ends a little above it.
    """
    lines = (
        ("reported_loss", "--", "reported by the code in training"),
        ("test_neg_elbo", "-", "true −ELBO, test set"),
    )
    fig = style.figure(style.COLUMN, 2.2 * -(-len(runs) // COLUMNS) + 0.5)
    every = fig.subplots(-(-len(runs) // COLUMNS), COLUMNS, sharex=True, sharey=True, squeeze=False).flatten()
    for axes in every[len(runs) :]:
        axes.set_axis_off()
    for index, (axes, (name, rows)) in enumerate(zip(every, runs, strict=False)):
        for key, dash, label in lines:
            for colour, shown in (("#bbbbbb", runs[0][1]), (style.TEST if index else style.TRAIN, rows)):
                _plot(axes, shown, key, color=colour, linestyle=dash, linewidth=1.5, label=label)
        told, true = (style.number(rows[-1][key]) for key, _, _ in lines)
        style.tidy(axes, f"{_plain(name)}\nreports {told}, true {true}", "", "", 8.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(labelbottom=index + COLUMNS >= len(runs))
    every[0].set_ylim(-0.06 * zero, 1.15 * zero)
    handles, labels = every[0].get_legend_handles_labels()
    fig.legend(handles[1::2], labels[1::2], loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    fig.supylabel(NATS, fontsize=9)
    return fig


def _plot(axes: Axes, rows: Sequence[Row], key: str, **how: Any) -> None:
    """A column of the metrics over the epochs: a gap where there is no number, and one that exploded can be drawn."""
    values = np.clip(np.array([row[key] for row in rows], dtype=float), -100 * style.EXPLODED, 100 * style.EXPLODED)
    axes.plot([row["epoch"] for row in rows], values, **how)


def _log_scale(axes: Axes, places: Iterable[float], names: list[str]) -> None:
    axes.set_xscale("log")
    axes.set_xticks([*places], names)
    axes.xaxis.set_minor_formatter(NullFormatter())


def _limits(axes: Axes, rows: Sequence[Row], keys: list[str], levels: Sequence[float] = ()) -> None:
    """A linear scale around all values that have not exploded, and all epochs, also of a run that left the picture."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    values = [row[key] for row in rows for key in keys] + [*levels]
    tame = [value for value in values if value is not None and math.isfinite(value) and abs(value) < style.EXPLODED]
    if tame:
        margin = max(0.06 * (max(tame) - min(tame)), 0.1)  # a tenth of a nat: no magnifying glass on a single point
        axes.set_ylim(min(tame) - margin, max(tame) + margin)


def _plain(label: str) -> str:
    """A label that matplotlib does not read as mathematics, nor hides because it begins with an underscore."""
    label = label.replace("$", r"\$")
    return "\u200b" + label if label.startswith("_") else label

"""Pictures of numbers: training curves, KL per dimension, rate and distortion, runs beside each other."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from torch import Tensor

from student.lab._app.folder import Row
from student.lab.figures import style
from student.lab.measure import ACTIVE_VARIANCE, Baselines

PANELS = (("neg_elbo", "−ELBO"), ("recon", "reconstruction"), ("kl", "KL divergence"))
NATS = "nats per example"


def draw_curves(rows: Sequence[Row], baselines: Baselines, setting: str) -> Figure:
    """−ELBO, reconstruction and KL over the epochs, with the untrained point and the baselines.

    Args:
        rows: the metrics of a run, the untrained point (epoch 0) first.
        baselines: the levels that need no learning.
        setting: data and binarisation, for the title.
    """
    fig = style.figure(11, 6.4)
    epochs = [row["epoch"] for row in rows]
    grid = fig.subplots(2, 3)
    for column, (key, name) in enumerate(PANELS):
        levels = [("zero output", baselines.zero), ("one constant example", baselines.constant)] if key != "kl" else []
        for axes, zoomed in ((grid[0][column], False), (grid[1][column], True)):
            shown = []
            for part, colour in (("train", style.TRAIN), ("validation", style.ACCENT), ("test", style.TEST)):
                values = [row[f"{part}_{key}"] for row in rows]
                last = style.number(values[-1]) if values else "none"
                first = 1 if zoomed and len(values) > 2 else 0
                drawn = _plottable(values)[first:]
                axes.plot(epochs[first:], drawn, color=colour, linewidth=1.6, label=f"{part}, last {last}")
                axes.plot(epochs[:1], _plottable(values)[:1], "o", color=colour, markersize=5)
                shown += values[first:]
            for (label, level), dash in zip(levels, ("--", ":"), strict=False):
                axes.axhline(level, color=style.BASELINE, linewidth=1, linestyle=dash, label=f"{label}: {level:.1f}")
            style.tidy(
                axes, f"{name}, from epoch 1" if zoomed else name, "epoch" if zoomed else "epoch (dot: untrained)", NATS
            )
            _epochs(axes, epochs[1:] if zoomed and len(epochs) > 2 else epochs)
            _limits(axes, [*shown, *([] if zoomed else [level for _, level in levels])])
            if zoomed:
                axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
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
        axes.annotate(
            f"{bound:.2f}", (count, bound), xytext=(0, 6), textcoords="offset points", fontsize=8, ha="center"
        )
    axes.set_xscale("log")
    axes.set_xticks(samples, [f"{count:,}" for count in samples])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.08, y=0.18)
    gap = neg_elbo - bounds[-1]
    style.tidy(
        axes, f"bound on −log p(x); {gap:.2f} nats below the −ELBO at K = {samples[-1]:,}", "K, samples of z", NATS
    )
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
    reach = 0.07 * (rates.max() - rates.min())
    for beta, rate, distortion in points:
        step = min(reach, 0.07 * (distortions.max() - distortions.min()) / beta)
        run = np.array([-step, step])
        left.plot(rate + run, distortion - beta * run, color=style.ACCENT, linewidth=2.2, solid_capstyle="butt")
        left.annotate(f"β {beta:g}", (rate, distortion), xytext=(7, 7), textcoords="offset points", fontsize=9)
    left.margins(x=0.12)
    low, high = left.get_xlim()
    line = np.array([max(low, 0), min(high, sums[best])])
    left.plot(line, sums[best] - line, "--", color=style.BASELINE, linewidth=1)
    left.annotate(
        f"dashed: rate + distortion = {sums[best]:.1f}\ngreen: slope −β", (0.98, 0.96),
        xycoords="axes fraction", ha="right", va="top",
        fontsize=8, color=style.BASELINE,
    )  # fmt: skip
    style.tidy(left, "rate and distortion", f"rate: KL, {NATS}", f"distortion: reconstruction, {NATS}")
    right.plot(betas, sums, "o-", color=style.TEST, linewidth=1.4, markersize=5)
    right.plot(betas[best], sums[best], "*", color=style.ACCENT, markersize=15, label=f"lowest at β = {betas[best]:g}")
    right.axvline(1.0, color=style.BASELINE, linewidth=1, linestyle="--", label="β = 1: the ELBO itself")
    right.set_xscale("log")
    right.set_xticks(betas, [f"{beta:g}" for beta in betas])
    right.xaxis.set_minor_formatter(NullFormatter())
    style.tidy(right, "−ELBO (β 1) of a model trained with β", "β in training, log scale", NATS)
    right.legend(fontsize=8, frameon=False)
    return fig


def draw_comparison(runs: Sequence[tuple[str, Sequence[Row]]]) -> Figure:
    """Test −ELBO, reconstruction and KL of several runs over each other; the scale is that of the trained networks.

    Args:
        runs: a label and the metrics of each run.
    """
    panels = [(f"test_{key}", f"test {name}") for key, name in PANELS]
    fig = style.figure(4.2 * len(panels), 4.4)
    every = fig.subplots(1, len(panels))
    for axes, (key, name) in zip(every, panels, strict=True):
        for index, (label, rows) in enumerate(runs):
            colour, dash = style.SERIES[index % len(style.SERIES)], ("-", "--", ":")[index // len(style.SERIES) % 3]
            epochs, values = [row["epoch"] for row in rows], _plottable([row[key] for row in rows])
            axes.plot(epochs, values, dash, color=colour, linewidth=1.5, label=_plain(label))
        style.tidy(axes, name, "epoch", NATS)
        _epochs(axes, [row["epoch"] for _, rows in runs for row in rows])
        _limits(axes, [row[key] for _, rows in runs for row in rows if row["epoch"] or len(rows) == 1])
        _note_missing(axes, [(label, [row[key] for row in rows]) for label, rows in runs])
    fig.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return fig


COLUMNS = 4  # patients in a row


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
    rows = -(-len(runs) // COLUMNS)
    fig = style.figure(11, 2.1 * rows + 0.5)
    every = fig.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).flatten()
    for axes in every[len(runs) :]:
        axes.set_axis_off()
    for index, (axes, (name, metrics)) in enumerate(zip(every, runs, strict=False)):
        for key, dash, label in lines:
            for colour, shown in (("#bbbbbb", runs[0][1]), (style.TEST if index else style.TRAIN, metrics)):
                values = _plottable([row[key] for row in shown])
                axes.plot([row["epoch"] for row in shown], values, dash, color=colour, linewidth=1.5, label=label)
        told, true = (style.number(metrics[-1][key]) for key, _, _ in lines)
        style.tidy(axes, f"{_plain(name)}: reports {told}, true {true}", "", "")
        axes.set_title(axes.get_title(loc="left"), fontsize=8.5, loc="left")
        _epochs(axes, [row["epoch"] for row in metrics])
    every[0].set_ylim(-0.06 * zero, 1.15 * zero)
    handles, labels = every[0].get_legend_handles_labels()
    fig.legend(handles[1::2], labels[1::2], loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    fig.supylabel(NATS, fontsize=9)
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


def _limits(axes: Axes, values: Sequence[float | None]) -> None:
    """A linear scale around all values that have not exploded."""
    finite = [value for value in values if value is not None and math.isfinite(value) and abs(value) < style.EXPLODED]
    if finite:
        margin = max(0.06 * (max(finite) - min(finite)), 0.1)  # a tenth of a nat: no magnifying glass on a single point
        axes.set_ylim(min(finite) - margin, max(finite) + margin)


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

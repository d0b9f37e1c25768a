"""``vae-lab compare``: runs beside each other, and a word where their numbers cannot be compared."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from student.lab._app import checkpoint, console
from student.lab._app.config import RunConfig
from student.lab._app.errors import BadInput
from student.lab._app.folder import Row, RunFolder
from student.lab.figures import curves, style

COLUMNS = ["run", "setting", "epochs", "−ELBO", "recon", "KL", "active", "IW bound"]


@dataclass(frozen=True)
class Told:
    """A run as the comparison sees it.

    Attributes:
        label: its folder's name, or path where names clash.
        cfg, rows: its settings and metrics.
        input_dim: ``D``.
        bound: its importance-weighted bound and ``K``, if it was taken.
    """

    label: str
    cfg: RunConfig
    rows: list[Row]
    input_dim: int
    bound: str


def compare_runs(paths: list[Path], picture: Path) -> None:
    """Print a table of runs and draw their test curves over each other.

    Args:
        paths: run folders, at least two.
        picture: the PNG file to write.

    Raises:
        BadInput: if one of them holds no run.
    """
    if len(paths) < 2:
        raise BadInput("give at least two run folders to compare")
    if picture.suffix.lower() != ".png":
        raise BadInput(f"--out {picture}: the picture is a PNG file, give it a name that ends in .png")
    names = [path.resolve().name for path in paths]
    labels = names if len(set(names)) == len(names) else [os.fspath(path) for path in paths]
    runs = [_read(RunFolder(path), label) for path, label in zip(paths, labels, strict=True)]
    console.table("test set, nats per example, one sample of z each", COLUMNS, list(map(_cells, runs)), COLUMNS[:2])
    for warning in warnings([run.cfg for run in runs]):
        console.say(f"note: {warning}", "yellow")
    style.save(curves.draw_comparison([(run.label, run.rows) for run in runs]), picture)
    console.say(f"curves: {picture}", "bold")


def warnings(configs: list[RunConfig]) -> list[str]:
    """Why numbers of these runs cannot be compared; empty if they can."""
    found = []
    if len({cfg.data for cfg in configs}) > 1:
        found.append("different data sets: none of the numbers can be compared")
    if len({cfg.likelihood for cfg in configs}) > 1:
        found.append("different likelihoods: −ELBO and reconstruction are not on one scale")
    if len({cfg.binarise for cfg in configs}) > 1:
        found.append("different binarisation: −ELBO and reconstruction differ by tens of nats for that reason alone")
    return found


def _read(folder: RunFolder, label: str) -> Told:
    cfg, about = folder.config()
    bound = "–"
    try:
        told = json.loads((folder.path / "summary.json").read_text(encoding="utf-8"))["importance_weighted_bound"]
        bound = f"{float(told['value']):.2f} (K {int(told['samples'])})"
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not evaluated yet: the other numbers do not need it
    return Told(label, cfg, checkpoint.read_rows(folder), about["data"]["input_dim"], bound)


def _cells(run: Told) -> list[str]:
    cfg, last = run.cfg, run.rows[-1]
    network = "-".join(map(str, [run.input_dim, *[cfg.hidden_dim] * cfg.hidden_layers, cfg.latent_dim]))
    setting = (
        f"{cfg.data}, {cfg.binarise}, {cfg.likelihood}, {network} {cfg.activation}, beta {cfg.beta:g}, seed {cfg.seed}"
    )
    keys = ("test_neg_elbo", "test_recon", "test_kl")
    numbers = [f"{last[key]:.2f}" if math.isfinite(last[key]) else "–" for key in keys]
    active = f"{last['active_units']:.0f}/{cfg.latent_dim}"
    return [run.label, setting, f"{last['epoch']:.0f}", *numbers, active, run.bound]

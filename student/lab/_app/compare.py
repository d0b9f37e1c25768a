"""``vae-lab compare``: runs beside each other, and a word where their numbers cannot be compared."""

import os
from pathlib import Path
from typing import Any

from student.lab._app import checkpoint, console
from student.lab._app.config import RunConfig, read_json
from student.lab._app.errors import BadInput
from student.lab._app.folder import Row, RunFolder
from student.lab._app.gallery import save
from student.lab._app.report import nats
from student.lab.figures import curves

COLUMNS = ["run", "setting", "epochs", "−ELBO", "recon", "KL", "active", "IW bound"]


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
    folders = [RunFolder(path) for path in paths]
    about, rows = [folder.config() for folder in folders], [checkpoint.read_rows(folder) for folder in folders]
    cells = [[label, *cells] for label, cells in zip(labels, map(_cells, folders, about, rows), strict=True)]
    console.table("test set, nats per example, one sample of z each", COLUMNS, cells, COLUMNS[:2])
    for warning in warnings([cfg for cfg, _ in about]):
        console.say(f"note: {warning}", "yellow")
    save(curves.draw_comparison(list(zip(labels, rows, strict=True))), picture)
    console.say(f"curves: {picture}", "bold")


def warnings(configs: list[RunConfig]) -> list[str]:
    """Why numbers of these runs cannot be compared; empty if they can."""
    found = []
    if len({cfg.data for cfg in configs}) > 1:
        found.append("different data sets: none of the numbers can be compared")
    if len({cfg.likelihood for cfg in configs}) > 1:
        found.append("different likelihoods: −ELBO and reconstruction are not on one scale")
    if len({cfg.binarise for cfg in configs}) > 1:
        found.append("different binarisation: −ELBO and reconstruction are not on one scale")
    return found


def _cells(folder: RunFolder, config: tuple[RunConfig, dict[str, Any]], rows: list[Row]) -> list[str]:
    cfg, last = config[0], rows[-1]
    network = f"{cfg.network(config[1]['data']['input_dim'])} {cfg.activation}"
    setting = f"{cfg.data}, {cfg.binarise}, {cfg.likelihood}, {network}, beta {cfg.beta:g}, seed {cfg.seed}"
    numbers = [nats(last[key], 2) for key in ("test_neg_elbo", "test_recon", "test_kl")]
    try:
        told = read_json(folder.path / "summary.json")["importance_weighted_bound"]
        bound = f"{float(told['value']):.2f} (K {int(told['samples'])})"
    except (BadInput, ValueError, KeyError, TypeError):
        bound = "–"  # not evaluated yet: the other numbers do not need it
    return [setting, f"{last['epoch']:.0f}", *numbers, f"{last['active_units']:.0f}/{cfg.latent_dim}", bound]

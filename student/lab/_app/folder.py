"""A run's folder: what is in it, written so that a crash at any moment leaves the last good state. Needs no torch.

``config.json``              settings, implementation, data and machine
``checkpoint.safetensors``   weights, optimiser and all metrics so far; the one source of truth
``metrics.csv``              the metrics for people, rewritten from it
``autoencoder.safetensors``  the plain autoencoder, where one was asked for
``plane.safetensors``        the network with two latents, where one was asked for
``summary.json``, ``pictures/``, ``report.html``   made at the end, and again by ``vae-lab evaluate``
"""

import csv
import io
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from student.lab._app.config import RunConfig, read_json
from student.lab._app.errors import BadInput

MEASURES = ("neg_elbo", "recon", "kl")
COLUMNS = (
    "epoch", "step", "beta", "learning_rate", "seconds", "examples_per_second",
    "reported_loss", "reported_recon", "reported_kl",
    *(f"{part}_{measure}" for part in ("train", "validation", "test") for measure in MEASURES), "active_units", "sigma",
)  # fmt: skip
FORMAT = 3
REMEMBERED: tuple[tuple[str, str, tuple[type, ...]], ...] = (
    ("implementation", "path", (str,)), ("implementation", "sha256", (str,)), ("data", "input_dim", (int,)),
    ("data", "folder", (str, type(None))), ("machine", "device", (str,)),
)  # fmt: skip
"""What has to be in a run's ``about``: part, name and types."""

Row = dict[str, float]


class RunFolder:
    """The files of one run; there is a ``config_file`` exactly where there is a run."""

    def __init__(self, path: Path) -> None:
        self.path, self.pictures = path, path / "pictures"
        self.config_file, self.checkpoint_file = path / "config.json", path / "checkpoint.safetensors"
        self.autoencoder_file, self.plane_file = path / "autoencoder.safetensors", path / "plane.safetensors"

    def create(self, cfg: RunConfig, about: dict[str, Any]) -> None:
        """Claim an empty or new folder for a run.

        Args:
            cfg: its settings.
            about: what else should be remembered: implementation, data, machine.

        Raises:
            BadInput: if the folder holds something else already.
        """
        self.refuse_if_taken()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.update(cfg, about)
        except OSError as error:
            raise BadInput(f"cannot write to --out {self.path}: {error.strerror}") from error

    def update(self, cfg: RunConfig, about: dict[str, Any]) -> None:
        """Rewrite ``config.json`` for a run that goes on."""
        write_json(self.config_file, {"format": FORMAT, "config": cfg.to_json(), "about": about})

    def refuse_if_taken(self) -> None:
        """Raise ``BadInput`` if the folder exists and is not empty."""
        if self.config_file.exists():
            raise BadInput(
                f"--out {self.path} holds another run. Continue that one with --resume, or give this one another folder"
            )
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise BadInput(f"--out {self.path} is not an empty folder and holds no run. Give another one")

    def config(self) -> tuple[RunConfig, dict[str, Any]]:
        """The settings and what else ``create`` was told.

        Raises:
            BadInput: if the folder holds no run, or a damaged one.
        """
        if not self.config_file.is_file():
            raise BadInput(f"{self.path} holds no run: it has no config.json")
        content = read_json(self.config_file)
        values, about = content.get("config"), content.get("about")
        if content.get("format") != FORMAT or not isinstance(values, dict) or not isinstance(about, dict):
            raise BadInput(f"{self.config_file} is not the configuration of a run, or of another version of the lab")
        for part, name, types in REMEMBERED:
            if not isinstance(inner := about.get(part), dict) or not isinstance(inner.get(name), types):
                raise BadInput(f"{self.config_file}: {name!r} of {part!r} in 'about' is missing or damaged")
        return RunConfig.from_json(values, self.config_file), about

    def write_metrics(self, rows: list[Row]) -> None:
        """Rewrite ``metrics.csv``."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path / "metrics.csv", text.getvalue())


def free_folder(root: Path, stem: str) -> Path:
    """The first of ``stem``, ``stem-2``, ``stem-3``, … in ``root`` that is not taken."""
    number = 1
    while (path := root / (stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, which then becomes ``path``: that is either the old one or the whole new one.

    Raises:
        BadInput: if it cannot be written: a full disk, or a folder that has gone.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; ``BadInput`` as for :func:`replacing`."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON that every reader accepts: a number that is not finite becomes ``null``."""
    write_text(path, json.dumps(_finite(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value

"""One training run from its settings to its folder: prepare, train epoch by epoch, keep what is there when it stops."""

import math
import platform
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from student.lab._app import checkpoint, console
from student.lab._app import data as datasets
from student.lab._app.config import Place, RunConfig
from student.lab._app.data import Dataset
from student.lab._app.folder import MEASURES, Row, RunFolder
from student.lab._app.implementation import Implementation, blamed, load
from student.lab._app.trainer import EpochLog, StopRequested, Trainer, claim
from student.lab.measure import ASSIGNED_SIGMA, SIGMA, Baselines, baselines, measure, sigma_of
from student.lab.train import Objective, seed_for

MEASURED = 10_000  # examples at most that are measured after every epoch, of each part
MEASURE_SEED = 0  # of the noise in measurements: the same for every run, so that runs can be compared

About = dict[str, Any]  # what else a run remembers
Asked = Callable[[], bool]  # whether the user has asked to stop


@dataclass(frozen=True)
class Material:
    """The data of a run as tensors on its device.

    Attributes:
        dataset: where they come from.
        train: what training reads, ``(N, D)``; still grey under dynamic binarisation.
        train_measured: the examples that stand for the training set in measurements, binarised.
        validation: examples set aside from the training set, binarised: what is judged while training goes on.
        test: the test set, binarised.
        baselines: levels that need no learning.
        sigma: of a Gaussian likelihood, at the start of training.
    """

    dataset: Dataset
    train: Tensor
    train_measured: Tensor
    validation: Tensor
    test: Tensor
    baselines: Baselines
    sigma: float


def open_session(path: Path, cfg: RunConfig, dataset: Dataset, place: Place) -> tuple[Implementation, Material, About]:
    """The implementation, the data on their device, and what a reader of a number needs to know beside the settings."""
    device = claim(place)
    implementation = load(path, cfg.implementation, cfg.likelihood)
    material = prepare(dataset, cfg, device)
    sizes = {part: len(getattr(material.dataset, part)) for part in ("train", "validation", "test")}
    folder, gpu = str(place.data_dir.resolve()) if place.data_dir else None, device.type == "cuda"
    about = {
        "implementation": {"path": str(implementation.path), "sha256": implementation.digest},
        "data": {"name": dataset.name, "folder": folder, **sizes, "input_dim": dataset.input_dim},
        "machine": {
            "device": str(device),
            "device_name": torch.cuda.get_device_name() if gpu else platform.processor() or None,
            "threads": torch.get_num_threads(), "torch": torch.__version__, "python": platform.python_version(),
        },
    }  # fmt: skip
    return implementation, material, about


def prepare(dataset: Dataset, cfg: RunConfig, device: torch.device) -> Material:
    """Binarise a data set as the settings say and move it to the device."""
    dataset = dataset.first(cfg.train_examples)
    once = dataset.train if cfg.binarise == "none" else datasets.binarise(dataset.train, cfg.binarise, "train")
    test = torch.from_numpy(datasets.binarise(dataset.test, cfg.binarise, "test")).to(device)
    train = torch.from_numpy(dataset.train if cfg.binarise == "dynamic" else once).to(device)
    measured = torch.from_numpy(once[:MEASURED]).to(device)
    validation = torch.from_numpy(datasets.binarise(dataset.validation, cfg.binarise, "validation")).to(device)
    sigma = ASSIGNED_SIGMA
    if cfg.sigma != "none":  # to be learned, it begins where the best constant example leaves it
        sigma = float(train.var(dim=0).mean().sqrt()) if cfg.sigma == "learned" else float(cfg.sigma)
    levels = baselines(train, test, cfg.likelihood, cfg.implementation == "simple_vae", sigma)
    return Material(dataset, train, measured, validation[:MEASURED], test, levels, sigma)


def make_model(implementation: Implementation, cfg: RunConfig, material: Material) -> tuple[nn.Module, Objective]:
    """A fresh model on the data's device and its loss, their contract checked.

    Raises:
        NotRunnable: if the implementation does not keep its contract.
    """
    torch.manual_seed(seed_for(cfg.seed, "weights"))
    model = implementation.build(cfg, material.dataset.input_dim).to(material.train.device)
    if cfg.sigma != "none":
        log_sigma = torch.tensor(math.log(material.sigma), device=material.train.device)
        model.register_parameter(SIGMA, nn.Parameter(log_sigma, requires_grad=cfg.sigma == "learned"))
    objective = implementation.objective(cfg)
    implementation.check_contract(model, objective, material.train_measured[:2])
    return model, objective


def make_trainer(implementation: Implementation, cfg: RunConfig, material: Material) -> Trainer:
    """A trainer at epoch 0; ``NotRunnable`` as for :func:`make_model`."""
    model, objective = make_model(implementation, cfg, material)
    guard = partial(blamed, implementation.path)
    beta_at = implementation.beta_at(cfg, -(-len(material.train) // cfg.batch_size))
    with guard():
        beta_at(0)
    return Trainer(model, objective, cfg, material.train, beta_at, guard)


def measured_row(trainer: Trainer, material: Material, log: EpochLog | None, model: nn.Module | None = None) -> Row:
    """One line of the metrics: what the implementation reported, and what the lab measured on ``model``, or its own."""
    cfg, nan, model = trainer.cfg, float("nan"), model or trainer.model
    parts = {"train": material.train_measured, "validation": material.validation, "test": material.test[:MEASURED]}
    measured = {part: measure(model, x, cfg.likelihood, MEASURE_SEED) for part, x in parts.items()}
    log = log or EpochLog((nan, nan, nan), nan, nan, nan)
    loss, recon, kl = log.reported
    return {
        "epoch": trainer.epoch, "step": trainer.step, "beta": log.beta, "learning_rate": log.learning_rate,
        "seconds": log.seconds, "examples_per_second": len(trainer.data) / log.seconds,
        "reported_loss": loss, "reported_recon": recon, "reported_kl": kl,
        **{f"{part}_{key}": getattr(found, key) for part, found in measured.items() for key in MEASURES},
        "active_units": measured["test"].active_units,
        "sigma": sigma_of(model) if cfg.likelihood == "gaussian" else nan,
    }  # fmt: skip


def epochs(trainer: Trainer, name: str, asked: Asked) -> Iterator[EpochLog]:
    """Train to the last epoch, and give what each reported; ``StopRequested`` between two blocks if the user asked."""
    with console.progress(name, trainer.cfg.epochs, len(trainer.data), trainer.epoch) as shown:

        def watch(done: int, loss: float) -> None:
            shown(trainer.epoch, done, loss)
            if asked():
                raise StopRequested

        while trainer.epoch < trainer.cfg.epochs:
            yield trainer.run_epoch(watch)


def train(trainer: Trainer, material: Material, folder: RunFolder, rows: list[Row], asked: Asked) -> None:
    """Train to the last epoch, saving after each one.

    Args:
        trainer: fresh, or brought to the end of the last of ``rows`` by :func:`resume`.
        material: the data.
        folder: where the state is kept.
        rows: metrics so far, which grow; the untrained point is the first.
        asked: whether to stop.

    Raises:
        StopRequested, Diverged, NotRunnable: the last good state is in the folder then.
    """

    def keep(log: EpochLog | None) -> None:
        with trainer.guard():
            rows.append(measured_row(trainer, material, log))
        checkpoint.save(folder, trainer.model, trainer.optimizer, rows)
        console.metrics(rows[-1], trainer.cfg.epochs, trainer.cfg.latent_dim)

    if not rows:
        keep(None)
    for log in epochs(trainer, "training", asked):
        keep(log)


def resume(trainer: Trainer, folder: RunFolder) -> list[Row]:
    """Bring a fresh trainer to the state of a folder's checkpoint and return its metrics.

    Raises:
        BadInput: if there is no checkpoint, or it does not fit.
    """
    rows = checkpoint.load(folder, trainer.model, trainer.optimizer)
    trainer.epoch, trainer.step = int(rows[-1]["epoch"]), int(rows[-1]["step"])
    return rows


def train_beside(trainer: Trainer, name: str, path: Path, asked: Asked) -> None:
    """Train another network, if that is not done yet, and keep its weights at ``path``."""
    if path.exists():
        checkpoint.load_weights(path, trainer.model)
        return
    for _ in epochs(trainer, name, asked):
        pass
    checkpoint.save_weights(path, trainer.model)


@contextmanager
def stop_on_interrupt() -> Iterator[Asked]:
    """Make the first Ctrl-C (or SIGTERM) a request that is answered between two blocks; a second one is immediate."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

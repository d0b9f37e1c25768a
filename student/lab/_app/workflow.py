"""What ``vae-lab train`` and ``vae-lab evaluate`` do, in order."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from student.lab._app import checkpoint, console, session
from student.lab._app.config import BoundSize, Place, RunConfig, read_json
from student.lab._app.data import Dataset
from student.lab._app.errors import BadInput, Diverged, Interrupted, NotRunnable
from student.lab._app.evaluate import evaluate, summarize
from student.lab._app.explorer.page import TITLE, Shown, make_explorer
from student.lab._app.explorer.scene import scene_of
from student.lab._app.folder import Row, RunFolder, write_json
from student.lab._app.gallery import Subject, draw_all, setting
from student.lab._app.implementation import Implementation, blamed, file_digest
from student.lab._app.report import render
from student.lab._app.session import Material
from student.lab._app.trainer import StopRequested
from student.lab.train import Objective, autoencoder_objective

STOPPED = "Stopped early"  # the title of a finding


def train_run(
    cfg: RunConfig, dataset: Dataset, path: Path, folder: RunFolder, place: Place, bound: BoundSize, resuming: bool
) -> dict[str, Any]:
    """Train a run in its folder, or go on with it, and finish it with pictures and report.

    Args:
        cfg: its settings.
        dataset: its data.
        path: the implementation's file.
        folder: the run's folder; claimed here unless ``resuming``.
        place, bound: as they say.
        resuming: go on from the folder's checkpoint.

    Returns:
        The summary.

    Raises:
        Interrupted, Diverged: after the report of what is there has been written, where there was time.
        BadInput: if the run is further on than ``cfg.epochs``.
    """
    implementation, material, about = session.open_session(path, cfg, dataset, place)
    trainer = session.make_trainer(implementation, cfg, material)
    rows: list[Row] = []
    if resuming:
        rows = session.resume(trainer, folder)
        if trainer.epoch > cfg.epochs:
            raise BadInput(
                f"--epochs {cfg.epochs}: {trainer.epoch} epochs of the run in {folder.path} are done already"
            )
        if folder.config()[0].epochs != cfg.epochs:
            for beside in (folder.autoencoder_file, folder.plane_file):  # to be trained for as many epochs
                beside.unlink(missing_ok=True)
        folder.update(cfg, about)
        console.say(f"resuming {folder.path} after epoch {trainer.epoch} of {cfg.epochs}")
    else:
        folder.create(cfg, about)
        told = f"{len(material.train):,} examples, {material.train.device}"
        console.say(f"training {path.name} on {cfg.data}, {told}: {folder.path}")
    stopped: Interrupted | Diverged | None = None
    with session.stop_on_interrupt() as asked:
        try:
            session.train(trainer, material, folder, rows, asked)
            for name, its, kept, objective in _beside(folder, cfg):
                other = session.make_trainer(implementation, its, material)
                other.objective = objective or other.objective
                session.train_beside(other, name, kept, asked)
        except StopRequested:
            stopped = Interrupted(
                f"stopped; everything up to the last whole epoch is in {folder.path}. Go on with: {_resume(folder)}"
            )
        except Diverged as error:
            stopped = error
        except KeyboardInterrupt as error:  # the second Ctrl-C
            raise Interrupted(f"stopped at once. {_kept(folder)}") from error
        except NotRunnable as error:
            raise NotRunnable(f"{error}\n{_kept(folder)}") from error
    try:
        summary = finish(folder, implementation, cfg, material, about, bound, str(stopped) if stopped else None)
    except KeyboardInterrupt as error:
        raise Interrupted(f"stopped before the report was made. {_kept(folder)}") from error
    if isinstance(stopped, Diverged):
        raise Diverged(f"{stopped}.\nThe last good state is in {folder.path}, its report {folder.path / 'report.html'}")
    if stopped is not None:
        raise stopped
    return summary


def _beside(folder: RunFolder, cfg: RunConfig) -> list[tuple[str, RunConfig, Path, Objective | None]]:
    """The networks that a run trains beside its own: name, settings, file, and another objective if it has one."""
    asked = [
        (cfg.autoencoder, "plain autoencoder", cfg, folder.autoencoder_file, autoencoder_objective(cfg.likelihood)),
        (cfg.has_plane, "two latents", replace(cfg, latent_dim=2), folder.plane_file, None),
    ]
    return [(name, its, path, objective) for wanted, name, its, path, objective in asked if wanted]


def _resume(folder: RunFolder) -> str:
    return f"vae-lab train --resume --out {shlex.quote(str(folder.path))}"


def _kept(folder: RunFolder) -> str:
    """What there is of a run that ended without a report, and what to do with it."""
    if not folder.checkpoint_file.exists():
        return f"Nothing was trained yet; {folder.path} can be removed"
    done = int(checkpoint.read_rows(folder)[-1]["epoch"])
    return (
        f"{done} {'epoch is' if done == 1 else 'epochs are'} kept in {folder.path}. Go on with: {_resume(folder)}\n"
        f"For a report of what is there: vae-lab evaluate {shlex.quote(str(folder.path))}"
    )


def evaluate_run(folder: RunFolder, dataset: Dataset, path: Path, place: Place, bound: BoundSize) -> dict[str, Any]:
    """Measure a finished or stopped run again and redraw its pictures and report."""
    cfg, about = folder.config()
    implementation, material, _ = session.open_session(path, cfg, dataset, place)
    return finish(folder, implementation, cfg, material, about, bound, _stopped_before(folder))


def _stopped_before(folder: RunFolder) -> str | None:
    """Why the run stopped early, if its last summary says so: a new one must not forget it."""
    try:
        findings = read_json(folder.path / "summary.json")["findings"]
        return next((str(finding["text"]) for finding in findings if finding["title"] == STOPPED), None)
    except (BadInput, KeyError, TypeError):
        return None  # no summary yet, or not one of the lab's


def finish(
    folder: RunFolder, implementation: Implementation, cfg: RunConfig, material: Material, about: dict[str, Any],
    bound: BoundSize, stopped: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Evaluate the state in a run's folder and write ``summary.json``, the pictures and ``report.html``."""
    with blamed(implementation.path):
        model, objective = session.make_model(implementation, cfg, material)
        rows = checkpoint.load(folder, model)
        beside: dict[Path, nn.Module] = {}
        for _, its, kept, _ in _beside(folder, cfg):
            if kept.exists():
                beside[kept], _ = session.make_model(implementation, its, material)
                checkpoint.load_weights(kept, beside[kept])
                beside[kept].eval()
        autoencoder, plane = beside.get(folder.autoencoder_file), beside.get(folder.plane_file)
        model.eval()
        evaluation = evaluate(model, objective, cfg, material, rows, bound)
        subject = Subject(evaluation, material, model, autoencoder, plane)
        drawn = draw_all(subject, folder.pictures)
    done = int(rows[-1]["epoch"])
    summary = summarize(evaluation, material, about)
    if done < cfg.epochs or len(beside) < len(_beside(folder, cfg)):
        why = stopped or f"Training ended after {done} of {cfg.epochs} epochs."  # by an error, or it was killed
        summary["findings"].insert(0, {"level": "problem", "title": STOPPED, "text": why})
    write_json(folder.path / "summary.json", summary)
    explorer = None
    if material.dataset.image_shape:
        shown = [Shown("VAE", model)]
        if autoencoder is not None:
            shown.append(Shown("plain autoencoder", autoencoder, "Trained without noise and without KL."))
        explorer = make_explorer(TITLE, shown, scene_of(cfg, material))
    render(
        "run.html", folder.path / "report.html", drawn, folder.pictures,
        name=folder.path.resolve().name, setting=setting(cfg, material.dataset), epochs_done=done,
        config=cfg.to_json(), summary=summary, about=about, explorer=explorer,
    )  # fmt: skip
    return summary


def tell(summary: dict[str, Any], folder: Path) -> None:
    """Print a summary and where the report is."""
    test, bound, baselines = summary["test"], summary["importance_weighted_bound"], summary["baselines"]
    console.say(
        f"test −ELBO {test['neg_elbo']:.2f} = reconstruction {test['recon']:.2f} + KL {test['kl']:.2f} nats; "
        f"{summary['active_units']} of {summary['latent_dim']} units active, "
        f"{summary['units_above_a_tenth_nat']} with more than 0.1 nats; baselines {baselines['zero']:.1f} (zero "
        f"output), {baselines['constant']:.1f} (one constant example)"
    )
    console.say(
        f"importance-weighted bound {bound['value']:.2f} ± {bound['error']:.2f} nats ({bound['samples']:,} samples on "
        f"{bound['examples']:,} test examples, −ELBO {bound['neg_elbo']:.2f} on the same)"
    )
    console.findings(summary["findings"])
    console.say(f"report: {folder / 'report.html'}", "bold")


def warn_if_changed(folder: RunFolder, path: Path) -> None:
    """Tell when the implementation is not the one that a run was trained with."""
    _, about = folder.config()
    before = about.get("implementation", {})
    if before.get("sha256") != file_digest(path):
        console.say(
            f"note: {path} is not the text that this run was trained with ({before.get('path')}); the numbers will "
            "not be those of an uninterrupted run",
            "yellow",
        )

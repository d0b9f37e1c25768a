"""``vae-lab sweep``: the same model trained with several KL weights, and the rate-distortion curve they make."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from student.lab._app import console, session
from student.lab._app.config import Place, RunConfig
from student.lab._app.data import Dataset
from student.lab._app.errors import Interrupted
from student.lab._app.folder import write_json
from student.lab._app.gallery import Picture, save, setting
from student.lab._app.implementation import blamed
from student.lab._app.report import render
from student.lab._app.trainer import StopRequested
from student.lab.figures import curves
from student.lab.measure import measure

CAPTION = (
    "Each point is one trained model. A small beta buys a good reconstruction with a long code, a large one the "
    "reverse. The −ELBO is rate plus distortion (the dashed line holds equal sums), so beta 1, which trains exactly "
    "that, should be lowest on the right. Another minimum can come from training too short, from overfitting (the test "
    "set is shown), from the luck of one seed, or from a loss that is not what it says."
)


COLUMNS = ("beta", "rate (KL)", "distortion", "−ELBO (beta 1)", "active units")


def sweep_betas(betas: list[float], cfg: RunConfig, dataset: Dataset, path: Path, folder: Path, place: Place) -> None:
    """Train one model for each beta and write ``sweep.json``, ``rate-distortion.png`` and ``report.html``.

    Args:
        betas: KL weights, ascending.
        cfg: the settings that all models share.
        dataset: its data.
        path: the implementation's file.
        folder: where to write; what is done is there even when the sweep is stopped.
        place: where to compute.
    """
    implementation, material, about = session.open_session(path, cfg, dataset, place)
    folder.mkdir(parents=True, exist_ok=True)
    points: list[dict[str, float]] = []
    with session.stop_on_interrupt() as asked:
        for beta in betas:
            trainer = session.make_trainer(implementation, replace(cfg, beta=beta), material)
            try:
                for _ in session.epochs(trainer, f"beta {beta:g}", asked):
                    pass
            except StopRequested:
                break
            with blamed(path):
                test = measure(trainer.model, material.test, cfg.likelihood, session.MEASURE_SEED)
            points.append({
                "beta": beta, "rate": test.kl, "distortion": test.recon, "neg_elbo": test.neg_elbo,
                "active_units": test.active_units,
            })  # fmt: skip
            _write(points, cfg, dataset, folder, about)
    console.table("", list(COLUMNS), _cells(points), ())
    if len(points) < len(betas):
        raise Interrupted(f"stopped after {len(points)} of {len(betas)} betas; what is there is in {folder}")
    console.say(f"report: {folder / 'report.html'}", "bold")


def _cells(points: list[dict[str, float]]) -> list[list[str]]:
    return [
        [f"{p['beta']:g}", *[f"{p[key]:.1f}" for key in ("rate", "distortion", "neg_elbo")], f"{p['active_units']:.0f}"]
        for p in points
    ]


def _write(
    points: list[dict[str, float]], cfg: RunConfig, dataset: Dataset, folder: Path, about: dict[str, Any]
) -> None:
    told = setting(replace(cfg, beta=1.0), dataset).replace(", beta 1,", ",")
    write_json(
        folder / "sweep.json", {"unit": "nats per example", "config": cfg.to_json(), "points": points, "about": about}
    )
    pictures = []
    if len(points) > 1:
        fig = curves.draw_rate_distortion([(p["beta"], p["rate"], p["distortion"]) for p in points])
        save(fig, folder / "rate-distortion.png")
        pictures = [Picture("rate-distortion.png", "Rate and distortion", CAPTION)]
    render(
        "table.html", folder / "report.html", pictures, folder, name=folder.resolve().name,
        setting=f"{told}, {cfg.epochs} epochs each; test set, nats per example, one sample of z each",
        head=COLUMNS, text_columns=["beta"], rows=_cells(points), findings=[],
    )  # fmt: skip

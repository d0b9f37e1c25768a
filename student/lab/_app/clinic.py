"""``vae-lab clinic``: what each usual mistake looks like in the curves, in the numbers and in the pictures."""

from copy import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from student.lab._app import console, session
from student.lab._app.accounting import Finding
from student.lab._app.catalogue import admitted, wrong_answers
from student.lab._app.config import Place, RunConfig
from student.lab._app.data import Dataset
from student.lab._app.diagnosis import diagnose
from student.lab._app.errors import Diverged, Interrupted
from student.lab._app.evaluate import examine, report_of
from student.lab._app.explorer.page import Shown, make_explorer
from student.lab._app.explorer.scene import scene_of
from student.lab._app.folder import Row, write_json
from student.lab._app.gallery import SEED, Picture, mean_of, save, setting
from student.lab._app.implementation import Implementation, blamed, load
from student.lab._app.report import nats, render
from student.lab._app.session import Material
from student.lab._app.trainer import StopRequested
from student.lab.figures import curves, images, style
from student.lab.measure import decode, posteriors
from student.lab.patients import Parts, Patient, healthy_parts, sick_objective

SHOWN = 8  # images of each patient
LEFT = ("patient", "mistake", "the lab says")
HEAD = ["patient", "mistake", "reported loss", "true −ELBO", "recon", "KL", "active", "mean sigma", "the lab says"]


def as_shown(model: nn.Module, parts: Parts) -> nn.Module:
    """A patient's model as its own code would show it: with its wrong decoder output."""
    shown = copy(model)
    shown.decode = lambda z: parts.output(model.decode(z))  # type: ignore[assignment, operator]
    return shown


@dataclass(frozen=True)
class Case:
    """A patient after training.

    Attributes:
        patient: who.
        rows: metrics; ``reported_loss`` is what the sick code said.
        sigma: mean posterior standard deviation.
        findings: what the diagnosis says.
        samples, reconstructions: images of shape ``(SHOWN, D)``.
        model: as its own code would show it.
        ended: why training stopped early, or empty.
    """

    patient: Patient
    rows: list[Row]
    sigma: float
    findings: list[Finding]
    samples: Tensor
    reconstructions: Tensor
    model: nn.Module
    ended: str = ""

    @property
    def verdict(self) -> str:
        """The first thing the lab would say."""
        return "Training stopped at a number that is not finite" if self.ended else self.findings[0].title


def open_clinic(names: list[str], cfg: RunConfig, dataset: Dataset, path: Path, folder: Path, place: Place) -> None:
    """Train the named patients and the healthy one and write ``clinic.json``, the pictures and ``report.html``.

    Args:
        names: of the patients, shipped or of the catalogue beside the reference.
        cfg: the settings that all share.
        dataset: its images.
        path: the implementation's file, which must itself be right for the comparison to mean anything.
        folder: where to write; the patients done so far are there even when the clinic is stopped.
        place: where to compute.
    """
    implementation, material, _ = session.open_session(path, cfg, dataset, place)
    folder.mkdir(parents=True, exist_ok=True)
    cases: list[Case] = []
    patients = admitted(names, wrong_answers(path))
    with session.stop_on_interrupt() as asked:
        for patient, text in patients:
            try:
                with blamed(path):
                    cases.append(_treat(patient, text, implementation, cfg, material, asked))
            except StopRequested:
                break
            console.say(f"{patient.name}: {patient.mistake}. {cases[-1].verdict}.")
            _write_numbers(cases, cfg, material, folder)
    if cases:
        _write_report(cases, cfg, material, folder)
    console.table("", HEAD, [_cells(case) for case in cases], LEFT)
    if len(cases) < len(patients):
        raise Interrupted(f"stopped after {len(cases)} of {len(patients)} patients; what is there is in {folder}")
    console.say(f"report: {folder / 'report.html'}", "bold")


def _treat(
    patient: Patient, text: str | None, implementation: Implementation, cfg: RunConfig, material: Material,
    asked: session.Asked,
) -> Case:  # fmt: skip
    """Train a patient: the catalogue's whole text of it, or else the implementation with a part replaced."""
    seen: nn.Module
    if text is not None:
        implementation = load(implementation.path, "vae", cfg.likelihood, text)
        trainer = session.make_trainer(implementation, cfg, material)
        seen = trainer.model
    else:
        trainer = session.make_trainer(implementation, cfg, material)
        trainer.objective = sick_objective(patient, implementation.module)
        seen = as_shown(trainer.model, patient.operate(healthy_parts(trainer.model, implementation.module)))
    rows, ended = [session.measured_row(trainer, material, None, seen)], ""
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    try:
        for log in session.epochs(trainer, patient.name, asked):
            # A patient's loss has its own beta, not the schedule's.
            rows.append({**session.measured_row(trainer, material, log, seen), "beta": patient.beta})
            before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    except Diverged as error:
        ended = str(error)
        trainer.model.load_state_dict(before)
    reported = report_of(trainer.model, trainer.objective, cfg, material)
    evidence = examine(seen, replace(cfg, beta=patient.beta), material, rows, reported)
    noise = torch.Generator(device=material.test.device).manual_seed(SEED)
    z = torch.randn((SHOWN, cfg.latent_dim), generator=noise, device=material.test.device)
    mu, _ = posteriors(seen, material.test[:SHOWN])
    shown = [mean_of(decode(seen, codes), cfg).cpu() for codes in (z, mu)]
    return Case(patient, rows, evidence.test.posterior_std, diagnose(evidence), shown[0], shown[1], seen, ended)


def _cells(case: Case) -> list[str]:
    last = case.rows[-1]
    numbers = [last[key] for key in ("reported_loss", "test_neg_elbo", "test_recon", "test_kl")]
    return [
        case.patient.name, case.patient.mistake, *[nats(number) for number in numbers],
        f"{last['active_units']:.0f}", nats(case.sigma, 2), case.verdict,
    ]  # fmt: skip


def _fact(case: Case) -> str:
    """A patient in a sentence or two."""
    name, mistake, reported, true, recon, kl, active, _, verdict = _cells(case)
    mistake = "no mistake" if mistake == "nothing" else mistake
    return (
        f"{name}: {mistake}. It reports a loss of {reported} nats; the true −ELBO is {true} = reconstruction {recon} + "
        f"KL {kl}, with {active} active units. {verdict}."
    )


def deceptive(cases: list[Case]) -> list[Finding]:
    """Sick code that reports a better loss than the healthy one: why the reported loss alone proves nothing."""
    (healthy, true), *others = [(case.rows[-1]["reported_loss"], case.rows[-1]["test_neg_elbo"]) for case in cases]
    told = [
        f"{case.patient.name} ({nats(its)} reported, {nats(its_true)} true)"
        for case, (its, its_true) in zip(cases[1:], others, strict=True)
        if its < healthy and not its_true < true
    ]
    text = (
        f"The healthy implementation reports {nats(healthy)} nats. These report less and are worse: {', '.join(told)}."
    )
    return [Finding("problem", "The reported loss alone deceives", text)] if told else []


def draw_images(cases: list[Case], test: Tensor, shape: tuple[int, int]) -> Figure:
    """Prior samples and reconstructions of every patient, a row each."""
    real = test[: 2 * SHOWN].cpu()
    samples = torch.cat([real[SHOWN:], *[case.samples for case in cases]]).nan_to_num()
    reconstructions = torch.cat([real[:SHOWN], *[case.reconstructions for case in cases]]).nan_to_num()
    panels = [
        (style.tiles(images.of(samples, shape), SHOWN), "prior samples; first row: data"),
        (style.tiles(images.of(reconstructions, shape), SHOWN), "reconstructions; first row: their originals"),
    ]
    fig = style.sheets(panels, left=110)
    style.name_rows(fig.axes[0], ["test images", *[case.patient.name for case in cases]])
    return fig


def _write_numbers(cases: list[Case], cfg: RunConfig, material: Material, folder: Path) -> None:
    patients = [
        {
            "name": case.patient.name, "mistake": case.patient.mistake, "last": case.rows[-1],
            "posterior_std": case.sigma, "ended": case.ended, "findings": [asdict(found) for found in case.findings],
        }
        for case in cases
    ]  # fmt: skip
    levels = {"zero": material.baselines.zero, "constant": material.baselines.constant}
    told = {"unit": "nats per example", "config": cfg.to_json(), "baselines": levels, "patients": patients}
    write_json(folder / "clinic.json", told)


def _write_report(cases: list[Case], cfg: RunConfig, material: Material, folder: Path) -> None:
    shape = material.dataset.image_shape or (1, 1)
    courses = [(case.patient.name, case.rows) for case in cases]
    save(curves.draw_patients(courses, material.baselines.zero), folder / "curves.png")
    save(draw_images(cases, material.test, shape), folder / "images.png")
    pictures = [
        Picture("curves.png", "Curves", "Dashed: what each implementation says of itself; solid: what is true of it. "
                "Grey: the healthy one. A line that leaves its panel ends at the number in its title."),
        Picture("images.png", "Pictures", "Reconstructions are at the posterior mean. A collapsed posterior gives one "
                "image for everything; without the noise or the KL they are sharp, which says nothing of the samples.",
                pixels=True),
    ]  # fmt: skip
    patients = [Shown(case.patient.name, case.model, _fact(case)) for case in cases]
    levels = f"zero output {material.baselines.zero:.1f}, one constant image {material.baselines.constant:.1f}"
    render(
        "table.html", folder / "report.html", pictures, folder, name=folder.resolve().name,
        setting=f"{setting(cfg, material.dataset)}, {cfg.epochs} epochs each; nats per example; baselines: {levels}",
        head=HEAD, text_columns=LEFT, rows=[_cells(case) for case in cases], findings=deceptive(cases),
        explorer=make_explorer("The live clinic", patients, scene_of(cfg, material)),
    )  # fmt: skip

"""The catalogue of wrong answers, as patients of the clinic; it is beside the reference, and a student has neither."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from student.lab._app.errors import choose
from student.lab.patients import PATIENTS, Patient, healthy

FILES = ("simple_vae.py", "vae.py")
ENTRIES = {
    "no-noise": "reparameterize.no_noise",
    "uniform-noise": "reparameterize.uniform_noise",
    "wide-noise": "reparameterize.logvar_not_halved",
    "frozen-sigma": "reparameterize.detached_std",
    "detached-z": "forward.detached_code",
    "mean-recon": "reconstruction_loss_bernoulli.mean_over_features",
    "batch-kl": "kl_divergence.sum_over_batch",
    "mean-kl": "kl_divergence.mean_over_latents",
    "double-kl": "kl_divergence.without_half",
    "flipped-kl": "kl_divergence.wrong_sign",
    "double-sigmoid": "decode.sigmoid",
}
"""The shipped patients that are entries of the catalogue."""


def wrong_answers(path: Path) -> dict[str, Any]:
    """The catalogue's wrong answers to the file at ``path``, by name; none if it is not the reference."""
    if not (path.parent / "misconceptions").is_dir():
        return {}
    catalogue = importlib.import_module("grading.catalogue").load(path.parent, FILES)
    return {answer.name: answer for answer in catalogue.misconceptions if answer.file == path.name}


def admitted(names: list[str], answers: Mapping[str, Any]) -> list[tuple[Patient, str | None]]:
    """The healthy one and the named patients, each with its text where the catalogue has it.

    Args:
        names: of shipped patients or of entries of the catalogue.
        answers: the catalogue.

    Raises:
        BadInput: for a name that is neither.
    """
    shipped = {patient.name: patient for patient in PATIENTS}
    found = []
    usual = [name for name in shipped if name == "healthy" or name in names]  # in their own order
    for name in dict.fromkeys([*usual, *names]):
        choose("patient", name, [*shipped, *answers])
        answer = answers.get(ENTRIES.get(name, name))
        patient = shipped.get(name) or Patient(name, answers[name].tell, healthy)
        found.append((patient, answer.source.decode() if answer else None))
    return found

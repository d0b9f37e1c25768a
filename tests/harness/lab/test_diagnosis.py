"""The diagnosis: what the clinic's patients are told, and that a healthy run is left in peace."""

import json
from dataclasses import replace

import pytest
import torch

from student.lab.config import configure
from student.lab.diagnose import Evidence, Reported, diagnose
from student.lab.measure import Floors, Measurement


def evidence(recon=80.0, kl=25.0, active=20, sigma=0.34, at_mean=74.0, reported=None, beta=1.0, **options):
    """A run on MNIST as its numbers tell it; the defaults are those of a healthy one."""
    cfg = configure("guide", data="mnist", batch_size=128, beta=beta)
    share = torch.full((20,), kl / 20)
    variance = torch.tensor([0.9] * active + [0.0] * (20 - active))
    measured = Measurement(recon, kl, share, variance, torch.full((20,), sigma), options.pop("output", (-30.0, 12.0)))
    told = reported or Reported(recon + beta * kl, recon, kl, 128)
    rows = [{"epoch": n, "test_neg_elbo": options.pop("untrained", 550.0) if n == 0 else recon + kl} for n in range(4)]
    return Evidence(cfg, rows, Floors(543.4, 205.8, 45.5), 784, measured, measured, at_mean, told)


CASES = {
    "healthy": (evidence(), "Nothing looks wrong"),
    "collapsed": (evidence(207.0, 0.0, active=0, sigma=1.0, at_mean=207.0), "The posterior has collapsed"),
    "no noise": (
        evidence(488.2, 2.9, sigma=1.0, at_mean=70.0, reported=Reported(83.7, 80.8, 2.9, 128)),
        "The decoder was not trained with the posterior's noise",
    ),
    "frozen sigma": (evidence(114.8, 23.1, sigma=1.0, at_mean=108.0), "Sigma does not learn from the reconstruction"),
    "double sigmoid": (evidence(543.5, 0.2, active=9, at_mean=543.4, output=(0.01, 0.98)), "Two sigmoids"),
    "flipped KL": (
        evidence(1e12, 8e26, at_mean=1e12, reported=Reported(-8e26, 1e12, -8e26, 128)),
        "The KL is negative",
    ),
    "no KL": (evidence(74.4, 334.0 * 2, sigma=0.003, at_mean=74.0, beta=0.0), "Codes far from the prior"),
    "averaged over the pixels": (
        evidence(reported=Reported(25.1, 80 / 784, 25.0, 128)),
        "The reported reconstruction is not the reconstruction",
    ),
    "summed over the batch": (
        evidence(reported=Reported(3280.0, 80.0, 25 * 128, 128)),
        "The reported KL is not the KL",
    ),
    "not finite": (evidence(float("nan"), 1.0), "The numbers are not finite"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_finding_is_the_one_that_matters(case):
    found, title = CASES[case]
    assert diagnose(found)[0].title == title


def test_a_collapse_is_told_with_its_numbers_and_causes():
    text = diagnose(CASES["collapsed"][0])[0].text
    assert text.startswith("0 active units")
    assert "205.8" in text
    assert "averaged over the features while the KL is summed" in text


SCALES = {
    "averaged over the features": Reported(0, 80 / 784, 25, 128),
    "summed over the batch": Reported(0, 80 * 128, 25, 128),
    "half of the squared error": Reported(0, 40, 25, 128),
    "averaged over the latent dimensions": Reported(0, 80, 25 / 20, 128),
    "without its factor 1/2": Reported(0, 80, 50, 128),
    "no usual factor": Reported(0, 80, 33, 128),
}


@pytest.mark.parametrize("mistake", SCALES)
def test_a_wrong_scale_is_named(mistake):
    assert mistake in diagnose(evidence(reported=SCALES[mistake]))[0].text


def test_an_untrained_network_is_not_judged():
    fresh = evidence(540.0, 0.1, active=0)
    assert diagnose(replace(fresh, rows=fresh.rows[:1]))[0].title == "Not trained yet"


def test_a_short_run_is_not_called_healthy():
    titles = [finding.title for finding in diagnose(evidence(226.3, 16.8, active=2, at_mean=224.0))]
    assert "Not better than one constant example yet" in titles
    assert "Nothing looks wrong" not in titles


@pytest.mark.slow
def test_the_clinic_shows_that_the_reported_loss_alone_deceives(inside, tmp_path):
    names = "no-noise,detached-z,double-sigmoid,flipped-kl,mean-recon"
    ended = inside(
        "clinic",
        "--solution",
        "--patients",
        names,
        "--epochs",
        12,
        "--batch-size",
        64,
        "--threads",
        1,
        "--out",
        "clinic",
    )
    assert ended.status == 0, ended.err
    told = json.loads((tmp_path / "clinic" / "clinic.json").read_text())
    assert told["unit"] == "nats per example"
    verdicts = {patient["name"]: patient["findings"][0]["title"] for patient in told["patients"]}
    assert verdicts.pop("healthy") in ("Nothing looks wrong", "Not finished", "Overfitting")
    assert verdicts == {
        "no-noise": "The decoder was not trained with the posterior's noise",
        "detached-z": "The posterior has collapsed",
        "mean-recon": "The posterior has collapsed",
        "flipped-kl": "The KL is negative",
        "double-sigmoid": "Two sigmoids",
    }
    last = {patient["name"]: patient["last"] for patient in told["patients"]}
    assert last["no-noise"]["reported_loss"] < last["healthy"]["reported_loss"]
    assert last["no-noise"]["test_neg_elbo"] > 2 * last["healthy"]["test_neg_elbo"]
    report = (tmp_path / "clinic" / "report.html").read_text()
    assert "The reported loss alone deceives" in report
    assert report.count("data:image/png;base64,") == 2

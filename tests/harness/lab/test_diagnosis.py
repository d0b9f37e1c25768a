"""The diagnosis: what the clinic's patients are told, and that a healthy run is left in peace."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from student.lab._app.accounting import Evidence, Reported
from student.lab._app.catalogue import ENTRIES, admitted, wrong_answers
from student.lab._app.config import configure
from student.lab._app.diagnosis import diagnose
from student.lab._app.errors import BadInput
from student.lab.measure import Baselines, Measurement
from student.lab.patients import NAMES

LOSS = "The loss is not reconstruction + beta KL"


def evidence(recon=80.0, kl=25.0, active=20, sigma=0.34, at_mean=74.0, reported=None, beta=1.0, **options):
    """A run on MNIST as its numbers tell it; the defaults are those of a healthy one."""
    cfg = configure("guide", data="mnist", batch_size=128, beta=beta, warmup_epochs=options.pop("warmup", 0))
    share = torch.full((20,), kl / 20)
    variance = torch.tensor([0.9] * active + [0.0] * (20 - active))
    measured = Measurement(recon, kl, share, variance, torch.full((20,), sigma), options.pop("output", (-30.0, 12.0)))
    told = reported or Reported(recon + beta * kl, recon, kl, 128)
    values = [options.pop("untrained", 550.0), *options.pop("course", [recon + kl] * 3)]
    last_beta = options.pop("last_beta", beta)
    learnt = options.pop("train_course", [recon + kl] * len(values))
    rows = [
        {
            "epoch": n, "beta": last_beta, "test_neg_elbo": value, "validation_recon": value - kl,
            "validation_kl": kl, "train_recon": learnt[min(n, len(learnt) - 1)] - kl, "train_kl": kl,
        }
        for n, value in enumerate(values)
    ]  # fmt: skip
    return Evidence(cfg, rows, Baselines(543.4, 205.8, 45.5), 784, measured, measured, at_mean, told)


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
        evidence(reported=Reported(25.0 + 80 / 784, 80 / 784, 25.0, 128)),
        "The reported reconstruction is not the reconstruction",
    ),
    "summed over the batch": (
        evidence(reported=Reported(80.0 + 25 * 128, 80.0, 25 * 128, 128)),
        "The reported KL is not the KL",
    ),
    "mean KL, exploded": (
        evidence(95.0, 500.0, at_mean=94.0, reported=Reported(120.0, 95.0, 25.0, 128)),
        "The reported KL is not the KL",
    ),
    "exploded, another draw of the noise": (
        evidence(900.0, 500.0, at_mean=890.0, reported=Reported(1700.0, 1200.0, 500.0, 128)),
        "Worse than knowing nothing",
    ),
    "exploded, another last batch": (
        evidence(900.0, 5e20, at_mean=890.0, reported=Reported(5.3e20, 900.0, 5.3e20, 128)),
        "Worse than knowing nothing",
    ),
    "loss with the wrong sign": (evidence(488.0, 30.0, at_mean=70.0, reported=Reported(50.0, 80.0, 30.0, 128)), LOSS),
    "loss without the KL": (evidence(90.0, 900.0, sigma=0.02, reported=Reported(90.0, 90.0, 900.0, 128)), LOSS),
    "loss without beta": (evidence(beta=4.0, reported=Reported(105.0, 80.0, 25.0, 128)), LOSS),
    "wrong loss, not finite": (evidence(float("nan"), 1.0, reported=Reported(70.0, 80.0, 10.0, 128)), LOSS),
    "wrong beta after the warm-up": (evidence(beta=4.0, last_beta=1.0, warmup=2), "beta_schedule ends at 1, not at 4"),
    "no beta at all": (evidence(last_beta=float("nan")), "beta_schedule ends at nan, not at 1"),
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
    "averaged over the features": (80 / 784, 25),
    "summed over the batch": (80 * 128, 25),
    "half of the squared error": (40, 25),
    "averaged over the latent dimensions": (80, 25 / 20),
    "without its factor 1/2": (80, 50),
    "no usual factor": (80, 33),
}


@pytest.mark.parametrize("mistake", SCALES)
def test_a_wrong_scale_is_named(mistake):
    recon, kl = SCALES[mistake]
    assert mistake in diagnose(evidence(reported=Reported(recon + kl, recon, kl, 128)))[0].text


LOSSES = {
    "the KL has the wrong sign": 80 - 4 * 25,
    "the KL is missing": 80,
    "beta is ignored": 80 + 25,
    "beta is multiplied in twice": 80 + 16 * 25,
    "the reconstruction is missing": 4 * 25,
    "summed over the batch": 128 * 180,
    "averaged over the features": 80 / 784 + 4 * 25,
    "No usual mistake": 200,
}


@pytest.mark.parametrize("mistake", LOSSES)
def test_a_wrong_loss_is_read_from_its_own_terms(mistake):
    run = evidence(190.0, beta=4.0, reported=Reported(LOSSES[mistake], 80.0, 25.0, 128))
    found = diagnose(replace(run, train=replace(run.train, recon=80.0)))  # with the symptoms of other troubles
    assert (found[0].title, mistake in found[0].text) == (LOSS, True)
    assert not any("noise" in finding.title or "verfit" in finding.title for finding in found)


@pytest.mark.parametrize("beta", [0.0, 0.01, 1.0, 4.0])
@pytest.mark.parametrize(("recon", "kl"), [(80.0, 25.0), (3e5, 2.5e9), (80.0, 1e-6), (-40.0, 3.0)])
def test_a_right_loss_is_not_accused(recon, kl, beta):
    rounded = (recon + beta * kl) * (1 + 2e-6)  # float32 sums in another order
    found = diagnose(evidence(recon, kl, at_mean=recon, beta=beta, reported=Reported(rounded, recon, kl, 128)))
    assert LOSS not in [finding.title for finding in found]


def test_no_judgement_on_a_loss_that_is_not_finite():
    for loss in (float("nan"), float("inf")):
        titles = [finding.title for finding in diagnose(evidence(reported=Reported(loss, 80.0, 25.0, 128)))]
        assert titles == ["Nothing looks wrong"]


@pytest.mark.parametrize("beta", [0.05, 2.0, 4.0])
def test_a_reported_kl_that_holds_beta_already_does_not_make_the_loss_wrong(beta):
    found = diagnose(evidence(beta=beta, reported=Reported(80 + beta * 25, 80.0, beta * 25.0, 128)))
    assert found[0].title == "The reported KL is not the KL"
    assert "multiplied by beta already" in found[0].text


def test_a_run_without_beta_may_report_a_kl_of_zero():
    found = diagnose(evidence(beta=0.0, reported=Reported(80.0, 80.0, 0.0, 128)))
    assert found[0].title == "The reported KL is not the KL"


def test_beta_is_not_judged_within_the_warm_up():
    found = diagnose(evidence(beta=4.0, last_beta=1.0, warmup=2.5))
    assert [finding.title for finding in found] == ["Nothing looks wrong"]


USEFUL = {
    "above the baseline": (195.0, 16.0, False),
    "just below the baseline": (185.0, 16.0, False),
    "units that carry next to nothing": (185.0, 1.8, False),
    "far below the baseline": (170.0, 16.0, True),
}


@pytest.mark.parametrize("case", USEFUL)
def test_sigma_is_not_judged_before_the_code_is_useful(case):
    recon, kl, accused = USEFUL[case]
    found = diagnose(evidence(recon, kl, sigma=1.1, at_mean=recon - 5))
    assert (found[0].title == "Sigma does not learn from the reconstruction") == accused
    assert ("mean sigma of 1.100; one that carries" in found[0].text) == accused


COURSES = {
    "falling to the end": ((120.0, 110.0, 105.0), {"Ahead on the training examples", "Not finished"}),
    "rising at the end": ((106.0, 100.0, 105.0), {"Overfitting"}),
    "up and down": ((108.0, 104.0, 105.0), {"Overfitting"}),
    "fast, then up again": ((150.0, 104.0, 140.0), {"Overfitting"}),
    "flat, with a gap to the training examples": ((104.2, 104.0, 104.3), {"Ahead on the training examples"}),
    "flat but for the noise, at last a good one": ((96.0, 97.5) * 14 + (97.5, 96.0, 95.9), set()),
}


@pytest.mark.parametrize("course", COURSES)
def test_more_and_fewer_epochs_are_never_advised_together(course):
    values, titles = COURSES[course]
    found = diagnose(evidence(course=values, train_course=[95.0]))
    assert {finding.title for finding in found} - {"Nothing looks wrong"} == titles
    assert any("that many epochs" in finding.text for finding in found) == ("Overfitting" in titles)


def test_overfitting_is_judged_by_what_was_trained():
    """At beta 0.01 a KL that grows is no harm, and one that is larger on other examples no gap."""
    run = evidence(beta=0.01, course=[120.0, 110.0, 105.0], reported=Reported(80.25, 80.0, 25.0, 128))
    rows = [row | {"validation_recon": 80.0, "validation_kl": 10.0 * n} for n, row in enumerate(run.rows)]
    found = diagnose(replace(run, rows=rows))
    assert not {finding.title for finding in found} & {"Overfitting", "Ahead on the training examples"}
    rows = [row | {"validation_recon": 80.0 + 5 * n} for n, row in enumerate(run.rows)]
    found = diagnose(replace(run, rows=rows))
    told = next(f for f in found if f.title == "Overfitting").text
    assert "reconstruction + 0.01 KL: validation 95.2, train 80.2" in told


def test_the_test_set_decides_nothing_about_overfitting():
    run = evidence()
    for worse in (replace(run.test, recon=200.0), run.test):
        titles = {finding.title for finding in diagnose(replace(run, test=worse))}
        assert not titles & {"Overfitting", "Ahead on the training examples"}


def test_an_untrained_network_is_not_judged():
    fresh = evidence(540.0, 0.1, active=0)
    assert diagnose(replace(fresh, rows=fresh.rows[:1]))[0].title == "Not trained yet"


def test_a_short_run_is_not_called_healthy():
    titles = [finding.title for finding in diagnose(evidence(226.3, 16.8, active=2, at_mean=224.0))]
    assert "Not better than one constant example yet" in titles
    assert "Nothing looks wrong" not in titles


ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_patients_come_from_the_catalogue_where_the_reference_is(tmp_path):
    answers = wrong_answers(ROOT / "reference" / "vae.py")
    for name, entry in ENTRIES.items():
        assert name in NAMES
        (_, _), (patient, text) = admitted([name], answers)
        assert (patient.name, text) == (name, answers[entry].source.decode())
    (_, healthy), (other, text) = admitted(["forward.samples_from_prior"], answers)
    assert (healthy, other.mistake) == (None, answers["forward.samples_from_prior"].tell)
    assert text is not None
    with pytest.raises(BadInput, match=r"Did you mean 'forward.samples_from_prior'"):
        admitted(["forward.samples_from_priors"], answers)


def test_a_students_copy_has_the_shipped_patients_alone(tmp_path):
    answers = wrong_answers(tmp_path / "vae.py")
    assert [text for _, text in admitted(list(NAMES), answers)] == [None] * len(NAMES)
    with pytest.raises(BadInput, match="unknown patient"):
        admitted(["forward.samples_from_prior"], answers)


@pytest.mark.slow
def test_an_entry_of_the_catalogue_is_treated_like_any_patient(inside, tmp_path):
    arguments = ("--train-examples", 300, "--hidden-dim", 16, "--epochs", 2, "--threads", 1, "--out", "clinic")
    ended = inside("clinic", "--solution", "--patients", "no-noise,forward.samples_from_prior", *arguments)
    assert ended.status == 0, ended.err
    told = json.loads((tmp_path / "clinic" / "clinic.json").read_text())["patients"]
    assert [patient["name"] for patient in told] == ["healthy", "no-noise", "forward.samples_from_prior"]


@pytest.mark.slow
def test_the_clinic_shows_that_the_reported_loss_alone_deceives(inside, tmp_path):
    names = "no-noise,detached-z,double-sigmoid,flipped-kl,mean-recon,no-kl"
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
    assert verdicts.pop("healthy") in (
        "Nothing looks wrong", "Not finished", "Overfitting", "Ahead on the training examples",
    )  # fmt: skip
    assert verdicts == {
        "no-noise": "The decoder was not trained with the posterior's noise",
        "detached-z": "The posterior has collapsed",
        "mean-recon": "The posterior has collapsed",
        "flipped-kl": "The KL is negative",
        "double-sigmoid": "Two sigmoids",
        "no-kl": "Codes far from the prior",
    }
    last = {patient["name"]: patient["last"] for patient in told["patients"]}
    assert last["no-noise"]["reported_loss"] < last["healthy"]["reported_loss"]
    assert last["no-noise"]["test_neg_elbo"] > 2 * last["healthy"]["test_neg_elbo"]
    report = (tmp_path / "clinic" / "report.html").read_text()
    assert "The reported loss alone deceives" in report
    assert report.count("data:image/png;base64,") == 2

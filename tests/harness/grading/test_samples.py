"""The sample submissions lose what their names say, and nothing else."""

import pytest

from grading import assignment
from tests.harness.conftest import ROOT

RUBRIC = assignment.load(ROOT)
OF_VAE = {item.id for item in RUBRIC.items if item.file == "vae.py"}
AFTER_HALF = {"compute_elbo", "beta_schedule", "vae_loss", "build_model", "training"}

# Beside a bug in a part, training may or may not suffer, so it is left out of these sets unless nothing can run.
SAMPLES = {
    "1-everything-right": set(),
    "2-kl-averaged-over-latents": {"kl_divergence"},
    "3-sigmoid-too-early-and-endless-warmup": {"decode", "beta_schedule"},
    "4-four-typical-mistakes": {"warmup_loss", "reparameterize", "reconstruction_loss_gaussian", "compute_elbo"},
    "5-half-done": AFTER_HALF,
    "6-syntax-error": OF_VAE,
    "7-not-started": {item.id for item in RUBRIC.items},
}


def test_every_sample_is_here():
    assert {path.name for path in (ROOT / "samples").iterdir()} == set(SAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lost"), SAMPLES.items(), ids=SAMPLES.keys())
def test_a_sample_loses_what_its_name_says(graded, name, lost):
    result = graded(ROOT / "samples" / name)
    assert result.status == 0
    assert result.lost - {"training"} == lost - {"training"}
    if lost >= AFTER_HALF or not lost:
        assert ("training" in result.lost) == bool(lost)


@pytest.mark.slow
def test_the_demo_grades_them_all(vae_grade):
    done = vae_grade("demo")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert set(SAMPLES) <= set(rows)
    assert "100 / 100" in rows["1-everything-right"]
    assert "0 / 100" in rows["7-not-started"]

"""The sample submissions lose what their names say, and nothing else."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

from grading import assignment
from harness.conftest import ROOT

RUBRIC = assignment.load(ROOT)
OF_VAE = {item.id for item in RUBRIC.items if item.file == "vae.py"}
AFTER_HALF = {"compute_elbo", "beta_schedule", "vae_loss", "build_model", "training"}

# Beside a bug in a part, training may or may not suffer, so it is left out of these sets unless nothing can run.
SAMPLES = {
    "1-everything-right": set(),
    "2-kl-averaged-over-latents": {"kl_divergence"},
    "3-early-sigmoid-endless-warmup": {"decode", "beta_schedule"},
    "4-four-typical-mistakes": {"warmup_loss", "reparameterize", "reconstruction_loss_gaussian", "compute_elbo"},
    "5-half-done": AFTER_HALF,
    "6-syntax-error": OF_VAE,
    "7-not-started": {item.id for item in RUBRIC.items},
}


def test_every_sample_is_here():
    assert {path.name for path in (ROOT / "samples").iterdir()} == set(SAMPLES)


@pytest.fixture(scope="module")
def demo():
    """What the README's first command prints on a terminal of the usual width."""
    command = [sys.executable, "-m", "grading.cli", "demo"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return [line.rstrip() for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_the_demo_prints_what_the_readme_says(demo):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- demo: begin -->\n")[2].partition("<!-- demo: end -->")[0]
    assert textwrap.dedent(shown).splitlines() == demo[: demo.index("")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lost"), SAMPLES.items(), ids=SAMPLES.keys())
def test_a_sample_loses_what_its_name_says(demo, name, lost):
    starts = [i for i, line in enumerate(demo) if not line.startswith(" ")]
    (row,) = (i for i in starts if demo[i].startswith(name + " "))
    text = " ".join(demo[row : starts[starts.index(row) + 1]])
    named = {item.id for item in RUBRIC.items if "every item" in text or re.search(rf"\b{item.id}\b", text)}
    assert named - {"training"} == lost - {"training"}
    if lost >= AFTER_HALF or not lost:
        assert ("training" in named) == bool(lost)

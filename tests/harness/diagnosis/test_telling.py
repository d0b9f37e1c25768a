"""What counts as told of two mistakes: what is told of each alone, also where both meet in one sentence."""

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[3] / "benchmarks" / "telling.py"
TWICE = "The result is twice what it should be: a factor of one half is missing, or something counts twice."
MINUS = "The sign is wrong: the result is minus the right one, so that making it small makes the true loss large."
MEAN = "It is averaged over the features and over the batch; it should be summed over the features."
RELU = "mu goes through a ReLU: what is negative is lost."
PLACE = "What stands in the place of {} is the output of the {} head where x is made 0 and 1, at one half"
SWAPPED = "mu and logvar stand in each other's place."

# What is told of one mistake, of another, of both, and whether that tells both.
CASES = {
    "the same sentences": ([TWICE], [MEAN], [TWICE, MEAN], True),
    "one of them": ([TWICE], [MEAN], [MEAN], False),
    "nothing told of one alone": ([], [MEAN], [MEAN], False),
    "factors are multiplied": ([TWICE], [MINUS], ["Everything is multiplied by -2: the sign is wrong too."], True),
    "another factor": ([TWICE], [MINUS], ["Everything is multiplied by -3: the sign is wrong too."], False),
    "one place": ([RELU], [f"{PLACE.format('mu', 'mu')}."], [f"{PLACE.format('mu', 'mu')}, which {RELU[3:]}"], True),
    "another place": (
        [RELU],
        [f"{PLACE.format('mu', 'mu')}."],
        [f"{PLACE.format('logvar', 'logvar')}, which {RELU[3:]}"],
        False,
    ),
    "another mode": ([RELU], [MEAN], [f"In float64, and not otherwise: {RELU}", MEAN], False),
    "exchanged": (
        [SWAPPED],
        ["No gradient for logvar passes through one of the terms: sigma squared."],
        [SWAPPED, "No gradient for mu passes through one of the terms: sigma squared."],
        True,
    ),
    "a sign": (
        ["The loss is recon - beta kl; it should be recon + beta kl."],
        ["For recon_loss = 'laplace' the recon is the gaussian loss; it should be the laplace loss."],
        [
            "For recon_loss = 'bernoulli' the loss is recon - beta kl; it should be recon + beta kl.",
            "For recon_loss = 'laplace' the recon is the gaussian loss; it should be the laplace loss.",
        ],
        True,
    ),
    "one's own place": (
        ["What stands in the place of mu is the output of the mu head without the ReLU of the hidden layer."],
        [f"{PLACE.format('mu', 'mu')}."],
        [f"{PLACE.format('mu', 'mu')}."],
        False,
    ),
    "another's place": (
        ["What stands in the place of logvar is the output of the mu head."],
        [f"{PLACE.format('mu', 'mu')}."],
        [f"{PLACE.format('mu', 'mu')}.", f"{PLACE.format('logvar', 'mu')}."],
        True,
    ),
    "a term without its meaning": (
        [SWAPPED],
        ["No gradient for logvar passes through one of the terms: sigma squared (the exponential of logvar)."],
        [SWAPPED, "No gradient for mu passes through one of the terms: sigma squared (the exponential of logvar)."],
        True,
    ),
    "terms": (
        ["The loss is recon + beta (the kl of x); it should be recon + beta kl."],
        ["The loss is kl + recon over beta; it should be recon + beta kl."],
        ["The loss is the kl of x + recon over beta; it should be recon + beta kl."],
        True,
    ),
}


@pytest.fixture(scope="module")
def telling():
    spec = importlib.util.spec_from_file_location("telling", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", CASES)
def test_both_are_told(telling, name):
    one, other, both, told = CASES[name]
    assert telling.both_told(one, other, both) is told
    assert telling.both_told(other, one, both) is told

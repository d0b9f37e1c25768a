"""The checks of the extensions: the solution passes them, a skeleton none, and each of them finds a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOLUTION = (ROOT / "reference" / "extensions.py").read_text(encoding="utf-8")
FIXED_SIGMA = """    half = torch.tensor(0.5)
    nll = -torch.distributions.Normal(mean, half.sqrt()).log_prob(x).sum(1).mean()
    return SigmaTerms(nll, half.sqrt())
"""
# What to replace in the solution, by what, and the check that has to notice.
MISTAKES = [
    ("+ (prior - proposal)", "+ (prior + proposal)", "log_importance_weights_are"),
    ("prior = -z.square() / 2", "prior = -z.square()", "log_importance_weights_are"),
    (" - logvar / 2\n", "\n", "log_importance_weights_are"),
    (" - math.log(len(log_weights))", "", "rises_from_the_elbo_to_the_evidence"),
    ("torch.logsumexp(log_weights, dim=0)", "log_weights.sum(dim=0)", "rises_from_the_elbo_to_the_evidence"),
    ("torch.logsumexp(log_weights, dim=0)", "log_weights.exp().sum(dim=0).log()", "survives_weights_that_are_0"),
    (".mean()\n    # <<< solution\n\n\ndef free", ".sum()\n    # <<< solution\n\n\ndef free", "one_sample_is_the_elbo"),
    (".mean(dim=0)\n    return per", "\n    return per", "counted_for_each_dimension"),
    (".clamp(min=free_nats).sum()", ".sum().clamp(min=free_nats)", "counted_for_each_dimension"),
    (".clamp(min=free_nats)", ".sub(free_nats).abs().add(free_nats)", "pulls_only_on_dimensions_above"),
    ("per_dimension = 0.5 * ", "per_dimension = 1.0 * ", "without_free_nats_is_the_kl"),
    ("(1 + variance.log()", "(variance.log()", "the_likelihood_at_its_own_sigma"),
    ("sigma=variance.sqrt()", "sigma=variance", "the_likelihood_at_its_own_sigma"),
    ("    variance = (mean - x)", FIXED_SIGMA + "    variance = (mean - x)", "sigma_vae_loss_has_the_best_sigma"),
    ("variance = (mean - x)", "variance = (mean.detach() - x + mean - mean)", "has_the_gradient_of_the_likelihood"),
    (".log().clamp(min=0)", ".log()", "is_0_where_noise_explains"),
    ("0.5 * (variances", "1.0 * (variances", "is_where_training_ends"),
    ("torch.linalg.eigvalsh(covariance)", "torch.diagonal(covariance)", "is_where_training_ends"),
]


def check(folder):
    """Run the checks as a student does; how each ended, by its name."""
    command = [sys.executable, "-m", "pytest", "tests/extensions", "-q", "-rA", "--tb=line"]
    done = subprocess.run(
        [*command, "--submission", str(folder), "-p", "no:cacheprovider"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    lines = [line.split(" - ")[0].partition(" ") for line in done.stdout.splitlines()]
    return {place.partition("::")[2]: end for end, _, place in lines if end in ("PASSED", "FAILED")}, done.stdout


@pytest.mark.slow
def test_the_solution_passes_every_check_and_the_skeleton_none():
    ends, told = check(ROOT / "reference")
    assert len(ends) >= 14
    assert set(ends.values()) == {"PASSED"}, told
    ends_of_skeleton, told = check(ROOT / "student")
    assert ends_of_skeleton.keys() == ends.keys()
    assert set(ends_of_skeleton.values()) == {"FAILED"}
    assert told.count("NotImplementedError: extension") >= len(ends)


# Every third, of most checks, and all of them.
@pytest.mark.slow
@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)])
def test_each_mistake_is_found_by_the_check_that_is_there_for_it(tmp_path, step):
    """All in one process, since to start one takes longer than the checks do."""
    mistakes, calls = MISTAKES[::step], []
    for number, (old, new, noticed_by) in enumerate(mistakes):
        assert old in SOLUTION
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "extensions.py").write_text(SOLUTION.replace(old, new), encoding="utf-8")
        calls.append(["tests/extensions", "-p", "no:cacheprovider", "--submission", str(folder), "-k", noticed_by])
    program = f"import pytest; print([int(pytest.main(call)) for call in {calls!r}])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300)
    ended = json.loads(done.stdout.splitlines()[-1])
    assert len(ended) == len(mistakes)
    missed = [mistake for mistake, end in zip(mistakes, ended, strict=True) if end != pytest.ExitCode.TESTS_FAILED]
    assert missed == []

"""Right answers that ask more of a worker than others: for memory, for libraries, for constants of less precision.

The audit has them one by one, and no limits; here they are in one submission, and confined.
"""

import pytest
from harness.conftest import ASSIGNMENT

from grading import catalogue
from grading.catalogue.splice import combined

pytestmark = pytest.mark.slow

DRAWS = b"import matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 120\n"
STYLES = {
    "warmup_model.reparameterize_with_covariance",
    "reparameterize.multivariate_rsample",
    "forward.samples_with_covariance",
    "reconstruction_loss_gaussian.normal_with_root_of_tensor",
    "reconstruction_loss_laplace.distance_of_all_pairs",
    "compute_elbo.beta_as_float32",
}


def test_they_get_full_marks_in_a_worker(judged, hand_in):
    known = catalogue.load(ASSIGNMENT.reference, ASSIGNMENT.files)
    chosen = [answer for answer in known.variants if answer.name in STYLES]
    assert {answer.name for answer in chosen} == STYLES
    texts = {
        name.removesuffix(".py"): DRAWS + combined(source, [answer for answer in chosen if answer.file == name])
        for name, source in known.solution.items()
    }
    graded = judged(hand_in(**texts))
    assert graded.lost == set(), [check for check in graded.checks.values() if check["status"] != "passed"]
    assert graded.document["score"]["earned"] == 100

"""Workers that go on with the next check: what one check leaves behind reaches few others, and fails none."""

import re

import pytest
from harness.boundary.sides import ROOT

from grading.seeds import derive_seed

pytestmark = pytest.mark.slow

SOLUTION = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
# The library is the same for all checks that share a process; each check has a seed of its own when the file is loaded.
REMEMBERS = """
torch.loads = [*getattr(torch, "loads", []), torch.initial_seed()]
print(f"loads: {torch.loads}")
"""
FAILS_THE_SECOND_TIME = """
if hasattr(torch, "loaded"):
    raise RuntimeError("loaded twice")
torch.loaded = True
"""
WRONG_THE_THIRD_TIME = """
torch.loads = getattr(torch, "loads", 0) + 1
_right = kl_divergence
def kl_divergence(mu, logvar):
    return _right(mu, logvar) if torch.loads < 3 else None
"""


# With one item alone, hidden and public checks of it follow each other.
ONE = ("--only", "kl_divergence")
FEW = (*ONE, "--only", "beta_schedule", "--only", "warmup_loss")


@pytest.mark.parametrize(
    ("only", "least"),
    [pytest.param((), 100, id="all", marks=pytest.mark.long), pytest.param(FEW, 8, id="few"), (ONE, 5)],
)
def test_a_worker_serves_checks_of_one_item_and_tier_alone(only, least, hand_in, graded_here):
    done = graded_here(hand_in(vae=SOLUTION + REMEMBERS), "--seed", "shared", *only)
    assert not done.lost
    keys = {"public": "public", "hidden": "shared"}
    check_of = {derive_seed(keys[tier_of(check)], check, "load"): check for check in done.checks}
    shared = 0
    for check, judged in done.checks.items():
        loads = re.findall(r"\d+", judged["output"].partition("loads: ")[2].partition("\n")[0])
        if not loads:
            assert item_of(check).startswith("warmup_")  # its file prints nothing
            continue
        earlier = [check_of[int(seed)] for seed in loads]
        assert earlier[-1] == check
        assert {(item_of(other), tier_of(other)) for other in earlier} == {(item_of(check), tier_of(check))}
        shared += len(earlier) > 1
    assert shared >= least


@pytest.mark.parametrize("only", [ONE, pytest.param((), marks=pytest.mark.long)], ids=["one item", "all"])
@pytest.mark.parametrize("spoilt", [FAILS_THE_SECOND_TIME, WRONG_THE_THIRD_TIME], ids=["raises", "gets wrong"])
def test_what_an_earlier_check_left_behind_costs_nothing(spoilt, only, hand_in, graded_here):
    done = graded_here(hand_in(vae=SOLUTION + spoilt), *only)
    assert done.document["score"]["earned"] == (10 if only else 100), done.lost


def item_of(check):
    return check.split("/")[1]


def tier_of(check):
    return check.split("/")[0]

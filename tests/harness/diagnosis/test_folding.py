"""Sentences that say the same of several gradients are one."""

import pytest

from grading.diagnosis.folding import folded

CUT = "In eval mode, and not otherwise: the gradient of {} is cut off: none arrives."
BENT = "The gradient of logits for the {} of the {} head is not in proportion to what comes back."

CASES = [
    ([CUT.format(name) for name in ("logits", "mu", "logvar", "z")], [CUT.format("logits, mu, logvar and z")]),
    (
        [BENT.format(what, head) for head in ("mu", "logvar") for what in ("weight", "bias")],
        [BENT.format("weight and bias", "mu and logvar")],
    ),
    # In the order in which they are told, and no more than what is alike.
    (
        ["The KL is halved.", "The gradient for mu is 0.", "The result is random.", "The gradient for logvar is 0."],
        ["The KL is halved.", "The gradient for mu and logvar is 0.", "The result is random."],
    ),
    (
        [f"What stands in the place of {name} is that of 2 x." for name in ("mu", "logvar")],
        ["What stands in the place of mu and logvar is that of 2 x."],
    ),
    *[
        ([one, other], [one, other])
        for one, other in (
            ("The gradient for mu is multiplied by 2.", "The gradient for logvar is multiplied by 3."),
            ("The gradient for mu is multiplied by 2.", "The gradient for mu is multiplied by 3."),
            ("The gradient for mu is cut off at 2.", "The gradient for mu is cut off at 3."),
            ("The mean of mu is 0.", "The mean of logvar is 0."),
            ("What stands in the place of mu is mu of the first.", "What stands in the place of mu is mu of the last."),
            (
                "What stands in the place of mu is the mu head.",
                "What stands in the place of logvar is the logvar head.",
            ),
        )
    ],
    (["The gradient for mu is 0."] * 2, ["The gradient for mu is 0."]),
]


@pytest.mark.parametrize(("told", "expected"), CASES)
def test_what_is_said_of_several_gradients_is_said_once(told: list[str], expected: list[str]) -> None:
    assert folded(told) == expected

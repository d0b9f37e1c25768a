"""``gradient_step(x, y, weight, bias, rate)``: the new weight and bias."""

from steps import BY_HAND, assert_step

from grading.checks import assert_unchanged


def test_one_step_can_be_computed_by_hand(submission):
    assert_step(submission, *BY_HAND, 0.5)


def test_leaves_its_arguments_alone(submission):
    submission.gradient_step(*BY_HAND, 0.5)
    assert_unchanged(submission, "gradient_step")

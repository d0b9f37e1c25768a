"""``beta_schedule(step, warmup_steps, beta_max)``: a straight line from 0 to ``beta_max``, then constant."""

from grading.checks import assert_number


def test_starts_at_zero(submission):
    assert_number(submission.beta_schedule(0, 10), 0.0, "the weight at step 0 of 10")


def test_is_half_of_beta_max_in_the_middle(submission):
    assert_number(submission.beta_schedule(5, 10, 4.0), 2.0, "the weight at step 5 of 10, for beta_max = 4")


def test_reaches_beta_max_at_the_end_of_the_warm_up(submission):
    assert_number(submission.beta_schedule(10, 10, 4.0), 4.0, "the weight at step 10 of 10, for beta_max = 4")


def test_stays_at_beta_max_after_the_warm_up(submission):
    assert_number(submission.beta_schedule(25, 10, 4.0), 4.0, "the weight at step 25 of 10, for beta_max = 4")


def test_without_a_warm_up_it_is_beta_max_at_once(submission):
    assert_number(submission.beta_schedule(0, 0, 4.0), 4.0, "the weight at step 0 without a warm-up, for beta_max = 4")

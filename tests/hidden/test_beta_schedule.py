"""``beta_schedule(step, warmup_steps, beta_max)``: every step of a warm-up, and the corners of its arguments."""

from asking import beside_a_model, in_turn, through_many

from grading.checks import assert_number, assert_unchanged


def test_is_linear_at_every_step(submission, draws):
    warmup, beta_max = draws.integer(5, 12), draws.integer(1, 15) / 4
    for step in range(warmup + 1):
        expected = beta_max * step / warmup
        actual = submission.beta_schedule(step, warmup, beta_max)
        assert_number(actual, expected, f"the weight at step {step} of {warmup}, for beta_max = {beta_max:g}")
    assert_unchanged(submission, "beta_schedule")


def test_does_not_depend_on_earlier_calls(submission, draws):
    warmup = draws.integer(5, 12)
    for step in (3 * warmup, 2, warmup, 10 * warmup + 1, 1, 1_000 * warmup + 2, 2):
        expected = min(step / warmup, 1.0)
        assert_number(submission.beta_schedule(step, warmup), expected, f"the weight at step {step} of {warmup}")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other steps, warm-ups of up to a million steps and final weights of up to 1,000, whole ones too, in turn."""
    questions = [(draws.integer(1, 9), draws.integer(10, 20), draws.integer(1, 15) / 4) for _ in range(3)]
    for most in (10, 10**3, 10**5, 10**6, 10**7):
        warmup = draws.integer(most // 10, most)
        questions.append((draws.integer(0, 2 * warmup), warmup, draws.integer(2, 1_000)))
        size = 10 ** draws.uniform(1, low=-4.0, high=3.0).item()
        questions.append((draws.integer(0, warmup), warmup, size))
        questions.append((draws.integer(0, warmup), -draws.integer(0, most), draws.integer(2, 1_000)))
    for step, warmup, beta_max in in_turn(questions):
        expected = beta_max * min(step / warmup, 1.0) if warmup > 0 else beta_max
        actual = submission.beta_schedule(step, warmup, beta_max)
        what = f"the weight at step {step} of {warmup}, for beta_max = {beta_max:g}"
        assert_number(actual, expected, what, atol=1e-6 * max(1e-3, beta_max))  # a float32 of this size is no finer
    for i, times in enumerate(through_many(draws)):
        step = (3, 8)[i % 2]
        actual = submission.after(times, draws.seed()).beta_schedule(step, 10, 2.0)
        assert_number(actual, step / 5, f"the weight at step {step} of 10, asked hundreds of times, for beta_max = 2")


def test_beta_max_is_one_unless_given(submission, draws):
    """Whatever models there are."""
    beside_a_model(submission, draws)
    warmup = draws.integer(5, 20)
    assert_number(submission.beta_schedule(2 * warmup, warmup), 1.0, "the weight after the warm-up, without beta_max")
    assert_number(
        submission.beta_schedule(3, warmup), 3 / warmup, f"the weight at step 3 of {warmup}, without beta_max"
    )


def test_a_long_warm_up_moves_a_little_at_every_step(submission, draws):
    warmup = draws.integer(5_000, 9_000)
    assert_number(submission.beta_schedule(1, warmup), 1 / warmup, f"the weight at step 1 of {warmup}")
    last = submission.beta_schedule(warmup - 1, warmup)
    assert_number(last, (warmup - 1) / warmup, f"the weight at step {warmup - 1} of {warmup}")


def assert_rises_elsewhere(submission, draws, beta_max):
    """Nothing is said here of a function that gives the same numbers whatever the length of the warm-up is."""
    warmup = draws.integer(5, 12)
    actual = submission.beta_schedule(2, warmup, beta_max)
    assert_number(actual, 2 * beta_max / warmup, f"the weight at step 2 of {warmup}, for beta_max = {beta_max:g}")


def test_a_warm_up_of_one_step_goes_from_zero_to_beta_max(submission, draws):
    beta_max = draws.integer(1, 15) / 4
    assert_number(submission.beta_schedule(0, 1, beta_max), 0.0, "the weight at step 0 of 1")
    assert_number(submission.beta_schedule(1, 1, beta_max), beta_max, "the weight at step 1 of 1")
    assert_rises_elsewhere(submission, draws, beta_max)


def test_a_beta_max_of_zero_is_zero_at_every_step(submission, draws):
    for step in (0, 3, 7, 20):
        assert_number(submission.beta_schedule(step, 7, 0.0), 0.0, f"the weight at step {step} of 7, for beta_max = 0")
    assert_rises_elsewhere(submission, draws, draws.integer(1, 15) / 4)


def test_without_a_warm_up_it_is_beta_max_at_every_step(submission, draws):
    beta_max = draws.integer(1, 15) / 4
    for step, warmup in ((3, 0), (0, -1), (5, -4)):
        actual = submission.beta_schedule(step, warmup, beta_max)
        assert_number(
            actual, beta_max, f"the weight at step {step} for warmup_steps = {warmup}, beta_max = {beta_max:g}"
        )
    assert_rises_elsewhere(submission, draws, beta_max)


def test_arguments_may_be_given_by_name(submission):
    actual = submission.beta_schedule(beta_max=0.1, warmup_steps=4, step=3)
    assert_number(actual, 0.075, "the weight at step 3 of 4, for beta_max = 0.1")

"""The submission's own model and loss, trained for a short fixed budget on real digits; the grader does the judging."""

import trained


def test_the_held_out_elbo_is_well_above_that_of_a_model_without_a_code(submission, draws):
    trained.assert_gain(trained.train(submission, draws), draws)

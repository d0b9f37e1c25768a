"""The submission's own model and loss, trained on another split of the digits from another start."""

import trained


def test_the_held_out_elbo_is_reached_without_posterior_collapse(submission, draws):
    result = trained.train(submission, draws)
    trained.assert_active(result)
    trained.assert_gain(result, draws)


def test_samples_from_the_prior_look_like_digits(submission, draws):
    trained.assert_samples_look_like_digits(trained.train(submission, draws), draws)

"""The submission's own model and loss, trained on another split of the digits from another start."""

import trained


def test_without_posterior_collapse_the_elbo_is_reached_and_prior_samples_look_like_digits(submission, draws):
    result = trained.train(submission, draws)
    trained.assert_active(result)
    trained.assert_gain(result, draws)
    trained.assert_samples_look_like_digits(result, draws)

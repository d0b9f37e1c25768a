"""``mean_squared_error`` on fresh inputs."""

from grading.checks import assert_close


def test_averages_over_examples(submission, draws):
    prediction, target = draws.normal(6), draws.normal(6)
    actual = submission.mean_squared_error(prediction, target)
    assert_close(actual, ((prediction - target) ** 2).mean(), "the mean squared error of six examples")

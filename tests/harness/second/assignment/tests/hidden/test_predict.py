"""``predict`` on fresh inputs."""

from grading.checks import assert_close


def test_is_right_for_many_features(submission, draws):
    x, weight, bias = draws.normal(5, 7), draws.normal(7), draws.normal()
    assert_close(submission.predict(x, weight, bias), x @ weight + bias, "the prediction for five examples")

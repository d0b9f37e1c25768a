"""``mean_squared_error(prediction, target)``: a scalar."""

import torch

from grading.checks import assert_close


def test_is_zero_for_a_perfect_prediction(submission):
    target = torch.tensor([1.0, 2.0])
    assert_close(submission.mean_squared_error(target, target), torch.tensor(0.0), "the error of a perfect prediction")


def test_an_error_counts_by_its_square(submission):
    actual = submission.mean_squared_error(torch.tensor([4.0]), torch.tensor([1.0]))
    assert_close(actual, torch.tensor(9.0), "the mean squared error of a single error of 3")

"""``predict(x, weight, bias)``: one number for each row of ``x``."""

import torch

from grading.checks import assert_close


def test_one_example_can_be_computed_by_hand(submission):
    actual = submission.predict(torch.tensor([[3.0, 4.0]]), torch.tensor([2.0, 1.0]), torch.tensor(1.0))
    assert_close(actual, torch.tensor([11.0]), "the prediction for 3 and 4")

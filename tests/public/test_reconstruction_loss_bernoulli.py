"""``reconstruction_loss_bernoulli(logits, x)``: the negative log-likelihood of pixels in ``[0, 1]``, in nats."""

import math

import oracles
import torch

from grading.checks import assert_close, assert_tensor


def test_at_logit_zero_every_pixel_costs_log_2(submission):
    logits, x = torch.zeros(1, 4), torch.tensor([[0.0, 0.25, 0.5, 1.0]])
    by_hand = torch.tensor(4 * math.log(2))
    assert_close(submission.reconstruction_loss_bernoulli(logits, x), by_hand, "the loss of four pixels at p = 1/2")


def test_one_grey_pixel_can_be_computed_by_hand(submission):
    logits, x = torch.tensor([[math.log(9.0)]]), torch.tensor([[0.25]])  # p = sigmoid(log 9) = 9/10
    by_hand = torch.tensor(-0.25 * math.log(0.9) - 0.75 * math.log(0.1))
    assert_close(submission.reconstruction_loss_bernoulli(logits, x), by_hand, "the loss at p = 0.9, x = 0.25")


def test_a_confident_mistake_costs_as_many_nats_as_its_logit_is_large(submission):
    logits, x = torch.tensor([[200.0, -300.0]]), torch.tensor([[0.0, 1.0]])
    by_hand = torch.tensor(200.0 + 300.0)
    assert_close(submission.reconstruction_loss_bernoulli(logits, x), by_hand, "the loss at logits 200 and -300")


def test_is_right_for_a_batch_that_holds_every_example_twice(submission, draws):
    logits, x = draws.normal(5, 3), draws.uniform(5, 3)
    twice = submission.reconstruction_loss_bernoulli(logits.repeat(2, 1), x.repeat(2, 1))
    assert_close(twice, oracles.bernoulli(logits, x).float(), "the loss of a batch that holds every example twice")


def test_is_a_scalar_that_equals_the_negative_log_likelihood(submission, draws):
    logits, x = draws.normal(5, 3, std=2.0), draws.uniform(5, 3)
    value = submission.reconstruction_loss_bernoulli(logits, x)
    assert_tensor(value, (), torch.float32, "the Bernoulli loss")
    assert_close(value, oracles.bernoulli(logits, x).float(), "the Bernoulli loss of a random batch")

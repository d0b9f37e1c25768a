"""``vae_loss(output, x, recon_loss, beta)``: every likelihood, beta 0, float64, gradients and errors."""

import contextlib

import elbo
import torch
from asking import in_turn
from output_loss import OutputCase, slopes

from grading.checks import Blocked, CheckFailure, StudentError


def fresh(draws):
    return elbo.draw(draws, *draws.distinct(3, 2, 17))


def test_is_right_for_bernoulli_on_fresh_shapes(submission, draws):
    OutputCase(submission, draws, fresh(draws), recon_loss="bernoulli", beta=2.5).assert_right()


def test_is_right_for_gaussian_on_fresh_shapes(submission, draws):
    OutputCase(submission, draws, fresh(draws), recon_loss="gaussian", beta=2.5).assert_right()


def test_is_right_for_laplace_on_fresh_shapes(submission, draws):
    OutputCase(submission, draws, fresh(draws), recon_loss="laplace", beta=2.5).assert_right()


def test_a_beta_of_zero_is_passed_on_too(submission, draws):
    OutputCase(submission, draws, fresh(draws), recon_loss="gaussian", beta=0.0).assert_right()


def test_beta_is_one_unless_given(submission, draws):
    OutputCase(submission, draws, fresh(draws), recon_loss="gaussian").assert_right()


def test_keeps_float64(submission, draws):
    point = elbo.draw(draws, 4, 6, 3, torch.float64)
    OutputCase(submission, draws, point, recon_loss="gaussian", beta=0.1).assert_right()


def test_the_gradient_for_the_logits_is_that_of_compute_elbo(submission, draws):
    point = elbo.with_gradients(elbo.draw(draws, 4, 6, 3), "logits")
    case = OutputCase(submission, draws, point, recon_loss="gaussian", beta=2.0)
    case.assert_gradient(point.logits, "the gradient of the loss for the logits")


def test_the_gradient_for_the_posterior_is_that_of_compute_elbo(submission, draws):
    point = elbo.with_gradients(elbo.draw(draws, 4, 6, 3), "mu", "logvar")
    case = OutputCase(submission, draws, point, recon_loss="gaussian", beta=2.0)
    case.assert_gradient(point.mu, "the gradient of the loss for mu at beta = 2")
    case.assert_gradient(point.logvar, "the gradient of the loss for logvar at beta = 2")


def test_the_error_for_an_unknown_recon_loss_passes_through(submission, draws):
    OutputCase(submission, draws, fresh(draws), recon_loss="gaussian").assert_errors_pass_through()


def test_gradients_flow_through_all_three(submission, draws):
    point = elbo.with_gradients(elbo.draw(draws, 4, 6, 3), "logits", "mu", "logvar")
    case = OutputCase(submission, draws, point, recon_loss="gaussian", beta=2.0)
    found = case.vae_loss()
    for name in ("logits", "mu", "logvar"):
        wanted = getattr(point, name)
        try:
            gradients = slopes(found, wanted)
        except StudentError:
            case.own_slopes(wanted)  # which may be blocked by the same
            raise
        if elbo.same(gradients, slopes(case.true_elbo(), wanted)):
            continue
        if not elbo.same(gradients, case.own_slopes(wanted)):
            message = f"the gradients of loss, recon and kl for {name} are not those of compute_elbo"
            raise CheckFailure("gradient", message, expected="the same gradients", actual="others, or none")
        case.rely_on_elbo()


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other outputs of one shape, likelihoods and betas in turn, and the first ones again."""
    options = ("gaussian", 0.5), ("bernoulli", 3.0), ("laplace", 2.0), ("gaussian", 1.5)
    questions = [(elbo.draw(draws, 4, 6, 3), name, beta) for name, beta in options]
    for point, name, beta in in_turn(questions):
        case = OutputCase(submission, draws, point, name, beta)
        with contextlib.suppress(Blocked):  # compute_elbo by itself, which may remember, is asked as often
            case.own_elbo()
        try:
            case.assert_right()
        except CheckFailure:
            # A part that remembers gives another answer each time: it is held against the truth, not against itself.
            if elbo.same(tuple(case.own_elbo()), case.true_elbo()):
                raise
            case.rely_on_elbo()


def test_leaves_its_arguments_alone(submission, draws):
    OutputCase(submission, draws, fresh(draws), recon_loss="gaussian").assert_unchanged()

"""``compute_elbo(x, logits, mu, logvar, recon_loss, beta)``: every likelihood, other betas, gradients of each term."""

import contextlib

import elbo
import torch
from asking import in_turn

from grading.checks import Blocked, CheckFailure


def check_fresh_shapes(submission, draws, recon_loss):
    case = elbo.Case(submission, elbo.draw(draws, *draws.distinct(3, 2, 17)), recon_loss)
    loss, recon, kl = case.compute_elbo_of(recon_loss, 3.5)
    case.assert_recon(recon)
    case.assert_kl(kl)
    case.assert_sum(loss, recon, kl, beta=3.5)


def test_is_right_for_bernoulli_on_fresh_shapes(submission, draws):
    check_fresh_shapes(submission, draws, "bernoulli")


def test_is_right_for_gaussian_on_fresh_shapes(submission, draws):
    check_fresh_shapes(submission, draws, "gaussian")


def test_is_right_for_laplace_on_fresh_shapes(submission, draws):
    check_fresh_shapes(submission, draws, "laplace")


def test_beta_is_one_unless_given(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 4, 6, 3))
    loss, recon, kl = case.compute_elbo()
    case.assert_sum(loss, recon, kl, beta=1.0)


def test_at_beta_zero_the_loss_is_recon_alone(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 4, 6, 3))
    loss, recon, kl = case.compute_elbo(beta=0.0)
    case.assert_sum(loss, recon, kl, beta=0.0)


def test_at_beta_zero_the_kl_is_still_reported(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 4, 6, 3))
    _, _, kl = case.compute_elbo(beta=0.0)
    case.assert_kl(kl)


def test_keeps_float64(submission, draws):
    case = elbo.Case(submission, elbo.draw(draws, 4, 6, 3, torch.float64))
    loss, recon, kl = case.compute_elbo(beta=0.1)
    case.assert_recon(recon)
    case.assert_kl(kl)
    case.assert_sum(loss, recon, kl, beta=0.1)


def with_gradients(submission, draws, *names):
    """A case for each likelihood, at a point where gradients for these arguments are asked for."""
    for recon_loss in elbo.LIKELIHOODS:
        yield elbo.Case(submission, elbo.with_gradients(elbo.draw(draws, 4, 6, 3), *names), recon_loss)


def test_the_gradient_of_the_loss_for_the_logits_is_that_of_recon(submission, draws):
    for case in with_gradients(submission, draws, "logits"):
        loss, _, _ = case.compute_elbo(beta=2.0)
        case.assert_recon_gradient(loss, "the gradient of the loss for the logits")


def test_the_gradient_of_the_loss_for_the_posterior_is_beta_times_that_of_kl(submission, draws):
    for case in with_gradients(submission, draws, "mu", "logvar"):
        loss, _, _ = case.compute_elbo(beta=2.0)
        case.assert_kl_gradient(loss, case.point.mu, 2.0, "the gradient of the loss for mu at beta = 2")
        case.assert_kl_gradient(loss, case.point.logvar, 2.0, "the gradient of the loss for logvar at beta = 2")


def test_gradients_flow_through_the_reported_recon(submission, draws):
    for case in with_gradients(submission, draws, "logits"):
        _, recon, _ = case.compute_elbo(beta=2.0)
        case.assert_recon_gradient(recon, "the gradient of recon for the logits")


def test_gradients_flow_through_the_reported_kl(submission, draws):
    for case in with_gradients(submission, draws, "mu", "logvar"):
        _, _, kl = case.compute_elbo(beta=2.0)
        case.assert_kl_gradient(kl, case.point.mu, 1.0, "the gradient of kl for mu")
        case.assert_kl_gradient(kl, case.point.logvar, 1.0, "the gradient of kl for logvar")


def test_the_message_for_an_unknown_recon_loss_names_the_three(submission, draws):
    message = elbo.Case(submission, elbo.draw(draws, 4, 6, 3)).assert_value_error("cauchy", 2.0)
    if not all(name in message for name in elbo.LIKELIHOODS):
        expected = ", ".join(elbo.LIKELIHOODS)
        raise CheckFailure("value", "the message does not name the likelihoods", expected=expected, actual=message)


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other points of one shape, likelihoods and betas in turn, and the first ones again."""
    options = ("gaussian", 0.5), ("bernoulli", 3.0), ("laplace", 2.0), ("gaussian", 1.5)
    questions = [(elbo.draw(draws, 4, 6, 3), name, beta) for name, beta in options]
    for point, name, beta in in_turn(questions):
        case = elbo.Case(submission, point, name)
        with contextlib.suppress(Blocked):  # the parts by themselves, which may remember, are asked as often
            case.own_recon(), case.own_kl()
        try:
            loss, recon, kl = case.compute_elbo_of(name, beta)
            case.assert_recon(recon)
            case.assert_kl(kl)
            case.assert_sum(loss, recon, kl, beta)
        except CheckFailure:
            # A part that remembers gives another answer each time: it is held against the truth, not against itself.
            right = {
                case.recon_item: elbo.same(case.own_recon(), case.true_recon()),
                "kl_divergence": elbo.same(case.own_kl(), case.true_kl()),
            }
            if all(right.values()):
                raise
            submission.rely_on(*(item for item in right if not right[item]))


def test_leaves_its_arguments_alone(submission, draws):
    elbo.Case(submission, elbo.draw(draws, 4, 6, 3)).assert_unchanged()

"""``compute_elbo(x, logits, mu, logvar, recon_loss, beta)``: every likelihood, other betas, gradients of each term."""

import contextlib

import elbo
import networks
import oracles
import points
import torch
from asking import beside_a_model, in_turn, through_many

from grading.checks import Blocked, CheckFailure


def assert_right(submission, draws, recon_loss):
    """``loss = recon + beta * kl``, of the terms that the submission's own parts give; with gradients or without."""
    its_loss = f"reconstruction_loss_{recon_loss}"
    for point, beta in zip(points.of_every_kind(draws, recon_loss), networks.betas(draws), strict=False):
        case, (x, logits, mu, logvar) = elbo.Case(submission, point), point
        with torch.set_grad_enabled(bool(draws.integer(0, 1))):
            _, recon, kl = case.compute_elbo(recon_loss, beta)
            what = f"the reconstruction term for {recon_loss!r}"
            case.assert_equal(recon, lambda part: getattr(part, its_loss)(logits, x), what)
            what = "the KL term, which beta does not multiply,"
            case.assert_equal(kl, lambda part: part.kl_divergence(mu, logvar), what)
            case.assert_loss(lambda recon, kl: recon + beta * kl)


def test_is_right_for_bernoulli_on_fresh_shapes(submission, draws):
    assert_right(submission, draws, "bernoulli")


def test_is_right_for_gaussian_on_fresh_shapes(submission, draws):
    assert_right(submission, draws, "gaussian")


def test_is_right_for_laplace_on_fresh_shapes(submission, draws):
    assert_right(submission, draws, "laplace")


def test_beta_is_one_unless_given(submission, draws):
    """And the likelihood Bernoulli's, whatever models there are."""
    for options in ({"recon_loss": "gaussian"}, {}):
        x, logits, *_ = point = points.draw(draws, 4, 6, 3)
        case = elbo.Case(submission, point)
        beside_a_model(submission, draws)
        _, recon, _ = case.compute_elbo(**options)
        case.assert_equal(recon, lambda part: getattr(part, case.recon_item)(logits, x), "the reconstruction term")
        case.assert_loss(lambda recon, kl: recon + kl)


def test_at_beta_zero_the_loss_is_recon_alone(submission, draws):
    case = elbo.Case(submission, points.draw(draws, 4, 6, 3))
    case.compute_elbo(recon_loss="gaussian", beta=0.0)
    case.assert_loss(lambda recon, kl: recon + 0.0 * kl)


def test_at_beta_zero_the_kl_is_still_reported(submission, draws):
    _, _, mu, logvar = point = points.draw(draws, 4, 6, 3)
    case = elbo.Case(submission, point)
    _, _, kl = case.compute_elbo(recon_loss="gaussian", beta=0.0)
    case.assert_equal(kl, lambda part: part.kl_divergence(mu, logvar), "the KL term at beta = 0")


def with_gradients(draws, *names):
    """For each likelihood, with the name of its loss and a weight, points where gradients for these are asked for."""
    for recon_loss in elbo.LIKELIHOODS:
        for point, beta in zip(points.to_differentiate(draws), networks.betas(draws), strict=False):
            yield recon_loss, f"reconstruction_loss_{recon_loss}", beta, points.with_gradients(point, *names)


def test_the_gradient_of_the_loss_for_the_logits_is_that_of_recon(submission, draws):
    """And so is that for x, where both or one of them take gradients."""
    for i, (recon_loss, its_loss, beta, point) in enumerate(with_gradients(draws)):
        leaves = oracles.taking_gradients(i, logits=point.logits, x=point.x)
        case, x, logits = elbo.Case(submission, point), point.x, point.logits
        loss, _, _ = case.compute_elbo(recon_loss=recon_loss, beta=beta)
        case.assert_loss(lambda recon, kl: recon + beta * kl)
        for name, leaf in leaves.items():
            what = f"the gradient of the loss for {name}"
            case.assert_gradient(loss, leaf, lambda part: getattr(part, its_loss)(logits, x), what)


def test_the_gradient_of_the_loss_for_the_posterior_is_beta_times_that_of_kl(submission, draws):
    for recon_loss, _, beta, point in with_gradients(draws, "logits", "mu", "logvar"):
        case, mu, logvar = elbo.Case(submission, point), point.mu, point.logvar
        loss, _, _ = case.compute_elbo(recon_loss=recon_loss, beta=beta)
        if "gradients" in submission.disturbed:
            raise CheckFailure("gradient", "compute_elbo calls backward() itself, so that each gradient counts twice")
        case.assert_loss(lambda recon, kl: recon + beta * kl)
        for name, leaf in (("mu", mu), ("logvar", logvar)):
            what = f"the gradient of the loss for {name} at beta = {beta:g}"
            case.assert_gradient(loss, leaf, lambda part: beta * part.kl_divergence(mu, logvar), what)


def test_keeps_float64(submission, draws):
    """And all of its digits."""
    for recon_loss, beta in zip(elbo.LIKELIHOODS, networks.betas(draws), strict=False):
        x, logits, mu, logvar = point = points.draw_any(draws, *points.three(draws, 30), torch.float64)
        case, its_loss = elbo.Case(submission, point), f"reconstruction_loss_{recon_loss}"
        _, recon, kl = case.compute_elbo(recon_loss=recon_loss, beta=beta)
        case.assert_equal(recon, lambda part: getattr(part, its_loss)(logits, x), "the reconstruction term in float64")
        case.assert_equal(kl, lambda part: part.kl_divergence(mu, logvar), "the KL term in float64")
        case.assert_loss(lambda recon, kl: recon + beta * kl)
        case.assert_all_digits(
            recon, lambda part: getattr(part, its_loss)(logits, x), its_loss, "the reconstruction term"
        )
        case.assert_all_digits(kl, lambda part: part.kl_divergence(mu, logvar), "kl_divergence", "the KL term")


def test_gradients_flow_through_the_reported_recon(submission, draws):
    """For the logits and for x, of which both or one take gradients; and none for the posterior."""
    for i, (recon_loss, its_loss, beta, point) in enumerate(with_gradients(draws, "mu", "logvar")):
        leaves = oracles.taking_gradients(i, logits=point.logits, x=point.x)
        case, (x, logits, mu, logvar) = elbo.Case(submission, point), point
        _, recon, _ = case.compute_elbo(recon_loss=recon_loss, beta=beta)
        case.assert_equal(recon, lambda part: getattr(part, its_loss)(logits, x), "the reconstruction term")
        for name, leaf in leaves.items():
            what = f"the gradient of recon for {name}"
            case.assert_gradient(recon, leaf, lambda part: getattr(part, its_loss)(logits, x), what)
        case.assert_no_gradient(recon, mu, logvar, what="recon")


def test_gradients_flow_through_the_reported_kl(submission, draws):
    """For mu and logvar, of which both or one take gradients; and none for the data and the logits."""
    for i, (recon_loss, _, beta, point) in enumerate(with_gradients(draws, "x", "logits")):
        leaves = oracles.taking_gradients(i, mu=point.mu, logvar=point.logvar)
        case, (x, logits, mu, logvar) = elbo.Case(submission, point), point
        _, _, kl = case.compute_elbo(recon_loss=recon_loss, beta=beta)
        case.assert_equal(kl, lambda part: part.kl_divergence(mu, logvar), "the KL term")
        for name, leaf in leaves.items():
            what = f"the gradient of kl for {name}"
            case.assert_gradient(kl, leaf, lambda part: part.kl_divergence(mu, logvar), what)
        case.assert_no_gradient(kl, x, logits, what="kl")


def test_the_message_for_an_unknown_recon_loss_names_the_three(submission, draws):
    for unknown in ("cauchy", *points.unknown_names(draws)):
        message = elbo.Case(submission, points.draw(draws, 4, 6, 3)).assert_value_error(unknown, 2.0)
        if not all(name in message for name in elbo.LIKELIHOODS):
            expected = ", ".join(elbo.LIKELIHOODS)
            raise CheckFailure("value", "the message does not name the likelihoods", expected=expected, actual=message)


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other points of one shape, likelihoods and betas in turn, and the first ones again; also after many calls."""
    options = zip(("gaussian", "bernoulli", "laplace", "gaussian"), networks.betas(draws), strict=False)
    questions = [(points.draw(draws, 4, 6, 3), name, beta) for name, beta in options]
    asked = [(*question, 0) for question in in_turn(questions)]
    for point, name, beta, times in (*asked, *((*questions[0], times) for times in through_many(draws))):
        case, (x, logits, mu, logvar) = elbo.Case(submission, point, times), point
        with contextlib.suppress(Blocked):  # the parts by themselves, which may remember, are asked as often
            case.ask_parts(name)
        try:
            _, recon, kl = case.compute_elbo(name, beta)
            case.assert_equal(
                recon, lambda part: getattr(part, f"reconstruction_loss_{name}")(logits, x), "the reconstruction term"
            )
            case.assert_equal(kl, lambda part: part.kl_divergence(mu, logvar), "the KL term")
            case.assert_loss(lambda recon, kl: recon + beta * kl)
        except CheckFailure:
            # A part that remembers gives another answer each time, so that nothing can be held against it.
            for item in case.wrong_parts():
                raise Blocked(item, "what it answers is wrong here, or depends on what it was asked before") from None
            for item in case.worn_parts():
                raise Blocked(item, "what it answers depends on what it was asked before") from None
            raise


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """For each likelihood, with gradients and without, in both precisions."""
    for i, (name, dtype, gradients) in enumerate(points.ways()):
        size = 6 if i % 3 else draws.integer(65, 130)
        for names in ((), points.Point._fields) if gradients else ((),):
            point = points.with_gradients(points.draw(draws, 4, size, 3, dtype), *names)
            with torch.set_grad_enabled(gradients):
                elbo.Case(submission, point).assert_unchanged(recon_loss=name)

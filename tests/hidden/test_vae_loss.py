"""``vae_loss(output, x, recon_loss, beta)``: every likelihood, beta 0, float64, gradients and errors."""

import contextlib

import elbo
import networks
import points
import torch
from asking import beside_a_model, in_turn, is_worn, through_many, unasked
from output_loss import OutputCase, true_elbo

from grading.checks import Blocked, CheckFailure


def fresh(draws):
    return points.draw(draws, *draws.distinct(3, 2, 17))


def assert_right(submission, draws, recon_loss):
    """It is the submission's own ``compute_elbo`` on the fields of the output, with gradients or without."""
    for point, beta in zip(points.of_every_kind(draws, recon_loss), networks.betas(draws), strict=False):
        case = OutputCase(submission, draws, point)
        output, (x, logits, mu, logvar) = case.output, point
        with torch.set_grad_enabled(bool(draws.integer(0, 1))):
            case.assert_equal(
                lambda vae_loss: vae_loss(output, x, recon_loss=recon_loss, beta=beta),
                lambda compute_elbo: compute_elbo(x, logits, mu, logvar, recon_loss=recon_loss, beta=beta),
            )


def test_is_right_for_bernoulli_on_fresh_shapes(submission, draws):
    assert_right(submission, draws, "bernoulli")


def test_is_right_for_gaussian_on_fresh_shapes(submission, draws):
    assert_right(submission, draws, "gaussian")


def test_is_right_for_laplace_on_fresh_shapes(submission, draws):
    assert_right(submission, draws, "laplace")


def test_a_beta_of_zero_is_passed_on_too(submission, draws):
    case = OutputCase(submission, draws, fresh(draws))
    output, (x, logits, mu, logvar) = case.output, case.point
    case.assert_equal(
        lambda vae_loss: vae_loss(output, x, recon_loss="gaussian", beta=0.0),
        lambda compute_elbo: compute_elbo(x, logits, mu, logvar, recon_loss="gaussian", beta=0.0),
    )


def test_beta_is_one_unless_given(submission, draws):
    """And the likelihood Bernoulli's, whatever models there are."""
    for named, options in (({"recon_loss": "gaussian"}, {"recon_loss": "gaussian", "beta": 1.0}), ({}, {})):
        case = OutputCase(submission, draws, fresh(draws))
        output, (x, logits, mu, logvar) = case.output, case.point
        beside_a_model(submission, draws)
        case.assert_equal(
            lambda vae_loss: vae_loss(output, x, **named),
            lambda compute_elbo: compute_elbo(x, logits, mu, logvar, **options),
        )


def assert_gradients(submission, draws, **leaves):
    """The gradients for these arguments, all and each by itself, are those of ``compute_elbo``, for each likelihood."""
    ways, first = [[*leaves], *([name] for name in leaves)], draws.integer(0, 2)
    for i, (somewhere, beta) in enumerate(zip(points.to_differentiate(draws), networks.betas(draws), strict=False)):
        name_of_loss, names = networks.LIKELIHOODS[(first + i) % 3], ways[(i + i // 3) % 3]
        point = points.with_gradients(somewhere, *names)
        case = OutputCase(submission, draws, point)
        output, (x, logits, mu, logvar) = case.output, point
        for name in names:
            case.assert_gradient(
                lambda vae_loss: vae_loss(output, x, recon_loss=name_of_loss, beta=beta),
                lambda compute_elbo: compute_elbo(x, logits, mu, logvar, recon_loss=name_of_loss, beta=beta),
                getattr(point, name),
                f"the gradient of the loss for {leaves[name]}",
            )


def test_the_gradient_for_the_logits_is_that_of_compute_elbo(submission, draws):
    """And so is that for x."""
    assert_gradients(submission, draws, logits="the logits", x="x")


def test_the_gradient_for_the_posterior_is_that_of_compute_elbo(submission, draws):
    assert_gradients(submission, draws, mu="mu", logvar="logvar")


def test_keeps_float64(submission, draws):
    """And all of its digits."""
    for name in elbo.LIKELIHOODS:
        case = OutputCase(submission, draws, points.draw_any(draws, *points.three(draws, 30), torch.float64))
        output, (x, logits, mu, logvar) = case.output, case.point
        case.assert_equal(
            lambda vae_loss: vae_loss(output, x, recon_loss=name, beta=0.1),
            lambda compute_elbo: compute_elbo(x, logits, mu, logvar, recon_loss=name, beta=0.1),
        )


def test_gradients_flow_through_all_three(submission, draws):
    """For each likelihood and batches of every size, with the usual weight and others, of all arguments and of some."""
    ways = (("logits", "mu", "logvar"), ("logits", "mu", "logvar", "x"), ("mu", "logvar"), ("logits",))
    small = [points.draw(draws, 4, 6, 3) for _ in range(3 * len(ways))]
    for i, somewhere in enumerate((*small, points.draw_any(draws, 128, 784, 20), *points.of_every_size(draws))):
        options = {"recon_loss": networks.LIKELIHOODS[i % 3], "beta": (1.0, networks.beta(draws))[i % 2]}
        names = ways[i // 3 % len(ways)]
        point = points.with_gradients(somewhere, *names)
        case, (x, logits, mu, logvar) = OutputCase(submission, draws, point), point

        def of_elbo(compute_elbo):
            return compute_elbo(x, logits, mu, logvar, **options)

        with contextlib.suppress(Blocked):  # compute_elbo by itself, which may remember, is asked as often
            case.own_elbo(of_elbo)
        leaves = {name: getattr(point, name) for name in names}
        case.assert_gradients_of_terms(lambda vae_loss: vae_loss(case.output, x, **options), of_elbo, **leaves)


def test_the_error_for_an_unknown_recon_loss_passes_through(submission, draws):
    case = OutputCase(submission, draws, fresh(draws))
    output, (x, logits, mu, logvar) = case.output, case.point
    case.assert_errors_pass_through(
        lambda vae_loss: vae_loss(output, x, recon_loss="poisson"),
        lambda compute_elbo: compute_elbo(x, logits, mu, logvar, recon_loss="poisson"),
    )


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Other outputs of one shape, likelihoods and betas in turn, and the first ones again; also after many calls."""
    options = zip(("gaussian", "bernoulli", "laplace", "gaussian"), networks.betas(draws), strict=False)
    questions = [(points.draw(draws, 4, 6, 3), name, beta) for name, beta in options]
    asked = [(*question, 0) for question in in_turn(questions)]
    for point, name, beta, times in (*asked, *((*questions[0], times) for times in through_many(draws))):
        case, (x, logits, mu, logvar) = OutputCase(submission, draws, point, times), point

        def of_elbo(compute_elbo):
            return compute_elbo(x, logits, mu, logvar, name, beta)

        with contextlib.suppress(Blocked):  # compute_elbo by itself, which may remember, is asked as often
            case.own_elbo(of_elbo)
        try:
            case.assert_equal(lambda vae_loss: vae_loss(case.output, x, name, beta), of_elbo)
        except CheckFailure:
            # A part that remembers gives another answer each time, so that nothing can be held against it.
            far, right, seed = unasked(submission), of_elbo(true_elbo), case.parts.seed
            worn = is_worn(lambda times: tuple(of_elbo(far.after(times, seed).compute_elbo)), right)
            if not worn and elbo.same(tuple(case.own_elbo(of_elbo)), right):
                raise
            raise Blocked("compute_elbo", "what it answers depends on what it was asked before") from None


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """For each likelihood, with gradients and without, in both precisions."""
    for i, (name, dtype, gradients) in enumerate(points.ways()):
        size = 6 if i % 3 else draws.integer(65, 130)
        for names in ((), points.Point._fields) if gradients else ((),):
            point = points.with_gradients(points.draw(draws, 4, size, 3, dtype), *names)
            with torch.set_grad_enabled(gradients):
                OutputCase(submission, draws, point).assert_unchanged(recon_loss=name)

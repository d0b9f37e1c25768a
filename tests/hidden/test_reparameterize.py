"""``VAE.reparameterize(mu, logvar)``: the law of the noise, where it comes from, and exact gradients."""

import itertools

import networks
import oracles
import torch
from asking import HANDOUT_CALLS, USUAL_SIZES, sizes_of_every_kind
from noise import (
    assert_calls_vary,
    assert_independent,
    assert_independent_draws,
    assert_no_repetition,
    assert_no_row_repeats,
    assert_standard_moments,
    assert_standard_normal,
    assert_uncorrelated,
    assert_unrelated_at_any_distance,
    assert_unrelated_to,
    assert_usual_calls_vary,
    in_rows,
    standardized,
)

from grading.checks import CheckFailure, assert_close, assert_gradient, assert_tensor, assert_unchanged, same
from grading.results import Kind


def posterior(draws, batch, latent, **options):
    """Means, some of any size up to 100, and log-variances, ``|logvar| <= 8``, that differ from element to element."""
    mu = oracles.numbers(draws, batch, latent, std=3.0, largest=100.0, far=True, **options)
    return mu, draws.uniform(batch, latent, low=-8.0, high=8.0, **options)


def noise(model, mu, logvar, dtype=torch.float32):
    z = assert_tensor(model.reparameterize(mu, logvar), mu.shape, dtype, "z")
    return standardized(z, mu, logvar)


def assert_draws_for_any_size(submission, draws):
    """Two latents, as in a picture of the codes, a few, or many; one row, over 1,000, or a usual batch."""
    batches = [(2_000, 2), (1, 2_000), (128, 20), *((draws.integer(2, 400), draws.integer(2, 9)) for _ in range(4))]
    batches += [(size, draws.integer(2, 9)) for size in USUAL_SIZES]
    batches += [(draws.integer(2, 99), draws.integer(10, 99)) for _ in range(3)]
    batches += [(draws.integer(low, high), draws.integer(1, 2)) for low, high in ((1_001, 1_999), (100, 999))]
    batches += [(draws.integer(low, high), 1) for low, high in ((2_001, 4_000), (4_001, 9_000))]
    found = []
    for i, (batch, latent) in enumerate(batches):
        with networks.any_way(networks.build(submission, 11, 13, latent, draws=draws), draws) as model:
            mu, logvar = posterior(draws, batch, latent)
            if i % 2:  # as in training, where they are what the encoder has computed
                with torch.enable_grad():
                    found.append(noise(model, mu.requires_grad_() + 0, logvar.requires_grad_() + 0).flatten())
            else:
                found.append(noise(model, mu, logvar).flatten())
    for few in found[:2]:
        assert_standard_normal(few, "the noise")
    assert_independent_draws(in_rows(found), "the noise in batches of all sizes")
    assert_calls_vary(found, "the noise in batches of all sizes")


def test_the_noise_is_standard_normal_for_every_mu_and_logvar(submission, draws):
    """630,000 numbers: enough to see a sum of twelve uniform ones, and a cut at 4.1; and batches of other sizes.

    By many rows, for some have a matrix for each.
    """
    model = networks.build(submission, 11, 13, 50, recon_loss="gaussian", beta=4.0, draws=draws)
    many = torch.cat([noise(model, *posterior(draws, 3_150, 50)) for _ in range(4)])
    assert_standard_moments(many, "the noise")
    assert_draws_for_any_size(submission, draws)
    assert_independent_draws(
        noise(networks.build(submission, 784, 400, 20, draws=draws), *posterior(draws, 128, 20)), "the noise"
    )


def test_the_noise_has_the_distribution_of_a_normal_and_not_only_its_moments(submission, draws):
    """60,000 numbers at mu = 0 and logvar = 0, where z is the noise itself."""
    model = networks.build(submission, 11, 13, 60, draws=draws)
    zeros = torch.zeros(1_000, 60)
    eps = noise(model, zeros, zeros)
    assert_standard_normal(eps, "the noise")
    assert_no_repetition(eps, "the noise")


def test_every_element_gets_noise_of_its_own(submission, draws):
    model = networks.build(submission, 11, 13, 250, draws=draws)
    mu, logvar = posterior(draws, draws.integer(130, 260), draws.integer(130, 260))
    eps = noise(model, mu, logvar)
    assert_unrelated_to(eps, (mu, logvar), "the noise")
    assert_uncorrelated(eps, "the noise")
    assert_independent_draws(eps, "the noise")


def test_every_call_draws_noise_of_its_own(submission, draws):
    """Also for the same arguments, of which both, one or none take gradients."""
    model = networks.build(submission, 11, 13, 50, draws=draws)
    mu, logvar = posterior(draws, 2_000, 50)
    assert_independent(noise(model, mu, logvar), noise(model, mu, logvar), "the noise of two calls")
    for takes in ((True, True), (True, False), (False, True)):
        few = [part[:300].clone().requires_grad_(taken) for part, taken in zip((mu, logvar), takes, strict=True)]
        assert_independent(noise(model, *few), noise(model, *few), "the noise of two calls in training")
    images = networks.build(submission, 784, 400, 20, draws=draws)

    def draw(batch):
        return noise(images, *(part.requires_grad_(torch.is_grad_enabled()) for part in posterior(draws, batch, 20)))

    assert_usual_calls_vary(images, draw, "the noise")


def test_each_of_many_calls_is_right_for_its_own_arguments(submission, draws):
    """Some 1,000 calls in turning modes, each for one example with means and variances of its own.

    The first 150 are seen one by one, and as many of those that follow. Of noise that comes again after so many calls,
    some is among them.
    """
    model = networks.build(submission, 11, 13, 40, draws=draws)
    calls = []
    for count in (60, 150, draws.integer(300, 320)):  # what is wrong early is found early
        for i in range(len(calls), count):
            if i % 20 == 0:
                model.train(i % 40 == 0)
            asked = model if count <= 150 else model.after(draws.integer(1, 9), draws.seed())
            mu, logvar = posterior(draws, 1, 40)
            with torch.set_grad_enabled(i % 3 > 0):  # as in training, where both take gradients
                calls.append(noise(asked, mu.requires_grad_(i % 3 > 0), logvar.requires_grad_(i % 3 > 0)).flatten())
        eps = torch.stack(calls)
        assert_independent_draws(eps[-150:], "the noise", row="call", column="place")
        assert_no_row_repeats(eps, "the noise")
        assert_no_repetition(eps, "the noise")
    for eval_mode, gradients in itertools.product((False, True), (False, True)):
        alike = [e for i, e in enumerate(calls) if (i // 20 % 2 == 1, i % 3 > 0) == (eval_mode, gradients)]
        assert_calls_vary(alike, "the noise")
    assert_unrelated_at_any_distance(eps, "the noise of many calls")


def test_samples_in_eval_mode_too(submission, draws):
    model = networks.build(submission, 11, 13, 230, draws=draws).eval()
    mu, logvar = posterior(draws, draws.integer(180, 260), 230)
    first, second = noise(model, mu, logvar), noise(model, mu, logvar)
    assert_independent_draws(first, "the noise in eval mode")
    assert_standard_moments(first, "the noise in eval mode")
    assert_independent(first, second, "the noise of two calls in eval mode")


def test_samples_without_gradients_too(submission, draws):
    model = networks.build(submission, 11, 13, 50, draws=draws)
    mu, logvar = posterior(draws, 2_000, 50)
    with torch.no_grad():
        first, second = noise(model, mu, logvar), noise(model, mu, logvar)
    assert_standard_moments(first, "the noise under torch.no_grad()")
    assert_independent(first, second, "the noise of two calls under torch.no_grad()")


def test_the_noise_comes_from_the_default_generator_of_torch(submission, draws):
    model = networks.build(submission, 11, 13, 7, draws=draws)
    mu, logvar = draws.normal(5, 7), draws.normal(5, 7)
    seed = draws.seed()
    first = assert_tensor(model.seeded(seed).reparameterize(mu, logvar), (5, 7), torch.float32, "z")
    again = model.seeded(seed).reparameterize(mu, logvar)
    other = model.seeded(seed + 1).reparameterize(mu, logvar)
    later = model.after(1, seed).reparameterize(mu, logvar)  # after a call with the very same tensors
    assert_close(later, first, "z after torch.manual_seed with the same seed, asked again,", kind=Kind.STATISTICS)
    assert_close(again, first, "z after torch.manual_seed with the same seed", kind=Kind.STATISTICS)
    if same(assert_tensor(other, (5, 7), torch.float32, "z"), first):
        message = "z does not depend on the seed that the caller gave to torch"
        raise CheckFailure("statistics", message, expected="other noise for another seed", actual="the same numbers")


def test_z_is_mu_when_the_variance_vanishes_for_every_mu(submission, draws):
    model = networks.build(submission, 11, 13, 5, draws=draws)
    mu, logvar = draws.normal(17, 5, std=9.0), draws.uniform(17, 5, low=-60.0, high=-45.0)
    assert_close(model.reparameterize(mu, logvar), mu, "z at logvar below -45")


def test_the_gradient_for_logvar_is_half_of_z_minus_mu(submission, draws):
    """For one row, a usual batch, and over 1,000 rows or numbers; where both take gradients, or one of them."""
    sizes = [(5, 3), (128, 20), *((size, draws.integer(2, 5)) for size in sizes_of_every_kind(draws))]
    for i, (batch, latent) in enumerate(sizes):
        model = networks.build(submission, 11, 13, latent, draws=draws)
        mu, logvar, weights = draws.normal(batch, latent), draws.normal(batch, latent), draws.normal(batch, latent)
        leaves = oracles.taking_gradients(i, mu=mu, logvar=logvar)
        z = assert_tensor(model.reparameterize(mu, logvar), (batch, latent), torch.float32, "z")
        true = {"mu": weights, "logvar": weights * (z - mu).detach() / 2}
        for name, leaf in leaves.items():
            assert_gradient(z * weights, leaf, true[name], f"the gradient of a weighted sum of z for {name}")


def test_gradients_are_exact_in_eval_mode_and_for_any_weights(submission, draws):
    """And in train mode, for all variances and for means of all sizes up to 100, in double precision."""
    model = networks.build(submission, 11, 13, 3, draws=draws).double()
    for training in (False, True):
        mu = oracles.of_all_sizes(draws, 9, 3, largest=100.0, dtype=torch.float64).requires_grad_()
        logvar = draws.uniform(9, 3, low=-8.0, high=8.0, dtype=torch.float64).requires_grad_()
        weights = draws.normal(9, 3, dtype=torch.float64)
        z = assert_tensor(model.train(training).reparameterize(mu, logvar), (9, 3), torch.float64, "z")
        assert_gradient(z * weights, mu, weights, "the gradient of a weighted sum of z for mu")
        half = weights * (z - mu).detach() / 2
        assert_gradient(z * weights, logvar, half, "the gradient of a weighted sum of z for logvar")
    networks.assert_trainable_after(model, draws.uniform(5, 11, dtype=torch.float64), "reparameterize")


def test_works_for_a_batch_of_one(submission, draws):
    model = networks.build(submission, 11, 13, 6, draws=draws)
    mu = draws.normal(1, 6)
    assert_close(model.reparameterize(mu, torch.full((1, 6), -60.0)), mu, "z of a single example at logvar = -60")


def test_keeps_float64(submission, draws):
    """In train mode with gradients and in eval mode without, and from call to call."""
    model = networks.build(submission, 11, 13, 50, draws=draws).double()
    mu, logvar = posterior(draws, 2_000, 50, dtype=torch.float64)

    def draw(training, mu, logvar):
        with torch.set_grad_enabled(training):
            return noise(model.train(training), mu, logvar, torch.float64)

    first, second = draw(True, mu, logvar), draw(False, mu, logvar)
    for eps in (first, second):
        assert_standard_moments(eps, "the noise in float64")
        assert_standard_normal(eps, "the noise in float64")
        assert_independent_draws(eps[:200], "the noise in float64")
    assert_independent(first, second, "the noise of two calls in float64")
    for training in (True, False):
        calls = [draw(training, *posterior(draws, size, 50, dtype=torch.float64)) for size in HANDOUT_CALLS]
        assert_calls_vary(calls, "the noise in float64")


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """In either mode, with gradients and without, in both precisions; it takes numbers from torch's generator."""
    model = networks.build(submission, 11, 13, 3, draws=draws)
    for dtype in (torch.float32, torch.float64):
        for _ in networks.every_way(model):
            few = draws.integer(2, 200)
            for batch in (1, few, few):  # an answer of the same size must not lie where the one before does
                model.reparameterize(draws.normal(batch, 3, dtype=dtype), draws.normal(batch, 3, dtype=dtype))
                assert_unchanged(submission, "reparameterize", draws=True)

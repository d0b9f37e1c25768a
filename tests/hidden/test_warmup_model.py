"""The warm-up ``VAE`` of ``simple_vae.py``: what the layers compute, the law of the noise, gradients."""

import itertools
from functools import partial
from typing import Any

import networks
import oracles
import torch
import warmup
from asking import USUAL_SIZES, in_turn, sizes_of_every_kind, through_many
from configurations import assert_begun_as_layers_are, assert_units_differ
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
from warmup_gradients import (
    assert_about_the_same_gradients_in_single_precision,
    assert_can_learn,
    assert_gradients_in_proportion,
    assert_gradients_of_forward,
    assert_reached,
    assert_slopes,
    assert_weights_of_its_own,
    matter,
    reached,
)
from warmup_samples import assert_decodes_samples

from grading.checks import CheckFailure, assert_close, assert_gradient, assert_statistic, assert_unchanged, gradient


def test_the_encoder_is_not_linear(submission, draws):
    model = warmup.randomize(warmup.build(submission, 11, 13, 3), draws, gain=2.0)
    a, b = draws.normal(40, 11), draws.normal(40, 11)
    at = [warmup.encode(model, x, latent_dim=3) for x in (a, b, a + b, torch.zeros_like(a))]
    warmup.assert_not_affine(*(mu.detach() for mu, _ in at), "mu(x)")  # type: ignore[call-arg, arg-type]
    warmup.assert_not_affine(*(logvar.detach() for _, logvar in at), "logvar(x)")  # type: ignore[call-arg, arg-type]


def test_the_decoder_is_not_linear_before_its_sigmoid(submission, draws):
    model = warmup.randomize(warmup.build(submission, 11, 13, 3).double(), draws, gain=1.0)
    a, b = draws.normal(40, 3, dtype=torch.float64), draws.normal(40, 3, dtype=torch.float64)
    at = [warmup.logits(model, z, input_dim=11) for z in (a, b, a + b, torch.zeros_like(a))]
    warmup.assert_not_affine(*at, "the logit of decode(z)")  # type: ignore[call-arg, arg-type]


def test_the_encoder_is_piecewise_linear(submission, draws):
    model = warmup.randomize(warmup.build(submission, 11, 13, 3).double(), draws, gain=1.0)
    start, end, ray = (draws.normal(*shape, std=2.0, dtype=torch.float64) for shape in ((11,), (11,), (40, 11)))
    for what, head in warmup.heads(model, latent_dim=3).items():
        warmup.assert_piecewise_linear(head, start, end, what)
        warmup.assert_bent_by_every_unit(head, ray[:5], 13, what)
        warmup.assert_unbounded(head, 300 * ray, what)
    for what, head in warmup.heads(model, latent_dim=3).items():
        warmup.assert_homogeneous(model, head, ray, what)
    single, double = warmup.in_both_precisions(submission, draws)
    x = draws.normal(40, 11)
    heads = warmup.encode(single, x, latent_dim=3), warmup.encode(double, x.double(), latent_dim=3)
    for what, one, other in zip(("mu", "logvar"), *heads, strict=True):
        assert_close(one, other.detach().float(), f"{what} in single precision, held against that in double precision,")


def test_the_decoder_is_piecewise_linear_before_its_sigmoid(submission, draws):
    model = warmup.randomize(warmup.build(submission, 11, 13, 3).double(), draws, gain=0.5)
    start, end, ray = (draws.normal(*shape, std=2.0, dtype=torch.float64) for shape in ((3,), (3,), (40, 3)))

    def logits(z):
        return warmup.logits(model, z, input_dim=11)

    warmup.assert_piecewise_linear(logits, start, end, "the logit of decode(z)")
    warmup.randomize(model, draws, gain=0.1)
    warmup.assert_bent_by_every_unit(logits, ray[:5], 13, "the logit of decode(z)")
    warmup.assert_unbounded(logits, 100 * ray, "the logit of decode(z)")
    warmup.assert_homogeneous(model, logits, ray, "the logit of decode(z)")
    single, double = warmup.in_both_precisions(submission, draws)
    z = draws.normal(40, 3)
    one, other = (
        warmup.decode(model, z.to(dtype), 11) for model, dtype in zip((single, double), oracles.PRECISIONS, strict=True)
    )
    assert_close(one, other.detach().float(), "decode(z) in single precision, held against that in double precision,")


def test_rows_do_not_depend_on_each_other(submission, draws):
    model = warmup.randomize(warmup.build(submission, 11, 13, 3), draws, gain=1.0)
    for what, head in warmup.heads(model, latent_dim=3).items():
        warmup.assert_rows_independent(head, draws.normal(5, 11), what)
    warmup.assert_rows_independent(lambda z: warmup.decode(model, z, 11).detach(), draws.normal(5, 3), "decode(z)")
    double = warmup.randomize(warmup.build(submission, 11, 13, 3).double(), draws, gain=1.0)
    for what, head in warmup.heads(double, latent_dim=3).items():
        warmup.assert_continuous(head, networks.rows_of_every_kind(draws, 5, 11), draws, what)
    codes = networks.rows_of_every_kind(draws, 5, 3)
    warmup.assert_continuous(lambda z: warmup.decode(double, z, 11).detach(), codes, draws, "decode(z)")
    # Of every size, also where numbers are large; in one of eight or more they are the same as alone.
    for i, size in enumerate(sizes_of_every_kind(draws, largest=2_000)[1:]):
        x, z = (draws.normal(max(size, 8), width, std=(1.0, 30.0)[i % 2], dtype=torch.float64) for width in (11, 3))
        with torch.set_grad_enabled(bool(draws.integer(0, 1))):
            for what, f, rows in (
                *((what, head, x) for what, head in warmup.heads(double, latent_dim=3).items()),
                ("decode(z)", lambda z: warmup.decode(double, z, 11).detach(), z),
            ):
                about = f"{what} of the same rows in a batch of {len(rows):,}"
                assert_close(f(rows)[:7], f(rows[:7]), about, rtol=1e-9, atol=1e-10)  # nothing but rounding
    model = warmup.randomize(warmup.build(submission, 784, 400, 20), draws, gain=1.0)
    x, z = draws.uniform(128, 784), draws.normal(128, 20)
    for what, f, rows in (
        *((what, head, x) for what, head in warmup.heads(model, latent_dim=20).items()),
        ("decode(z)", lambda z: warmup.decode(model, z, 784).detach(), z),
    ):
        assert_close(f(rows)[:7], f(rows[:7]), f"{what} of the same rows in a batch of 128")


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Batches in turn, in either mode, also after many calls: each row gets what it gets in one batch of all."""
    model = warmup.build(submission, 11, 13, 3)
    x, z = draws.normal(20, 11), draws.normal(20, 3)
    for gain in (1.0, 0.5):
        warmup.randomize(model, draws, gain)
        mu, logvar = warmup.encode(model.train(), x, latent_dim=3)
        recon_x = warmup.decode(model, z, input_dim=11)
        for i in in_turn([slice(0, 5), slice(5, 10), slice(10, 15)]):
            with torch.set_grad_enabled(i.start != 5):
                model.train(i.start == 0)
                heads, decoded = warmup.encode(model, x[i], 3), warmup.decode(model, z[i], 11)
            for field, own, all_rows in zip(("mu", "logvar"), heads, (mu, logvar), strict=True):
                assert_close(own, all_rows[i].detach(), f"{field}, asked repeatedly,")
            assert_close(decoded, recon_x[i].detach(), "decode(z), asked repeatedly,")
    for times in through_many(draws):
        later: Any = model.after(times, draws.seed())
        for field, own, before in zip(("mu", "logvar"), warmup.encode(later, x, 3), (mu, logvar), strict=True):
            assert_close(own, before.detach(), f"{field}, asked hundreds of times,")
        assert_close(warmup.decode(later, z, 11), recon_x.detach(), "decode(z), asked hundreds of times,")


def test_mu_and_logvar_are_different_functions_of_x_of_any_sign(submission, draws):
    """Fresh parameters are symmetric around 0, so that 60 outputs of one sign come by chance once in 10^18 times."""
    model = warmup.randomize(warmup.build(submission, 11, 13, 60), draws, gain=2.0)
    mu, logvar = (value.detach() for value in warmup.encode(model, draws.normal(7, 11), latent_dim=60))
    if torch.allclose(mu, logvar):
        raise CheckFailure("value", "mu and logvar are the same", expected="two heads", actual="one head, twice")
    for name, value in (("mu", mu), ("logvar", logvar)):
        if not (bool((value < 0).any()) and bool((value > 0).any()) and value.abs().max() > 1):
            message = f"{name} is limited: no activation belongs after its layer"
            actual = f"{value.min().item():.3g} to {value.max().item():.3g}"
            raise CheckFailure("value", message, expected="any real numbers", actual=actual)
        if torch.allclose(value, value[:1].expand_as(value)):
            raise CheckFailure("value", f"{name} does not depend on x", expected="a function of x", actual="constant")

    model = warmup.randomize(warmup.build(submission, 11, 13, 3).double(), draws, gain=1.0)
    x = draws.normal(40, 11, dtype=torch.float64)
    assert_weights_of_its_own(warmup.encode(model, x, latent_dim=3), model, ("mu", "logvar"))
    warmup.assert_heads_read_features(*warmup.encode(model, x, latent_dim=3))
    for what, head in warmup.heads(model, latent_dim=3).items():
        warmup.assert_depends_on_every_input(head, x, what)


def test_every_output_of_the_decoder_has_a_sigmoid_of_its_own(submission, draws):
    """Random parameters give outputs above 1/2, as no softmax does, and below; all on one side once in 10^11 times."""
    model = warmup.randomize(warmup.build(submission, 41, 13, 3).double(), draws, gain=1.0)
    x = warmup.decode(model, draws.normal(40, 3, dtype=torch.float64), input_dim=41).detach()
    high, low = (x > 0.5).sum().item(), (x < 0.5).sum().item()
    if not (bool((x > 0).all()) and bool((x < 1).all()) and high > 40 and low > 40):
        actual = f"{high} above 1/2, {low} below, {x.min().item():.3g} to {x.max().item():.3g}"
        raise CheckFailure("value", "decode(z) is no sigmoid", expected="values all over (0, 1)", actual=actual)

    model = warmup.randomize(warmup.build(submission, 11, 13, 3).double(), draws, gain=0.5)
    z = draws.normal(40, 3, dtype=torch.float64)
    assert_weights_of_its_own([warmup.decode(model, z, input_dim=11)], model, ["decode(z)"])
    warmup.assert_depends_on_every_input(lambda z: warmup.decode(model, z, 11).detach(), z, "decode(z)")


def assert_larger_than_the_handout(submission, draws):
    """More pixels, hidden units and codes than there: each pixel counts, each unit is there, and codes are sampled."""
    inputs, hidden, latent = draws.integer(785, 900), draws.integer(401, 450), draws.integer(21, 40)
    model = warmup.randomize(warmup.build(submission, inputs, hidden, latent).double(), draws, gain=1.0)
    x, z = draws.uniform(2, inputs, dtype=torch.float64), draws.normal(2, latent, dtype=torch.float64)
    mu, _ = warmup.encode(model, x, latent)
    warmup.assert_has_width(reached(mu, model), model, hidden, "encoder")
    warmup.assert_has_width(reached(warmup.decode(model, z, inputs), model), model, hidden, "decoder")
    for what, head in warmup.heads(model, latent).items():
        warmup.assert_depends_on_every_input(head, x, what, inputs=(784, inputs - 1))
    warmup.assert_fresh(model, x, latent)


def test_both_networks_have_a_hidden_layer_of_the_given_width(submission, draws):
    batch, inputs, hidden, latent = draws.distinct(4, 3, 29)
    assert_larger_than_the_handout(submission, draws)
    warmup.assert_no_shortcut(submission)
    model = warmup.build(submission, inputs, hidden, latent)
    assert_begun_as_layers_are(model)
    for name, parameter in model.parameters.items():
        if warmup.is_weight(parameter):
            assert_units_differ(name, parameter)
    warmup.assert_begun_anew(model, warmup.build(submission, inputs, hidden, latent))
    z = draws.normal(batch, latent)
    assert_can_learn(warmup.decode(model, z, inputs), model, "decoder")
    assert_can_learn(torch.cat(warmup.encode(model, draws.normal(batch, inputs), latent)), model, "encoder")
    warmup.randomize(model, draws, gain=2.0)
    mu, _ = warmup.encode(model, draws.normal(batch, inputs), latent)
    warmup.assert_has_width(reached(mu, model), model, hidden, "encoder")
    x = warmup.decode(model, draws.normal(batch, latent), inputs)
    warmup.assert_has_width(reached(x, model), model, hidden, "decoder")


def test_the_noise_is_standard_normal_and_fresh_in_train_and_eval_mode(submission, draws):
    """42,000 numbers or more, each with a mean and a variance of its own."""
    model, batch = warmup.build(submission, 11, 13, 210), draws.integer(200, 260)
    mu = oracles.numbers(draws, batch, 210, std=3.0, largest=100.0, far=True)
    logvar = draws.uniform(batch, 210, low=-8.0, high=8.0)
    noise = []
    for training in (True, False):
        z = warmup.reparameterize(model.train(training), mu, logvar)
        noise.append(standardized(z, mu, logvar))
    for eps in noise:
        assert_standard_moments(eps, "the noise")
        assert_uncorrelated(eps, "the noise")
        assert_independent_draws(eps, "the noise")
    assert_independent(*noise, "the noise of two calls")  # type: ignore[call-arg, arg-type]
    assert_unrelated_to(noise[0], (mu, logvar), "the noise")
    model = warmup.build(submission, 11, 13, 30).double()
    mu, logvar = draws.normal(200, 30, dtype=torch.float64), draws.normal(200, 30, dtype=torch.float64)
    again = [standardized(warmup.reparameterize(model, mu, logvar), mu, logvar) for _ in range(2)]
    assert_independent(*again, "the noise of two calls in float64")  # type: ignore[call-arg, arg-type]


def test_the_noise_has_the_distribution_of_a_normal_and_not_only_its_moments(submission, draws):
    """At mu = 0 and logvar = 0, where z is the noise itself; and batches of all sizes, in any mode.

    Of 600,000 numbers, among which the sum of twelve uniform ones is not normal, 60,000 are looked at closely. They are
    those of many rows, for some have a matrix for each.
    """
    model = warmup.build(submission, 11, 13, 60)
    zeros = torch.zeros(2_000, 60)
    eps = torch.cat([standardized(warmup.reparameterize(model, zeros, zeros), zeros, zeros) for _ in range(5)])
    assert_standard_moments(eps, "the noise")
    eps = eps[:1_000]
    assert_standard_normal(eps, "the noise")
    assert_no_repetition(eps, "the noise")
    batches = [(2_000, 2), (1, 1_000), (128, 20), *((draws.integer(2, 400), draws.integer(2, 9)) for _ in range(3))]
    batches += [(draws.integer(2, 99), draws.integer(10, 99)), (draws.integer(1_001, 1_999), draws.integer(1, 2))]
    batches += [(draws.integer(2_001, 6_000), 1), *((size, draws.integer(2, 9)) for size in USUAL_SIZES)]
    found = []
    for batch, latent in batches:
        model = warmup.build(submission, 11, 13, latent).train(bool(draws.integer(0, 1)))
        mu, logvar = draws.normal(batch, latent, std=3.0), draws.uniform(batch, latent, low=-8.0, high=8.0)
        with torch.set_grad_enabled(bool(draws.integer(0, 1))):
            found.append(standardized(warmup.reparameterize(model, mu, logvar), mu, logvar))
    for few in found[:2]:
        assert_standard_normal(few, "the noise")
    assert_independent_draws(in_rows(found), "the noise in batches of all sizes")
    assert_calls_vary(found, "the noise in batches of all sizes")


def test_each_of_many_calls_draws_noise_of_its_own(submission, draws):
    """Some 400 calls in turning modes, each for one example with means and variances of its own.

    The first 100 are seen one by one, and as many of those that follow.
    """
    model = warmup.build(submission, 11, 13, 48)
    calls = []
    for i in range(200):
        asked: Any = model if i < 100 else model.after(draws.integer(1, 6), draws.seed())
        mu, logvar = draws.normal(1, 48, std=3.0), draws.uniform(1, 48, low=-8.0, high=8.0)
        if i % 20 == 0:
            model.train(i % 40 == 0)
        with torch.set_grad_enabled(i % 3 > 0):  # as in training, where both take gradients
            mu, logvar = mu.requires_grad_(i % 3 > 0), logvar.requires_grad_(i % 3 > 0)
            calls.append(standardized(warmup.reparameterize(asked, mu, logvar), mu, logvar)[0])
    for seed in (draws.seed() for _ in range(4)):
        one: Any = model.seeded(seed)
        first, again = (warmup.reparameterize(one, mu, logvar) for _ in range(2))
        one = model.after(1, seed)
        later = warmup.reparameterize(one, mu, logvar)  # after a call with the very same tensors
        if torch.equal(first, again) and not torch.allclose(first, later):
            message = "the noise of a call comes again in the next one with the same mu"
            raise CheckFailure("statistics", message, expected="fresh noise", actual="that of the call before")
    eps = torch.stack(calls)
    for some in (eps[:80], eps[-80:]):
        assert_independent_draws(some, "the noise", row="call", column="place")
    for mode in (0, 1):
        assert_calls_vary([e for i, e in enumerate(calls) if i // 20 % 2 == mode], "the noise")
    assert_unrelated_at_any_distance(eps, "the noise of many calls")
    assert_no_row_repeats(eps, "the noise")
    assert_no_repetition(eps, "the noise")
    model = warmup.build(submission, 11, 13, warmup.HANDOUT.codes)

    def draw(batch):
        mu, logvar = (
            draws.normal(batch, warmup.HANDOUT.codes).requires_grad_(torch.is_grad_enabled()) for _ in range(2)
        )
        return standardized(warmup.reparameterize(model, mu, logvar), mu, logvar)

    assert_usual_calls_vary(model, draw, "the noise")


def test_what_forward_decodes_is_sampled_in_every_row_column_and_call(submission, draws):
    """The samples of a model whose decoder can be inverted: 6,000 of a call in either mode, and 160 of many calls."""
    with warmup.about_forward():  # its parts are asked after it
        assert_decodes_samples(submission, draws)


def test_forward_decodes_a_sample_of_the_posterior_in_train_and_eval_mode(submission, draws):
    """One x 20,000 times, against 20,000 codes of our own: means and variances agree within 7 standard errors.

    A call gets 2,000 of them, for some go through the rows one by one.
    """
    model = warmup.randomize(warmup.build(submission, 11, 13, 3), draws, gain=1.0)
    x = draws.uniform(1, 11).repeat(2_000, 1)
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            warmup.assert_fresh(model, x[:9], latent_dim=3)
    for training in (True, False):
        model.train(training)
        found = [[value.detach() for value in warmup.forward(model, x, latent_dim=3)] for _ in range(10)]
        recon_x, mu, logvar = (torch.cat(values) for values in zip(*found, strict=True))
        z = mu + torch.exp(logvar / 2) * draws.normal(20_000, 3)
        expected = torch.cat([warmup.decode(model, part, input_dim=11).detach() for part in z.split(2_000)])
        for power in (1, 2):
            own, true = (recon_x - 0.5).double().pow(power), (expected - 0.5).double().pow(power)
            errors = torch.sqrt((own.var(0) + true.var(0)) / 20_000) + 1e-6
            for i in range(11):
                what = f"the average of recon_x over many samples of z (moment {power})"
                assert_statistic(own[:, i].mean().item(), true[:, i].mean().item(), errors[i].item(), what)


def test_gradients_of_the_reconstruction_reach_encoder_and_decoder(submission, draws):
    model = warmup.randomize(warmup.build(submission, 11, 13, 3), draws, gain=1.0)
    x, z = draws.uniform(20, 11), draws.normal(20, 3)
    encoder = matter(model, draws, lambda: torch.cat(warmup.encode(model, x, latent_dim=3), dim=1))
    decoder = matter(model, draws, lambda: warmup.decode(model, z, input_dim=11))
    warmup.assert_separate(encoder, decoder, model)
    assert_reached(encoder, torch.cat(warmup.encode(model, x, latent_dim=3)), model, "mu and logvar")
    assert_reached(decoder, warmup.decode(model, z, input_dim=11), model, "decode(z)")
    recon_x, _, _ = warmup.forward(model, x, latent_dim=3)
    assert_reached(encoder | decoder, recon_x, model, "recon_x")


def test_gradients_of_forward_are_those_of_its_parts(submission, draws):
    """In train and eval mode, for eight rows and for one, with the noise that it drew; its decoder can be inverted."""
    assert_gradients_of_forward(submission, draws)
    assert_about_the_same_gradients_in_single_precision(submission, draws)


def test_gradients_of_mu_and_logvar_reach_the_encoder(submission, draws):
    """Of what ``encode`` gives, and of what ``forward`` gives; and ``x``."""
    model = warmup.randomize(warmup.build(submission, 11, 13, 3), draws, gain=1.0)
    x = draws.uniform(20, 11)
    leaf = x.clone().requires_grad_()
    for what, value in zip(("mu", "logvar"), warmup.encode(model, leaf, latent_dim=3), strict=True):
        gradient(value, leaf, f"the gradient of {what} for x")
    for what, value in zip(("recon_x", "mu", "logvar"), warmup.forward(model, leaf, latent_dim=3), strict=True):
        with warmup.about_forward():
            gradient(value, leaf, f"the gradient of {what} of forward for x")
    z = draws.normal(20, 3)
    assert_gradients_in_proportion(lambda: warmup.encode(model, x, latent_dim=3), model, "mu and logvar")
    assert_gradients_in_proportion(lambda: [warmup.decode(model, z, input_dim=11)], model, "decode(z)")
    double = warmup.randomize(warmup.build(submission, 11, 13, 3).double(), draws, gain=1.0)
    for training, batch, of_rows in (
        *itertools.product((True, False), (20,), (True, False)),
        (True, draws.integer(200, 400), False),
        (False, draws.integer(1_001, 1_500), True),
    ):
        double.train(training)
        rows, codes = (draws.normal(batch, size, dtype=torch.float64) for size in (11, 3))
        encode, decode = partial(warmup.encode, double, latent_dim=3), partial(warmup.decode, double, input_dim=11)
        assert_slopes(encode, rows, double, draws, ("mu", "logvar"), of_rows=of_rows)
        assert_slopes(lambda z: (decode(z),), codes, double, draws, ("decode(z)",), of_rows=of_rows)
    for place, (what, head) in enumerate(warmup.heads(model, latent_dim=3).items()):
        layers = matter(model, draws, partial(head, x))
        assert_reached(layers, warmup.encode(model, x, latent_dim=3)[place], model, f"{what} of encode")
        assert_reached(layers, warmup.forward(model, x, latent_dim=3)[1 + place], model, f"{what} of forward")


def test_gradients_reach_mu_and_logvar_exactly(submission, draws):
    """In either mode, in both precisions, for one row, a usual batch and over 1,000 rows."""
    for batch, latent in ((5, 3), (1, 7), (128, 20), *((size, 2) for size in sizes_of_every_kind(draws)[2:])):
        model = warmup.build(submission, 11, 13, latent)
        for dtype, training in itertools.product((torch.float32, torch.float64), (True, False)):
            mu, logvar = (draws.normal(batch, latent, dtype=dtype).requires_grad_() for _ in range(2))
            z = warmup.reparameterize(model.train(training), mu, logvar)
            assert_gradient(z, mu, torch.ones_like(mu), "dz/dmu")
            assert_gradient(z, logvar, (z - mu).detach() / 2, "dz/dlogvar")


def test_works_for_a_single_example_in_float64(submission, draws):
    """And for examples of one feature, with codes of one number, alone and beside others."""
    model = warmup.build(submission, 11, 13, 3).double()
    warmup.forward(model, draws.uniform(1, 11, dtype=torch.float64), latent_dim=3)
    single = warmup.build(submission, 1, 13, 1)
    for batch in (1, 5):
        warmup.forward(single, draws.uniform(batch, 1), latent_dim=1)
        warmup.encode(single, draws.uniform(batch, 1), latent_dim=1)
        warmup.decode(single, draws.normal(batch, 1), input_dim=1)


def test_leaves_its_arguments_and_torch_alone(submission, draws):
    """And its own parameters, in either mode, with gradients and without; its file leaves gradients on."""
    networks.assert_gradients_are_on(submission)
    model = warmup.build(submission, 11, 13, 3)
    networks.assert_works_as_module(model)
    before = {name: parameter.detach().double() for name, parameter in model.parameters.items()}
    large = warmup.build(submission, 70, 13, 66)
    for _ in networks.every_way(model, large):
        for asked, inputs, latent in ((model, 11, 3), (large, 70, 66)):
            batch = draws.integer(1, 200)
            # The parts before what calls them: their damage is not forward's.
            for name, ask in (
                ("encode", partial(asked.encode, draws.normal(batch, inputs))),
                ("reparameterize", partial(asked.reparameterize, *draws.normal(2, batch, latent))),
                ("decode", partial(asked.decode, draws.normal(batch, latent))),
                ("forward", partial(asked, draws.normal(batch, inputs))),
            ):
                for _ in range(2):  # an answer must not lie where the one before does
                    ask()
                    assert_unchanged(submission, name, draws=name in ("forward", "reparameterize"))
    networks.assert_left_alone(model, before, "the model")

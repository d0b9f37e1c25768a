"""``VAE.forward(x)``: other sizes and modes, fresh noise, and gradients through all of it.

Everything is held against the submission's own parts, or against the truth where those are broken.
"""

import contextlib
import itertools
from functools import partial

import blaming
import networks
import oracles
import own_pass
import parts
import torch
from asking import HANDOUT_CALLS, USUAL_CALLS, USUAL_SIZES, in_turn, sizes_of_every_kind, through_many
from forward_noise import (
    Call,
    assert_as_normal_as,
    assert_fresh_unseeded,
    assert_noise_of_all,
    assert_noise_of_calls,
    assert_noise_of_modes,
    assert_sampled,
    assert_samples,
    assert_samples_anew,
    own_as_asked,
)
from noise import (
    assert_standard_moments,
)

from grading.checks import Blocked, CheckFailure, StudentError, assert_close, gradient, short, unpack
from grading.results import Kind


def assert_put_together(submission, model, x, seed, times=0):
    """Every field of the output follows from the submission's own parts."""
    case = parts.Case(submission, model, x, seed, times)
    output = case.forward()
    case.assert_equal(
        output,
        mu=lambda part: part.encode(x)[0],
        logvar=lambda part: part.encode(x)[1],
        logits=lambda part: part.decode(output.z),
    )
    case.assert_shapes(output, ["z"], x.dtype)
    return output


def wide(submission, draws, latent=210):
    """A model with means and log-variances that differ from one another."""
    model = networks.build(submission, 11, 13, latent, draws=draws)
    networks.spread_heads(model, reach=3.0)
    return model


def test_is_put_together_rightly_for_networks_of_any_size(submission, draws):
    """And for any batch, with likelihoods, weights, modes and gradients as they come; and it samples for each.

    Every second network gives large numbers: posteriors of every size, and logits up to 1,000.
    """
    asked, outputs, sizes = [], [], networks.sizes(draws)
    large = [(size, networks.evaluated) for size in sizes if size.batch > 128 or size.batch in USUAL_SIZES]
    for i, ((batch, *size), way) in enumerate((*((size, networks.any_way) for size in sizes), *large)):
        with way(networks.build(submission, *size, draws=draws), draws) as model:
            if i % 2:
                networks.spread_heads(model, reach=8.0)
                networks.spread_output(model, reach=1e3)
            x = (oracles.pixels(draws, batch, size[0]), draws.normal(batch, size[0], std=2.0))[draws.integer(0, 1)]
            question = model, x, draws.seed()
            x.requires_grad_(bool(draws.integer(0, 1)))
            outputs.append(assert_put_together(submission, *question))
            asked.append((question, torch.is_grad_enabled(), submission.asked))
    try:
        assert_noise_of_all(outputs)
    except CheckFailure:
        own = [own_as_asked(submission, output, *one) for output, one in zip(outputs, asked, strict=True)]
        overwritten = {name for one in own for name in one.overwritten}  # then z is not made of what forward returns
        try:
            if not overwritten:
                assert_noise_of_all(own)
        except CheckFailure:
            for output, of_parts, one in zip(outputs, own, asked, strict=True):
                again = (own_as_asked(submission, output, *one) for _ in range(30))
                assert_as_normal_as(output, itertools.chain([of_parts], again))
            submission.rely_on("encode", "reparameterize")
        else:
            if not overwritten:
                with blaming.what_remembers(*question[:2]):
                    raise
            submission.rely_on("reparameterize", *(["decode"] if "z" in overwritten else []))


def test_neither_mu_nor_logvar_is_clamped_on_the_way(submission, draws):
    model = networks.build(submission, 11, 13, 7, recon_loss="gaussian", beta=4.0, draws=draws)
    networks.spread_heads(model, reach=60.0, means=98.0)
    assert_put_together(submission, model, draws.uniform(5, 11), draws.seed())
    model = networks.build(submission, 11, 13, 210, draws=draws)
    networks.spread_heads(model, reach=8.0)
    assert_samples(submission, model, draws.uniform(draws.integer(200, 260), 11), draws.seed())


def test_works_for_a_batch_of_one(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws)
    assert_put_together(submission, model, draws.uniform(1, 11), draws.seed())


def test_samples_a_fresh_z_for_every_example_and_every_call(submission, draws):
    model, x, seed = wide(submission, draws), draws.uniform(draws.integer(100, 130), 11).repeat(2, 1), draws.seed()
    assert_samples_anew(submission, model, x, seed, "the noise of two calls")
    for training, gradients in itertools.product((True, False), repeat=2):
        anew = wide(submission, draws).train(training)
        with torch.set_grad_enabled(gradients):
            assert_fresh_unseeded(submission, anew, x)
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            one, other = (own_pass.forward(model, x, s).z for s in (seed, seed + 1))
            if parts.same(one, other):
                own = [own_pass.own(submission, model, x, s, gradients=gradients).z for s in (seed, seed + 1)]
                if not parts.same(*own):
                    message = "two calls with the same x give the same z"
                    raise CheckFailure("statistics", message, expected="fresh noise", actual="the same numbers")
                submission.rely_on("reparameterize", "encode")


def test_samples_in_each_of_many_calls(submission, draws):
    """90 to 140 calls in turning modes, each for one example, with data and a seed of its own; and usual batches."""
    model = networks.build(submission, 11, 13, 64, draws=draws)
    calls = [
        Call(draws.uniform(1, 11), draws.seed(), training=i // 10 % 2 == 0, gradients=i % 3 > 0)
        for i in range(draws.integer(90, 140))
    ]
    assert_sampled(submission, model, calls, assert_noise_of_calls)
    for model, sizes in (
        (networks.build(submission, 784, 400, 20, draws=draws), HANDOUT_CALLS),
        (networks.build(submission, 11, 13, 20, draws=draws), USUAL_CALLS),
    ):
        inputs = model.parameters["dec.2.bias"].numel()
        calls = [
            Call(draws.uniform(size, inputs), draws.seed(), training, gradients=training)
            for training in (True, False)
            for size in sizes
        ]
        assert_sampled(submission, model, calls, assert_noise_of_modes)


def test_samples_in_eval_mode_too(submission, draws):
    model, x, seed = wide(submission, draws).eval(), draws.uniform(draws.integer(200, 260), 11), draws.seed()
    assert_samples_anew(submission, model, x, seed, "the noise of two calls in eval mode")


def test_works_without_gradients_too(submission, draws):
    model = wide(submission, draws, latent=40)  # few, as some make a matrix for each row
    with torch.no_grad():
        assert_samples(submission, model, draws.uniform(draws.integer(200, 260), 11), draws.seed())
        # 480,000 numbers, among which the sum of twelve uniform ones is not normal.
        many = parts.Case(submission, model, draws.uniform(12_000, 11), draws.seed())
        eps = many.judged_noise(many.forward(), partial(assert_standard_moments, what="(z - mu) / sigma"))
    if eps is not None:
        for batch, mode in ((5, True), (6, False)):
            assert_put_together(submission, model.train(mode), draws.uniform(batch, 11), draws.seed())


def test_keeps_float64(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws).double()
    assert_put_together(submission, model, draws.uniform(5, 11, dtype=torch.float64), draws.seed())
    many = networks.build(submission, 11, 13, 210, draws=draws).double()
    networks.spread_heads(many, reach=3.0)
    for training in (True, False):
        x = draws.uniform(draws.integer(200, 260), 11, dtype=torch.float64)
        with torch.set_grad_enabled(training):
            assert_samples(submission, many.train(training), x, draws.seed())
    model = networks.build(submission, 11, 13, 3, draws=draws).double().eval()
    with torch.no_grad():
        assert_put_together(submission, model, draws.uniform(6, 11, dtype=torch.float64), draws.seed())
    calls = [
        Call(draws.uniform(size, 11, dtype=torch.float64), draws.seed(), training, gradients=training)
        for training in (True, False)
        for size in HANDOUT_CALLS
    ]
    few = networks.build(submission, 11, 13, 20, draws=draws).double()
    assert_sampled(submission, few, calls, assert_noise_of_modes)


def own_parts(submission, model, x, seed, output=None):
    """The submission's own parts with gradients, or what is in their way."""
    try:
        return own_pass.own(submission, model, x, seed, gradients=True, output=output), None
    except Blocked as blocked:
        return None, blocked


def assert_reached(submission, output, own, field, model, layers, what, blocked):
    """Gradients arrive at these layers; where the submission's own parts let none through, none is demanded."""
    for name, leaf in model.parameters.items():
        if not name.startswith(layers):
            continue
        if own is not None and not parts.reaches(getattr(own, field), own.twin.parameters[name]):
            submission.rely_on("encode", "reparameterize", "decode")
        else:
            with parts.excused_by(blocked):
                # Weighted, as the sum of numbers that are centred does not depend on anything.
                weighted = output * oracles.weights_of(output)
                if not bool(gradient(weighted, leaf, f"the gradient of {what} for {name}").any()):
                    message = f"the gradient of {what} for {name} is zero"
                    raise CheckFailure("gradient", message, expected="a gradient", actual="zeros")


def assert_logits_reach_every_layer(submission, model, x, seed):
    output = own_pass.forward(model, x, seed)
    own, blocked = own_parts(submission, model, x, seed, output)
    assert_reached(
        submission, output.logits, own, "logits", model, ("enc", "mu", "logvar", "dec"), "the logits", blocked
    )


def test_gradients_of_the_logits_reach_every_layer(submission, draws):
    model = networks.build(submission, 11, 13, 3, layers=2, draws=draws)
    assert_logits_reach_every_layer(submission, model, draws.uniform(5, 11), draws.seed())


def test_gradients_of_the_logits_reach_every_layer_in_eval_mode(submission, draws):
    model = networks.build(submission, 11, 13, 3, draws=draws).eval()
    assert_logits_reach_every_layer(submission, model, draws.uniform(5, 11), draws.seed())


def test_gradients_of_mu_and_logvar_reach_the_encoder(submission, draws):
    model = networks.build(submission, 11, 13, 3, draws=draws)
    x, seed = draws.uniform(5, 11), draws.seed()
    output = own_pass.forward(model, x, seed)
    own, blocked = own_parts(submission, model, x, seed, output)
    for field in ("mu", "logvar"):
        if own is None or field not in own.overwritten:
            layers = ("enc", f"{field}.")
            assert_reached(submission, getattr(output, field), own, field, model, layers, field, blocked)


def test_gradients_of_z_reach_the_encoder(submission, draws):
    model = networks.build(submission, 11, 13, 3, draws=draws)
    x, seed = draws.uniform(5, 11), draws.seed()
    output = own_pass.forward(model, x, seed)
    own, blocked = own_parts(submission, model, x, seed, output)
    assert_reached(submission, output.z, own, "z", model, ("enc", "mu", "logvar"), "z", blocked)


def gradients(output, model, x):
    """The gradients of ``output`` for all parameters, and for ``x`` if it takes any, None where none arrives."""
    leaves = [*model.parameters.values(), *([x] if x.requires_grad else [])]
    if not output.requires_grad:
        return [None] * len(leaves)
    weighted = (output * oracles.weights_of(output)).sum()
    return torch.autograd.grad(weighted, leaves, retain_graph=True, allow_unused=True)


def test_gradients_are_those_of_its_parts(submission, draws):
    """In train and eval mode, of all that is right, or that forward and its parts, called one by one, agree on.

    Some ``x`` take none themselves, as in training.
    """
    small = networks.build(submission, 11, 13, 3, draws=draws)
    images = networks.build(submission, 784, 400, 20, draws=draws)
    precise = networks.build(submission, 11, 13, 3, draws=draws).double()
    sizes = [
        ((small, precise)[i % 2], size, i % 4 > 1, 1.0, i // 4 % 2 == 0)
        for i, size in enumerate(sizes_of_every_kind(draws)[1:])
    ]
    few = [(small, 5, *how) for how in itertools.product((True, False), (1.0, 3.0), (True, False))]
    digits = [(images, 1, True, 1.0, True), (images, 9, True, 1.0, False)]
    for model, batch, training, largest, of_x in (*few, *digits, *sizes):
        inputs, latent = (model.parameters[f"{layer}.bias"].numel() for layer in ("dec.2", "mu"))
        dtype, seed = model.parameters["mu.bias"].dtype, draws.seed()
        x = oracles.of_all_sizes(draws, batch, inputs, largest=largest, dtype=dtype).requires_grad_(of_x)
        output = own_pass.forward(model.train(training), x, seed)
        fits = output.z.shape == (batch, latent) and output.z.dtype == x.dtype
        true = own_pass.true_pass(model, x, output.z) if fits else None
        own = None
        for field in own_pass.NAMES:
            one = getattr(output, field)
            if true is not None and parts.same(one, getattr(true, field)):
                right = gradients(getattr(true, field), model, x)
                with contextlib.suppress(StudentError):  # a part may be the reason
                    both = zip(gradients(one, model, x), right, strict=True)
                    if all(parts.alike(*pair) for pair in both):
                        continue
            if own is None:
                own, blocked = own_parts(submission, model, x, seed, output)
                if blocked is not None:
                    raise blocked
            if field in own.overwritten:
                continue
            with blaming.what_remembers(model, x):
                parts.require_repeated(output, own, field, x)
            of_parts = parts.of_its_part(own, field, partial(gradients, model=own.twin, x=x))
            # Where a part gives something else than it should, nobody knows what gradients come through it.
            with parts.excused_by(next(iter(own.taken.values()), None)):
                names = [*model.parameters, *(["x"] if x.requires_grad else [])]
                assert_gradients(field, names, gradients(one, model, x), of_parts)


def assert_gradients(field, names, actual, of_parts):
    """The gradients of a field are those of what the parts, called one by one, give in its place."""
    for name, own, expected in zip(names, actual, of_parts, strict=True):
        what = f"the gradient of {field} for {name}"
        if expected is None:
            if not parts.alike(own, expected):
                message = f"{what}: there is one, and none of its parts"
                raise CheckFailure("gradient", message, expected="none", actual=short(own))
        elif own is None:
            raise CheckFailure("gradient", f"{what}: none arrives", expected="a gradient", actual="none")
        elif not parts.same(own, expected, rtol=1e-3):  # NaN for NaN
            assert_close(own, expected, what, rtol=1e-3, kind=Kind.GRADIENT)


def test_every_answer_is_that_to_its_own_question(submission, draws):
    """Batches with other data, for other weights, in both modes, and the first ones again; also after many calls."""
    models = [networks.build(submission, 11, 13, 3, layers=2, draws=draws) for _ in range(2)]
    for name, parameter in models[1].parameters.items():
        models[1].set(name, 0.5 * parameter.detach())
    batches = [draws.uniform(5, 11) for _ in range(2)]
    for i, (model, x) in enumerate(in_turn([(model, x) for model in models for x in batches])):
        seed = draws.seed()
        own_parts(submission, model.train(i % 3 == 0), x, seed)  # which may remember, and are asked as often
        with blaming.what_remembers(model, x):
            assert_put_together(submission, model, x, seed)
    for times in through_many(draws):
        seed = draws.seed()
        try:
            with blaming.what_remembers(model, x):
                assert_put_together(submission, model, x, seed, times)
        except CheckFailure:
            blaming.blame_what_wears(model, x, seed)
            raise
    for _ in networks.while_training(model):
        seed = draws.seed()
        own_parts(submission, model, x, seed)
        with blaming.what_remembers(model, x):
            assert_put_together(submission, model, x, seed)
    seed = draws.seed()
    called, method = own_pass.forward(model, x, seed), unpack(model.seeded(seed).forward(x), own_pass.NAMES, "forward")
    again = [own_pass.forward(model, x, seed) for _ in range(4)]
    if not all(parts.same(getattr(called, name), getattr(one, name)) for one in again for name in own_pass.NAMES):
        submission.rely_on("encode", "reparameterize", "decode")  # which no seed repeats
    elif not all(map(parts.same, method, (getattr(called, name) for name in own_pass.NAMES))):
        blaming.blame_what_wears(model, x, seed)
        raise CheckFailure("value", "model.forward(x) is not what model(x) is", expected="the same", actual="others")


def test_leaves_its_argument_and_torch_alone(submission, draws):
    """And the model, in either mode, with gradients and without."""
    model = networks.build(submission, 11, 13, 3, draws=draws)
    for _ in networks.every_way(model):
        assert_leaves_alone(submission, model, draws)


def assert_leaves_alone(submission, model, draws):
    """``forward`` changes nothing of what its parts, asked one by one, leave as it is."""
    x = draws.normal(5, 11)
    mutated, disturbed = set[str](), set[str]()
    for seed in (draws.seed(), draws.seed()):  # a second answer must not lie where the first one does
        own_pass.forward(model, x, seed)
        mutated |= {*submission.mutated}
        disturbed |= {*submission.disturbed} - {"generator"}
    if not mutated and not disturbed:
        return
    if rely_on_what_disturbs(submission, model, draws, x, disturbed):
        return
    message = "forward changes its argument in place, its model, or torch's own state"
    actual = ", ".join([*sorted(mutated), *sorted(disturbed)])
    raise CheckFailure("mutation", message, expected="all left as it was", actual=actual)


def rely_on_what_disturbs(submission, model, draws, x, disturbed):
    """Say which part, asked by itself, changes its argument or one of these things, if one does."""
    alone = submission.alone()
    for item, ask in (
        ("encode", lambda twin: twin.encode(x)),
        ("reparameterize", lambda twin: twin.reparameterize(draws.normal(5, 3), draws.normal(5, 3))),
        ("decode", lambda twin: twin.decode(draws.normal(5, 3))),
    ):
        with contextlib.suppress(StudentError):
            for _ in range(2):
                ask(model.alone())
                if (item == "encode" and alone.mutated) or set(alone.disturbed) & disturbed:
                    submission.rely_on(item)
                    return True
    return False


def test_leaves_the_mode_of_the_model_alone(submission, draws):
    for training in (True, False):
        model = networks.build(submission, 11, 13, 3, draws=draws).train(training)
        x = draws.normal(5, 11)
        own_pass.forward(model, x, draws.seed())
        if model.double().attributes.get("training") is not training:  # the cast describes the model anew
            again = networks.build(submission, 11, 13, 3, draws=draws).train(training)
            if rely_on_what_disturbs(submission, again, draws, x, {"mode"}):
                continue
            message = "forward switches the mode of the model"
            raise CheckFailure("mutation", message, expected=f"training = {training}", actual=f"{not training}")

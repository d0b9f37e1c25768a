"""The samples of the warm-up ``VAE``: what ``forward`` decodes, told by a decoder that can be inverted."""

from __future__ import annotations

from collections.abc import Callable

import torch
import warmup
from asking import HANDOUT_CALLS, USUAL_SIZES
from noise import assert_calls_vary, assert_independent_draws, assert_no_repetition, in_rows, standardized

from grading.checks import Draws, Model, Submission, assert_close


def assert_decodes_samples(submission: Submission, draws: Draws) -> None:
    """The numbers with which it samples are independent and standard normal, in every row, column and call."""

    def asked(sizes: warmup.Sizes) -> tuple[Model, Callable[..., torch.Tensor]]:
        model = warmup.build_active(submission, draws, sizes)
        code = warmup.inverse_decoder(model, sizes)

        def noise(batch: int, largest: float = 1.0) -> torch.Tensor:
            x = draws.uniform(batch, sizes.features, high=largest, dtype=torch.float64)
            recon_x, *posterior = warmup.forward(model, x, sizes.codes)
            if batch < 64 or largest > 1:  # larger ones are held against it where gradients are asked
                own = warmup.encode(model, x, sizes.codes)
                for name, value, part in zip(("mu", "logvar"), posterior, own, strict=True):
                    assert_close(value, part.detach(), f"{name} of forward, held against that of encode,")
            return standardized(code(recon_x), *posterior)

        return model, noise

    model, noise = asked(warmup.HANDOUT)
    for training in (True, False):
        model.train(training)
        assert_independent_draws(noise(300), "the noise in forward")
    assert_calls_vary_in_single_precision(submission, model, draws)
    model, noise = asked(warmup.SMALLER)
    assert_independent_draws(noise(300, largest=220.0), "the noise in forward, where logvar is near 6,")
    found = []
    for training, other in ((True, draws.integer(20, 250)), (False, draws.integer(2, 20))):
        model.train(training)
        found += [noise(batch) for batch in (1, *USUAL_SIZES, other)]
    with torch.no_grad():  # and in eval mode, as large batches are usually given to it
        found += [noise(draws.integer(*bounds)) for bounds in ((251, 1_000), (1_001, 1_100))]
    assert_independent_draws(in_rows(found, width=40), "the noise in forward for batches of all sizes")
    calls = []
    for i in range(draws.integer(45, 70)):
        with torch.set_grad_enabled(i % 3 > 0):
            calls.append(noise(8).flatten())
    assert_independent_draws(torch.stack(calls), "the noise in forward", row="call", column="place")
    assert_calls_vary(calls, "the noise in forward")
    assert_calls_vary(found, "the noise in forward")
    for training in (True, False):
        model.train(training)
        with torch.set_grad_enabled(training):
            assert_calls_vary([noise(64) for _ in range(8)], "the noise in forward")
    assert_no_repetition(torch.stack(calls), "the noise in forward")
    for log_variance in (-7.9, 7.9):
        x = draws.uniform(1, warmup.SMALLER.features, dtype=torch.float64)
        warmup.shift_heads(model, x, warmup.SMALLER.codes, 60.0, log_variance)
        what = f"the noise in forward for means of about 60 and logvar of about {log_variance:g}"
        assert_independent_draws(noise(64, largest=0.1), what)


def assert_calls_vary_in_single_precision(submission: Submission, model: Model, draws: Draws) -> None:
    """The noise of batches of the handout's size varies from call to call in float32 too."""
    single = warmup.in_single_precision(submission, model)
    code = warmup.inverse_decoder(model, rounding=1e-4)
    for training in (True, False):
        single.train(training)
        calls = []
        with torch.set_grad_enabled(training):
            for batch in HANDOUT_CALLS:
                x = draws.uniform(batch, warmup.HANDOUT.features)
                recon_x, *posterior = warmup.forward(single, x, warmup.HANDOUT.codes)
                calls.append(standardized(code(recon_x), *posterior))
        assert_calls_vary(calls, "the noise in forward in float32")

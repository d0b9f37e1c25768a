"""The warm-up's ``VAE``, whose layers are the student's own: what it does, by itself and part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import warmup

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import NO_GRADIENT, Law, Probe, alike, facts, gradients
from laws.sampling import Sampler, facts_of, probes_of

SIZES = (11, 13, 3)


def _model(submission: Submission) -> Model:
    return warmup.build(submission, *SIZES)


def _large(submission: Submission, draws: Draws) -> Model:
    return warmup.randomize(_model(submission), draws, 3.0)


SAMPLER = Sampler(_model)


def _decoder_range(submission: Submission, draws: Draws) -> str | None:
    out = warmup.decode(_large(submission, draws), draws.normal(200, SIZES[2], std=3.0), SIZES[0]).detach()
    low, high = float(out.min()), float(out.max())
    if low >= 0 and high <= 1:
        sums = out.sum(-1)
        if alike(sums, torch.ones_like(sums)):
            return "decode ends in a softmax: a row adds up to 1; every pixel needs a sigmoid of its own."
        if low >= 0.499:
            return "decode never falls below one half, as where no logit is negative or a sigmoid is applied twice."
        if high <= 0.501:
            return "decode never rises above one half: its logits are never positive."
        return None
    if low >= -1 and high <= 1:
        return "decode gives values from -1 to 1, as tanh does; the stub asks for a sigmoid."
    if low >= 0:
        return "decode gives values of any size that are never negative: a sigmoid is missing at its end."
    return "decode gives values of any size and sign: a sigmoid is missing at its end."


def _head_range(position: int, name: str) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        out = warmup.encode(_large(submission, draws), draws.normal(200, SIZES[0], std=3.0), SIZES[2])[
            position
        ].detach()
        low, high = float(out.min()), float(out.max())
        if low >= 0 and high <= 1:
            return f"{name} stays between 0 and 1, as after a sigmoid; nothing should follow its head."
        if -1 <= low < 0 and high <= 1:
            return f"{name} stays between -1 and 1, as after tanh; nothing should follow its head."
        if low >= 0:
            return f"{name} is never negative: something follows its head, such as a ReLU, softplus or an exponential."
        if high <= 0:
            return f"{name} is never positive."
        edges = [f"{edge:.3g}" for edge in (low, high) if int((out == edge).sum()) > 5]
        return f"{name} is cut off at {' and '.join(edges)}." if edges else None

    return fact


def _same_heads(submission: Submission, draws: Draws) -> str | None:
    mu, logvar = (part.detach() for part in warmup.encode(_large(submission, draws), draws.normal(9, 11), SIZES[2]))
    if alike(mu, logvar):
        return "mu and logvar are the same numbers: each needs a layer of its own."
    change = facts.change_between(mu, logvar)
    return f"logvar is mu that {change}: it needs a layer of its own." if change else None


def _linear(submission: Submission, draws: Draws) -> str | None:
    """Whether encoder or decoder is a linear map."""
    model = _large(submission, draws)
    a, b = draws.normal(1, SIZES[0]).double(), draws.normal(1, SIZES[0]).double()
    model = model.double()
    rows = torch.cat([a, b, a + b, torch.zeros_like(a)])
    mu = warmup.encode(model, rows, SIZES[2])[0].detach()
    said = []
    if float((mu[0] + mu[1] - mu[2] - mu[3]).abs().max()) < 1e-9 * (1 + float(mu.abs().max())):
        said.append("encoder")
    codes = 0.05 * draws.normal(2, SIZES[2]).double()
    codes = torch.cat([codes, codes.sum(0, keepdim=True), torch.zeros(1, SIZES[2]).double()])
    out = torch.logit(warmup.decode(model, codes * 20, SIZES[0]).detach())
    if bool(torch.isfinite(out).all()) and float((out[0] + out[1] - out[2] - out[3]).abs().max()) < 1e-6:
        said.append("decoder")
    return f"The {' and the '.join(said)} is a linear map: its hidden layer lacks a nonlinearity." if said else None


def _rows(submission: Submission, draws: Draws) -> str | None:
    """Whether rows mix, and whether two calls agree."""
    model = _model(submission)
    x, z = draws.uniform(6, SIZES[0]), draws.normal(6, SIZES[2])
    parts = {
        "encode": (lambda m, v: warmup.encode(m, v, SIZES[2])[0].detach(), x),
        "decode": (lambda m, v: warmup.decode(m, v, SIZES[0]).detach(), z),
    }
    for name, (of, rows) in parts.items():
        whole = of(model, rows)
        if not alike(of(model, rows), whole):
            return f"Two calls of {name} with the same input differ in train mode: something in it is random."
        if not alike(of(model, rows[:3]), whole[:3]):
            return f"In {name} the rows of a batch influence each other."
        if not alike(of(model.eval(), rows), whole):
            return f"{name} gives something else in eval mode than in train mode."
        model.train()
    return None


def _forward(submission: Submission, draws: Draws) -> str | None:
    model = _model(submission)
    x = draws.uniform(6, SIZES[0])
    said = {}
    for mode in (True, False):
        recon, mu, logvar = warmup.forward(model.train(mode), x, SIZES[2])
        alone = model.alone()
        own_mu, own_logvar = warmup.encode(alone, x, SIZES[2])
        if not alike(mu.detach(), own_mu.detach()) or not alike(logvar.detach(), own_logvar.detach()):
            swapped = alike(mu.detach(), own_logvar.detach()) and alike(logvar.detach(), own_mu.detach())
            return "forward returns mu and logvar in each other's place." if swapped else (
                "What forward returns as mu and logvar is not what encode gives."
            )  # fmt: skip
        for words, code in (
            ("decode(mu): no sample is drawn", own_mu),
            ("decode(logvar)", own_logvar),
            ("decode(mu + sigma): there is no noise", own_mu + (own_logvar / 2).exp()),
        ):
            if alike(recon.detach(), warmup.decode(alone, code.detach(), SIZES[0]).detach()):
                said[mode] = f"what forward returns as reconstruction is {words}"
        again = warmup.forward(model, x, SIZES[2])[0]
        if mode not in said and torch.equal(recon.detach(), again.detach()):
            said[mode] = "two calls of forward give the same reconstruction: the noise is not fresh"
    if len(said) == 2 and said[True] == said[False]:
        return f"{said[True][0].upper()}{said[True][1:]}."
    return "".join(f"In {'train' if mode else 'eval'} mode {words}." for mode, words in said.items()) or None


def _gradients(submission: Submission, draws: Draws) -> str | None:
    model = _model(submission)
    recon, mu, logvar = warmup.forward(model, draws.uniform(5, SIZES[0]), SIZES[2])
    cut = []
    for name, value in (("recon_x", recon), ("mu", mu), ("logvar", logvar)):
        found = gradients(value, list(model.parameters.values()))
        if all(gradient is NO_GRADIENT for gradient in found):
            cut.append(name)
    if cut:
        return f"No gradient passes through {' and '.join(cut)} of forward: nothing can learn from it."
    before = gradients(recon, list(model.parameters.values()))
    heads = gradients(mu, list(model.parameters.values()))
    lost = [g for g, h in zip(before, heads, strict=True) if g is NO_GRADIENT and h is not NO_GRADIENT]
    return "The reconstruction's gradient does not reach the encoder: z is cut off from mu." if lost else None


def _width(submission: Submission, draws: Draws) -> str | None:
    model = submission.VAE(11, 17, 3)
    widths = {side for p in model.parameters.values() for side in p.shape} if isinstance(model, Model) else {17}
    return None if 17 in widths else "hidden_dim has no effect: no layer is that wide."


FACTS = (
    _decoder_range, _head_range(0, "mu"), _head_range(1, "logvar"), _same_heads, _linear, _rows, _forward, _gradients,
    _width, *facts_of(SAMPLER),
)  # fmt: skip


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """Each part by itself."""
    return facts.explain(FACTS, submission, draws)


def probes() -> list[Probe]:
    """Where the shapes are right and where not."""

    def shape(batch: int, mode: bool = True) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            model = _model(submission).train(mode)
            out = model(draws.uniform(batch or 5, SIZES[0]))
            return [tuple(t.shape) for t in out], [(batch or 5, 11), (batch or 5, 3), (batch or 5, 3)]

        return put

    aspect = "What forward returns"
    forwards = [Probe("", shape(5), aspect), Probe("for a batch of one", shape(1), aspect),
                Probe("in eval mode", shape(5, mode=False), aspect)]  # fmt: skip
    return [*forwards, *probes_of(SAMPLER)]

"""Passes through a model: by ``forward``, and by the submission's own ``encode``, ``reparameterize`` and ``decode``.

A bug in a part costs the part alone: ``forward`` has to put the parts together, right or wrong as they are. A part that
gives nothing to put together blocks the check, by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import networks
import torch
from blaming import as_tensor, blame, own_encoded

from grading.boundary.errors import RefusedError, StudentError
from grading.checks import (
    Blocked,
    CheckFailure,
    Draws,
    Model,
    Submission,
    assert_answers_differ,
    same,
    short,
    unpack,
)

NAMES = ("logits", "mu", "logvar", "z")


@dataclass(frozen=True)
class Pass:
    """One pass through the model."""

    logits: torch.Tensor
    mu: torch.Tensor
    logvar: torch.Tensor
    z: torch.Tensor


@dataclass(frozen=True)
class OwnPass(Pass):
    """A pass through the submission's own parts, called one after the other in a process of their own.

    Attributes:
        twin: the model in that process.
        overwritten: what a part changes in place, so that nothing is known of it when ``forward`` returns.
        taken: the fields that no part gives, and that are right in what ``forward`` returned; and what is in their way.
    """

    twin: Model
    overwritten: frozenset[str]
    taken: Mapping[str, Blocked] = field(default_factory=dict)


def forward(model: Model, x: torch.Tensor, seed: int | None, times: int = 0) -> Pass:
    """``model(x)``, once it is known to be four tensors, after so many others like it.

    With no seed torch's generator goes on from where it is.

    Raises:
        Blocked: it fails because one of the parts does not do its work.
        NotImplementedError: it is a stub.
    """
    try:
        asked: Any = model if seed is None else model.after(times, seed)
        values = unpack(asked(x), NAMES, "forward")
        for name, value in zip(NAMES, values, strict=True):
            if not isinstance(value, torch.Tensor):
                raise CheckFailure("structure", f"{name} is not a tensor", expected="a tensor", actual=short(value))
        return Pass(*values)
    except NotImplementedError:
        raise
    except (StudentError, RefusedError, CheckFailure):
        blame(model, x)
        raise


def own(
    submission: Submission,
    model: Model,
    x: torch.Tensor,
    seed: int,
    *,
    gradients: bool | None = None,
    output: Pass | None = None,
) -> OwnPass:
    """What the submission's own parts give, with the noise that a call seeded with ``seed`` begins with.

    They are asked with gradients where ``forward`` is, unless something else is said. A part may give what it should in
    another form, which ``forward`` knows to use: what is right in the ``output`` is then taken for it.

    Raises:
        Blocked: one of them does not run, or gives something else than tensors.
    """
    twin, alone = model.alone(), submission.alone()
    taken: dict[str, Blocked] = {}
    with torch.set_grad_enabled(torch.is_grad_enabled() if gradients is None else gradients):
        try:
            mu, logvar = own_encoded(twin.seeded(seed), x)
        except Blocked as blocked:
            mu, logvar = _taken(blocked, output, twin, x, ("mu", "logvar"), taken)
        try:
            # What encode draws comes before, and where it seeds the generator, that is what the noise begins with.
            sampler: Any = twin if "generator" in alone.disturbed and not taken else twin.seeded(seed)
            z = as_tensor("reparameterize", lambda: sampler.reparameterize(mu, logvar))
        except Blocked as blocked:
            (z,) = _taken(blocked, output, twin, x, ("z",), taken)
        overwritten = {"mu", "logvar"} if alone.mutated and "z" not in taken else set()
        try:
            logits = as_tensor("decode", lambda: twin.decode(z))
        except Blocked as blocked:
            (logits,) = _taken(blocked, output, twin, x, ("logits",), taken)
        overwritten |= {"z"} if alone.mutated and "logits" not in taken else set()
    found = OwnPass(logits, mu, logvar, z, twin, frozenset(overwritten), taken)
    _rely_on_what_is_wrong(submission, model, x, found)
    return found


def true_pass(model: Model, x: torch.Tensor, z: torch.Tensor) -> Pass:
    """The pass through the true network, with gradients, that samples this ``z``."""
    mu, logvar = networks.encode(model.parameters, x)
    eps = (z.detach() - mu.detach()) / torch.exp(logvar.detach() / 2)
    again = mu + torch.exp(logvar / 2) * eps
    return Pass(networks.decode(model.parameters, again), mu, logvar, again)


def _taken(
    blocked: Blocked,
    output: Pass | None,
    twin: Model,
    x: torch.Tensor,
    names: Sequence[str],
    taken: dict[str, Blocked],
) -> tuple[torch.Tensor, ...]:
    """What a part should give, where ``forward`` returned that; else the part is in the way."""
    if output is None or not has_form(output.z, (len(x), twin.parameters["mu.bias"].numel()), x.dtype):
        raise blocked
    true = true_pass(twin, x, output.z)
    if not all(same(getattr(output, name), getattr(true, name)) for name in ("mu", "logvar", *names)):
        raise blocked
    taken |= dict.fromkeys(names, blocked)
    return tuple(getattr(true, name) for name in names)


def _rely_on_what_is_wrong(submission: Submission, model: Model, x: torch.Tensor, found: OwnPass) -> None:
    """Where the submission's own parts do not give what they should, say so: they have to be wrong elsewhere too."""
    with torch.no_grad():
        encoded = networks.encode(model.parameters, x)
        if not all(nearly(*pair) for pair in zip((found.mu, found.logvar), encoded, strict=True)):
            assert_answers_differ("encode", [own_encoded(found.twin, x), own_encoded(found.twin, 1 - 0.5 * x)])
            submission.rely_on("encode")
        if {"mu", "logvar"} & found.overwritten or found.z.shape != found.mu.shape or found.z.dtype != found.mu.dtype:
            submission.rely_on("reparameterize")
        if "z" in found.overwritten:
            submission.rely_on("decode")
        else:
            _true_logits(submission, model, found.twin, found.z, found.logits)


def _true_logits(
    submission: Submission, model: Model, twin: Model, z: torch.Tensor, own_logits: torch.Tensor
) -> torch.Tensor | None:
    """What ``decode(z)`` should be, or None if ``z`` does not fit; where its own is something else, say so."""
    weight = model.parameters["dec.0.weight"]
    if not (z.dim() > 0 and z.shape[-1] == weight.shape[1] and z.dtype == weight.dtype):
        submission.rely_on("encode", "reparameterize")
        return None
    true = networks.decode(model.parameters, z)
    if not nearly(own_logits, true):
        # The last one is small: where z is huge, a sigmoid that is too early gives 0 or 1 for each of them.
        others = [as_tensor("decode", partial(twin.decode, at)) for at in (1 + 2 * z, torch.tanh(z))]
        assert_answers_differ("decode", [own_logits, *others])
        submission.rely_on("decode")
    return true


def decoded(submission: Submission, model: Model, twin: Model, z: torch.Tensor, seed: int) -> list[torch.Tensor]:
    """What the logits may be: the submission's own ``decode(z)``, or the true one.

    Raises:
        Blocked: ``decode`` does not run, or is random.
    """
    # As it comes from reparameterize: a result of something before, where gradients are asked for.
    code = z.detach().requires_grad_() + 0 if torch.is_grad_enabled() else z.detach()
    logits = as_tensor("decode", lambda: twin.decode(code))
    passes = sum(call.name == "__call__" for call in submission.calls)
    if _decodes_at_random(twin, code, passes, Draws(seed)):
        raise Blocked("decode", "it answers the same question in another way each time")
    true = _true_logits(submission, model, twin, z, logits)
    return [logits] if true is None else [logits, true]


def encodes_at_random(twin: Model, x: torch.Tensor, seed: int) -> bool:
    """Whether ``encode`` gives different answers to one question with one seed, as one that draws from elsewhere."""
    return _at_random(lambda asked: own_encoded(asked, x), twin, seed)


def _at_random(ask: Callable[[Any], Any], twin: Model, seed: int) -> bool:
    """Whether a part gives different answers to one question with one seed, asked three times in two processes.

    These may begin with the same numbers of Python's or NumPy's, which show at the second time.
    """
    first, *others = [ask(one.seeded(seed)) for one in (twin.alone(), twin.alone().alone()) for _ in range(3)]
    return not all(same(first, other) for other in others)


def _decodes_at_random(twin: Model, z: torch.Tensor, calls: int, draws: Draws) -> bool:
    """Whether ``decode`` gives different answers to one question in six processes, each time that it is asked so often.

    What it does at a much later call is no reason for what ``forward`` got at this one.
    """
    if _at_random(lambda asked: as_tensor("decode", partial(asked.decode, z)), twin, draws.seed()):
        return True
    answers = []
    for seed in [draws.seed() for _ in range(6)]:
        twin = twin.alone()
        for _ in range(calls):
            answer = as_tensor("decode", partial(twin.seeded(seed).decode, z))
        answers.append(answer)
    return not all(same(answers[0], other) for other in answers[1:])


def has_form(value: torch.Tensor, shape: Sequence[int], dtype: torch.dtype | None) -> bool:
    """Whether a tensor has this shape and dtype (None: any floating one)."""
    fits = value.dtype.is_floating_point if dtype is None else value.dtype == dtype
    return fits and tuple(value.shape) == tuple(shape)


def nearly(actual: torch.Tensor, true: torch.Tensor) -> bool:
    """Whether a part's value is the true one but for rounding, which is relative to the largest numbers in its sums."""
    largest = float(true.detach().abs().nan_to_num(0.0, 0.0, 0.0).max()) if true.numel() else 0.0
    return same(actual, true, rtol=0, atol=1e-2 * largest + 1e-5)

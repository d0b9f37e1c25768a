"""A submission's own ``encode``, ``reparameterize`` and ``decode``, against which its ``forward`` is judged.

A bug in a part costs the part alone: ``forward`` has to put the parts together, right or wrong as they are. A part that
gives nothing to put together blocks the check, by its name.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import networks
import torch
from noise import assert_standard_moments, standardized

from grading.boundary.errors import RefusedError, StudentError
from grading.checks import (
    Blocked,
    CheckFailure,
    Model,
    Submission,
    assert_answers_differ,
    assert_close_to_any,
    assert_tensor,
    prerequisite,
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
    """

    twin: Model
    overwritten: frozenset[str]


def forward(model: Model, x: torch.Tensor, seed: int) -> Pass:
    """``model(x)``, once it is known to be four tensors.

    Raises:
        Blocked: it fails because one of the parts does not do its work.
        NotImplementedError: it is a stub.
    """
    try:
        values = unpack(model.seeded(seed)(x), NAMES, "forward")
        for name, value in zip(NAMES, values, strict=True):
            if not isinstance(value, torch.Tensor):
                raise CheckFailure("structure", f"{name} is not a tensor", expected="a tensor", actual=short(value))
        return Pass(*values)
    except NotImplementedError:
        raise
    except (StudentError, RefusedError, CheckFailure):
        blame(model, x)
        raise


def own(submission: Submission, model: Model, x: torch.Tensor, seed: int, *, gradients: bool = False) -> OwnPass:
    """What the submission's own parts give, with the noise that a call seeded with ``seed`` begins with.

    Raises:
        Blocked: one of them does not run, or gives something else than tensors.
    """
    twin, alone = model.alone(), submission.alone()
    with torch.set_grad_enabled(gradients):
        mu, logvar = _encoded(twin.seeded(seed), x)
        z = _tensor("reparameterize", lambda: twin.seeded(seed).reparameterize(mu, logvar))
        overwritten = {"mu", "logvar"} if alone.mutated else set()
        logits = _tensor("decode", lambda: twin.decode(z))
        overwritten |= {"z"} if alone.mutated else set()
    found = OwnPass(logits, mu, logvar, z, twin, frozenset(overwritten))
    _rely_on_what_is_wrong(submission, model, x, found)
    return found


def _rely_on_what_is_wrong(submission: Submission, model: Model, x: torch.Tensor, found: OwnPass) -> None:
    """Where the submission's own parts do not give what they should, say so: they have to be wrong elsewhere too."""
    with torch.no_grad():
        encoded = networks.encode(model.parameters, x)
        if not all(nearly(*pair) for pair in zip((found.mu, found.logvar), encoded, strict=True)):
            assert_answers_differ("encode", [_encoded(found.twin, x), _encoded(found.twin, 1 - 0.5 * x)])
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
        others = [_tensor("decode", partial(twin.decode, at)) for at in (1 + 2 * z, torch.tanh(z))]
        assert_answers_differ("decode", [own_logits, *others])
        submission.rely_on("decode")
    return true


def decoded(submission: Submission, model: Model, twin: Model, z: torch.Tensor) -> list[torch.Tensor]:
    """What the logits may be: the submission's own ``decode(z)``, or the true one; nothing if ``decode`` is random.

    Raises:
        Blocked: ``decode`` does not run.
    """
    with torch.no_grad():
        logits, *again = (_tensor("decode", lambda: twin.decode(z.detach())) for _ in range(6))
        if not all(same(logits, other) for other in again):
            submission.rely_on("decode")
            return []
        true = _true_logits(submission, model, twin, z, logits)
        return [logits] if true is None else [logits, true]


def reaches(output: torch.Tensor, leaf: torch.Tensor) -> bool:
    """Whether a gradient of ``output`` arrives at ``leaf``."""
    if not output.requires_grad:
        return False
    try:
        (found,) = torch.autograd.grad(output.sum(), leaf, retain_graph=True, allow_unused=True)
    except StudentError:
        return False
    return found is not None and bool(found.any())


@contextlib.contextmanager
def excused_by(blocked: Blocked | None) -> Iterator[None]:
    """A failure inside is put down to the part that was found not to work before, if there is one."""
    try:
        yield
    except (CheckFailure, StudentError):
        if blocked is not None:
            raise blocked from None
        raise


def blame(model: Model, x: torch.Tensor) -> None:
    """Find the part that is the reason why ``forward`` fails; silent if every part does what it should.

    Raises:
        Blocked: the first part that does not run or gives another shape or dtype than it should.
    """
    batch, features = x.shape
    latent = model.parameters["mu.bias"].numel()
    encoded = _encoded(model, x)
    for value in encoded:
        _expect("encode", value, (batch, latent), x.dtype)
    z = prerequisite("reparameterize", lambda: model.reparameterize(*encoded), (batch, latent))
    _expect("reparameterize", z, (batch, latent), x.dtype)
    _expect("decode", prerequisite("decode", lambda: model.decode(z), (batch, features)), (batch, features), x.dtype)


def _encoded(model: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    value = prerequisite("encode", lambda: model.encode(x), shape=None)
    fits = isinstance(value, (tuple, list)) and len(value) == 2
    if not fits or not all(isinstance(part, torch.Tensor) for part in value):
        raise Blocked("encode", f"it returns {short(value)} instead of mu and logvar")
    return value[0], value[1]


def _tensor(item: str, compute: Callable[[], Any]) -> torch.Tensor:
    value = prerequisite(item, compute, shape=None)
    if not isinstance(value, torch.Tensor):
        raise Blocked(item, f"it returns {short(value)} instead of a tensor")
    return value


def _expect(item: str, value: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    if tuple(value.shape) != shape or value.dtype != dtype:
        wanted = f"a tensor of shape {shape} and dtype {str(dtype).removeprefix('torch.')}"
        raise Blocked(item, f"it returns {short(value)} instead of {wanted}")


def assert_fields(
    submission: Submission, output: Pass, model: Model, x: torch.Tensor, seed: int, names: Sequence[str]
) -> None:
    """These fields of ``forward``'s output are the true ones, or those of its own parts, asked with the same seed."""
    true = _true_fields(model, x, output.z)
    wrong = [name for name in names if name not in true or not same(getattr(output, name), true[name])]
    if not wrong:  # then nobody's parts need asking
        return
    expected = own(submission, model, x, seed)
    for name in [name for name in wrong if name != "logits" and name not in expected.overwritten]:
        own_value = getattr(expected, name)
        if not same(getattr(output, name), own_value):
            assert_close_to_any(getattr(output, name), [own_value, true[name]], f"{name}, held against encode(x),")
    if "logits" in wrong:
        logits = decoded(submission, model, expected.twin, output.z)
        logits += [expected.logits] if "z" in expected.overwritten else []
        if logits and not any(same(output.logits, own_value) for own_value in logits):
            assert_close_to_any(output.logits, logits, "logits, held against decode(z),")


def assert_shapes(
    submission: Submission,
    output: Pass,
    model: Model,
    x: torch.Tensor,
    seed: int,
    names: Sequence[str],
    dtype: torch.dtype | None = None,
) -> None:
    """These fields have the shapes that they should have, or those of its own parts, asked with the same seed.

    Args:
        submission: whose ``forward`` is judged.
        output: what it gave.
        model: the model.
        x: what it was given.
        seed: with which.
        names: the fields.
        dtype: which one they should have; any floating one if None.
    """
    latent = (len(x), model.parameters["mu.bias"].numel())
    shapes = {"logits": tuple(x.shape), "mu": latent, "logvar": latent, "z": latent}
    if all(_is(getattr(output, name), shapes[name], dtype) for name in names):
        return
    expected = own(submission, model, x, seed)
    for name in names:
        value = getattr(expected, name)
        assert_tensor(getattr(output, name), value.shape, None if dtype is None else value.dtype, name)


def _is(value: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype | None) -> bool:
    fits = value.dtype.is_floating_point if dtype is None else value.dtype == dtype
    return fits and tuple(value.shape) == shape


def _true_fields(model: Model, x: torch.Tensor, z: torch.Tensor) -> dict[str, torch.Tensor]:
    """``mu`` and ``logvar``, and the logits of the code ``z``, where it is one."""
    with torch.no_grad():
        mu, logvar = networks.encode(model.parameters, x)
        fields = {"mu": mu, "logvar": logvar}
        if z.shape == mu.shape and z.dtype == mu.dtype:
            fields["logits"] = networks.decode(model.parameters, z)
        return fields


def nearly(actual: torch.Tensor, true: torch.Tensor) -> bool:
    """Whether a part's value is the true one but for rounding, which is relative to the largest numbers in its sums."""
    largest = float(true.detach().abs().nan_to_num(0.0, 0.0, 0.0).max()) if true.numel() else 0.0
    return same(actual, true, rtol=0, atol=1e-2 * largest + 1e-5)


def noise(submission: Submission, model: Model, x: torch.Tensor, seed: int) -> torch.Tensor | None:
    """``(z - mu) / sigma`` of ``forward``'s output, or None where ``z`` is what the submission's own parts make of it.

    That they make it rightly is judged in their own checks; where they do not, these have to find it.
    """
    output, expected = forward(model, x, seed), own(submission, model, x, seed)
    if "z" in expected.overwritten:
        return None
    if same(output.z, expected.z):
        try:
            assert_standard_moments(standardized(expected.z, expected.mu, expected.logvar), "(z - mu) / sigma")
        except CheckFailure:
            asked = partial(expected.twin.reparameterize, 1 + expected.mu, expected.logvar)
            assert_answers_differ("reparameterize", [expected.z, _tensor("reparameterize", asked)])
            submission.rely_on("reparameterize", "encode")
        return None
    for name in ("mu", "logvar", "z"):
        assert_tensor(getattr(output, name), (len(x), model.parameters["mu.bias"].numel()), x.dtype, name)
    eps = standardized(output.z, output.mu, output.logvar)
    # What no seed repeats (NumPy's numbers) is held against the part's own law.
    own_eps = standardized(expected.z, expected.mu, expected.logvar)
    if not _is_standard(own_eps) and _have_one_law(eps, own_eps):
        submission.rely_on("reparameterize", "encode")
        return None
    return eps


def _is_standard(eps: torch.Tensor) -> bool:
    try:
        assert_standard_moments(eps, "the noise of reparameterize")
    except CheckFailure:
        return False
    return True


def _have_one_law(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two samples could come from one distribution, by the test of Kolmogorov and Smirnov.

    Two samples of ``n`` independent numbers are further apart than ``sqrt(log(2 / p) / n)`` at most with probability
    ``p`` (the asymptotic law); here ``p`` is 1e-9. Nothing right depends on it: it is asked only where the noise of the
    part is wrong.
    """
    first, second = one.reshape(-1).sort().values, other.reshape(-1).sort().values
    everything = torch.cat((first, second))
    shares = [torch.searchsorted(s, everything, right=True).double() / len(s) for s in (first, second)]
    return float((shares[0] - shares[1]).abs().max()) <= math.sqrt(math.log(2 / 1e-9) / len(first))

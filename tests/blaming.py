"""Which part of a model is the reason why ``forward`` gives something else than it should: it has to show it alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import networks
import torch
from asking import is_worn

from grading.checks import Blocked, CheckFailure, Model, prerequisite, same, short

WEARS = "what it answers depends on how often it was asked before"


def blame_what_wears(model: Model, x: torch.Tensor, seed: int) -> None:
    """Find the part that answers otherwise after some of hundreds of calls, in a process of its own.

    Raises:
        Blocked: the first one that does.
    """
    far, z = model.alone().alone(), torch.full((len(x), model.parameters["mu.bias"].numel()), 0.5, dtype=x.dtype)
    encoded, logits = networks.encode(model.parameters, x), networks.decode(model.parameters, z)
    for item, argument, right in (("encode", x, encoded), ("decode", z, logits)):
        if is_worn(lambda times: getattr(far.after(times, seed), item)(argument), right):
            raise Blocked(item, WEARS, shown=True)
    if not samples_steadily(far, z, 0 * z, seed):
        raise Blocked("reparameterize", WEARS, shown=True)


def samples_steadily(model: Model, mu: torch.Tensor, logvar: torch.Tensor, seed: int) -> bool:
    """Whether ``reparameterize`` gives the same for the same seed at each of many calls: it counts none."""
    seeded = model.seeded(seed)
    first, *later = [as_tensor("reparameterize", partial(seeded.reparameterize, mu, logvar)) for _ in range(30)]
    return all(same(first, other) for other in later)


@contextlib.contextmanager
def what_remembers(model: Model, x: torch.Tensor) -> Iterator[None]:
    """A failure inside is put down to the part that answers otherwise after other questions, asked as ``forward`` was.

    Raises:
        Blocked: the first one that does.
    """
    try:
        yield
    except CheckFailure:
        far, z = model.alone().alone(), torch.full((len(x), model.parameters["mu.bias"].numel()), 0.5, dtype=x.dtype)
        for item, true, at in (("encode", networks.encode, x), ("decode", networks.decode, z)):
            asked = at, 0.5 * at, 1 - at, at
            answers, other = [getattr(far, item)(q) for q in asked], far.alone()
            right = [same(own, true(model.parameters, q)) for own, q in zip(answers, asked, strict=True)]
            # Where the first answer is wrong already, it is another one in a process that was asked something before.
            later = [getattr(other, item)(q) for q in asked[1:]][-1] if not right[0] else answers[0]
            if (right[0] and not all(right)) or not same(later, answers[0]):
                raise Blocked(item, "what it answers depends on what it was asked before", shown=True) from None
        if _keeps_noise(far.alone(), torch.full_like(z, 0.5), seed=len(x)):
            raise Blocked("reparameterize", "it depends on what it was asked before", shown=True) from None
        raise


def _keeps_noise(model: Model, mu: torch.Tensor, seed: int) -> bool:
    """Whether ``reparameterize``, which a seed repeats in two processes, answers otherwise after another question."""
    asked = mu, 0 * mu - 0.7
    others = [model.alone(), model.alone().alone()]
    first, again = (as_tensor("reparameterize", partial(one.seeded(seed).reparameterize, *asked)) for one in others)
    as_tensor("reparameterize", partial(model.seeded(seed).reparameterize, 2 * mu, 0 * mu + 1.3))
    later = as_tensor("reparameterize", partial(model.seeded(seed).reparameterize, *asked))
    return same(first, again) and not same(first, later)


def blame(model: Model, x: torch.Tensor) -> None:
    """Find the part that is the reason why ``forward`` fails; silent if every part does what it should.

    Raises:
        Blocked: the first part that does not run or gives another shape or dtype than it should.
    """
    batch, features = x.shape
    latent = model.parameters["mu.bias"].numel()
    encoded = own_encoded(model, x)
    for value in encoded:
        _expect("encode", value, (batch, latent), x.dtype)
    z = prerequisite("reparameterize", lambda: model.reparameterize(*encoded), (batch, latent))
    _expect("reparameterize", z, (batch, latent), x.dtype)
    _expect("decode", prerequisite("decode", lambda: model.decode(z), (batch, features)), (batch, features), x.dtype)


def own_encoded(model: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the submission's ``encode`` gives, once it is known to be two tensors."""
    value = prerequisite("encode", lambda: model.encode(x), shape=None)
    fits = isinstance(value, (tuple, list)) and len(value) == 2
    if not fits or not all(isinstance(part, torch.Tensor) for part in value):
        raise Blocked("encode", f"it returns {short(value)} instead of mu and logvar")
    return value[0], value[1]


def as_tensor(item: str, compute: Callable[[], Any]) -> torch.Tensor:
    """What a part answers, once it is known to be a tensor."""
    value = prerequisite(item, compute, shape=None)
    if not isinstance(value, torch.Tensor):
        raise Blocked(item, f"it returns {short(value)} instead of a tensor")
    return value


def _expect(item: str, value: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    if tuple(value.shape) != shape or value.dtype != dtype:
        wanted = f"a tensor of shape {shape} and dtype {str(dtype).removeprefix('torch.')}"
        raise Blocked(item, f"it returns {short(value)} instead of {wanted}")

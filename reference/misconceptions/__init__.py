"""The catalogue of typical wrong answers: what each student is told, and what the tests must find.

``CATALOGUE`` holds them all in the order of the tasks. Each is a plain function that stands in for one function of the
reference and is wrong in that function only; ``reference.assemble`` makes a whole submission of it.
"""

from collections.abc import Iterable
from types import ModuleType

from reference.misconceptions import (
    bernoulli,
    beta_schedule,
    build_model,
    build_model_sizes,
    compute_elbo,
    compute_elbo_result,
    compute_elbo_weights,
    decode,
    encode,
    forward,
    gaussian,
    gradients_cut,
    kl_divergence,
    kl_divergence_tensors,
    laplace,
    noise_laws,
    remembering,
    reparameterize,
    reparameterize_noise,
    vae_loss,
    warmup_loss,
    warmup_model,
    warmup_sampling,
    warmup_shapes,
)
from reference.misconceptions.entry import KINDS, Misconception
from reference.tasks import ITEMS

__all__ = ["CATALOGUE", "KINDS", "Misconception", "by_item"]


def _collect(modules: Iterable[ModuleType]) -> tuple[Misconception, ...]:
    entries = tuple(entry for module in modules for entry in vars(module).values() if isinstance(entry, Misconception))
    names = [entry.name for entry in entries]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"misconceptions with the same name: {', '.join(repeated)}")
    return tuple(sorted(entries, key=lambda entry: ITEMS.index(entry.item)))


CATALOGUE: tuple[Misconception, ...] = _collect(
    (
        warmup_model,
        warmup_sampling,
        warmup_loss,
        encode,
        reparameterize,
        reparameterize_noise,
        decode,
        forward,
        kl_divergence,
        kl_divergence_tensors,
        bernoulli,
        gaussian,
        laplace,
        compute_elbo,
        compute_elbo_weights,
        compute_elbo_result,
        beta_schedule,
        vae_loss,
        build_model,
        build_model_sizes,
        noise_laws,
        remembering,
        gradients_cut,
        warmup_shapes,
    )
)


def by_item(item: str) -> tuple[Misconception, ...]:
    """The misconceptions of one item of the rubric, in order."""
    if item not in ITEMS:
        raise ValueError(f"unknown item {item!r}: choose one of {', '.join(ITEMS)}")
    return tuple(entry for entry in CATALOGUE if entry.item == item)

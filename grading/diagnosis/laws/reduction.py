"""How a matrix of numbers, one for each example and feature, becomes a loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class Reduction:
    """A function of a matrix.

    Attributes:
        name: what a formula calls it.
        words: what it does, with ``{features}`` for what a row is made of.
        apply: from shape ``(..., B, D)`` to what stays of the last two.
        linear: whether it makes sums of sums.
    """

    name: str
    words: str
    apply: Callable[[Tensor], Tensor]
    linear: bool = True


def _share(e: Tensor, divisor: float) -> Tensor:
    return e.sum((-2, -1)) / divisor


def _right(e: Tensor) -> Tensor:
    return e.sum(-1).mean(-1)


REDUCTIONS = (
    Reduction("sum_mean", "summed over the {features} and averaged over the batch", lambda e: _right(e)),
    Reduction("sum_sum", "summed over the {features} and over the batch", lambda e: e.sum((-2, -1))),
    Reduction("mean_mean", "averaged over the {features} and over the batch", lambda e: e.mean((-2, -1))),
    Reduction("mean_sum", "averaged over the {features} and summed over the batch", lambda e: e.mean(-1).sum(-1)),
    Reduction("rows", "summed over the {features}, and one number an example is left", lambda e: e.sum(-1)),
    Reduction("mean_rows", "averaged over the {features}, and one number an example is left", lambda e: e.mean(-1)),
    Reduction("columns", "summed over the batch: one number for each of the {features} is left", lambda e: e.sum(-2)),
    Reduction(
        "mean_columns",
        "averaged over the batch: one number for each of the {features} is left",
        lambda e: e.mean(-2),
    ),
    Reduction("nothing", "neither summed nor averaged: one number for each element is left", lambda e: e),
    Reduction(
        "kept",
        "summed over the {features}, and a column of one number an example is left",
        lambda e: e.sum(-1)[..., None],
    ),
    Reduction("of_one", "right in value, but in the shape (1,) instead of ()", lambda e: _right(e)[..., None]),
    Reduction(
        "of_one_one",
        "right in value, but in the shape (1, 1) instead of ()",
        lambda e: _right(e)[..., None, None],
    ),
    Reduction("first", "taken of the first example alone", lambda e: e[..., 0, :].sum(-1)),
    Reduction("last", "taken of the last example alone", lambda e: e[..., -1, :].sum(-1)),
    Reduction("first_feature", "taken of the first of the {features} alone", lambda e: e[..., 0].mean(-1)),
    Reduction("last_feature", "taken of the last of the {features} alone", lambda e: e[..., -1].mean(-1)),
    Reduction(
        "without_first_feature",
        "summed over the {features} but the first, and averaged over the batch",
        lambda e: e[..., 1:].sum(-1).mean(-1),
    ),
    Reduction(
        "without_last_feature",
        "summed over the {features} but the last, and averaged over the batch",
        lambda e: e[..., :-1].sum(-1).mean(-1),
    ),
    Reduction(
        "without_last",
        "averaged over the batch without its last example",
        lambda e: _share(e[..., :-1, :], e.shape[-2]),
    ),
    Reduction(
        "without_first",
        "averaged over the batch without its first example",
        lambda e: _share(e[..., 1:, :], e.shape[-2]),
    ),
    Reduction(
        "one_less",
        "summed over the {features} and the batch, and divided by one less than there are examples",
        lambda e: _share(e, e.shape[-2] - 1) if e.shape[-2] > 1 else torch.full_like(e.sum((-2, -1)), torch.nan),
    ),
    Reduction(
        "one_less_or_one",
        "summed over the {features} and the batch, and divided by one less than there are examples, a single one by 1",
        lambda e: _share(e, max(e.shape[-2] - 1, 1)),
    ),
    Reduction(
        "one_more",
        "summed over the {features} and the batch, and divided by one more than there are examples",
        lambda e: _share(e, e.shape[-2] + 1),
    ),
    Reduction("half_batch", "averaged over the batch twice", lambda e: _share(e, e.shape[-2] ** 2)),
    Reduction(
        "half_features",
        "averaged over the {features} twice, and over the batch",
        lambda e: e.mean((-2, -1)) / e.shape[-1],
    ),
    Reduction(
        "times_features",
        "summed, and multiplied by the number of {features}",
        lambda e: _right(e) * e.shape[-1],
    ),
    Reduction(
        "times_batch", "summed, and multiplied by the number of examples", lambda e: e.sum((-2, -1)) * e.shape[-2]
    ),
    Reduction(
        "root_batch",
        "summed, and divided by the root of the number of examples",
        lambda e: _share(e, e.shape[-2] ** 0.5),
    ),
    Reduction(
        "root_features",
        "averaged over the batch, and divided by the root of the number of {features}",
        lambda e: _right(e) / e.shape[-1] ** 0.5,
    ),
    Reduction(
        "worst",
        "summed over the {features}, and the largest of the batch is taken",
        lambda e: e.sum(-1).amax(-1),
        False,
    ),
    Reduction(
        "best",
        "summed over the {features}, and the smallest of the batch is taken",
        lambda e: e.sum(-1).amin(-1),
        False,
    ),
    Reduction(
        "median",
        "summed over the {features}, and the median of the batch is taken",
        lambda e: e.sum(-1).median(-1).values,
        False,
    ),
    Reduction(
        "largest", "the largest of the {features}, averaged over the batch", lambda e: e.amax(-1).mean(-1), False
    ),
    Reduction("largest_of_all", "the largest element of all", lambda e: e.amax((-2, -1)), False),
    Reduction(
        "mean_of_size",
        "averaged over the batch after the size of each sum is taken",
        lambda e: e.sum(-1).abs().mean(-1),
        False,
    ),
    Reduction(
        "root_of_rows",
        "the root of the sum over the {features}, averaged over the batch",
        lambda e: e.sum(-1).sqrt().mean(-1),
        False,
    ),
    Reduction(
        "positive",
        "summed over the {features} where that is positive, and averaged over the batch",
        lambda e: e.sum(-1).relu().mean(-1),
        False,
    ),
    Reduction(
        "positive_elements",
        "summed where elements are positive, and averaged over the batch",
        lambda e: e.relu().sum(-1).mean(-1),
        False,
    ),
    Reduction(
        "product", "the product over the batch of the sums over the {features}", lambda e: e.sum(-1).prod(-1), False
    ),
)
BY_NAME = {reduction.name: reduction for reduction in REDUCTIONS}

MEANING = {
    "mean_mean": "Then its weight depends on how many {features} there are.",
    "sum_sum": "Then its size grows with the batch.",
    "mean_sum": "The two axes are confused: {features} add up, examples are averaged.",
    "rows": "A loss is one number: what it leaves cannot be differentiated as it is.",
    "nothing": "A loss is one number.",
}
"""What a reduction means for the model, where a loss is to be summed over features and averaged over the batch."""


def sentence(found: Reduction, right: Reduction, features: str) -> str:
    """What is wrong with a reduction."""
    words, wanted = (r.words.format(features=features) for r in (found, right))
    meaning = MEANING.get(found.name, "") if right.name == "sum_mean" else ""
    return f"It is {words}; it should be {wanted}. {meaning.format(features=features)}".strip()

"""What noise is wrong by is told; of independent standard normal numbers nothing is."""

import itertools
import math

import pytest
import torch
from laws import noise
from torch import distributions

SHAPE = (noise.ROWS, noise.COLUMNS)
NORMAL = torch.randn


def truncated(bound):
    eps = NORMAL(SHAPE)
    while bool((eps.abs() > bound).any()):
        eps = torch.where(eps.abs() > bound, NORMAL(SHAPE), eps)
    return eps


# How it is drawn, and all that is told of single numbers.
LAWS = {
    "normal": (lambda: NORMAL(SHAPE), []),
    "twelve uniform numbers": (lambda: torch.rand(12, *SHAPE).sum(0) - 6, []),
    "small": (lambda: 0.1 * NORMAL(SHAPE), ["its standard deviation is near 0.1 instead of 1"]),
    "moved": (lambda: NORMAL(SHAPE) + 1, ["its mean is near 1 instead of 0"]),
    "uniform": (lambda: (torch.rand(SHAPE) - 0.5) * math.sqrt(12), ["it is uniform, not normal"]),
    "uniform from -1 to 1": (
        lambda: 2 * torch.rand(SHAPE) - 1,
        ["its standard deviation is near 0.58 instead of 1", "it is uniform, not normal"],
    ),
    "sum of two": (
        lambda: (torch.rand(2, *SHAPE).sum(0) - 1) * math.sqrt(6),
        ["it has a triangular law, as the sum of two uniform numbers, not a normal one"],
    ),
    "Laplace": (
        lambda: distributions.Laplace(0.0, math.sqrt(0.5)).sample(SHAPE),
        ["it has a Laplace law, not a normal one"],
    ),
    "sizes": (
        lambda: NORMAL(SHAPE).abs(),
        [
            "its mean is near 0.8 instead of 0",
            "its standard deviation is near 0.6 instead of 1",
            "it is never negative: the size of a normal number",
        ],
    ),
    "cut off": (lambda: NORMAL(SHAPE).clamp(-2, 2), ["it is cut off at -2 and 2"]),
    "cut off above": (lambda: NORMAL(SHAPE).clamp(max=1), ["it is cut off above 1"]),
    "drawn anew": (lambda: truncated(2), ["it never gets beyond -2 and 2, as normal numbers do"]),
    "Student": (lambda: distributions.StudentT(5.0).sample(SHAPE), ["it has more large numbers than a normal law"]),
    "Cauchy": (lambda: distributions.Cauchy(0.0, 1.0).sample(SHAPE), ["it has more large numbers than a normal law"]),
    "lopsided": (
        lambda: (NORMAL(SHAPE).square() - 1) / math.sqrt(2),
        ["it is lopsided: it reaches further above its middle than on the other side"],
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_the_law_of_noise_is_told_the_same_every_time(name):
    draw, told = LAWS[name]
    torch.manual_seed(1)
    for _ in range(3):
        assert noise.law(draw()) == told


def third_sign(rows, columns):
    signs = NORMAL(rows, columns).sign()
    signs[:, 2] = signs[:, 0] * signs[:, 1]
    return signs * NORMAL(rows, columns).abs()


def mixed_rows(rows, columns):
    eps = NORMAL(rows, columns)
    return 0.8 * eps + 0.6 * eps.roll(1, 0)


TOGETHER = {
    "independent": (NORMAL, None),
    "heavy": (lambda *shape: distributions.Cauchy(0.0, 1.0).sample(shape), None),
    "third sign": (third_sign, "the signs of three latent dimensions go together"),
    "rows": (mixed_rows, "the numbers of examples that follow each other go together"),
    "halves": (lambda r, c: NORMAL(r // 2, c).repeat(2, 1), "the numbers of examples that are"),
    "size of a row": (lambda r, c: NORMAL(r, c) * NORMAL(r, 1).exp(), "the sizes of the numbers of one example"),
    "size of a column": (lambda r, c: NORMAL(r, c) * NORMAL(1, c).exp(), "the sizes of the numbers of"),
    "never negative": (lambda *shape: torch.rand(shape) + 0.5, None),
    "columns of several spreads": (lambda r, c: NORMAL(r, c) * torch.linspace(1, 9, c), None),
    "two columns": (lambda r, c: torch.cat((NORMAL(r, c - 1), NORMAL(r, 1)), 1)[:, [0, *range(c - 1)]], "the numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOGETHER)
def test_what_goes_together_is_told(name):
    draw, words = TOGETHER[name]
    torch.manual_seed(1)
    for _ in range(3):
        said = noise.dependence(draw)
        assert said is None if words is None else words in said


def test_noise_of_calls_that_follow_each_other():
    torch.manual_seed(1)
    fresh = [NORMAL(30, 20) for _ in range(12)]
    assert list(noise.of_calls(fresh)) == []
    moving = [0.6 * one + 0.8 * other for one, other in itertools.pairwise(fresh)]
    assert list(noise.of_calls(moving)) == ["The noise of a call is not fresh: it depends on that of the call before."]
    opposite = [sign * eps for eps in fresh[:6] for sign in (1, -1)]
    assert list(noise.of_calls(opposite)) == list(noise.of_calls(moving))
    assert noise.again(fresh) is None
    assert noise.again([*fresh, fresh[3]]).startswith("The noise of an earlier call comes again")
    assert noise.again([*fresh, 0 * fresh[0]]).startswith("After many calls there is no noise")

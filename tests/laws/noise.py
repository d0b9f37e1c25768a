"""What the noise of samples may be, as it is measured: its law, what goes together in it, and what comes again.

All of it holds for any way in which noise is drawn. The thresholds lie so far out (six standard errors and more) that
independent standard normal numbers do not reach them, and a law must be found in three processes in a row.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

Tensor = torch.Tensor
ROWS, COLUMNS = 4000, 10
"""Of a large sample."""
WIDE = 400
"""No more columns than this: some ways of drawing hold a matrix of all pairs of them."""
FEW = (1, 2, 3, 5, 20)
"""Other numbers of columns or rows, of which something may hold that holds for no more."""


class Shape(NamedTuple):
    """A law that noise may have in place of the normal one.

    Attributes:
        words: what it is called.
        below: how likely a smaller number is, of mean 0 and variance 1.
        ends_thin: whether its density vanishes where it ends, so that it is hard to tell from one that ends before.
    """

    words: str
    below: Callable[[Tensor], Tensor]
    ends_thin: bool = False


def _uniform(t: Tensor) -> Tensor:
    return (t / math.sqrt(12) + 0.5).clamp(0, 1)


def _laplace(t: Tensor) -> Tensor:
    tail = (-t.abs() * math.sqrt(2)).exp() / 2
    return torch.where(t < 0, tail, 1 - tail)


def _triangular(t: Tensor) -> Tensor:
    half = (1 - t.abs() / math.sqrt(6)).clamp(min=0).square() / 2
    return torch.where(t < 0, half, 1 - half)


def _half_normal(t: Tensor) -> Tensor:
    scale = math.sqrt(1 - 2 / math.pi)
    return torch.special.erf(((scale * t + math.sqrt(2 / math.pi)) / math.sqrt(2)).clamp(min=0))


SHAPES = (
    Shape("it is uniform, not normal", _uniform),
    Shape("it has a Laplace law, not a normal one", _laplace),
    Shape("it has a triangular law, as the sum of two uniform numbers, not a normal one", _triangular, True),
    Shape("it is never negative: the size of a normal number", _half_normal),
    Shape("it is never negative: an exponential law, not a normal one", lambda t: 1 - (-(t + 1).clamp(min=0)).exp()),
)
THIN = 40
"""So many numbers are missing at the end of a law where it ends thin, and this one before."""
PILED = 5e-4
"""A share of equal numbers that no density has."""


def law(eps: Tensor) -> list[str]:
    """What is wrong with single numbers of a large sample of noise."""
    eps = eps.double().flatten()
    mean, std = float(eps.mean()), float(eps.std())
    if not math.isfinite(std) or len(eps.unique()) < eps.numel() / 20:
        return []
    missing = float((eps == 0).double().mean())
    if 0.02 < missing < 0.9:
        return [f"about {round(20 * missing) / 20:g} of its numbers are 0, as after a dropout"]
    normal = torch.special.ndtri((torch.arange(eps.numel(), dtype=eps.dtype) + 0.5) / eps.numel())
    shape, normal = _piled(eps, normal)
    shape = shape or _shape((eps - mean) / std)
    if shape is None:
        shape, normal = _ended(eps, normal)
    shape = shape or _tails(eps)
    if shape == HEAVY and abs(std - 1) > 0.05:
        return [shape]  # of which a single number may decide on mean and spread
    # What a bound takes from the spread is no mistake of its own, nor is a little where the law is another one.
    far = 2.0 if shape else 1.0
    moved = abs(mean - float(normal.mean())) > 0.06 * far
    said = [f"its mean is near {round(mean, 1):g} instead of 0"] if moved else []
    if abs(std - float(normal.std())) > 0.05 * far:
        said.append(f"{DEVIATION}{rough(std)} instead of 1")
    return [*said, shape] if shape else said


MANY = 160
"""Columns of a sample whose spread is known to 1 in 1000."""
DEVIATION = "its standard deviation is near "


def as_average(words: str, eps: Tensor) -> str:
    """What was said of a standard deviation, with the number of samples that it is the average of where it is plain.

    Args:
        words: what was said.
        eps: a sample of the same noise, of ``ROWS`` times ``MANY`` numbers.
    """
    std = float(eps.double().std())
    count = round(1 / std**2) if 0.2 < std < 0.8 else 0
    if not words.startswith(DEVIATION) or count in (0, 4) or abs(std * math.sqrt(count) - 1) > 4.5e-3:
        return words  # one half is more likely a factor
    return f"{DEVIATION}{1 / math.sqrt(count):.2g} instead of 1, as in an average of {count} samples"


def rough(value: float) -> str:
    """A number that two measurements with an error of a few per cent agree on."""
    known = (0.1, 0.25, 1 / math.sqrt(12), 0.5, 1 / math.sqrt(3), 0.603, 0.7, 1.41, 2.0, 3.0, 4.0, 0.0, 1.5)
    near = sorted((abs(value - k), k) for k in known if abs(value - k) < 0.04 * max(k, 0.1))
    return f"{near[0][1]:.2g}" if near else f"{float(f'{value:.{2 if 0.9 < value < 2 else 1}g}'):g}"


def _piled(eps: Tensor, normal: Tensor) -> tuple[str | None, Tensor]:
    """Where numbers pile up at a bound, and what a normal law becomes by that."""
    low, high = float(eps.min()), float(eps.max())
    below, above = (float((eps == end).double().mean()) > PILED for end in (low, high))
    if not below and not above:
        return None, normal
    normal = normal.clamp(low if below else None, high if above else None)
    if below and above and abs(low + high) < 1e-3 * high:
        return f"it is cut off at -{round(high, 1):g} and {round(high, 1):g}", normal
    places = [f"below {round(low, 1) + 0.0:g}"] * below + [f"above {round(high, 1):g}"] * above
    return f"it is cut off {' and '.join(places)}", normal


def _ended(eps: Tensor, normal: Tensor) -> tuple[str | None, Tensor]:
    """Where numbers end on either side that do not get rare before, as normal ones do, and what those would be then."""
    low, high = float(eps.min()), float(eps.max())
    if max(-low, high) > 3.2 or abs(low + high) > 0.02 * high or int((eps.abs() > 0.95 * high).sum()) < 50:
        return None, normal
    words = f"it never gets beyond -{round(high, 1):g} and {round(high, 1):g}, as normal numbers do"
    return words, normal[normal.abs() <= high]


def _distance(sample: Tensor, below: Callable[[Tensor], Tensor]) -> float:
    """The statistic of Kolmogorov and Smirnov, which a sample of that law keeps below 1.95 in 999 cases of 1000."""
    places = sample.sort().values
    heights = torch.arange(1, len(places) + 1, dtype=places.dtype) / len(places)
    return float((below(places) - heights).abs().max()) * math.sqrt(len(places))


def _shape(standard: Tensor) -> str | None:
    """Which other law a sample of mean 0 and variance 1 follows, where it is plainly that one."""
    if _distance(standard, torch.special.ndtr) < 3.0:
        return None
    ranked = sorted(((_distance(standard, shape.below), shape) for shape in SHAPES), key=lambda one: one[0])
    (distance, best), (next_one, _) = ranked[:2]
    if not distance < 2.2 or not next_one > 3.6:
        return None
    beyond = best.below(standard.min()), 1 - best.below(standard.max())
    return None if best.ends_thin and max(map(float, beyond)) * len(standard) > THIN else best.words


HEAVY = "it has more large numbers than a normal law"


def _tails(eps: Tensor) -> str | None:
    """How the ends of a law differ from those of a normal one: by its quantiles, which no single number moves."""
    levels = torch.tensor([0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995], dtype=eps.dtype)
    lowest, low, quarter, middle, upper, high, highest = torch.quantile(eps, levels).tolist()
    if float(eps.min()) >= 0:
        return "it is never negative"
    if abs(low + high - 2 * middle) > 0.06 * (high - low):
        more = "above" if low + high > 2 * middle else "below"
        return f"it is lopsided: it reaches further {more} its middle than on the other side"
    width = (highest - lowest) / (upper - quarter) if upper > quarter else math.inf
    if width > 4.05:  # 3.82 in a normal law
        return HEAVY
    return "it has fewer large numbers than a normal law" if width < 3.6 else None


def together(eps: Tensor, row: str, column: str) -> str | None:
    """What goes together in a large sample, of which every number should be by itself.

    Args:
        eps: the sample, with many rows and few columns.
        row: what a row is called.
        column: what a column is.
    """
    eps = eps - eps.median(0).values  # mean and spread of a column are no dependence
    eps = (eps / eps.abs().median(0).values).clamp(-8, 8)  # so that no single number decides
    for words, t in (("the numbers", eps), ("the sizes of the numbers", eps.abs())):
        t = t - t.mean()
        if not bool(torch.isfinite(t).all()) or not bool(t.any()):
            return None
        which = _lag(t, row) or (f"of some {column}s" if _pair(t) else None)
        if which is not None:
            return f"{words} {which} go together"
    signs = eps.sign()
    for count, several in ((3, "three"), (4, "four")):
        for chosen in itertools.combinations(range(signs.shape[1]), count):
            if abs(float(signs[:, list(chosen)].prod(1).mean())) > 7 / math.sqrt(len(signs)):
                return f"the signs of {several} {column}s go together, so that one follows from the others"
    return None


def _lag(t: Tensor, row: str) -> str | None:
    """Whether numbers at some distance are correlated, the table being closed to a ring either way."""
    power = torch.fft.rfft2(t).abs().square()
    found = torch.fft.irfft2(power, s=t.shape) / (t.numel() * t.var())
    found[0, 0] = 0
    rows, columns = divmod(int(found.abs().argmax()), t.shape[1])
    if float(found.abs().max()) < max(0.06, 9 / math.sqrt(t.numel())):
        return None
    rows, columns = min(rows, t.shape[0] - rows), min(columns, t.shape[1] - columns)
    if not rows:
        return f"of one {row}"
    if rows > 2 and 2 * rows == t.shape[0]:
        return f"of {row}s that are half of all {row}s apart"
    return f"of {row}s that are {rows} apart" if rows > 1 else f"of {row}s that follow each other"


def _pair(t: Tensor) -> bool:
    if t.shape[1] < 2:
        return False
    found = torch.corrcoef(t.T) - torch.eye(t.shape[1], dtype=t.dtype)
    return bool((found.abs() > 7 / math.sqrt(len(t))).any())


NONE = "there is no noise at all."
Noise = Callable[[int, int], Tensor]
"""Noise of so many rows and columns, from one call."""


def dependence(noise: Noise) -> str | None:
    """What goes together in the noise of one call, in many rows and then in many columns."""
    sample = noise(ROWS, COLUMNS)
    different = len(sample.round(decimals=4).unique(dim=0))
    if 3 < different < 0.4 * len(sample):  # else which ones go together may be known
        few = f"of {len(sample)} examples about {float(f'{different:.2g}'):g} have noise of their own"
        return f"The noise of one example comes again for others: {few}. Each number needs a draw of its own."
    found = together(sample, "example", "latent dimension")
    one, other = noise(COLUMNS, WIDE), noise(COLUMNS, WIDE)
    lasting = torch.corrcoef(torch.stack([one.abs().mean(0), other.abs().mean(0)]))[0, 1]
    if not lasting > 0.35:  # else some latent dimensions have larger noise than others, in every call
        found = found or together(one.T, "latent dimension", "example")
    return f"The noise of a call is not independent: {found}. Each number needs a draw of its own." if found else None


def sharing(eps: Tensor) -> str | None:
    """Whether numbers of one call are the same, or none, that should not be."""
    rows, columns = eps.shape
    if not bool(eps.any()):
        return NONE
    if bool((eps == eps[0, 0]).all()):
        return "all elements of a call share one number as noise; each needs its own."
    if rows > 1 and bool((eps == eps[:1]).all()):
        return "all examples of a batch share the same noise; each needs its own."
    if columns > 1 and bool((eps == eps[:, :1]).all()):
        return "all latent dimensions of an example share the same noise; each needs its own."
    for name, still in (("example", ~eps.any(1)), ("latent dimension", ~eps.any(0))):
        if bool(still.any()):
            place = {0: "first", len(still) - 1: "last"}.get(int(still.nonzero()[0]))
            if place is not None and int(still.sum()) == 1:
                return f"the {place} {name} gets no noise."
            return f"some {name}s get no noise."
    few = len(eps.abs().unique())
    if few <= 3:
        return "the noise has only few values, such as -1 and 1, where a normal law has a density."
    if rows > 1 and bool((eps.abs() == eps[:1].abs()).all()):
        return "all examples of a batch share the size of the noise, and only its signs differ."
    if abs(few - eps.numel() / 2) <= 2:
        return _pairs(eps) or "every number of the noise is there twice, perhaps with the other sign."
    if few < eps.numel() / 8:
        return "the noise has few values, as if it were rounded, where a normal law has a density."
    return normalized(eps)


def _pairs(eps: Tensor) -> str | None:
    """Which rows or columns have the numbers of others, where every number is there twice."""
    for t, name, whole in ((eps, "example", "the batch"), (eps.T, "latent dimension", "the latent dimensions")):
        half = (len(t) + 1) // 2
        one, other = t[: len(t) - half], t[half:]
        ways = (
            (f"the noise of the second half of {whole} is that of the first half", one, other),
            (f"the noise of every second {name} is that of the {name} before it", t[:-1:2], t[1::2]),
            (
                f"the noise of the second half of {whole} is that of the first half in reverse order",
                t[: len(t) - half].flip(0),
                other,
            ),
        )
        for words, first, second in ways:
            for sign, end in ((1.0, ""), (-1.0, ", negated")):
                if bool((second == sign * first).all()):
                    return f"{words}{end}; each {name} needs its own."
    return None


def apart(eps: Tensor) -> Tensor:
    """The numbers of a sample by which its law shows: without rows and columns that get none or repeat the first."""
    for _ in range(2):
        kept = eps.any(1) & ~((eps == eps[:1]).all(1) & (torch.arange(len(eps)) > 0))
        eps = eps[kept].T
    return eps


def normalized(eps: Tensor) -> str | None:
    """Whether all rows or all columns of some noise have one length or no mean, as independent numbers never have."""
    for axis, which, where in ((1, "example", "in its row"), (0, "latent dimension", "over the batch")):
        lengths, means = eps.double().norm(dim=axis), eps.double().mean(axis).abs()
        size = float(lengths.mean()) / math.sqrt(eps.shape[axis])  # of a number
        if len(lengths) > 2 and eps.shape[axis] > 2 and float(lengths.std()) < 1e-4 * float(lengths.mean()):
            centred = " and mean 0" if float(means.max()) < 1e-4 * size else ""
            return f"the noise of every {which} has one and the same length{centred}: it is normalized {where}."
        if eps.shape[axis] > 2 and float(means.max()) < 1e-5 * size:
            return f"the noise of every {which} has the mean 0: it is centred {where}, so that it is not independent."
    return None


def elsewhere(noise: Noise) -> Iterator[str]:
    """What is wrong with noise of few columns, or of few rows, alone."""
    if law(noise(ROWS, COLUMNS)) or sharing(noise(40, 30)):
        return
    for axis, name in ((1, "latent dimension"), (0, "example")):
        found: dict[str, list[int]] = {}
        for count in FEW:
            few = (1200 // count, count) if axis else (count, WIDE)
            calls, shape = (
                (1, (ROWS * COLUMNS // count, count)) if axis else (ROWS * COLUMNS // (2 * WIDE * count), few)
            )
            shared = sharing(noise(*few))
            laws = [
                f"the noise is wrong: {', '.join(said)}."
                for said in [law(torch.cat([noise(*shape) for _ in range(calls)]))]
                if said
            ]
            for words in [shared] if shared else laws:
                found.setdefault(words, []).append(count)
        for words, counts in found.items():
            *first, last = map(str, counts)
            places = f"{', '.join(first)} or {last}" if first else last
            where = f"are {places} {name}s" if counts != [1] else f"is one {name}"
            yield f"Where there {where}, though not where there are many: {words}"


def of_calls(calls: list[Tensor]) -> Iterator[str]:
    """What goes together in the noise of calls that follow each other, all of one shape."""
    table = torch.stack([eps.flatten() for eps in calls]).double()
    table = (table - table.mean()) / table.std()
    if not bool(torch.isfinite(table).all()):
        return
    for words, t in (("", table), ("the size of ", table.abs())):
        t = t - t.mean()
        for lag in range(1, 5):
            pairs = t[lag:] * t[:-lag]
            if abs(float(pairs.mean() / t.var())) > max(0.1, 7 / math.sqrt(pairs.numel())):
                before = "the call before" if lag == 1 else f"the call {lag} before"
                yield f"The noise of a call is not fresh: {words}it depends on that of {before}."
                return


def again(calls: list[Tensor]) -> str | None:
    """What happens in many calls that does not in few: noise that comes again, or ends."""
    still = [i for i, eps in enumerate(calls, start=1) if not bool(eps.any())]
    if still and still == list(range(still[0], len(calls) + 1)) and still[0] > 1:
        return "After many calls there is no noise any more: calls are counted."
    kept = [eps for eps in calls if bool(eps.any())]
    if len({tuple(eps.flatten().tolist()) for eps in kept}) < len(kept):
        return "The noise of an earlier call comes again in a later one: it is drawn from one of few seeds, or is kept."
    return None

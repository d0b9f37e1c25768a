"""What a whole pass draws by itself: averages of samples, rows from elsewhere, and a sigma of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from grading.checks import Draws, Model, Submission, unpack
from grading.diagnosis.laws import ORDINARY, Setting, alike, ordinal
from laws import layers
from laws.spreads import GRID, SPREADS, measured, relative

Tensor = torch.Tensor
NAMES = ("logits", "mu", "logvar", "z")
MOST, MANY = 16, 64
"""So many samples may be averaged where each number of them is tried, and where it is known how many there would be."""
USUAL = 68
"""A seed that is always the same, so that what is measured with it is too."""
FAR = 8.0
"""So many standard deviations off nothing lies that is drawn around a mean."""
FEW = 100
"""Fewer rows than this tell no law."""


def samples(twin: Model, seed: int, count: int, mu: Tensor, logvar: Tensor) -> list[Tensor]:
    """Samples by the submission's own reparameterize, one after the other."""
    own = [twin.seeded(seed).reparameterize(mu, logvar)]
    own += [twin.reparameterize(mu, logvar) for _ in range(count - 1)]
    return own if all(isinstance(z, Tensor) and z.shape == mu.shape for z in own) else []


def averages(
    twin: Model, seed: int, mu: Tensor, logvar: Tensor, returned: Tensor | None = None
) -> Iterator[tuple[str, Tensor]]:
    """Averages of several decoded samples, in one call of decode, and what the returned one is among them."""
    drawn = samples(twin, seed, MOST, mu, logvar)
    own = twin.decode(torch.cat(drawn)) if drawn else None
    if not isinstance(own, Tensor) or len(own) != MOST * len(mu):
        return
    place = next((i for i, z in enumerate(drawn, 1) if returned is not None and alike(returned, z.detach())), 0)
    rows = own.split(len(mu))
    for skipped in (0, 1):  # the first may be drawn for z alone
        total = rows[skipped]
        for last in range(skipped + 2, MOST + 1):
            total = total + rows[last - 1]
            among = {skipped + 1: "the first", last: "the last"}.get(place, "one" if skipped < place < last else "")
            end = f", of which the z that is returned is {among}" if among else ""
            count = last - skipped
            yield f"the average of decode(z) over {count} samples z{end}", total / count


def other_noise(twin: Model, seed: int, mu: Tensor) -> Tensor:
    """The noise that is drawn after that of a sample."""
    zeros = torch.zeros_like(mu)
    return samples(twin, seed, 2, zeros, zeros)[1].detach()


def average_of(several: Tensor, alone: Tensor) -> str | None:
    """How many samples numbers are the average of, by how much they vary: each has many rows for one argument.

    Args:
        several: what may be averages.
        alone: what one sample gives.
    """
    spread = alone.std(0)
    seen = spread > 1e-4 * spread.max()
    ratios = (several.std(0) / spread)[seen].double().square()
    error = spread / math.sqrt(len(alone))
    near = bool(((several.mean(0) - alone.mean(0)).abs() < 10 * error + 1e-5)[seen].all())
    if not near or not bool((ratios > 0).all()) or float((ratios.log() - ratios.log().mean()).abs().max()) > 0.2:
        return None
    count = 1 / float(ratios.log().mean().exp())
    if count < 1.8 or abs(count - round(count)) > 0.06 * count:
        return None
    return f"about {round(count)}" if count < 7.5 else "eight or more"


def scale(ratio: float, again: Callable[[int], Tensor], average: Callable[[int, int], Tensor | None]) -> str:
    """What a spread is that is too large or too small by one factor everywhere.

    Args:
        ratio: the factor.
        again: z with a seed.
        average: the average of so many samples with a seed.
    """
    count = round(1 / ratio**2)
    if abs(1 / ratio**2 - count) > 0.06 * count or not 2 <= count <= 400:
        return f"it is {ratio:.2g} times as large everywhere"
    if count <= MANY:
        predicted = average(count, USUAL)
        if predicted is not None and alike(again(USUAL), predicted.detach()):
            return f"z is the average of {count} samples, whose spread is sigma divided by the root of {count}"
    return f"it is {ratio:.2g} times as large everywhere, as in an average of about {count} samples"


def _ordinal(count: int) -> str:
    return {2: "second", 3: "third"}.get(count, ordinal(count))


def _which(rows: Tensor) -> str | None:
    """Which of many rows these are, where that is a rule, with the verb."""
    places, count = rows.nonzero()[:, 0].tolist(), len(rows)
    for step in range(2, 11):
        if places == list(range(places[0], count, step)) and places[0] < step:
            begin = "first" if not places[0] else _ordinal(places[0] + 1)
            return (
                f"every {_ordinal(step)} row is"
                if places[0] == step - 1
                else (f"every {_ordinal(step)} row, from the {begin} on, is")
            )
    for words, expected in (("first", range(len(places))), ("last", range(count - len(places), count))):
        if places == list(expected):
            return f"the {words} half of the rows is" if 2 * len(places) == count else f"the {words} rows are"
    return None


OTHERS: tuple[tuple[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]], ...] = (
    ("drawn from the prior N(0, I), whatever mu and logvar are", lambda m, s: (torch.zeros_like(m), s * 0 + 1)),
    ("drawn around mu with the spread 1, whatever logvar is", lambda m, s: (m, s * 0 + 1)),
    ("drawn around 0 in place of mu", lambda m, s: (torch.zeros_like(m), s)),
)
"""What the rows may be that are no samples of mu and logvar: their mean and their spread."""


def _of_law(z: Tensor, mean: Tensor, sigma: Tensor) -> bool:
    """Whether every column has this mean and this spread, within six standard errors and what rounding hides."""
    t = (z - mean) / sigma
    error = 6 / math.sqrt(len(t))
    return bool(t.mean(0).abs().max() < error) and bool((t.std(0) - 1).abs().max() < error + 0.01)


def elsewhere(z: Tensor, mu: Tensor, logvar: Tensor, again: Callable[[int], Tensor]) -> str | None:
    """Whether some rows or columns of z are drawn from another law than the others.

    Args:
        z: many rows.
        mu: of them.
        logvar: of them.
        again: z with a seed, for the same rows.
    """
    sigma = (logvar / 2).exp()

    def foreign(z: Tensor) -> Tensor:
        return ((z - mu).abs() > FAR * sigma + 1e-3 * (1 + mu.abs())).any(1)

    rows = foreign(z)
    if FEW <= int(rows.sum()) <= len(rows) - FEW:
        own = ~rows
        if not _of_law(z[own], mu[own], sigma[own]):
            return None
        for words, of in OTHERS:
            if _of_law(z[rows], *of(mu[rows], sigma[rows])):
                share = round(100 * float(foreign(again(USUAL)).double().mean()))
                which = _which(rows) or f"about {share} % of the rows are"
                return f"In z {which} {words}."
        return None
    columns = [j for j in range(z.shape[1]) if _of_law(z[:, [j]], mu[:, [j]] * 0, sigma[:, [j]] * 0 + 1)]
    told = [j for j in columns if not _of_law(z[:, [j]], mu[:, [j]], sigma[:, [j]])]
    rest = [j for j in range(z.shape[1]) if j not in columns]
    if told and rest and _of_law(z[:, rest], mu[:, rest], sigma[:, rest]):
        return "In z some latent dimensions are drawn from the prior N(0, 1), whatever mu and logvar are."
    return None


WIDE = (40.0, -40.0, 20.0, -20.0, 12.0, -12.0, 6.0, -6.0)
PREFIX = "In forward sigma is another one than in reparameterize"


def sigma(submission: Submission, draws: Draws) -> str | None:
    """What sigma is as a function of logvar in a pass, where it is not that of reparameterize."""
    for setting in (ORDINARY, Setting(training=False)):
        words = _sigma(submission, draws, setting)
        if words is not None:
            where = "" if setting.training else "In eval mode: "
            return f"{where}{PREFIX[0].lower() + PREFIX[1:] if where else PREFIX}: {words}"
    return None


def _sigma(submission: Submission, draws: Draws, setting: Setting) -> str | None:
    inputs, hidden, _ = layers.SIZES
    model = layers.model(submission, draws, replace(setting, options={"sizes": (inputs, hidden, len(GRID))}))
    x, seed = draws.uniform(6, inputs), draws.seed()
    for name, values in (("mu.weight", 0.0), ("mu.bias", 0.0), ("logvar.weight", 0.0)):
        model.set(name, values)

    def noise(values: Tensor) -> tuple[Tensor, Tensor]:
        """Of z in a pass, and of reparameterize, at mu = 0 and these logvar."""
        model.set("logvar.bias", values)
        _, mu, logvar, z = (t.detach() for t in unpack(model.seeded(seed)(x), NAMES, "forward"))
        if bool(mu.any()) or not alike(logvar, values.expand_as(logvar)):
            raise ValueError("other heads than these")
        return z.double(), samples(model.alone(), seed, 1, mu, logvar)[0].detach().double()

    base, own_base = noise(torch.ones(len(GRID)))
    seen = [(z / base, own / own_base) for z, own in (noise(torch.tensor(values)) for values in (GRID, WIDE))]
    z, own = (torch.cat(each, 1) for each in zip(*seen, strict=True))
    found = z.mean(0)
    if not bool(((z - found).abs() <= 1e-4 * (1 + found.abs()))[:, ~found.isnan()].all()):
        return None  # of noise that is not the same each time nothing is told
    if torch.allclose(z, own, rtol=1e-3, atol=0, equal_nan=True):
        return None
    ratios = dict(zip((*GRID, *WIDE), found.tolist(), strict=True))
    bounds = _bounds(ratios)
    if bounds is not None:
        return bounds
    far = measured(ratios, (-40.0, 40.0), (1e-9, 1e6))  # where a number shows that is small beside sigma near 0
    for words, spread in (*SPREADS[1:], *measured(ratios), *far):
        if all(_near(ratio, relative(spread, v)) for v, ratio in ratios.items()):
            return words[0].lower() + words[1:]
    return None


def _near(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or (math.isfinite(other) and abs(one - other) <= 1e-3 * abs(other) + 1e-12)


def _bounds(ratios: dict[float, float]) -> str | None:
    """Where sigma is that of a logvar that is cut off."""
    if not all(0 < ratio < math.inf for ratio in ratios.values()):
        return None
    exponents = sorted((v, 2 * math.log(ratio)) for v, ratio in {**ratios, 1.0: 1.0}.items())
    steps = itertools.pairwise(exponents)
    shift = next((v - e for (v, e), (w, f) in steps if abs((w - v) - (f - e)) < 1e-3), None)
    if shift is None:
        return None
    low, high = (e + shift for e in (exponents[0][1], exponents[-1][1]))
    if any(abs(e + shift - min(max(v, low), high)) > 2e-3 for v, e in exponents):
        return None
    said = [(f"below {low:.3g}", f"never less than {math.exp(low / 2):.3g}")] if low > -39 else []
    said += [(f"above {high:.3g}", f"never more than {math.exp(high / 2):.3g}")] if high < 39 else []
    if not said:
        return None
    places, sizes = (" and ".join(each) for each in zip(*said, strict=True))
    cut = f"it is that of a logvar which is cut off {places}, so that sigma is {sizes}"
    return f"{cut}. The logvar that is returned is not."

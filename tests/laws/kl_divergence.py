"""``kl_divergence``: ``1/2 sum_l (mu^2 + exp(logvar) - logvar - 1)``, summed over latents, averaged over the batch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Bend, Change, Formula, Law, Probe, Term, formula
from laws import sampled_kl

CLAMPS = (1.0, 2.0, 3.0, 4.0, 5.0)
Pair = tuple[torch.Tensor, torch.Tensor]

MU = "mu squared"
VARIANCE = "sigma squared (the exponential of logvar)"
LOGVAR = "logvar (the logarithm of sigma squared)"
ONE = "1 (which makes it zero at the prior)"

TERMS = (
    Term(
        MU,
        0.5,
        lambda mu, lv: mu**2,
        (
            ("The mean enters as mu itself instead of its square.", lambda mu, lv: mu),
            ("The mean enters as its absolute value instead of its square.", lambda mu, lv: mu.abs()),
            ("The mean enters with the third power of its size.", lambda mu, lv: mu.abs() ** 3),
            ("The mean enters with its fourth power instead of its square.", lambda mu, lv: mu**4),
            ("The mean enters as its exponential.", lambda mu, lv: mu.exp()),
            ("The square of mu is divided by the variance, as in the divergence the other way round.",
             lambda mu, lv: mu**2 * (-lv).exp()),
            ("The square of mu is multiplied by the variance.", lambda mu, lv: mu**2 * lv.exp()),
            ("The mean is squared after it was summed over the latents.",
             lambda mu, lv: mu.sum(-1, keepdim=True) ** 2 / mu.shape[-1] + 0 * mu),
            ("The batch's own mean is taken off mu before it is squared.",
             lambda mu, lv: (mu - mu.mean(-2, keepdim=True)) ** 2),
        ),
    ),
    Term(
        VARIANCE,
        0.5,
        lambda mu, lv: lv.exp(),
        (
            ("Sigma stands where sigma squared belongs: the exponential is taken of half of logvar.",
             lambda mu, lv: (lv / 2).exp()),
            ("The variance is squared: the exponential is taken of twice logvar.", lambda mu, lv: (2 * lv).exp()),
            ("The variance is inverted: the exponential is taken of -logvar.", lambda mu, lv: (-lv).exp()),
            ("logvar is squared where its exponential belongs, as if it were sigma.", lambda mu, lv: lv**2),
            ("logvar itself stands where the variance belongs, without the exponential.", lambda mu, lv: lv),
            ("Softplus of logvar stands where its exponential belongs.",
             lambda mu, lv: torch.nn.functional.softplus(lv)),
            ("One is taken off the exponential twice over, as expm1 does.", lambda mu, lv: lv.exp() - 2),
            ("A power of two stands where the exponential belongs.", lambda mu, lv: 2**lv),
        ),
    ),
    Term(
        LOGVAR,
        -0.5,
        lambda mu, lv: lv,
        (
            ("The exponential of logvar stands where logvar belongs.", lambda mu, lv: lv.exp()),
            ("The absolute value of logvar is taken.", lambda mu, lv: lv.abs()),
            ("The logarithm is taken of logvar, which is one already.", lambda mu, lv: lv.abs().clamp(min=1e-12).log()),
            ("A logarithm is taken of logvar squared, which is one already.",
             lambda mu, lv: (lv**2).clamp(min=1e-12).log()),
            ("Something small is added to the variance before its logarithm.", lambda mu, lv: (lv.exp() + 1e-2).log()),
            ("logvar is squared.", lambda mu, lv: lv**2),
            ("The base of the logarithm is not e.", lambda mu, lv: lv / 2.302585093),
        ),
    ),
    Term(ONE, -0.5, lambda mu, lv: torch.ones_like(mu)),
)  # fmt: skip

EXTRAS = (
    Term("mu", 0, lambda mu, lv: mu),
    Term("the size of mu", 0, lambda mu, lv: mu.abs()),
    Term("sigma", 0, lambda mu, lv: (lv / 2).exp()),
    Term("the inverse of the variance", 0, lambda mu, lv: (-lv).exp()),
    Term("logvar squared", 0, lambda mu, lv: lv**2),
    Term("the product of mu and logvar", 0, lambda mu, lv: mu * lv),
    Term("mu squared times the variance", 0, lambda mu, lv: mu**2 * lv.exp()),
    Term("mu squared over the variance", 0, lambda mu, lv: mu**2 * (-lv).exp()),
    Term("the squared variance", 0, lambda mu, lv: (2 * lv).exp()),
    Term("a constant for each example", 0, lambda mu, lv: torch.ones_like(mu) / mu.shape[-1], outside=ONE),
    Term("mu to the fourth power", 0, lambda mu, lv: mu**4),
)


def another_prior(weights: Mapping[str, float]) -> str | None:
    """The normal law to which a divergence is taken, where that is another one than ``N(0, I)``."""
    scale = weights.get(MU, 0.0)
    if scale <= 0 or not math.isclose(scale, weights.get(VARIANCE, 0.0), rel_tol=2e-3):
        return None
    std, mean = (0.5 / scale) ** 0.5, -weights.get("mu", 0.0) / (2 * scale)
    constant = math.log(std) - 0.5 + scale * mean**2
    known = {MU, VARIANCE, LOGVAR, ONE, "mu"}
    others = [abs(weight) for words, weight in weights.items() if words not in known]
    same = abs(weights.get(LOGVAR, 0.0) + 0.5) < 1e-3 and abs(weights.get(ONE, 0.0) - constant) < 2e-3
    if not same or any(weight > 1e-6 for weight in others):
        return None
    said = [f"mean {mean:.3g} instead of 0"] * (abs(mean) > 1e-3) + [f"standard deviation {std:.3g} instead of 1"] * (
        abs(std - 1) > 1e-3
    )
    return f"The divergence is taken to a prior of {' and '.join(said)}." if said else None


def changes(bounds: tuple[float, ...] = CLAMPS) -> Iterator[Change]:
    """What may be done to mu and logvar before the formula."""
    yield Change("logvar is taken for the logarithm of sigma, which is half of it.", lambda mu, lv: (mu, 2 * lv))
    yield Change("Half of logvar stands where logvar belongs.", lambda mu, lv: (mu, lv / 2))
    yield Change(
        "logvar is taken for the variance: its own logarithm and not its exponential enters.",
        lambda mu, lv: (mu, lv.abs().clamp(min=1e-12).log()),
    )
    yield Change(
        "logvar is taken for sigma: its logarithm, twice, stands where logvar belongs.",
        lambda mu, lv: (mu, 2 * lv.abs().clamp(min=1e-12).log()),
    )
    yield Change("The sign of logvar is turned round everywhere.", lambda mu, lv: (mu, -lv))
    yield Change("mu and logvar stand in each other's place.", lambda mu, lv: (lv, mu))
    yield Change("mu stands where logvar belongs too; logvar does not count at all.", lambda mu, lv: (mu, mu))
    yield Change("logvar stands where mu belongs too; mu does not count at all.", lambda mu, lv: (lv, lv))
    yield Change("The absolute value of logvar is taken.", lambda mu, lv: (mu, lv.abs()))
    yield Change("mu is squashed by tanh.", lambda mu, lv: (mu.tanh(), lv))
    yield Change("logvar is squashed by tanh.", lambda mu, lv: (mu, lv.tanh()))
    yield Change("logvar is squashed by a sigmoid.", lambda mu, lv: (mu, lv.sigmoid()))
    yield Change("Softplus is applied to logvar.", lambda mu, lv: (mu, torch.nn.functional.softplus(lv)))
    yield Change("What is negative in logvar is set to 0.", lambda mu, lv: (mu, lv.relu()))
    yield Change("What is positive in logvar is set to 0.", lambda mu, lv: (mu, -(-lv).relu()))
    yield Change("What is negative in mu is set to 0.", lambda mu, lv: (mu.relu(), lv))
    yield Change("The batch's mean is taken off mu.", lambda mu, lv: (mu - mu.mean(-2, keepdim=True), lv))
    yield Change("mu is averaged over the batch.", lambda mu, lv: (mu.mean(-2, keepdim=True).expand_as(mu), lv))
    yield Change("logvar is averaged over the batch.", lambda mu, lv: (mu, lv.mean(-2, keepdim=True).expand_as(lv)))
    yield Change(
        "mu and logvar are averaged over the batch first.",
        lambda mu, lv: (mu.mean(-2, keepdim=True).expand_as(mu), lv.mean(-2, keepdim=True).expand_as(lv)),
    )
    yield Change(
        "logvar is averaged over the latents first.", lambda mu, lv: (mu, lv.mean(-1, keepdim=True).expand_as(lv))
    )
    for axis, over in ((-2, "batch"), (-1, "latents")):
        yield Change(
            f"The variance is averaged over the {over} first, before its logarithm is taken.",
            lambda mu, lv, axis=axis: (mu, lv.exp().mean(axis, keepdim=True).log().expand_as(lv)),
        )
    yield Change("mu is averaged over the latents first.", lambda mu, lv: (mu.mean(-1, keepdim=True).expand_as(mu), lv))
    yield Change("logvar is rounded.", lambda mu, lv: (mu, lv.round()))
    yield Change("mu is rounded.", lambda mu, lv: (mu.round(), lv))
    for bound in bounds:
        yield Change(
            f"logvar is cut off beyond -{bound:g} and {bound:g}.", lambda mu, lv, b=bound: (mu, lv.clamp(-b, b))
        )
        yield Change(f"logvar is cut off above {bound:g}.", lambda mu, lv, b=bound: (mu, lv.clamp(max=b)))
        yield Change(f"logvar is cut off below -{bound:g}.", lambda mu, lv, b=bound: (mu, lv.clamp(min=-b)))
        yield Change(f"mu is cut off beyond -{bound:g} and {bound:g}.", lambda mu, lv, b=bound: (mu.clamp(-b, b), lv))


def _draw(draws: Draws, batch: int, latent: int, scale: float) -> Pair:
    return draws.normal(batch, latent, std=1.5 * scale), draws.normal(batch, latent, std=1.5 * scale)


def _between(low: float, high: float) -> formula.Drawn:
    return lambda draws: (draws.normal(4, 3), draws.uniform(4, 3, low=low, high=high))


def _at(logvar: float, draws: Draws) -> Pair:
    return draws.normal(3, 2), torch.full((3, 2), logvar)


SITUATIONS: tuple[tuple[str, formula.Drawn], ...] = (
    ("at mu = 0", lambda draws: (torch.zeros(4, 3), draws.normal(4, 3))),
    ("at logvar = 0", lambda draws: (draws.normal(4, 3), torch.zeros(4, 3))),
    ("where mu is positive", lambda draws: (draws.uniform(4, 3, low=0.2, high=2.0), draws.normal(4, 3))),
    ("where all examples are alike", lambda d: (d.normal(1, 3).repeat(4, 1), d.normal(1, 3).repeat(4, 1))),
    ("near the prior", lambda draws: (draws.normal(4, 3, std=0.05), draws.normal(4, 3, std=0.05))),
    ("for some logvar between -8 and -4", _between(-8, -4)),
    ("for some logvar between 4 and 8", _between(4, 8)),
    ("for some logvar between -18 and -11", _between(-18, -11)),
    ("for some logvar between 11 and 18", _between(11, 18)),
    ("for some logvar between -80 and -40", _between(-80, -40)),
    ("for mu of about 30", lambda draws: (draws.normal(4, 3, std=30.0), draws.normal(4, 3))),
)


def _variants() -> Iterator[tuple[str, tuple[Term, ...]]]:
    """Other divergences than that from a normal law to the prior."""
    back = Term("the divergence of the prior", 1.0, lambda mu, lv: 0.5 * ((mu**2 + 1) * (-lv).exp() + lv - 1))
    yield "The divergence is taken the other way round, from the prior to the posterior.", (back,)
    both = Term("both divergences", 1.0, lambda mu, lv: 0.5 * ((mu**2 + 1) * (-lv).exp() + mu**2 + lv.exp() - 2))
    yield "The divergence is taken both ways, from the posterior to the prior and back.", (both,)
    logs, targets = (lambda t: t, lambda t: t.log_softmax(-1)), (torch.exp, lambda t: t.softmax(-1))
    for log, exp, swapped in itertools.product(logs, targets, (False, True)):
        yield DISCRETE, (Term("the discrete divergence", 1.0, partial(_discrete, log, exp, swapped)),)


DISCRETE = (
    "The divergence of two discrete laws is computed, as kl_div has it: mu and logvar are taken for probabilities or "
    "their logarithms."
)


def _discrete(
    log: Callable[[torch.Tensor], torch.Tensor],
    exp: Callable[[torch.Tensor], torch.Tensor],
    swapped: bool,
    mu: torch.Tensor,
    lv: torch.Tensor,
) -> torch.Tensor:
    """What ``kl_div`` has for each element, of logarithms and of a target."""
    logarithms, target = (log(lv), exp(mu)) if swapped else (log(mu), exp(lv))
    return torch.xlogy(target, target) - target * logarithms


def _of(change: Callable[[torch.Tensor, float], torch.Tensor]) -> Callable[..., torch.Tensor]:
    """What comes of another logvar in all of the formula."""
    return lambda v, f, a, b: v((*a[:-1], change(a[-1], b)))


BENDS = (
    Bend(
        "{b} is added to the variance before its logarithm is taken.",
        lambda v, f, a, b: v(a) + f.reduced(f.weight(LOGVAR) * ((a[-1].exp() + b).log() - a[-1])),
        1e-14,
        1.0,
        True,
    ),
    Bend(
        "{b} is added to the variance.",
        lambda v, f, a, b: v(a) + f.reduced(torch.full_like(a[-1], f.weight(VARIANCE) * b)),
        1e-9,
        1,
        True,
    ),
    Bend("{b} is added to sigma.", _of(lambda lv, b: 2 * ((lv / 2).exp() + b).log()), 1e-12, 1.0, True),
    Bend("{b} is added to the variance everywhere, also before its logarithm is taken.",
         _of(lambda lv, b: (lv.exp() + b).log()), 1e-14, 1.0, True),
    Bend("The variance is never less than {b}: below that logvar changes nothing.",
         _of(lambda lv, b: lv.clamp(min=math.log(b))), 1e-34, 1.0, True),
    Bend("The variance is never less than {b} before its logarithm is taken.",
         lambda v, f, a, b: v(a) + f.reduced(f.weight(LOGVAR) * (a[-1].clamp(min=math.log(b)) - a[-1])),
         1e-34, 1.0, True),
    Bend("logvar is cut off above {b} where its exponential is taken, though not where it stands by itself.",
         lambda v, f, a, b: v(a) + f.reduced(f.weight(VARIANCE) * (a[-1].clamp(max=b).exp() - a[-1].exp())), 0.0, 20.0),
    Bend("The variance (the exponential of logvar) is never more than {b}, while logvar itself is not bounded.",
         lambda v, f, a, b: v(a) + f.reduced(f.weight(VARIANCE) * (a[-1].exp().clamp(max=b) - a[-1].exp())),
         1.0, 1e8, True),
)  # fmt: skip

SWEEP = tuple(float(logvar) for logvar in range(-80, 21, 4))
"""Every logvar for which values are judged, near enough to each other to see how a bend begins."""

KL = Formula(
    call=lambda submission, arguments: submission.kl_divergence(*arguments),
    arguments=("mu", "logvar"),
    terms=TERMS,
    reduction="sum_mean",
    features="latent dimensions",
    draw=_draw,
    extras=EXTRAS,
    changes=tuple(changes()),
    situations=SITUATIONS,
    sweep=tuple(partial(_at, logvar) for logvar in SWEEP),
    usual=("at mu = 0", "at logvar = 0", "where mu is positive"),
    bends=BENDS,
    variants=tuple(_variants()),
    readings=(another_prior,),
    rests=(("at the prior, mu = 0 and logvar = 0", lambda draws: (torch.zeros(4, 3), torch.zeros(4, 3))),),
    chances=(sampled_kl.sentence,),
)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What it computes."""
    return formula.explain(KL, submission, draws, until)


def probes() -> list[Probe]:
    """Where it may be right and where not."""
    return formula.probes(KL)

"""What a reparameterized sample may be: its mean, its spread, its noise and its gradients, each found by itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import (
    EVAL,
    NO_GRADIENT,
    SILENT,
    Probe,
    alike,
    backward,
    changes,
    facts,
    gradients,
    inside,
    number,
    question,
    start,
)
from laws import noise, sample_basics, sample_slopes, sample_spread
from laws.resampled import question_of
from laws.sampler import Sampler, repeats

Tensor = torch.Tensor
MANY = 700
"""Calls after which something may be otherwise that is not after few."""


def _shape_apart(sampler: Sampler, submission: Submission) -> tuple[int, int]:
    """Of a large sample that has many numbers which are not the same."""
    few = sampler.noise(submission, 8, 6)
    shared = few.shape[1] > 1 and bool((few == few[:, :1]).all()) and not bool((few == few[:1]).all())
    return (noise.ROWS * noise.COLUMNS, 4) if shared else (noise.ROWS, noise.COLUMNS)


def _mean(sampler: Sampler) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        model = sampler.build(submission)
        mu, logvar, zeros = draws.normal(7, 5, std=3.0), torch.full((7, 5), 0.5), torch.zeros(7, 5)
        repeated, seed = repeats(sampler, model, draws), draws.seed()

        def shift(logvar: Tensor) -> Tensor:
            return (sampler.z(model, mu, logvar, seed) - sampler.z(model, zeros, logvar, seed)).detach().float()

        mean = shift(logvar) if repeated else sampler.z(model, mu, torch.full((7, 5), -60.0)).detach().float()
        if bool(((mean - mu).abs() < 1e-4 * (1 + mu.abs())).all()):
            return None
        if bool((mean.abs() < 1e-5).all()):
            return "The mean mu has no part in z."
        if alike(mean, logvar) or alike(mean, torch.full_like(mu, -60.0)):
            return "logvar stands where mu belongs."
        if repeated and all(alike(shift(at), mu * (1 + (at / 2).exp())) for at in (logvar, zeros, logvar - 2)):
            return "The noise is drawn around mu and not around 0, so that mu enters twice, once multiplied by sigma."
        change = changes.change_between(mu, mean)
        return f"The mean mu {change} before it enters z." if change else None

    return fact


def _scale(sampler: Sampler, of_size: facts.Fact | None = None) -> facts.Fact:
    """Size and shape of the noise at logvar = 0, where the size is one number."""
    sized = of_size or sample_basics.of_size(sampler)

    def fact(submission: Submission, draws: Draws) -> str | None:
        rows, columns = _shape_apart(sampler, submission)
        eps = noise.apart(sampler.noise(submission, rows, columns))
        if noise.normalized(eps) is not None or eps.numel() < noise.ROWS:
            return None  # its spread and its law follow from that
        if facts.sentences_of(sized, submission, draws):
            return None
        model = sampler.build(submission)
        followed = sample_spread.followed(sampler, model, draws) if repeats(sampler, model, draws) else None
        at_zero = abs(followed[1](0.0)) if followed is not None else 1.0
        at_zero = at_zero if at_zero > 1e-6 else 1.0  # a wrong sigma is told by itself
        said = noise.law(eps / at_zero)
        if said:  # what holds for so many latent dimensions alone is no law of a number
            fewer = noise.law(noise.apart(sampler.noise(submission, 2 * rows, columns // 2)) / at_zero)
            said = [words for words in said if words in fewer]
        if len(said) == 1 and said[0].startswith(noise.DEVIATION):
            said = [noise.as_average(said[0], sampler.noise(submission, noise.ROWS, noise.MANY) / at_zero)]
        return f"The noise is wrong: {', '.join(said)}." if said else None

    return fact


def _sharing(sampler: Sampler) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        said = noise.sharing(sampler.noise(submission, 40, 30, 1.0))
        at = "at mu = 0 and logvar = 1 z is 0: " if said == noise.NONE else ""
        return None if said is None else start(at + said)

    return fact


def _dependence(sampler: Sampler) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        if facts.sentences_of(_sharing(sampler), submission, draws):
            return None
        return noise.dependence(lambda rows, columns: sampler.noise(submission, rows, columns, 1.0))

    return fact


def _elsewhere(sampler: Sampler) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        model = sampler.build(submission)  # one for all calls: a check may not build many
        return noise.elsewhere(sampler.drawing(model))

    return fact


def _calls(sampler: Sampler) -> facts.Fact:
    """Whether the noise of a call depends on that of others."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        model, zeros = sampler.build(submission), torch.zeros(30, 20)
        return noise.of_calls([sampler.z(model, zeros, zeros).detach() for _ in range(12)])

    return fact


def _many_calls(sampler: Sampler) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        model, zeros = sampler.build(submission), torch.zeros(2, 3)
        return noise.again([sampler.z(model, zeros, zeros).detach() for _ in range(MANY)])

    return fact


def _fresh(sampler: Sampler) -> facts.Fact:
    """Calls, modes and seeds."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        model, zeros = sampler.build(submission), torch.zeros(9, 7)
        train = [sampler.z(model, zeros, zeros + 1.0).detach() for _ in range(2)]
        sampler_eval = model.eval()
        quiet = [sampler.z(sampler_eval, zeros, zeros + 1.0).detach() for _ in range(2)]
        model.train()
        with torch.no_grad():
            silent = [sampler.z(model, zeros, zeros + 1.0).detach() for _ in range(2)]
        if not bool(train[0].any()):
            return "In train mode z is mu: there is no noise." if bool(quiet[0].any()) else None
        if torch.equal(*train):
            return "Two calls draw the same noise; it has to be fresh at every call."
        if not bool(quiet[0].any()):
            return "In eval mode z is mu: there is no noise. It should be sampled in train and eval mode alike."
        if torch.equal(*quiet):
            return "In eval mode two calls draw the same noise."
        if not bool(silent[0].any()):
            return "Under torch.no_grad() z is mu: there is no noise."
        if torch.equal(*silent):
            return "Under torch.no_grad() two calls draw the same noise."
        return None

    return fact


def _modes(sampler: Sampler) -> facts.Fact:
    """What is otherwise in eval mode, and where no gradients are recorded, though there is noise."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        elsewhere = (
            (EVAL.words, Sampler(lambda submission: sampler.build(submission).eval())),
            (SILENT.words, Sampler(sampler.build, recording=False)),
        )
        for words, other in elsewhere:
            train, there = sampler.build(submission), other.build(submission)
            if _alike(sampler, train, other, there, draws):
                continue
            said = list(_otherwise(sampler, train, other, there, draws))
            if not said:
                facts_of_it = (_mean, sample_spread.fact_of, _scale, _sharing)
                told, usual = (
                    [s for of in facts_of_it for s in facts.sentences_of(of(which), submission, draws)]
                    for which in (other, sampler)
                )
                said = [sentence for sentence in told if sentence not in usual]
            yield from (f"{start(words)}, and not otherwise: {inside(s)}" for s in said)

    return fact


def _alike(sampler: Sampler, train: Model, other: Sampler, there: Model, draws: Draws) -> bool:
    """Whether samples in two circumstances are the same, as far as they are no noise, or that is told elsewhere."""
    mu, logvar, seed = draws.normal(30, 8), draws.normal(30, 8), draws.seed()
    one, same = sampler.z(train, mu, logvar, seed).detach(), other.z(there, mu, logvar, seed).detach()
    if alike(same, one):
        return True
    zeros = torch.zeros_like(mu)
    eps, noises = (which.z(model, zeros, zeros + 1.0).detach() for which, model in ((sampler, train), (other, there)))
    if not bool(eps.any()) or not bool(noises.any()):
        return True
    if repeats(sampler, train, draws):
        return False
    size, own = (
        float(which.z(model, *torch.zeros(2, 4000, 5)).detach().double().std())
        for which, model in ((sampler, train), (other, there))
    )
    return abs(math.log(own / size)) < 0.05 if own and size else True


def _otherwise(sampler: Sampler, train: Model, other: Sampler, there: Model, draws: Draws) -> Iterator[str]:
    """By what the noise of one seed is multiplied in other circumstances, where that is all."""
    mu, logvar, zeros, seed = draws.normal(30, 8), draws.normal(30, 8), torch.zeros(30, 8), draws.seed()
    shares = [
        float((which.z(m, *torch.zeros(2, 800, 5)).detach() == 0).double().mean())
        for which, m in ((sampler, train), (other, there))
    ]
    if max(shares) > 0.02 and abs(shares[0] - shares[1]) > 0.02:
        # Of the one that is asked about; what is so in the other one is told there.
        if shares[1] > shares[0]:
            yield f"about {noise.rough(shares[1])} of the noise is 0, as after a dropout."
        return
    if not repeats(sampler, train, draws):
        sizes = [which.z(m, *torch.zeros(2, 8000, 5)).detach().std() for which, m in ((sampler, train), (other, there))]
        ratio = noise.rough(float(sizes[1] / sizes[0]))
        yield f"the standard deviation of the noise is about {ratio} times that in other cases."
        return
    one, own = (which.z(m, mu, logvar, seed).detach() for which, m in ((sampler, train), (other, there)))
    mean = sampler.z(train, mu, logvar, seed).detach() - sampler.z(train, zeros, logvar, seed).detach()
    ratios = (own - mean) / (one - mean)
    ratios = ratios[(one - mean).abs() > 0.05]
    factor = float(ratios.median())
    if bool(((ratios - factor).abs() < 2e-3 * (1 + abs(factor))).all()):
        by = "negated" if abs(factor + 1) < 2e-3 else f"multiplied by {number(round(factor, 3))}"
        yield f"the noise is {by}."


def _rhythm(sampler: Sampler) -> facts.Fact:
    """Whether some calls of many have no noise; where no call has any, in a process that has seen no other."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        zeros, calls = torch.zeros(4, 3), range(1, 65)
        still: list[int] = []
        for asked in (submission, submission.alone()):
            model = sampler.build(asked)
            still = [i for i in calls if not bool(sampler.z(model, zeros, zeros + 1.0).detach().any())]
            if len(still) < len(calls):
                break
        steps = {later - earlier for earlier, later in itertools.pairwise(still)}
        if len(still) in (0, len(calls)):
            return None
        if len(still) > 1 and still == list(calls[still[0] - 1 :]):
            return "After a number of calls there is no noise any more: calls are counted."
        if len(still) > 1 and len(steps) == 1 and steps != {1}:
            return f"One call in {steps.pop()} has no noise: calls are counted."
        return "Some calls have no noise, and others do."

    return fact


def _seed(sampler: Sampler) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | None:
        model, zeros, seed = sampler.build(submission), torch.zeros(5, 4), draws.seed()
        one, other = (sampler.z(model, zeros, zeros + 1.0, seed).detach() for _ in range(2))
        if bool(one.any()) and not torch.equal(one, other):
            # What is kept from the call before is no other generator: as first calls they are the same.
            firsts = [sampler.z(sampler.build(submission.alone()), zeros, zeros + 1.0, seed).detach() for _ in range(2)]
            other = sampler.z(sampler.build(submission.alone()), zeros, zeros + 1.0, seed + 1).detach()
            if torch.equal(*firsts) and torch.equal(firsts[0], other):
                return (
                    "The noise comes from a generator of its own: torch's seed does not decide on z, and each new "
                    "process draws the same numbers."
                )
            if torch.equal(*firsts):
                return None
            return "The noise does not come from torch's default generator: its seed does not decide on z."
        elsewhere = sampler.z(model, zeros, zeros + 1.0, seed + 1).detach()
        if bool(one.any()) and torch.equal(one, elsewhere):
            new = submission.alone(), submission.alone().alone()
            firsts = [sampler.z(sampler.build(of), zeros, zeros + 1.0, seed + i).detach() for i, of in enumerate(new)]
            if not torch.equal(*firsts):
                return "The noise of the first call is kept, and used again in those that follow."
            return "The noise does not depend on the seed that was given to torch: the same numbers come each time."
        return None

    return fact


def _gradients(sampler: Sampler) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> str | list[str] | None:
        model = sampler.build(submission)
        mu, logvar = draws.normal(5, 4).requires_grad_(), draws.normal(5, 4).requires_grad_()
        z = sampler.z(model, mu, logvar)
        for_mu, for_logvar = gradients(z, [mu, logvar])
        half = ((z - mu) / 2).detach()
        bent = backward.sentences("z", z, mu + logvar * half, {"mu": mu, "logvar": logvar})
        if bent:
            return bent
        said = []
        if for_mu is NO_GRADIENT:
            said.append("no gradient arrives at mu, so that the encoder's means cannot learn from the reconstruction")
        elif not alike(for_mu, torch.ones_like(for_mu)):
            factor = float(for_mu.mean())
            constant = alike(for_mu, torch.full_like(for_mu, factor))
            said.append(f"that for mu is {number(factor)} instead of 1" if constant else "that for mu is not 1")
        if for_logvar is NO_GRADIENT:
            said.append("none arrives at logvar, so that the encoder's variances cannot learn from it")
        elif not alike(for_logvar, half.to(for_logvar.dtype)):
            ratio = for_logvar / half
            ratio = torch.where(ratio.abs() < 1e-5, 0.0, ratio)
            same = float(ratio.max() - ratio.min()) < 1e-3 * (1 + float(ratio.abs().max()))
            by_value = 2 * sample_spread.factor_of(sampler, model, draws) if repeats(sampler, model, draws) else 1.0
            if same and abs(float(ratio.mean()) - by_value) > 1e-2:
                factor = float(ratio.mean())
                size = f"{number(factor)} times half" if abs(factor) > 1e-3 else "0 instead of half"
                said.append(f"that for logvar is {size} of z - mu")
        if not any("logvar" in words for words in said):
            said += sample_slopes.in_places(partial(sampler.z, model), draws)
        return f"The gradients of z are wrong: {'; '.join(said)}." if said else None

    return fact


def facts_of(sampler: Sampler) -> tuple[facts.Fact, ...]:
    """All that is measured of a sample."""
    first, first_said = facts.kept(sample_basics.first(sampler))
    of_size, size_said = facts.kept(sample_basics.of_size(sampler))
    makers = (
        *(sample_spread.fact_of, _mean, _sharing, lambda _: of_size, lambda s: _scale(s, size_said)),
        *(_fresh, _modes, _rhythm, _seed, _gradients, _dependence),
    )

    def proper(fact: facts.Fact) -> facts.Fact:
        """A fact that is asked only where mu shifts and sigma scales, as it takes for granted."""
        return facts.unless(first_said, fact)

    plain = [(first, first_said), *(facts.kept(proper(make(sampler))) for make in makers)]
    ordinary, settings, *others = question.facts_of(question_of(sampler.build))
    of_modes = plain[1 + makers.index(_fresh)][1], plain[1 + makers.index(_modes)][1]

    def elsewhere(submission: Submission, draws: Draws) -> tuple[str, ...]:
        """What holds in other circumstances, but for those of which the same was said in plainer words."""
        said = facts.sentences_of(settings, submission, draws)
        known = [sentence for of in of_modes for sentence in of(submission, draws)] if said else []
        told = [words for words in map(start, (EVAL.words, SILENT.words)) if any(s.startswith(words) for s in known)]
        return tuple(s for s in said if not s.startswith(tuple(told)))

    late = (ordinary, *(make(sampler) for make in (_elsewhere, _calls, _many_calls)))

    def rest(submission: Submission, draws: Draws) -> tuple[str, ...]:
        """What is asked for only where nothing plainer is wrong."""
        if any(said(submission, draws) for _, said in plain):
            return ()
        return next(filter(None, (facts.sentences_of(fact, submission, draws) for fact in late)), ())

    return (*(told for told, _ in plain), elsewhere, *others, rest)


def examined_of(sampler: Sampler) -> Callable[[Submission, Draws], tuple[Tensor, None]]:
    """Puts a sample in all modes, whose gradients are then asked for."""

    def put(submission: Submission, draws: Draws) -> tuple[Tensor, None]:
        model = sampler.build(submission)
        mu, logvar = draws.normal(5, 4, std=2.0), draws.normal(5, 4, std=2.0)
        sampler.z(model.eval(), mu, logvar, draws.seed())
        with torch.no_grad():
            sampler.z(model.train(), mu, logvar, draws.seed())
        return sampler.z(model, mu.requires_grad_(), logvar.requires_grad_(), draws.seed()), None

    return put


def probes_of(sampler: Sampler) -> list[Probe]:
    """z where the noise has no part, in special cases; and the size of the noise."""

    def still(batch: int = 0, mode: bool = True, double: bool = False) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            model = sampler.build(submission).train(mode)
            model = model.double() if double else model
            mu = draws.normal(batch or draws.integer(3, 7), 3)
            mu = mu.double() if double else mu
            return model.reparameterize(mu, torch.full_like(mu, -60.0)), mu

        return put

    def spread(logvar: float) -> Any:
        """1 where the size of the noise at this logvar is right."""

        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            columns = draws.integer(4, 12)  # of one number for all nothing is said that depends on how many there are
            eps = sampler.noise(submission, 40_000 // columns, columns, logvar) / math.exp(logvar / 2)
            size = float(eps.pow(2).mean())
            near = abs(size - 1) < 7 * math.sqrt(2 / eps.numel())
            return torch.tensor(1.0 if near else size), torch.tensor(1.0)

        return put

    return [
        Probe("", still(), "z at a vanishing variance"),
        Probe("for a batch of one", still(batch=1), "z at a vanishing variance"),
        Probe("in eval mode", still(mode=False), "z at a vanishing variance"),
        Probe("in float64", still(double=True), "z at a vanishing variance"),
        Probe("", spread(0.0), "The size of the noise"),
        Probe("at logvar = -6", spread(-6.0), "The size of the noise"),
        Probe("at logvar = 6", spread(6.0), "The size of the noise"),
        Probe("at logvar = 2", spread(2.0), "The size of the noise"),
    ]

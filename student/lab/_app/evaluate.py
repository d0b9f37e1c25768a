"""The final numbers of a run: ELBO, active units, importance-weighted bound, and what they mean."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from student.lab._app.accounting import Evidence, Finding, Reported
from student.lab._app.config import RunConfig
from student.lab._app.diagnosis import diagnose
from student.lab._app.folder import MEASURES, Row
from student.lab._app.published import comparable
from student.lab._app.session import MEASURE_SEED, MEASURED, Material
from student.lab.measure import (
    Measurement,
    Rate,
    decode,
    importance_bound,
    log_likelihood,
    measure,
    posteriors,
    rate,
    sigma_of,
)
from student.lab.train import Objective, seed_for

SPLIT = 2000  # test examples at most whose posteriors make up the aggregate one
CONSTANTS = {"bernoulli": 0.0, "gaussian": math.log(math.pi) / 2, "laplace": math.log(2)}  # nats per feature, left out


@dataclass(frozen=True)
class Bound:
    """An importance-weighted bound, as an upper bound on ``-log p(x)``.

    Attributes:
        value: mean over the examples, nats per example.
        error: its standard error over the examples.
        samples: ``K``.
        examples: test examples it was taken over.
        neg_elbo: on the same examples, for comparison.
        course: smaller ``K`` and the values there, and this one.
    """

    value: float
    error: float
    samples: int
    examples: int
    neg_elbo: float
    course: list[tuple[int, float]]


@dataclass(frozen=True)
class Evaluation:
    """A run's final numbers.

    Attributes:
        train, test: measured with one sample an example.
        recon_at_mean: test reconstruction with ``z = mu``.
        bound: the importance-weighted bound.
        split: what the KL of the test examples is made of.
        reported: what the implementation says.
        findings: the diagnosis.
    """

    train: Measurement
    test: Measurement
    recon_at_mean: float
    bound: Bound
    split: Rate
    reported: Reported
    findings: list[Finding]


def evaluate(
    model: nn.Module,
    objective: Objective,
    cfg: RunConfig,
    material: Material,
    rows: list[Row],
    samples: int,
    examples: int,
) -> Evaluation:
    """Measure a trained model.

    Args:
        model: the model.
        objective: what its implementation reports as loss.
        cfg, material, rows: of its run.
        samples: ``K`` of the importance-weighted bound.
        examples: test examples to take it over; 0 takes all.
    """
    train = measure(model, material.train_measured, cfg.likelihood, MEASURE_SEED)
    test = measure(model, material.test, cfg.likelihood, MEASURE_SEED)
    at_mean = recon_at_mean(model, material.test, cfg.likelihood)
    reported = report_of(model, objective, cfg, material)
    some = material.test[: examples or None]
    bounds = importance_bound(model, some, cfg.likelihood, samples, MEASURE_SEED)
    fewer = [
        (count, -float(importance_bound(model, some, cfg.likelihood, count, MEASURE_SEED).mean()))
        for count in (1, 10, 100, 1000, 5000)
        if count < samples
    ]
    bound = Bound(
        value=-float(bounds.mean()),
        error=float(bounds.std() / math.sqrt(len(bounds))) if len(bounds) > 1 else 0.0,
        samples=samples,
        examples=len(some),
        neg_elbo=measure(model, some, cfg.likelihood, MEASURE_SEED).neg_elbo,
        course=[*fewer, (samples, -float(bounds.mean()))],
    )
    evidence = Evidence(
        cfg, rows, material.baselines, material.dataset.input_dim, train, test, at_mean, reported,
        recon_at_mean(model, material.train_measured, cfg.likelihood), sigma_of(model),
    )  # fmt: skip
    split = rate(*posteriors(model, material.test[:SPLIT]), MEASURE_SEED)
    return Evaluation(train, test, at_mean, bound, split, reported, diagnose(evidence))


@torch.no_grad()
def report_of(model: nn.Module, objective: Objective, cfg: RunConfig, material: Material) -> Reported:
    """What the implementation reports of the trained model, on whole batches of the measured training examples."""
    size = min(cfg.batch_size, len(material.train_measured))
    whole = len(material.train_measured) // size * size
    with torch.random.fork_rng():
        torch.manual_seed(seed_for(MEASURE_SEED, "report"))
        batches = torch.split(material.train_measured[:whole], size)
        terms = [objective(model, batch.clone(), cfg.beta) for batch in batches]  # a copy: see measure
    loss, recon, kl = (float(torch.stack([t[i].double().reshape(()) for t in terms]).mean()) for i in range(3))
    return Reported(loss, recon, kl, size)


def recon_at_mean(model: nn.Module, x: torch.Tensor, likelihood: str) -> float:
    """The reconstruction term with ``z = mu``, without noise, nats per example of ``x`` ``(N, D)``."""
    mu, _ = posteriors(model, x[:MEASURED])
    return -float(log_likelihood(decode(model, mu), x[:MEASURED], likelihood, sigma_of(model)).double().mean())


def summarize(
    evaluation: Evaluation, cfg: RunConfig, material: Material, rows: list[Row], about: dict[str, Any], sigma: float
) -> dict[str, Any]:
    """The content of ``summary.json``: every number with its unit and its setting."""
    test, train, bound = evaluation.test, evaluation.train, evaluation.bound
    return {
        "unit": "nats per example",
        "setting": {
            "data": cfg.data,
            "binarisation": cfg.binarise,
            "likelihood": cfg.likelihood,
            "sigma": sigma if cfg.likelihood == "gaussian" else None,
            "constant_left_out": CONSTANTS[cfg.likelihood] * material.dataset.input_dim,
            "seed": cfg.seed,
            "epochs": cfg.epochs,
            "epochs_done": int(rows[-1]["epoch"]),
            "samples_per_example": 1,
            "test_examples": len(material.test),
            "validation_examples": len(material.validation),
            "train_examples_measured": len(material.train_measured),
        },
        "test": {
            "neg_elbo": test.neg_elbo,
            "recon": test.recon,
            "kl": test.kl,
            "recon_at_mean": evaluation.recon_at_mean,
        },
        "validation": {name: rows[-1][f"validation_{name}"] for name in MEASURES},
        "train": {"neg_elbo": train.neg_elbo, "recon": train.recon, "kl": train.kl},
        "active_units": test.active_units,
        "units_above_a_tenth_nat": test.units_above,
        "latent_dim": cfg.latent_dim,
        "rate": asdict(evaluation.split) | {"excess": evaluation.split.excess, "saturated": evaluation.split.saturated},
        "posterior_std": test.posterior_std,
        "importance_weighted_bound": asdict(bound),
        "baselines": asdict(material.baselines),
        "reported": asdict(evaluation.reported),
        "published": [asdict(figure) for figure in comparable(cfg)],
        "findings": [asdict(finding) for finding in evaluation.findings],
        "about": about,
    }

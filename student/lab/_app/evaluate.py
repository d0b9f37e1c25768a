"""The final numbers of a run: ELBO, active units, importance-weighted bound, and what they mean."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from student.lab._app.accounting import Evidence, Finding, Reported
from student.lab._app.config import BoundSize, RunConfig
from student.lab._app.diagnosis import diagnose
from student.lab._app.folder import MEASURES, Row
from student.lab._app.published import comparable
from student.lab._app.session import MEASURE_SEED, MEASURED, Material
from student.lab.measure import (
    Rate,
    decode,
    importance_bound,
    log_likelihood,
    measure,
    posteriors,
    rate,
    sigma_of,
    spread,
)
from student.lab.train import Objective, seed_for

SPLIT = 2000  # test examples at most whose posteriors make up the aggregate one
CONSTANTS = {"bernoulli": 0.0, "gaussian": math.log(math.pi) / 2, "laplace": math.log(2)}  # nats per feature, left out


@dataclass(frozen=True)
class Evaluation:
    """A run's final numbers.

    Attributes:
        evidence: what was measured and reported.
        bound: the importance-weighted bound as an upper bound on ``-log p(x)``, nats per example, with its standard
            error over the examples, its course over smaller ``K``, and the −ELBO on the same examples.
        split: what the KL of the test examples is made of.
        findings: the diagnosis.
    """

    evidence: Evidence
    bound: dict[str, Any]
    split: Rate
    findings: list[Finding]


def evaluate(
    model: nn.Module, objective: Objective, cfg: RunConfig, material: Material, rows: list[Row], size: BoundSize
) -> Evaluation:
    """Measure a trained model.

    Args:
        model: the model.
        objective: what its implementation reports as loss.
        cfg, material, rows: of its run.
        size: of the importance-weighted bound.
    """
    found = examine(model, cfg, material, rows, report_of(model, objective, cfg, material))
    few = min(size.examples or len(material.test), len(material.test))
    some = spread(material.test, few)
    counts = [count for count in (1, 10, 100, 1000, 5000) if count < size.samples] + [size.samples]
    bounds = [importance_bound(model, some, cfg.likelihood, count, MEASURE_SEED) for count in counts]
    means = [-float(bound.mean()) for bound in bounds]
    bound = {
        "value": means[-1], "samples": size.samples, "examples": len(some),
        "error": float(bounds[-1].std() / math.sqrt(len(some))) if len(some) > 1 else 0.0,
        "neg_elbo": measure(model, some, cfg.likelihood, MEASURE_SEED).neg_elbo,
        "course": list(zip(counts, means, strict=True)),
    }  # fmt: skip
    split = rate(*posteriors(model, spread(material.test, SPLIT)), MEASURE_SEED)
    return Evaluation(found, bound, split, diagnose(found))


def examine(model: nn.Module, cfg: RunConfig, material: Material, rows: list[Row], reported: Reported) -> Evidence:
    """All that a diagnosis looks at."""
    parts = material.train_measured, material.test
    train, test = (measure(model, x, cfg.likelihood, MEASURE_SEED) for x in parts)
    train_at_mean, test_at_mean = (recon_at_mean(model, x, cfg.likelihood) for x in parts)
    return Evidence(
        cfg, rows, material.baselines, material.dataset.input_dim, train, test, test_at_mean, reported, train_at_mean,
        sigma_of(model),
    )  # fmt: skip


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


def recon_at_mean(model: nn.Module, x: Tensor, likelihood: str, sigma: float | None = None) -> float:
    """The reconstruction term with ``z = mu``, without noise, nats per example of ``x`` ``(N, D)``."""
    mu, _ = posteriors(model, x[:MEASURED])
    known = log_likelihood(decode(model, mu), x[:MEASURED], likelihood, sigma or sigma_of(model))
    return -float(known.double().mean())


def summarize(evaluation: Evaluation, material: Material, about: dict[str, Any]) -> dict[str, Any]:
    """The content of ``summary.json``: every number with its unit and its setting."""
    evidence = evaluation.evidence
    cfg, test, train, last, split = evidence.cfg, evidence.test, evidence.train, evidence.rows[-1], evaluation.split
    return {
        "unit": "nats per example",
        "setting": {
            "data": cfg.data, "binarisation": cfg.binarise, "likelihood": cfg.likelihood,
            "sigma": evidence.sigma if cfg.likelihood == "gaussian" else None,
            "constant_left_out": CONSTANTS[cfg.likelihood] * evidence.input_dim,
            "seed": cfg.seed, "epochs": cfg.epochs, "epochs_done": int(last["epoch"]), "samples_per_example": 1,
            "test_examples": len(material.test), "validation_examples": len(material.validation),
            "train_examples_measured": len(material.train_measured),
        },
        "test": {name: getattr(test, name) for name in MEASURES} | {"recon_at_mean": evidence.recon_at_mean},
        "validation": {name: last[f"validation_{name}"] for name in MEASURES},
        "train": {name: getattr(train, name) for name in MEASURES},
        "active_units": test.active_units, "units_above_a_tenth_nat": test.units_above, "latent_dim": cfg.latent_dim,
        "rate": asdict(split) | {"excess": split.excess, "saturated": split.saturated},
        "posterior_std": test.posterior_std,
        "importance_weighted_bound": evaluation.bound,
        "baselines": asdict(material.baselines),
        "reported": asdict(evidence.reported),
        "published": [figure._asdict() for figure in comparable(cfg)],
        "findings": [asdict(finding) for finding in evaluation.findings],
        "about": about,
    }  # fmt: skip

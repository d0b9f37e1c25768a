"""Figures to hold a run against, each with the setting without which it means nothing. All in nats per example."""

from typing import NamedTuple

from student.lab._app.config import RunConfig


class Figure(NamedTuple):
    """A number somebody obtained on MNIST.

    Attributes:
        value: ``-log p(x)`` in nats per example, estimated by an importance-weighted bound; lower is better.
        model: architecture and training.
        binarise: as in :class:`RunConfig`; "fixed" is Larochelle's file.
        source: where it is from.
    """

    value: float
    model: str
    binarise: str
    source: str


BURDA = "Burda et al. 2016, arXiv:1509.00519, table 1"
FIGURES = (
    Figure(84.78, "IWAE, k = 50, 784-200-200-50 tanh, batch 20; 5,000 samples", "dynamic", BURDA),
    Figure(86.35, "VAE 784-200-200-50 tanh, reproduced; 5,000 samples", "dynamic", "nbip/IWAE, README.md"),
    Figure(86.76, "VAE 784-200-200-50 tanh, batch 20; 5,000 samples", "dynamic", BURDA),
    Figure(
        89.78, "VAE 784-400-40 ReLU; 200 samples", "fixed",
        "clementchadebec/benchmark_VAE, examples/scripts/reproducibility, after arXiv:1505.05770",
    ),
)  # fmt: skip


def comparable(cfg: RunConfig) -> list[Figure]:
    """The figures for a run's data, binarisation and likelihood, best first; empty if there are none."""
    alike = cfg.data == "mnist" and cfg.likelihood == "bernoulli"
    return [figure for figure in FIGURES if alike and figure.binarise == cfg.binarise]

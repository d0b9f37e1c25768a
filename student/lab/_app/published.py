"""Figures to hold a run against, each with the setting without which it means nothing. All in nats per example."""

from dataclasses import dataclass

from student.lab._app.config import RunConfig


@dataclass(frozen=True)
class Figure:
    """A number somebody obtained.

    Attributes:
        value: in nats per example, lower is better.
        kind: "-ELBO" or "NLL"; an NLL is estimated by an importance-weighted bound.
        model: architecture and training.
        data: "mnist" and its binarisation.
        binarise: as in :class:`RunConfig`; "fixed" is Larochelle's file.
        source: where it is from.
    """

    value: float
    kind: str
    model: str
    binarise: str
    source: str
    data: str = "mnist"


BURDA = "Burda et al. 2016, arXiv:1509.00519"
BENCHMARK = "clementchadebec/benchmark_VAE, examples/scripts/reproducibility"
ALTOSAAR = "altosaar/variational-autoencoder, README.md"

FIGURES = (
    Figure(86.76, "NLL", "VAE 784-200-200-50 tanh, batch 20; 5,000 samples", "dynamic", BURDA),
    Figure(84.78, "NLL", "IWAE, k = 50, 784-200-200-50 tanh, batch 20; 5,000 samples", "dynamic", BURDA),
    Figure(86.35, "NLL", "VAE 784-200-200-50 tanh, reproduced; 5,000 samples", "dynamic", "nbip/IWAE, README.md"),
    Figure(
        87.78,
        "NLL",
        "VAE 784-200-200-50 tanh, batch 1,000, 5,000 epochs; 5,000 samples",
        "dynamic",
        "xqding/Importance_Weighted_Autoencoders, README.md",
    ),
    Figure(88.71, "NLL", "VAE 784-200-200-50 tanh; 5,000 samples", "fixed", BURDA),
    Figure(89.78, "NLL", "VAE 784-400-40 ReLU, 500 epochs; 200 samples", "fixed", BENCHMARK),
    Figure(103.31, "-ELBO", "VAE 784-256-256-128, 65,000 steps", "fixed", ALTOSAAR),
    Figure(97.10, "NLL", "VAE 784-256-256-128, 65,000 steps; 128 samples", "fixed", ALTOSAAR),
)


def comparable(cfg: RunConfig) -> list[Figure]:
    """The figures for a run's data, binarisation and likelihood, best first; empty if there are none."""
    if cfg.likelihood != "bernoulli":
        return []
    found = [figure for figure in FIGURES if figure.data == cfg.data and figure.binarise == cfg.binarise]
    return sorted(found, key=lambda figure: figure.value)

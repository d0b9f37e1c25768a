"""What mistakes of the catalogue make of a configuration, whichever it is, by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from configurations import DEFAULTS

Hypothesis = Callable[[Mapping[str, Any]], Any]


def _constant(value: Any) -> Hypothesis:
    return lambda cfg: value


def _always(**values: Any) -> dict[str, Hypothesis]:
    return {field: _constant(value) for field, value in values.items()}


def _defaults(*fields: str) -> dict[str, Hypothesis]:
    return _always(**{field: DEFAULTS[field] for field in fields})


def _swapped(one: str, other: str) -> dict[str, Hypothesis]:
    return {one: itemgetter(other), other: itemgetter(one)}


WANTED: dict[str, dict[str, Hypothesis]] = {
    "drops_beta": _defaults("beta"),
    "drops_recon_loss": _defaults("recon_loss"),
    "drops_num_hidden_layers": _defaults("num_hidden_layers"),
    "architecture_only": _defaults("recon_loss", "beta"),
    "sizes_only": _defaults("num_hidden_layers", "recon_loss", "beta"),
    "default_config": _defaults(*DEFAULTS),
    "hard_coded_beta": _always(beta=4.0),
    "hard_coded_recon_loss": _always(recon_loss="gaussian"),
    "hard_coded_depth": _always(num_hidden_layers=2),
    "hard_coded_input_size": _defaults("input_dim"),
    "hard_coded_hidden_size": _defaults("hidden_dim"),
    "hard_coded_latent_size": _defaults("latent_dim"),
    "hard_coded_sizes": _defaults("input_dim", "hidden_dim", "latent_dim"),
    "beta_zero_means_default": {"beta": lambda cfg: cfg["beta"] or 1.0},
    "beta_at_least_one": {"beta": lambda cfg: max(cfg["beta"], 1.0)},
    "whole_number_beta": {"beta": lambda cfg: int(cfg["beta"])},
    "recon_loss_as_beta": _swapped("recon_loss", "beta"),
    "swapped_hidden_and_latent": _swapped("hidden_dim", "latent_dim"),
    "swapped_input_and_hidden": _swapped("input_dim", "hidden_dim"),
    "swapped_input_and_latent": _swapped("input_dim", "latent_dim"),
    "hidden_size_for_latents": {"latent_dim": itemgetter("hidden_dim")},
    "one_layer_more": {"num_hidden_layers": lambda cfg: cfg["num_hidden_layers"] + 1},
    "one_layer_less": {"num_hidden_layers": lambda cfg: max(1, cfg["num_hidden_layers"] - 1)},
    "halved_hidden_size": {"hidden_dim": lambda cfg: cfg["hidden_dim"] // 2},
}

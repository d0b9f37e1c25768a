"""The network of ``VAE`` recomputed from its parameters, to hold ``encode`` and ``decode`` against."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from grading.checks import CheckFailure, Draws, Model, Submission, short

Parameters = Mapping[str, torch.Tensor]

GIVEN = ("enc", "dec", "mu", "logvar")
WEIGHT_SEED = 1


def build(
    submission: Submission, input_dim: int, hidden_dim: int, latent_dim: int, layers: int = 1, **options: Any
) -> Model:
    """The submission's ``VAE`` of these sizes, once it is known to have the layers that the skeleton gives it.

    Its weights are replaced: with its own, such as zeros, an encoder could ignore its input and still be right.

    Args:
        submission: the student's file.
        input_dim: values in a data point.
        hidden_dim: width of every hidden layer.
        latent_dim: values in a code.
        layers: hidden layers on each side.
        options: ``recon_loss`` and ``beta``, which no part of the model may depend on.

    Raises:
        CheckFailure: the given ``VAE.__init__`` was changed.
    """
    made = submission.VAE(input_dim, hidden_dim, latent_dim, num_hidden_layers=layers, **options)
    model = with_given_layers(made, input_dim, hidden_dim, latent_dim, layers)
    begin_anew(model, Draws(WEIGHT_SEED))
    return model


def begin_anew(model: Model, draws: Draws, **scales: float) -> None:
    """Give the layers of the skeleton other weights, as torch's own layers begin.

    Args:
        model: whose weights are replaced.
        draws: what the new ones are drawn from.
        scales: how many times larger than torch begins, by the first part of a layer's name; one time if not told.
    """
    for name, parameter in model.parameters.items():
        layer, _, _ = name.rpartition(".")
        part = layer.partition(".")[0]
        if part in GIVEN:
            reach = scales.get(part, 1.0) * model.parameters[f"{layer}.weight"].shape[1] ** -0.5
            model.set(name, draws.uniform(*parameter.shape, low=-reach, high=reach))


def shapes(input_dim: int, hidden_dim: int, latent_dim: int, layers: int = 1) -> dict[str, tuple[int, ...]]:
    """The shapes of all parameters that the skeleton gives to a ``VAE`` of these sizes, by name."""
    weights: dict[str, tuple[int, ...]] = {"mu": (latent_dim, hidden_dim), "logvar": (latent_dim, hidden_dim)}
    for i in range(layers):
        weights[f"enc.{2 * i}"] = (hidden_dim, hidden_dim if i else input_dim)
        weights[f"dec.{2 * i}"] = (hidden_dim, hidden_dim if i else latent_dim)
    weights[f"dec.{2 * layers}"] = (input_dim, hidden_dim)
    biases = {f"{name}.bias": shape[:1] for name, shape in weights.items()}
    return {f"{name}.weight": shape for name, shape in weights.items()} | biases


def with_given_layers(model: Any, input_dim: int, hidden_dim: int, latent_dim: int, layers: int = 1) -> Model:
    """``model``, once it is known to have the layers that the skeleton gives to a ``VAE`` of these sizes."""
    if not isinstance(model, Model):
        raise CheckFailure("structure", "VAE is not a torch module", expected="an nn.Module", actual=short(model))
    wanted = shapes(input_dim, hidden_dim, latent_dim, layers)
    for name in model.parameters:
        if name.partition(".")[0] in GIVEN and name not in wanted:
            message = f"the skeleton gives the model no {name}: leave VAE.__init__ as it is"
            raise CheckFailure("structure", message, expected=", ".join(wanted), actual=name)
    for name, shape in wanted.items():
        parameter = model.parameters.get(name, torch.empty(0))
        if tuple(parameter.shape) != shape:
            message = f"the parameter {name} is not as the skeleton gives it: leave VAE.__init__ as it is"
            raise CheckFailure("structure", message, expected=f"shape {shape}", actual=short(parameter))
    assert_single_precision(model)
    return model


def assert_single_precision(model: Model) -> None:
    """Every parameter is of float32, as the skeleton's layers are."""
    for name, parameter in model.parameters.items():
        if parameter.dtype != torch.float32:
            message = f"the parameter {name} is not of float32: leave the given layers as they are"
            raise CheckFailure("dtype", message, expected="float32", actual=short(parameter))


def linear(parameters: Parameters, name: str, x: torch.Tensor) -> torch.Tensor:
    """The layer ``name``, ``x W^T + b``."""
    return F.linear(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])


def encode(parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``(mu, logvar)``: Linear and ReLU in turn, then two heads on the same features."""
    h = x
    for i in itertools.count(step=2):
        if f"enc.{i}.weight" not in parameters:
            return linear(parameters, "mu", h), linear(parameters, "logvar", h)
        h = torch.relu(linear(parameters, f"enc.{i}", h))
    raise AssertionError


def decode(parameters: Parameters, z: torch.Tensor) -> torch.Tensor:
    """The logits: Linear and ReLU in turn, and nothing after the last Linear."""
    h = linear(parameters, "dec.0", z)
    for i in itertools.count(2, step=2):
        if f"dec.{i}.weight" not in parameters:
            return h
        h = linear(parameters, f"dec.{i}", torch.relu(h))
    raise AssertionError


def spread_heads(model: Model, reach: float) -> None:
    """Biases of both heads from ``-reach`` to ``reach``, in opposite orders: a clamp or an activation would show."""
    latent = model.parameters["mu.bias"].numel()
    dtype = model.parameters["mu.bias"].dtype
    model.set("mu.bias", torch.linspace(-reach, reach, latent, dtype=dtype))
    model.set("logvar.bias", torch.linspace(reach, -reach, latent, dtype=dtype))

"""The warm-up VAE, whose layers have the names that its author chose: everything is judged by what it does."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from grading.checks import CheckFailure, Draws, Model, Submission, assert_tensor, short, unpack


def build(submission: Submission, input_dim: int, hidden_dim: int, latent_dim: int) -> Model:
    """The submission's ``VAE`` of these sizes, once it is known to be a torch module with parameters."""
    model = submission.VAE(input_dim, hidden_dim, latent_dim)
    if not isinstance(model, Model) or not model.parameters:
        message = "VAE is not a torch module with layers of its own"
        raise CheckFailure("structure", message, expected="an nn.Module with parameters", actual=short(model))
    return model


def randomize(model: Model, draws: Draws, gain: float) -> Model:
    """Give every layer random weights and biases of this size, so that nothing depends on how it was initialized."""
    for name, parameter in model.parameters.items():
        std = gain / math.sqrt(parameter.shape[-1]) if parameter.dim() > 1 else gain
        model.set(name, draws.normal(*parameter.shape, std=std, dtype=parameter.dtype))
    return model


def encode(model: Model, x: torch.Tensor, latent_dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``encode(x)``, once it is known to be two tensors of the right shape."""
    mu, logvar = unpack(model.encode(x), ("mu", "logvar"), "encode")
    shape = (x.shape[0], latent_dim)
    return assert_tensor(mu, shape, x.dtype, "mu"), assert_tensor(logvar, shape, x.dtype, "logvar")


def reparameterize(model: Model, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """``reparameterize(mu, logvar)``, once it is known to be a tensor of the right shape."""
    return assert_tensor(model.reparameterize(mu, logvar), mu.shape, mu.dtype, "z")


def decode(model: Model, z: torch.Tensor, input_dim: int) -> torch.Tensor:
    """``decode(z)``, once it is known to be a tensor of the right shape."""
    return assert_tensor(model.decode(z), (z.shape[0], input_dim), z.dtype, "decode(z)")


def forward(model: Model, x: torch.Tensor, latent_dim: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``model(x)``, once it is known to be three tensors of the right shapes."""
    recon_x, mu, logvar = unpack(model(x), ("recon_x", "mu", "logvar"), "forward")
    shape = (x.shape[0], latent_dim)
    assert_tensor(recon_x, x.shape, x.dtype, "recon_x")
    return recon_x, assert_tensor(mu, shape, x.dtype, "mu"), assert_tensor(logvar, shape, x.dtype, "logvar")


def reached(output: torch.Tensor, model: Model) -> set[str]:
    """The names of the parameters that ``output`` depends on, as far as its gradient knows."""
    if not output.requires_grad:
        return set()
    leaves = list(model.parameters.values())
    gradients = torch.autograd.grad(output.sum(), leaves, retain_graph=True, allow_unused=True)
    return {name for name, found in zip(model.parameters, gradients, strict=True) if found is not None}


def matter(model: Model, draws: Draws, compute: Callable[[], torch.Tensor]) -> set[str]:
    """The names of the parameters that change what ``compute`` gives, found out by changing them one by one."""
    found = set()
    for name, parameter in model.parameters.items():
        before = compute().detach()
        model.set(name, parameter + 0.1 * draws.normal(*parameter.shape, dtype=parameter.dtype))
        if not torch.equal(before, compute().detach()):
            found.add(name)
    return found


def assert_reached(wanted: set[str], output: torch.Tensor, model: Model, what: str) -> None:
    """A gradient of ``output`` arrives at all the named parameters."""
    missing = wanted - reached(output, model)
    if missing or not wanted:
        actual = f"none for {', '.join(sorted(missing))}" if missing else "none at all"
        message = f"no gradient arrives from {what} at a layer that it depends on"
        raise CheckFailure("gradient", message, expected="a gradient for every layer", actual=actual)


def assert_not_affine(a: torch.Tensor, b: torch.Tensor, both: torch.Tensor, zero: torch.Tensor, what: str) -> None:
    """``f(a) + f(b) - f(a + b) - f(0)``, which is zero for every affine ``f``, is not."""
    gap = (a + b - both - zero).abs().max().item()
    if not gap > 1e-3 * both.abs().max().item():
        message = f"{what} is only a linear map: its hidden layer lacks a nonlinearity"
        raise CheckFailure("value", message, expected="f(a) + f(b) - f(a + b) - f(0) != 0", actual=f"{gap:.3g}")


def assert_has_width(names: set[str], model: Model, width: int, what: str) -> None:
    """One of the named parameters has a side of this length."""
    shapes = [tuple(model.parameters[name].shape) for name in sorted(names)]
    if not any(width in shape for shape in shapes):
        message = f"the {what} has no layer of hidden_dim units"
        raise CheckFailure("structure", message, expected=f"a layer of width {width}", actual=str(shapes)[:200])

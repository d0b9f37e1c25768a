"""Linear regression by gradient descent."""

import torch


def predict(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """``x @ weight + bias``: shape ``(B,)`` from ``(B, D)``, ``(D,)`` and ``()``."""
    raise NotImplementedError("part A, predict")


def mean_squared_error(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean of the squared differences of two tensors of shape ``(B,)``; a scalar."""
    raise NotImplementedError("part B, mean_squared_error")


def gradient_step(
    x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, rate: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weight and bias after one step of gradient descent on the mean squared error."""
    raise NotImplementedError("part C, gradient_step")

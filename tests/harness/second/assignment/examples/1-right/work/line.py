"""Linear regression by gradient descent."""

import torch


def predict(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """``x @ weight + bias``: shape ``(B,)`` from ``(B, D)``, ``(D,)`` and ``()``."""
    return x @ weight + bias


def mean_squared_error(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The mean of the squared differences of two tensors of shape ``(B,)``; a scalar."""
    return ((prediction - target) ** 2).mean()


def gradient_step(
    x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, rate: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weight and bias after one step of gradient descent on the mean squared error."""
    error = predict(x, weight, bias) - y
    return weight - rate * 2 * (x.T @ error) / len(x), bias - rate * 2 * error.mean()

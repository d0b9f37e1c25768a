"""Products of large linear layers, sooner where torch's usual library does not make the most of the processor.

torch's builds for x86 multiply with MKL, which on AMD's processors with AVX-512 takes twice as long as oneDNN, which is
in the same builds. oneDNN computes the same sums in float32; only their order differs.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LARGE = 1 << 15  # weights of a layer from which on the time to start a product no longer counts
CPUINFO = Path("/proc/cpuinfo")


def available() -> bool:
    """Whether this processor gains: AMD's, with AVX-512, on Linux, and a torch that has oneDNN's linear layer."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    try:
        described = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "AuthenticAMD" in described


def speed_up(model: nn.Module) -> None:
    """Let the large ``nn.Linear`` layers of a model multiply with oneDNN; what they compute stays the same."""
    for layer in model.modules():
        if type(layer) is nn.Linear and layer.weight.numel() >= LARGE:
            layer.__class__ = LargeLinear


class LargeLinear(nn.Linear):
    """A linear layer whose products oneDNN makes, for batches of float32 vectors on the CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """``input @ weight.T + bias``."""
        plain = input.dtype == self.weight.dtype == torch.float32 and input.device.type == "cpu"
        # oneDNN has no words for a wrong shape and no gradient of an empty batch; torch has both.
        fits = input.dim() == 2 and input.shape[1] == self.in_features and len(input) > 0
        if not plain or not fits or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        result: Tensor = _Product.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return result


class _Product(torch.autograd.Function):
    """``x @ weight.T + bias`` with its gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return linear(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            linear(gradient, weight.T) if of_x else None,
            linear(gradient.T, x.T) if of_weight else None,
            gradient.sum(dim=0) if of_bias else None,
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias`` for two matrices in float32, by oneDNN; it has no gradient of its own."""
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return result

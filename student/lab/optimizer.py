"""Adam, without what torch's own does at each step for settings that the lab does not have."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Adam(torch.optim.Adam):
    """``torch.optim.Adam`` with its fused kernel called directly on the CPU: the same numbers, sooner.

    Elsewhere, and while a parameter has no gradient, it is torch's own step.
    """

    def __init__(self, parameters: Sequence[Tensor], learning_rate: float) -> None:
        try:
            super().__init__(parameters, lr=learning_rate, fused=True)
        except (RuntimeError, ValueError):  # no fused kernel for this device
            super().__init__(parameters, lr=learning_rate, fused=False)
        alike = len({parameter.dtype for parameter in parameters}) == 1
        on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
        self._direct = bool(self.defaults["fused"]) and alike and on_cpu and hasattr(torch, "_fused_adam_")
        self._one = torch.ones(())
        self._state_lists: dict[str, list[Tensor]] | None = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's."""
        super().load_state_dict(state_dict)
        self._state_lists = None

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """As torch's."""
        group = self.param_groups[0]
        parameters: list[Tensor] = group["params"]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self._state_lists is None and all(parameter in self.state for parameter in parameters):
            states = [self.state[parameter] for parameter in parameters]
            self._state_lists = {name: [s[name] for s in states] for name in ("exp_avg", "exp_avg_sq", "step")}
        if not self._direct or self._state_lists is None or len(gradients) < len(parameters):
            super().step(closure)
            return
        means, squares, steps = self._state_lists.values()
        torch._foreach_add_(steps, self._one)
        beta1, beta2 = group["betas"]
        rest = {name: group[name] for name in ("lr", "weight_decay", "eps", "amsgrad", "maximize")}
        torch._fused_adam_(parameters, gradients, means, squares, [], steps, beta1=beta1, beta2=beta2, **rest)

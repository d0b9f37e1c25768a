"""Inputs for checks, drawn from the seed of the check: fixed for a public check, secret for a hidden one."""

from __future__ import annotations

import torch


class Draws:
    """A source of random inputs with a generator of its own, so that torch's default one is left to the submission.

    Args:
        seed: where its stream of numbers begins.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def normal(
        self, *shape: int, mean: float = 0.0, std: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Independent ``N(mean, std ** 2)`` numbers; float32 unless told otherwise."""
        return mean + std * torch.randn(shape, generator=self._generator, dtype=dtype)

    def uniform(
        self, *shape: int, low: float = 0.0, high: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Independent numbers, uniform in ``[low, high)``; float32 unless told otherwise."""
        return low + (high - low) * torch.rand(shape, generator=self._generator, dtype=dtype)

    def integer(self, low: int, high: int) -> int:
        """One integer, uniform from ``low`` to ``high``, both included."""
        return int(torch.randint(low, high + 1, (), generator=self._generator).item())

    def permutation(self, count: int) -> torch.Tensor:
        """The indices from 0 to ``count - 1`` in random order."""
        return torch.randperm(count, generator=self._generator)

    def distinct(self, count: int, low: int, high: int) -> list[int]:
        """``count`` different integers from ``low`` to ``high``: sizes that cannot be mistaken for each other."""
        order = torch.randperm(high - low + 1, generator=self._generator)[:count]
        return [low + int(i) for i in order]

    def seed(self) -> int:
        """A seed for a call of the submission."""
        return self.integer(0, 2**31 - 1)

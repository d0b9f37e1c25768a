"""A model whose ``reparameterize`` is asked, and whether the seed of torch's generator decides on what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from grading.checks import Draws, Model, StudentError, Submission, assert_tensor
from grading.diagnosis.laws import alike

Tensor = torch.Tensor


@dataclass(frozen=True)
class Sampler:
    """A model whose ``reparameterize`` is asked.

    Attributes:
        build: makes it.
        recording: whether gradients are recorded, as they are not under ``torch.no_grad()``.
        sized: makes one of so many latent dimensions, for noise that is kept by the size of the model.
    """

    build: Callable[[Submission], Model]
    recording: bool = True
    sized: Callable[[Submission, int], Model] | None = None

    def z(self, model: Model, mu: Tensor, logvar: Tensor, seed: int | None = None) -> Tensor:
        """A sample, once it is known to have the shape of ``mu``."""
        asked = model if seed is None else model.seeded(seed)
        with torch.set_grad_enabled(self.recording and torch.is_grad_enabled()):
            return assert_tensor(asked.reparameterize(mu, logvar), mu.shape, None, "z")

    def drawing(self, model: Model) -> Callable[[int, int], Tensor]:
        """What large samples of this model at mean 0 and variance 1 hold, for numbers of rows and columns."""
        return lambda rows, columns: self.z(model, *torch.zeros(2, rows, columns)).detach().double()

    def noise(self, submission: Submission, rows: int, columns: int, logvar: float = 0.0) -> Tensor:
        """What a large sample at mean 0 holds."""
        zeros = torch.zeros(rows, columns)
        try:
            sample = self.z(self.build(submission), zeros, zeros + logvar)
        except StudentError:
            if self.sized is None:
                raise
            sample = self.z(self.sized(submission, columns), zeros, zeros + logvar)
        return sample.detach().double()


def repeats(sampler: Sampler, model: Model, draws: Draws) -> bool:
    """Whether the seed of torch's generator decides on the noise."""
    zeros, seed = torch.zeros(5, 4), draws.seed()
    first, again = (sampler.z(model, zeros, zeros + 1.0, seed).detach() for _ in range(2))
    return alike(again, first)

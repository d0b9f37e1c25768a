"""The training loop with what a long run needs around it: a device, a schedule, numbers watched, and whose fault."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor, nn

from student.lab._app.config import Place, RunConfig
from student.lab._app.errors import BadInput, Diverged
from student.lab.train import Objective, Terms, seed_for, shuffled, training_steps

BLOCK = 50  # steps between looks at the numbers: each look makes a GPU wait for the host


class StopRequested(Exception):
    """The user asked to stop; raised between two blocks of steps."""


@dataclass(frozen=True)
class EpochLog:
    """What one epoch of training reported.

    Attributes:
        reported: mean loss, reconstruction and KL that the implementation reported, nats per example.
        beta: KL weight at the last step.
        learning_rate: at the last step.
        seconds: spent training, measurements not included.
    """

    reported: tuple[float, float, float]
    beta: float
    learning_rate: float
    seconds: float


def claim(place: Place) -> torch.device:
    """Set the threads and return the device; "auto" takes a GPU where there is one.

    Raises:
        BadInput: if the named device is not there.
    """
    if place.threads:
        torch.set_num_threads(place.threads)
    if place.device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(place.device)
        torch.zeros(1, device=device).item()  # to make one is not enough: "meta" can, and cannot compute
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).strip().splitlines()[0]
        raise BadInput(f"no device {place.device!r} here ({first}). Use --device auto or cpu") from error
    return device


@contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """Let torch's matrix products of float32 be as precise as :func:`torch.set_float32_matmul_precision` says.

    With "medium" a CPU's go to oneDNN, which on some processors is the faster library, and may use bfloat16 inside.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class Trainer:
    """A model with its optimiser, on its way through the epochs.

    Attributes:
        model: the network; moved to the device of the data.
        optimizer: Adam, fused where torch has it.
        epoch, step: how many are done.
        steps_per_epoch: batches in an epoch, the last one possibly smaller.
        guard: makes the context in which the implementation's code runs, and nothing else.
    """

    def __init__(
        self, model: nn.Module, objective: Objective, cfg: RunConfig, train: Tensor, beta_at: Callable[[int], float],
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:  # fmt: skip
        self.model, self.objective, self.cfg, self.data = model.to(train.device), objective, cfg, train
        self.beta_at, self.guard = beta_at, guard
        self.steps_per_epoch = math.ceil(len(train) / cfg.batch_size)
        self.epoch = self.step = 0
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        try:
            self.optimizer = torch.optim.Adam(parameters, lr=cfg.learning_rate, fused=True)
        except (RuntimeError, ValueError):  # no fused kernel for this device
            self.optimizer = torch.optim.Adam(parameters, lr=cfg.learning_rate)

    def learning_rate(self, step: int) -> float:
        """Adam's step size at a step."""
        if self.cfg.lr_schedule == "constant":
            return self.cfg.learning_rate
        done = step / (self.cfg.epochs * self.steps_per_epoch)
        return self.cfg.learning_rate * (1 + math.cos(math.pi * min(done, 1.0))) / 2

    def run_epoch(self, watch: Callable[[int, float], None] = lambda done, loss: None) -> EpochLog:
        """Train for one epoch.

        Args:
            watch: called after every block with the examples done so far and the block's mean loss. It may raise
                :class:`StopRequested`.

        Raises:
            Diverged: if a term is not finite; the message names the step and the term. The parameters are then lost.
        """
        cfg, data = self.cfg, self.data
        torch.manual_seed(seed_for(cfg.seed, "noise", self.epoch))
        log = torch.zeros(self.steps_per_epoch, len(Terms._fields), device=data.device)
        batches = shuffled(data, cfg.batch_size, seed_for(cfg.seed, "order", self.epoch), cfg.binarise == "dynamic")
        steps = training_steps(self.model, self.objective, self.optimizer, batches, self.beta_at, self.step)
        self.model.train()
        start, looked, beta, rate = perf_counter(), 0, 0.0, 0.0
        with matmul_precision(cfg.precision):
            for index in range(self.steps_per_epoch):
                rate = self.optimizer.param_groups[0]["lr"] = self.learning_rate(self.step)
                with self.guard():
                    beta, terms = next(steps)
                    log[index] = torch.stack([term.detach().float().reshape(()) for term in terms])
                self.step += 1
                if index + 1 - looked == BLOCK or index + 1 == self.steps_per_epoch:
                    block = log[looked : index + 1].cpu()
                    self._stop_if_not_finite(block, looked)
                    looked = index + 1
                    watch(min(looked * cfg.batch_size, len(data)), float(block[:, 0].mean()))
        self.epoch += 1
        loss, recon, kl = log.double().mean(dim=0).tolist()
        return EpochLog((loss, recon, kl), beta, rate, perf_counter() - start)

    def _stop_if_not_finite(self, block: Tensor, first: int) -> None:
        wrong = (~block.isfinite()).any(dim=1).nonzero()
        if not len(wrong):
            return
        row = int(wrong[0])
        values = dict(zip(Terms._fields, block[row].tolist(), strict=True))
        terms = [name for name in ("recon", "kl") if not math.isfinite(values[name])] or ["loss"]
        step = self.epoch * self.steps_per_epoch + first + row
        told = " and ".join(f"{name} is {values[name]}" for name in terms)
        raise Diverged(
            f"training stopped at step {step} (epoch {self.epoch + 1}): {told}. The usual causes: a learning rate that "
            f"is too large (it was {self.learning_rate(step):g}), log(sigmoid(logits)) instead of a loss on logits, a "
            "KL term with the wrong sign, or targets outside of [0, 1] with a Bernoulli likelihood"
        )

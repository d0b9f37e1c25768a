"""Where to compute, and how a long computation hears that it should stop."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from student.lab._app.console import TrainingView
from student.lab._app.trainer import StopRequested, choose_device


@dataclass(frozen=True)
class Machine:
    """Where to compute.

    Attributes:
        device: "auto", "cpu", "cuda", …
        threads: of the CPU; 0 leaves torch's choice.
    """

    device: str = "auto"
    threads: int = 0

    def claim(self) -> torch.device:
        """Set the threads and return the device; ``BadInput`` if it is not there."""
        if self.threads:
            torch.set_num_threads(self.threads)
        return choose_device(self.device)


def watching(view: TrainingView, epoch: int, asked: Callable[[], bool]) -> Callable[[int, float], None]:
    """What a trainer calls after every block: show it, and raise ``StopRequested`` if the user asked to stop."""

    def on_block(done: int, loss: float) -> None:
        view.block(epoch, done, loss)
        if asked():
            raise StopRequested

    return on_block

"""How a function is asked: by which question, and under which circumstances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ...boundary.proxy import Model, Submission
from ...checks.draws import Draws
from .facts import Fact
from .reading import Part


@dataclass(frozen=True)
class Setting:
    """Circumstances under which a function is asked.

    Attributes:
        words: such as "in eval mode"; empty for the ordinary ones.
        training: the mode of a model.
        recording: whether gradients are recorded, as they are not under ``torch.no_grad()``.
        leaves: whether gradients are asked for.
        dtype: of the arguments and the model.
        options: what else an assignment may vary.
    """

    words: str = ""
    training: bool = True
    recording: bool = True
    leaves: bool = True
    dtype: torch.dtype = torch.float32
    options: Mapping[str, Any] = field(default_factory=dict)

    def of(self, model: Model) -> Model:
        """The model, in the mode and dtype of the setting."""
        model = model.double() if self.dtype is torch.float64 else model
        return model if self.training else model.eval()

    def leaf(self, tensor: torch.Tensor) -> torch.Tensor:
        """An argument in the dtype of the setting, with a gradient where that is asked for."""
        return tensor.detach().to(self.dtype).requires_grad_(self.leaves)


ORDINARY = Setting()
DOUBLE = Setting("in float64", dtype=torch.float64)
SILENT = Setting("under torch.no_grad()", recording=False, leaves=False)
PLAIN = Setting("where no gradient for the arguments is asked for", leaves=False)
LEAVES = Setting("where a gradient for the arguments is asked for")
EVAL = Setting("in eval mode", training=False)
EVERYWHERE = (EVAL, SILENT, PLAIN, DOUBLE)
"""Circumstances under which every method of a model is asked."""


@dataclass(frozen=True)
class Asked:
    """One question and its answer.

    Attributes:
        answer: what came back.
        parts: what should have.
    """

    answer: Any
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Question:
    """How a function is asked.

    Attributes:
        subject: what is asked: a model in a setting, or the submission.
        ask: puts a question to it, with inputs of its own.
        names: of the parts of the answer.
        arguments: the names of what it is given, in order.
        settings: the circumstances beside the ordinary ones.
        random: whether it is to draw random numbers.
        apart: circumstances under which all may be right though it is not in ordinary ones; that is told with what
            is wrong.
        chance: what may be random in its answers, where no more is known than that they are.
    """

    subject: Callable[[Submission, Draws, Setting], Any]
    ask: Callable[[Any, Draws, Setting], Asked]
    names: tuple[str, ...]
    arguments: tuple[str, ...]
    settings: tuple[Setting, ...] = ()
    random: bool = False
    apart: tuple[Setting, ...] = ()
    chance: Fact | None = None

    def put(self, submission: Submission, draws: Draws, setting: Setting = ORDINARY) -> Asked:
        """One question to a new subject."""
        return self.on(self.subject(submission, draws, setting), draws, setting)

    def on(self, subject: Any, draws: Draws, setting: Setting = ORDINARY) -> Asked:
        """One question to a subject that there is."""
        with torch.set_grad_enabled(setting.recording):
            return self.ask(subject, draws, setting)

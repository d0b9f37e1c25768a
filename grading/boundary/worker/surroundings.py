"""What a call may find and leave around it: torch's own state, and the condition of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch


class _Condition(NamedTuple):
    """What of a model is no parameter's value."""

    modes: list[bool]
    takes: dict[str, bool]


class Surroundings:
    """Sees what student's code changes of all that others rely on.

    Attributes:
        generator: the state of torch's generator before the last call.
    """

    def __init__(self) -> None:
        self._models: dict[int, _Condition] = {}
        # As torch begins: what an earlier file has left in this process is no measure.
        self._begun = (False, torch.get_num_threads(), False)
        self.note()

    def restore(self) -> None:
        """Let torch be as it was when this process began, and forget all models."""
        self._models.clear()
        torch.set_default_dtype(torch.float32)
        if _settings() != self._begun:
            torch.use_deterministic_algorithms(False)
            torch.set_num_threads(self._begun[1])
            torch.autograd.set_detect_anomaly(False)

    def note(self) -> None:
        """Note torch's state before a call."""
        self.generator, self._dtype = torch.default_generator.get_state(), torch.get_default_dtype()
        self._settings = _settings()

    def changed(self) -> list[str]:
        """What of torch's state is otherwise than it was noted."""
        changed = {
            "generator": not torch.equal(torch.default_generator.get_state(), self.generator),
            "default dtype": torch.get_default_dtype() is not self._dtype,
            "settings": _settings() != self._settings,
        }
        return [name for name, has in changed.items() if has]

    def know(self, number: int, model: torch.nn.Module) -> None:
        """Note the condition of a model that is new, or that the grader has changed."""
        self._models[number] = _condition(model, dict(model.named_parameters()))

    def changed_in(
        self, number: int, model: torch.nn.Module, parameters: Mapping[str, torch.nn.Parameter]
    ) -> list[str]:
        """What is otherwise in a model than it was known, which it is from now on."""
        old, new = self._models[number], _condition(model, parameters)
        self._models[number] = new
        changed = ["mode"] if len(old.modes) == len(new.modes) and old.modes != new.modes else []
        if any(new.takes.get(name, takes) != takes for name, takes in old.takes.items()):
            changed.append("which parameters take gradients")
        return changed


def _condition(model: torch.nn.Module, parameters: Mapping[str, torch.nn.Parameter]) -> _Condition:
    return _Condition(
        [module.training for module in model.modules()],
        {name: parameter.requires_grad for name, parameter in parameters.items()},
    )


def _settings() -> tuple[bool, int, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.get_num_threads(), torch.is_anomaly_enabled()

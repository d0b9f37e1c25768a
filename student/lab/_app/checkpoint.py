"""Checkpoints in safetensors: weights, optimiser state and metrics of a run. Nothing is ever unpickled."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from student.lab._app.errors import BadInput
from student.lab._app.folder import COLUMNS, Row, RunFolder, replacing


def save(folder: RunFolder, model: nn.Module, optimizer: torch.optim.Optimizer, rows: list[Row]) -> None:
    """Write the state after an epoch: first the checkpoint, then what is derived from it."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    _save_tensors(folder.checkpoint_file, tensors, {"rows": json.dumps(rows)})
    folder.write_metrics(rows)


def load(folder: RunFolder, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> list[Row]:
    """Read the checkpoint into a model and an optimiser, and return the metrics.

    Raises:
        BadInput: if it is missing, damaged, or does not fit the model.
    """
    tensors, metadata = _load_tensors(folder.checkpoint_file)
    _into_model(model, tensors, folder.checkpoint_file)
    if optimizer is not None:
        try:
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in tensors.items():
                if name.startswith("optimizer."):
                    _, index, key = name.split(".", 2)
                    state.setdefault(int(index), {})[key] = value
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        except (ValueError, KeyError, RuntimeError) as error:
            raise BadInput(f"{folder.checkpoint_file} does not hold the state of the optimiser: {error}") from error
    return _rows(metadata, folder.checkpoint_file)


def read_rows(folder: RunFolder) -> list[Row]:
    """The metrics alone; ``BadInput`` as for :func:`load`."""
    return _rows(_load_tensors(folder.checkpoint_file)[1], folder.checkpoint_file)


def save_weights(path: Path, model: nn.Module) -> None:
    """Keep the weights of a network beside the run's own."""
    _save_tensors(path, {f"model.{name}": value for name, value in model.state_dict().items()}, {})


def load_weights(path: Path, model: nn.Module) -> None:
    """Read them back into a model; ``BadInput`` as for :func:`load`."""
    _into_model(model, _load_tensors(path)[0], path)


def _save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    # Cloned, because safetensors refuses parameters that share memory, and tied weights are legitimate.
    content = to_bytes({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, metadata)
    with replacing(path) as partial:
        partial.write_bytes(content)  # not by safetensors: its files can be read by nobody but their owner


def _load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not path.is_file():
        raise BadInput(f"{path.parent} has no {path.name}: the run stopped before its first epoch")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path} is damaged: {error}") from error


def _rows(metadata: dict[str, str], path: Path) -> list[Row]:
    try:
        rows: list[Row] = json.loads(metadata["rows"])
        if rows and all(set(COLUMNS) == set(row) and {type(row[c]) for c in row} <= {int, float} for row in rows):
            return rows
    except (KeyError, ValueError, TypeError):
        pass
    raise BadInput(f"{path} does not hold the metrics of a run")


def _into_model(model: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    state = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise BadInput(
            f"{path} does not fit the model: were layers renamed or resized since? "
            f"({str(error).splitlines()[-1].strip()})"
        ) from error

"""The layers of a warm-up model, which are the student's own, by the names of part 2's layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

Parameters = dict[str, torch.Tensor]
HEADS = ("mu", "logvar")


def canonical(parameters: Mapping[str, torch.Tensor], sizes: tuple[int, int, int]) -> Parameters | None:
    """The student's parameters by the names of part 2's layers; None where they are not one hidden layer a side."""
    inputs, hidden, latent = sizes
    wanted = {"enc.0": (hidden, inputs), "dec.0": (hidden, latent), "dec.2": (inputs, hidden)}
    weights = {n.rpartition(".")[0]: p for n, p in parameters.items() if p.dim() == 2 and n.endswith(".weight")}
    found: Parameters = {}

    def take(name: str, own: str, rows: slice = slice(None)) -> None:
        bias = parameters.get(f"{own}.bias")
        whole = rows == slice(None)
        found[f"{name}.weight"] = weights[own] if whole else weights[own][rows]
        found[f"{name}.bias"] = torch.zeros(()) if bias is None else bias if whole else bias[rows]

    for name, shape in wanted.items():
        fitting = [own for own, weight in weights.items() if tuple(weight.shape) == shape]
        if len(fitting) != 1:
            return None
        take(name, fitting[0])
    heads = [own for own, weight in weights.items() if tuple(weight.shape) == (latent, hidden)]
    both = [own for own, weight in weights.items() if tuple(weight.shape) == (2 * latent, hidden)]
    if len(heads) == 2:
        take("mu", heads[0])
        take("logvar", heads[1])
    elif len(both) == 1:
        take("mu", both[0], slice(latent))
        take("logvar", both[0], slice(latent, None))
    else:
        return None
    if any(p.dim() < 2 and name.rpartition(".")[0] not in weights for name, p in parameters.items()):
        return None  # a gain or the like, of which layers alone do not know
    for name in ("enc.0", "dec.0", "dec.2", "mu", "logvar"):
        weight = found[f"{name}.weight"]
        if not found[f"{name}.bias"].dim():  # there is none
            found[f"{name}.bias"] = torch.zeros(weight.shape[0], dtype=weight.dtype)
    return found


def heads(parameters: Parameters) -> Iterator[Parameters]:
    """The parameters, with the two heads in each way that is the student's choice: which is which, and whose rows."""
    both = {end: [parameters[f"{name}.{end}"] for name in HEADS] for end in ("weight", "bias")}
    every_second = {end: [torch.cat(own)[i::2] for i in (0, 1)] for end, own in both.items()}
    for way in (both, every_second):
        for names in (HEADS, HEADS[::-1]):
            yield parameters | {
                f"{name}.{end}": own for end, pair in way.items() for name, own in zip(names, pair, strict=True)
            }

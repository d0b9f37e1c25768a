"""Real handwriting: the 1,797 digits of 8 by 8 pixels that scikit-learn ships, with values in ``[0, 1]``."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import numpy as np
import torch

from grading.checks import Draws

PIXELS = 64
HELD_OUT = 297


@functools.cache
def images() -> torch.Tensor:
    """All digits, shape ``(1797, 64)``; do not write to it.

    ``sklearn.datasets.load_digits`` reads the same file, but importing it takes longer than all trainings together, so
    the file is read directly where it is found.
    """
    package = importlib.util.find_spec("sklearn")
    folders = package.submodule_search_locations if package is not None else None
    file = Path(folders[0] if folders else "") / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        pixels = np.loadtxt(file, delimiter=",")[:, :PIXELS]
    else:
        from sklearn.datasets import load_digits

        pixels = load_digits().data
    return torch.from_numpy(pixels / 16.0).float()


def split(draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits to train on, and others that are held out, with their pixels in a random order, the same for all of them.

    To a network of linear layers one order is as good as another, but weights that were trained beforehand are of no
    use to it.
    """
    order, pixels = draws.permutation(len(images())), draws.permutation(PIXELS)
    return images()[order[HELD_OUT:]][:, pixels], images()[order[:HELD_OUT]][:, pixels]

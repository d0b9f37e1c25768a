"""The command line's options, defined once for all commands that take them."""

from pathlib import Path
from typing import Annotated

import typer

from student.lab._app.config import (
    ACTIVATIONS,
    BINARISATIONS,
    DATASETS,
    LIKELIHOODS,
    LR_SCHEDULES,
    PRECISIONS,
    PRESETS,
    USUAL,
)

WHAT, MODEL, TRAINING, WHERE = "Data and implementation", "Model", "Training", "Machine and folder"


def _names(text: str, names: tuple[str, ...]) -> str:
    return f"{text}: {', '.join(names)}."


Preset = Annotated[
    str | None,
    typer.Option(
        help=_names(f"Where the defaults come from (if not given, {USUAL})", tuple(PRESETS)), rich_help_panel=WHAT
    ),
]
Data = Annotated[str | None, typer.Option(help=_names("Data set", DATASETS), rich_help_panel=WHAT)]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder with the idx files of MNIST or Fashion-MNIST, or torchvision's.", rich_help_panel=WHAT),
]
Mirror = Annotated[str | None, typer.Option(help="URL of a folder to download from first.", rich_help_panel=WHAT)]
Binarise = Annotated[
    str | None, typer.Option(help=_names("Grey to black and white", BINARISATIONS), rich_help_panel=WHAT)
]
TrainExamples = Annotated[
    int | None, typer.Option(help="Use only so many training examples; 0 is all.", rich_help_panel=WHAT)
]
Which = Annotated[
    str | None, typer.Option("--implementation", help="vae or simple_vae: which file to run.", rich_help_panel=WHAT)
]
Solution = Annotated[bool, typer.Option("--solution", help="Run the reference solution.", rich_help_panel=WHAT)]
Student = Annotated[
    Path | None, typer.Option(help="The file to run, or its folder. Default: student/ here.", rich_help_panel=WHAT)
]
Likelihood = Annotated[str | None, typer.Option(help=_names("p(x | z)", LIKELIHOODS), rich_help_panel=MODEL)]
HiddenDim = Annotated[int | None, typer.Option(help="Width of every hidden layer.", rich_help_panel=MODEL)]
HiddenLayers = Annotated[int | None, typer.Option(help="Hidden layers on each side.", rich_help_panel=MODEL)]
LatentDim = Annotated[int | None, typer.Option(help="Values in a code.", rich_help_panel=MODEL)]
Activation = Annotated[str | None, typer.Option(help=_names("Of hidden units", ACTIVATIONS), rich_help_panel=MODEL)]
Beta = Annotated[float | None, typer.Option(help="Final weight of the KL term.", rich_help_panel=TRAINING)]
Sigma = Annotated[
    str | None,
    typer.Option(help="Observation noise of a Gaussian likelihood: a number, or learned.", rich_help_panel=MODEL),
]
Warmup = Annotated[
    float | None, typer.Option("--warmup-epochs", help="Epochs from KL weight 0 to beta.", rich_help_panel=TRAINING)
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training set.", rich_help_panel=TRAINING)]
BatchSize = Annotated[int | None, typer.Option(help="Examples in a step.", rich_help_panel=TRAINING)]
LearningRate = Annotated[float | None, typer.Option(help="Adam's step size.", rich_help_panel=TRAINING)]
LrSchedule = Annotated[
    str | None, typer.Option(help=_names("Of the learning rate", LR_SCHEDULES), rich_help_panel=TRAINING)
]
Seed = Annotated[int | None, typer.Option(help="Of weights, order and noise.", rich_help_panel=TRAINING)]
Autoencoder = Annotated[
    bool | None,
    typer.Option("--autoencoder/--no-autoencoder", help="Train the plain autoencoder too.", rich_help_panel=TRAINING),
]
Plane = Annotated[
    bool | None,
    typer.Option("--plane/--no-plane", help="Train the network with two latents too.", rich_help_panel=TRAINING),
]
Precision = Annotated[
    str | None, typer.Option(help=_names("Of the forward pass", PRECISIONS), rich_help_panel=TRAINING)
]
Samples = Annotated[int, typer.Option(help="K of the importance-weighted bound.", rich_help_panel=WHERE)]
Examples = Annotated[int, typer.Option(help="Test examples for that bound; 0 is all.", rich_help_panel=WHERE)]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, …", rich_help_panel=WHERE)]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves torch's choice.", rich_help_panel=WHERE)]
Out = Annotated[
    Path | None, typer.Option(help="The folder to write. Default: a new one in runs/.", rich_help_panel=WHERE)
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.", rich_help_panel=WHERE)]

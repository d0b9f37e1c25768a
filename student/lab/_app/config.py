"""Everything that decides what a run computes, each setting with its default, its limits and its help; four presets.

Needs no torch, so that bad options fail at once.
"""

import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from student.lab._app.errors import BadInput, choose

LIKELIHOODS = ("bernoulli", "gaussian", "laplace")
IMAGE_SETS = ("digits", "mnist", "fashion-mnist")
VECTOR_SETS = ("breast-cancer", "wine")
MOST_THREADS = max(64, 4 * (os.cpu_count() or 1))  # beyond what it can start, the threads' library ends the program


def setting(default: Any, text: str, among: tuple[str, ...] = (), least: Any = None, most: Any = None) -> Any:
    """A field that is an option of the command line too.

    Args:
        default: without which no preset names it.
        text: its line in the help.
        among: the names that it may have.
        least, most: of a number; far beyond what is of use, and short of what no machine can count or hold.
    """
    return field(default=default, metadata={"help": text, "among": among, "least": least, "most": most})


class Checked:
    """What dataclasses of :func:`setting` fields have in common."""

    def check(self) -> Self:
        """Return the settings themselves if each is within its limits; ``BadInput`` otherwise."""
        for one in fields(self):  # type: ignore[arg-type]
            value, limits = getattr(self, one.name), one.metadata
            if limits.get("among"):
                choose(option(one.name), value, limits["among"])
            elif limits.get("most") is not None and not limits["least"] <= value <= limits["most"]:
                low, high = limits["least"], limits["most"]
                raise BadInput(f"{option(one.name)} must be between {low:,} and {high:,}, not {value}")
        return self


@dataclass(frozen=True)
class RunConfig(Checked):
    """One run. Two runs with equal configurations on the same machine give the same numbers.

    ``preset`` is the name that the defaults came from. Of ``binarise``, "dynamic" draws the training pixels anew in
    every batch (Burda et al. 2016). A ``sigma`` of "none" is the assignment's variance of 1/2. ``precision`` is that of
    training; measurements have the highest.
    """

    preset: str = "guide"
    implementation: str = setting("vae", "Which file to run", ("vae", "simple_vae"))
    data: str = setting("digits", "Data set", IMAGE_SETS + VECTOR_SETS)
    binarise: str = setting("none", "Grey to black and white", ("none", "threshold", "fixed", "dynamic"))
    train_examples: int = setting(0, "Use only so many training examples; 0 is all.", least=0, most=10**9)
    likelihood: str = setting("bernoulli", "p(x | z)", LIKELIHOODS)
    sigma: str = setting("none", "Observation noise of a Gaussian likelihood: a number, or learned.")
    hidden_dim: int = setting(400, "Width of every hidden layer.", least=1, most=10**6)
    hidden_layers: int = setting(1, "Hidden layers on each side.", least=1, most=1000)
    latent_dim: int = setting(20, "Values in a code.", least=1, most=10**6)
    activation: str = setting("relu", "Of hidden units", ("relu", "tanh"))
    beta: float = setting(1.0, "Final weight of the KL term.", least=0, most=1e30)
    warmup_epochs: float = setting(0.0, "Epochs from KL weight 0 to beta.", least=0, most=10**7)
    epochs: int = setting(10, "Passes over the training set.", least=1, most=10**7)
    batch_size: int = setting(128, "Examples in a step.", least=1, most=10**9)
    learning_rate: float = setting(1e-3, "Adam's step size.", least=1e-30, most=1e30)
    lr_schedule: str = setting("constant", "Of the learning rate", ("constant", "cosine"))
    seed: int = setting(1, "Of weights, order and noise.", least=0, most=10**18)
    autoencoder: bool = setting(False, "Train the plain autoencoder too.")
    plane: bool = setting(False, "Train the network with two latents too.")
    precision: str = setting("medium", "Of matrix products in training, as torch calls it", ("highest", "medium"))

    def check(self) -> Self:
        """Return the configuration itself if it makes sense.

        Raises:
            BadInput: for an unknown name, a value out of range, or options that contradict each other.
        """
        super().check()
        simple, vectors = self.implementation == "simple_vae", self.data in VECTOR_SETS
        if vectors and self.likelihood == "bernoulli":
            raise BadInput(
                f"data set {self.data!r} holds real-valued features, and a Bernoulli likelihood needs values in [0, 1] "
                "(outside of it the loss has no lower bound). Use --likelihood gaussian or laplace"
            )
        if vectors and self.binarise != "none":
            raise BadInput(f"data set {self.data!r} has no pixels to binarise: use --binarise none")
        if simple and vectors:
            raise BadInput(f"simple_vae.py ends in a sigmoid and cannot reach the values of {self.data!r}")
        for name, value in BUILT_IN.items() if simple else ():
            if getattr(self, name) != value:
                told = f"{option(name)} {getattr(self, name)} needs --implementation vae"
                raise BadInput(f"simple_vae.py has {name.replace('_', ' ')} {value!r} built in; {told}")
        if self.sigma != "none":
            if self.likelihood != "gaussian" or simple:
                raise BadInput("--sigma is for vae.py with --likelihood gaussian")
            if self.sigma != "learned" and not _is_scale(self.sigma):
                raise BadInput(f"--sigma must be a positive number or 'learned', not {self.sigma!r}")
        return self

    @property
    def has_plane(self) -> bool:
        """Whether a network with two latents is trained beside the run's own."""
        return self.plane and self.data in IMAGE_SETS and self.latent_dim != 2

    def network(self, input_dim: int) -> str:
        """The sizes of the layers, such as 784-400-20."""
        return "-".join(map(str, [input_dim, *[self.hidden_dim] * self.hidden_layers, self.latent_dim]))

    def extended(self, epochs: int | None) -> "RunConfig":
        """The settings of a resumed run, possibly for another number of epochs.

        Raises:
            BadInput: for a number that makes no sense, or another one under a schedule that depends on it.
        """
        if epochs is None or epochs == self.epochs:
            return self
        if self.lr_schedule != "constant":
            planned = f"the {self.lr_schedule} schedule was planned for {self.epochs} epochs"
            raise BadInput(f"{planned}: resume without --epochs")
        return replace(self, epochs=epochs).check()

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any], where: Path) -> "RunConfig":
        """Read the fields back.

        Raises:
            BadInput: if they are not those of a run's configuration; ``where`` is named in the message.
        """
        default = asdict(cls())
        if set(values) - set(default):
            raise BadInput(f"{where}: unknown settings {sorted(set(values) - set(default))}; of another version?")
        for name, value in values.items():
            expected = type(default[name])
            if type(value) not in ((float, int) if expected is float else (expected,)):  # True is an int to isinstance
                raise BadInput(f"{where}: setting {name!r} is {value!r}, expected {expected.__name__}")
        return cls(**values).check()


# What simple_vae.py does whatever it is told.
BUILT_IN = {
    "likelihood": "gaussian", "hidden_layers": 1, "activation": "relu", "beta": 1.0, "warmup_epochs": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Place(Checked):
    """What a command runs, and where."""

    solution: bool = setting(False, "Run the reference solution.")
    student: Path | None = setting(None, "The file to run, or its folder; without: student/ here.")  # noqa: RUF009
    data_dir: Path | None = setting(None, "Folder with MNIST's or Fashion-MNIST's idx files, or torchvision's.")  # noqa: RUF009
    mirror: str | None = setting(None, "URL of a folder to download from first.")
    device: str = setting("auto", "auto, cpu, cuda, cuda:1, mps, …")
    threads: int = setting(0, "CPU threads; 0 leaves torch's choice.", least=0, most=MOST_THREADS)
    out: Path | None = setting(None, "The folder to write; without: a new one in runs/.")  # noqa: RUF009


@dataclass(frozen=True)
class BoundSize(Checked):
    """How large an importance-weighted bound to take."""

    samples: int = setting(5000, "K of the importance-weighted bound.", least=1, most=10**7)
    examples: int = setting(200, "Test examples for that bound; 0 is all.", least=0, most=10**9)


def option(name: str) -> str:
    """The command line's spelling of a field: ``learning_rate`` is ``--learning-rate``."""
    return "--" + name.replace("_", "-")


def _is_scale(text: str) -> bool:
    try:
        return 1e-6 <= float(text) <= 1e6
    except ValueError:
        return False


PRESETS: dict[str, tuple[str, RunConfig]] = {
    "interview": (
        "the warm-up: student/simple_vae.py, 784-400-20, squared error on sigmoid outputs, MNIST",
        RunConfig(preset="interview", implementation="simple_vae", data="mnist", likelihood="gaussian"),
    ),
    "notes": (
        "two hidden layers of 512, 256 latents, linear output, squared error, beta 0.01, real-valued data, "
        "and the plain autoencoder beside it",
        RunConfig(
            preset="notes", data="breast-cancer", likelihood="gaussian", beta=0.01, hidden_dim=512, hidden_layers=2,
            latent_dim=256, epochs=60, batch_size=32, autoencoder=True,
        ),
    ),
    "guide": (
        "student/vae.py with KL warm-up on scikit-learn's digits in black and white; the rest from the command line",
        RunConfig(preset="guide", binarise="threshold", epochs=60, batch_size=32, warmup_epochs=10, plane=True),
    ),
    "lab": (
        "MNIST squeezed into 2 latents, Bernoulli, 20 epochs: the latent map, the manifold, 64 generated digits",
        RunConfig(preset="lab", data="mnist", latent_dim=2, epochs=20),
    ),
}  # fmt: skip


def configure(preset: str | None, **options: Any) -> RunConfig:
    """A preset with the given options laid over it; an option, or the preset, that is ``None`` was not given.

    Raises:
        BadInput: for an unknown preset or a configuration that makes no sense.
    """
    base = PRESETS[choose("preset", RunConfig.preset if preset is None else preset, PRESETS)][1]
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("implementation", base.implementation) == "simple_vae":
        base = replace(base, implementation="simple_vae", **BUILT_IN)  # type: ignore[arg-type]
    if given.get("likelihood", base.likelihood) != "bernoulli" or given.get("data") in VECTOR_SETS:
        base = replace(base, binarise="none")  # black and white is a preset's choice for the Bernoulli likelihood only
    return replace(base, **given).check()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; ``BadInput`` if the file is missing or does not hold one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path} does not hold a JSON object")
    return value

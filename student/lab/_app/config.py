"""Everything that decides what a run computes, and the four presets.

Needs no torch, so that bad options fail at once.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from student.lab._app.errors import BadInput, choose

IMPLEMENTATIONS = ("vae", "simple_vae")
LIKELIHOODS = ("bernoulli", "gaussian", "laplace")
BINARISATIONS = ("none", "threshold", "fixed", "dynamic")
ACTIVATIONS = ("relu", "tanh")
LR_SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "bf16")
IMAGE_SETS = ("digits", "mnist", "fashion-mnist")
VECTOR_SETS = ("breast-cancer", "wine")
DATASETS = IMAGE_SETS + VECTOR_SETS
LARGEST = {  # far beyond what is of use, and short of what no machine can count or hold
    "hidden_dim": 1_000_000, "hidden_layers": 1_000, "latent_dim": 1_000_000, "epochs": 10_000_000,
    "batch_size": 1_000_000_000, "warmup_epochs": 10_000_000, "train_examples": 1_000_000_000, "beta": 1e30,
    "learning_rate": 1e30,
}  # fmt: skip


@dataclass(frozen=True)
class RunConfig:
    """One run. Two runs with equal configurations on the same machine give the same numbers.

    Attributes:
        preset: the name the defaults came from.
        implementation: "vae" (student/vae.py) or "simple_vae" (student/simple_vae.py).
        data: the name of the data set.
        binarise: how grey pixels become black and white: "none" leaves them grey, "threshold" cuts at 1/2, "fixed"
            draws each pixel once, "dynamic" draws the training pixels anew in every batch (Burda et al. 2016).
        likelihood: "bernoulli", "gaussian" or "laplace".
        sigma: of a Gaussian likelihood: "none" is the assignment's variance of 1/2, else a number, or "learned".
        beta: the final weight of the KL term.
        warmup_epochs: epochs in which the weight rises from 0 to beta.
        hidden_dim: width of every hidden layer.
        hidden_layers: hidden layers on each side.
        latent_dim: values in a code.
        activation: "relu" as the assignment builds it, or "tanh" as in Burda et al. 2016.
        epochs: passes over the training set.
        batch_size: examples in a training step.
        learning_rate: Adam's step size at the start.
        lr_schedule: "constant", or "cosine" (falling to 0 at the last planned step).
        seed: decides initial weights, order of batches and noise.
        train_examples: use only the first so many training examples; 0 uses all.
        autoencoder: also train the plain autoencoder (no noise, no KL) with the same network, for comparison.
        plane: for images, also train the same network with two latents, for its map and the decoded plane.
        precision: "float32", or "bf16" for the forward pass (training only; measurements stay in float32).
    """

    preset: str = "guide"
    implementation: str = "vae"
    data: str = "digits"
    binarise: str = "none"
    likelihood: str = "bernoulli"
    sigma: str = "none"
    beta: float = 1.0
    warmup_epochs: float = 0.0
    hidden_dim: int = 400
    hidden_layers: int = 1
    latent_dim: int = 20
    activation: str = "relu"
    epochs: int = 10
    batch_size: int = 128
    learning_rate: float = 1e-3
    lr_schedule: str = "constant"
    seed: int = 1
    train_examples: int = 0
    autoencoder: bool = False
    plane: bool = False
    precision: str = "float32"

    def check(self) -> "RunConfig":
        """Return the configuration itself if it makes sense.

        Raises:
            BadInput: for an unknown name, a value out of range, or options that contradict each other.
        """
        choose("implementation", self.implementation, IMPLEMENTATIONS)
        choose("data set", self.data, DATASETS)
        choose("binarisation", self.binarise, BINARISATIONS)
        choose("likelihood", self.likelihood, LIKELIHOODS)
        choose("activation", self.activation, ACTIVATIONS)
        choose("learning rate schedule", self.lr_schedule, LR_SCHEDULES)
        choose("precision", self.precision, PRECISIONS)
        for name in ("hidden_dim", "hidden_layers", "latent_dim", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise BadInput(f"{option(name)} must be at least 1, not {getattr(self, name)}")
        for name in ("beta", "warmup_epochs", "train_examples", "seed"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise BadInput(f"{option(name)} must be a finite number and not negative, not {value}")
        if not 0 < self.learning_rate < float("inf"):
            raise BadInput(f"--learning-rate must be a positive number, not {self.learning_rate}")
        for name, largest in LARGEST.items():
            if getattr(self, name) > largest:
                raise BadInput(f"{option(name)} must be at most {largest:,}, not {getattr(self, name)}")
        self._check_sigma()
        if self.data in VECTOR_SETS:
            if self.likelihood == "bernoulli":
                raise BadInput(
                    f"data set {self.data!r} holds real-valued features, and a Bernoulli likelihood needs values in "
                    "[0, 1] (outside of it the loss has no lower bound). Use --likelihood gaussian or laplace"
                )
            if self.binarise != "none":
                raise BadInput(f"data set {self.data!r} has no pixels to binarise: use --binarise none")
        if self.implementation == "simple_vae":
            fixed = {"likelihood": "gaussian", "hidden_layers": 1, "activation": "relu"}
            for name, value in fixed.items():
                if getattr(self, name) != value:
                    raise BadInput(
                        f"simple_vae.py has {name.replace('_', ' ')} {value!r} built in; {option(name)} "
                        f"{getattr(self, name)} needs --implementation vae"
                    )
            if self.beta != 1 or self.warmup_epochs:
                raise BadInput("simple_vae.py has no beta in its loss: use --implementation vae")
            if self.data in VECTOR_SETS:
                raise BadInput(f"simple_vae.py ends in a sigmoid and cannot reach the values of {self.data!r}")
        return self

    def _check_sigma(self) -> None:
        if self.sigma == "none":
            return
        if self.likelihood != "gaussian" or self.implementation == "simple_vae":
            raise BadInput("--sigma is for vae.py with --likelihood gaussian")
        try:
            usable = self.sigma == "learned" or 1e-6 <= float(self.sigma) <= 1e6
        except ValueError:
            usable = False
        if not usable:
            raise BadInput(f"--sigma must be a positive number or 'learned', not {self.sigma!r}")

    @property
    def has_plane(self) -> bool:
        """Whether a network with two latents is trained beside the run's own."""
        return self.plane and self.data in IMAGE_SETS and self.latent_dim != 2

    def extended(self, epochs: int | None) -> "RunConfig":
        """The settings of a resumed run, possibly for another number of epochs.

        Raises:
            BadInput: for a number that makes no sense, or another one under a schedule that depends on it.
        """
        if epochs is None or epochs == self.epochs:
            return self
        if self.lr_schedule != "constant":
            raise BadInput(
                f"the {self.lr_schedule} schedule was planned for {self.epochs} epochs: resume without --epochs"
            )
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
        known = {field.name: field.type for field in fields(cls)}
        if set(values) - set(known):
            raise BadInput(f"{where}: unknown settings {sorted(set(values) - set(known))}; written by another version?")
        default = cls()
        for name, value in values.items():
            expected = type(getattr(default, name))
            allowed = (float, int) if expected is float else (expected,)
            if type(value) not in allowed:  # not isinstance, to which True is a whole number
                raise BadInput(f"{where}: setting {name!r} is {value!r}, expected {expected.__name__}")
        return cls(**values).check()


def option(name: str) -> str:
    """The command line's spelling of a field: ``learning_rate`` is ``--learning-rate``."""
    return "--" + name.replace("_", "-")


PRESETS: dict[str, tuple[str, RunConfig]] = {
    "interview": (
        "the warm-up: student/simple_vae.py, 784-400-20, squared error on sigmoid outputs, MNIST",
        RunConfig(preset="interview", implementation="simple_vae", data="mnist", likelihood="gaussian"),
    ),
    "notes": (
        "two hidden layers of 512, 256 latents, linear output, squared error, beta 0.01, real-valued data, "
        "and the plain autoencoder beside it",
        RunConfig(
            preset="notes",
            data="breast-cancer",
            likelihood="gaussian",
            beta=0.01,
            hidden_dim=512,
            hidden_layers=2,
            latent_dim=256,
            epochs=60,
            batch_size=32,
            autoencoder=True,
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
}


USUAL = "guide"  # the preset, if none is named


def configure(preset: str | None, **options: Any) -> RunConfig:
    """A preset with the given options laid over it; an option, or the preset, that is ``None`` was not given.

    Raises:
        BadInput: for an unknown preset or a configuration that makes no sense.
    """
    base = PRESETS[choose("preset", USUAL if preset is None else preset, PRESETS)][1]
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("implementation", base.implementation) == "simple_vae":  # what it has built in
        base = replace(
            base, implementation="simple_vae", binarise="none", likelihood="gaussian", hidden_layers=1,
            activation="relu", beta=1.0, warmup_epochs=0.0,
        )  # fmt: skip
    if given.get("likelihood", base.likelihood) != "bernoulli" or given.get("data") in VECTOR_SETS:
        base = replace(base, binarise="none")  # black and white is a preset's choice for the Bernoulli likelihood only
    return replace(base, **given).check()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadInput: if the file is missing or is not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path} does not hold a JSON object")
    return value

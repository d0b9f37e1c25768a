"""The network of ``VAE`` recomputed from its parameters, to hold ``encode`` and ``decode`` against."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from grading.checks import CheckFailure, Draws, Model, Submission, short

Parameters = Mapping[str, torch.Tensor]

GIVEN = ("enc", "dec", "mu", "logvar")
LIKELIHOODS = "bernoulli", "gaussian", "laplace"
WEIGHT_SEED = 1
DEEP = {"enc": 2.0, "dec": 2.0}


def build(
    submission: Submission,
    input_dim: int,
    hidden_dim: int,
    latent_dim: int,
    layers: int = 1,
    *,
    draws: Draws | None = None,
    **options: Any,
) -> Model:
    """The submission's ``VAE`` of these sizes, once it is known to have the layers that the skeleton gives it.

    Its weights are replaced: with its own, such as zeros, an encoder could ignore its input and still be right.

    Args:
        submission: the student's file.
        input_dim: values in a data point.
        hidden_dim: width of every hidden layer.
        latent_dim: values in a code.
        layers: hidden layers on each side.
        draws: what ``recon_loss`` and ``beta`` are drawn from where they are not given; no part of the model may depend
            on them. Without it they are left to their defaults.
        options: ``recon_loss`` and ``beta``.

    Raises:
        CheckFailure: the given ``VAE.__init__`` was changed.
    """
    drawn = {} if draws is None else {"recon_loss": likelihood(draws), "beta": beta(draws)}
    made = submission.VAE(input_dim, hidden_dim, latent_dim, num_hidden_layers=layers, **(drawn | options))
    model = with_given_layers(made, input_dim, hidden_dim, latent_dim, layers)
    # A network of many layers passes little of its input on as torch begins.
    begin_anew(model, Draws(WEIGHT_SEED), **(DEEP if layers > 3 else {}))
    return model


def likelihood(draws: Draws) -> str:
    """One of the three names of a likelihood."""
    return LIKELIHOODS[draws.integer(0, len(LIKELIHOODS) - 1)]


def beta(draws: Draws) -> float:
    """A weight of the KL term: 0, an integer, or any size from 0.001 to 1,000."""
    size = 10 ** draws.uniform(1, low=-3.0, high=3.0).item()
    return (0.0, float(draws.integer(1, 12)), size, size)[draws.integer(0, 3)]


def betas(draws: Draws) -> Iterator[float]:
    """Weights without end; with the first one no mistake is without effect, and no check passes by what was drawn.

    It is an ``int``, as people write it; the third one is small, as where it stands for a mean over pixels, and the
    fourth is the default. The second one is no large one: it meets variances so small that gradients would overflow.
    """
    yield draws.integer(2, 12)
    yield min(beta(draws), 12.0)
    yield 10 ** draws.uniform(1, low=-3.0, high=-2.0).item()
    yield 1.0
    while True:
        yield beta(draws)


class Size(NamedTuple):
    """A network and a batch for it."""

    batch: int
    input_dim: int
    hidden_dim: int
    latent_dim: int
    layers: int


def sizes(draws: Draws) -> list[Size]:
    """That of the handout, and drawn ones of every kind: one row and over 1,000, many latents or layers, equal widths.

    All batch sizes that are usual are among them.

    Each is small enough for a call to take about a millisecond; one has more hidden units than the handout's.
    """
    small = [Size._make([*draws.distinct(4, 2, 23), layers]) for layers in (1, 2, 3)]
    alike = draws.integer(6, 17)
    return [
        Size(128, 784, 400, 20, 1),
        *small,
        Size._make([1, *draws.distinct(3, 2, 23), draws.integer(7, 9)]),
        *(Size._make([*equal, 1]) for equal in ((5, alike, alike, 3), (5, 3, alike, alike), (5, alike, 3, alike))),
        Size._make([256, 1, *draws.distinct(2, 2, 23), 1]),
        Size._make([512, *draws.distinct(2, 2, 23), 1, 1]),
        *(
            Size._make([draws.integer(low, high), *draws.distinct(3, 2, 9), 1])
            for low, high in ((24, 64), (65, 127), (129, 400), (401, 1_000))
        ),
        Size._make([draws.integer(1_001, 2_000), *draws.distinct(3, 2, 9), draws.integer(1, 2)]),
        Size._make([16, *draws.distinct(2, 4, 23), draws.integer(101, 400), 1]),
        Size._make([100, draws.integer(101, 400), 8, 8, draws.integer(1, 2)]),
        Size._make([32, draws.integer(1_001, 3_200), 4, 3, 1]),
        Size._make([64, 7, draws.integer(401, 700), 3, 1]),
        Size._make([draws.integer(2, 9), *draws.distinct(2, 4, 23), draws.integer(100, 400), 1]),
    ]


def rows_of_every_kind(draws: Draws, batch: int, width: int) -> list[torch.Tensor]:
    """Rows that numbers drawn from a density never are: binary, all zeros or ones, whole numbers, some of each.

    Where a layer has no bias to speak of, a row of zeros is where its units bend.
    """
    binary = draws.uniform(batch, width).round()
    whole = (255 * draws.uniform(batch, width)).round()
    zeros, ones = torch.zeros(batch, width), torch.ones(batch, width)
    some = torch.cat([zeros[:1], binary[:1], ones[:1], draws.uniform(2, width), -binary[:1]])
    return [binary, zeros, ones, whole, some, draws.uniform(1, width).repeat(batch, 1)]


@contextlib.contextmanager
def any_way(model: Model, draws: Draws) -> Iterator[Model]:
    """The model in a mode, and with gradients or without, as it comes: what is asked must not depend on either."""
    with torch.set_grad_enabled(bool(draws.integer(0, 1))):
        yield model.train(bool(draws.integer(0, 1)))


@contextlib.contextmanager
def evaluated(model: Model, draws: Draws) -> Iterator[Model]:
    """The model in eval mode, without gradients, as large batches are usually given to it."""
    with torch.no_grad():
        yield model.eval()


def every_way(*models: Model) -> Iterator[None]:
    """The models in either mode, with gradients and without."""
    for training, gradients in itertools.product((True, False), repeat=2):
        with torch.set_grad_enabled(gradients):
            for model in models:
                model.train(training)
            yield


def while_training(model: Model) -> Iterator[Model]:
    """The model in each of these ways, before and after its weights have changed, which count from then on."""
    for _ in every_way(model):
        yield model
        for name, parameter in model.parameters.items():
            model.set(name, 0.8 * parameter.detach() + 0.02)
        yield model


def assert_trainable_after(model: Model, x: torch.Tensor, what: str) -> None:
    """The given layers of a model still take gradients after ``what`` was called, whose fault it is if they do not."""
    h = model.enc(x)
    output = model.dec(model.mu(h)).sum() + model.logvar(h).sum()
    names, parameters = zip(*model.parameters.items(), strict=True)
    found = torch.autograd.grad(output, parameters, allow_unused=True) if output.requires_grad else [None] * len(names)
    frozen = [name for name, gradient in zip(names, found, strict=True) if gradient is None]
    if frozen:
        message = f"after {what}, layers of the model take no gradients any more"
        raise CheckFailure("gradient", message, expected="a gradient for each", actual=f"none for {', '.join(frozen)}")


def batches(draws: Draws) -> tuple[int, ...]:
    """Sizes of batches: one row, a few, and over 1,000; some twice, so that a tensor may come again."""
    few = draws.integer(2, 40)
    return 1, 1, few, few, draws.integer(1_001, 1_500)


def clear_of_kinks(model: Model, part: str, rows: torch.Tensor) -> torch.Tensor:
    """Those of more rows than are needed at which no unit of ``enc`` or ``dec`` is near its kink.

    There two right ways of adding up may fall on different sides, and have different gradients.
    """
    h, clear = rows, torch.ones(len(rows), dtype=torch.bool)
    for i in itertools.count(step=2):
        if f"{part}.{i}.weight" not in model.parameters or (
            part == "dec" and f"dec.{i + 2}.weight" not in model.parameters
        ):
            return rows[clear]
        h = linear(model.parameters, f"{part}.{i}", h).detach()
        clear &= (h.abs() > 1e-4).all(1)
        h = torch.relu(h)
    raise AssertionError


def assert_left_alone(model: Model, before: Parameters, what: str) -> None:
    """Its parameters are what they were; the model is in double precision afterwards."""
    for name, parameter in model.double().parameters.items():  # the cast tells what is there now
        if not torch.equal(parameter.detach(), before[name]):
            message = f"{what} changes the parameter {name} of the model"
            raise CheckFailure("mutation", message, expected=short(before[name]), actual=short(parameter))


def begin_anew(model: Model, draws: Draws, **scales: float) -> None:
    """Give the layers of the skeleton other weights, as torch's own layers begin.

    Args:
        model: whose weights are replaced.
        draws: what the new ones are drawn from.
        scales: how many times larger than torch begins, by the first part of a layer's name; one time if not told.
    """
    for name, parameter in model.parameters.items():
        layer, _, _ = name.rpartition(".")
        part = layer.partition(".")[0]
        if part in GIVEN:
            reach = scales.get(part, 1.0) * model.parameters[f"{layer}.weight"].shape[1] ** -0.5
            model.set(name, draws.uniform(*parameter.shape, low=-reach, high=reach))


def shapes(input_dim: int, hidden_dim: int, latent_dim: int, layers: int = 1) -> dict[str, tuple[int, ...]]:
    """The shapes of all parameters that the skeleton gives to a ``VAE`` of these sizes, by name."""
    weights: dict[str, tuple[int, ...]] = {"mu": (latent_dim, hidden_dim), "logvar": (latent_dim, hidden_dim)}
    for i in range(layers):
        weights[f"enc.{2 * i}"] = (hidden_dim, hidden_dim if i else input_dim)
        weights[f"dec.{2 * i}"] = (hidden_dim, hidden_dim if i else latent_dim)
    weights[f"dec.{2 * layers}"] = (input_dim, hidden_dim)
    biases = {f"{name}.bias": shape[:1] for name, shape in weights.items()}
    return {f"{name}.weight": shape for name, shape in weights.items()} | biases


def with_given_layers(model: Any, input_dim: int, hidden_dim: int, latent_dim: int, layers: int = 1) -> Model:
    """``model``, once it is known to have the layers that the skeleton gives to a ``VAE`` of these sizes."""
    if not isinstance(model, Model):
        raise CheckFailure("structure", "VAE is not a torch module", expected="an nn.Module", actual=short(model))
    wanted = shapes(input_dim, hidden_dim, latent_dim, layers)
    for name in model.parameters:
        if name.partition(".")[0] in GIVEN and name not in wanted:
            message = f"the skeleton gives the model no {name}: leave VAE.__init__ as it is"
            raise CheckFailure("structure", message, expected=", ".join(wanted), actual=name)
    for name, shape in wanted.items():
        parameter = model.parameters.get(name, torch.empty(0))
        if tuple(parameter.shape) != shape:
            message = f"the parameter {name} is not as the skeleton gives it: leave VAE.__init__ as it is"
            raise CheckFailure("structure", message, expected=f"shape {shape}", actual=short(parameter))
    assert_single_precision(model)
    return model


def assert_single_precision(model: Model) -> None:
    """Every parameter is of float32, as the skeleton's layers are."""
    for name, parameter in model.parameters.items():
        if parameter.dtype != torch.float32:
            message = f"the parameter {name} is not of float32: leave the given layers as they are"
            raise CheckFailure("dtype", message, expected="float32", actual=short(parameter))


def linear(parameters: Parameters, name: str, x: torch.Tensor) -> torch.Tensor:
    """The layer ``name``, ``x W^T + b``."""
    return F.linear(x, parameters[f"{name}.weight"], parameters[f"{name}.bias"])


def encode(parameters: Parameters, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``(mu, logvar)``: Linear and ReLU in turn, then two heads on the same features."""
    h = x
    for i in itertools.count(step=2):
        if f"enc.{i}.weight" not in parameters:
            return linear(parameters, "mu", h), linear(parameters, "logvar", h)
        h = torch.relu(linear(parameters, f"enc.{i}", h))
    raise AssertionError


def decode(parameters: Parameters, z: torch.Tensor) -> torch.Tensor:
    """The logits: Linear and ReLU in turn, and nothing after the last Linear."""
    h = linear(parameters, "dec.0", z)
    for i in itertools.count(2, step=2):
        if f"dec.{i}.weight" not in parameters:
            return h
        h = linear(parameters, f"dec.{i}", torch.relu(h))
    raise AssertionError


def spread_output(model: Model, reach: float) -> None:
    """Biases of the decoder's last layer from ``-reach`` to ``reach``: a clamp or an activation would show."""
    name = [name for name in model.parameters if name.startswith("dec.") and name.endswith(".bias")][-1]
    bias = model.parameters[name]
    model.set(name, torch.linspace(-reach, reach, bias.numel(), dtype=bias.dtype))


def spread_heads(model: Model, reach: float, means: float | None = None) -> None:
    """Biases of both heads from ``-reach`` to ``reach``, in opposite orders: a clamp or an activation would show.

    Args:
        model: whose heads they are.
        reach: of the log-variances, and of the means.
        means: the reach of the means, if that is another one.
    """
    latent, means = model.parameters["mu.bias"].numel(), reach if means is None else means
    dtype = model.parameters["mu.bias"].dtype
    model.set("mu.bias", torch.linspace(-means, means, latent, dtype=dtype))
    model.set("logvar.bias", torch.linspace(reach, -reach, latent, dtype=dtype))


def assert_gradients_are_on(submission: Submission) -> None:
    """Who imports the file can train: it does not turn gradients off for everybody."""
    if "grad mode" in submission.left_by_import:
        message = "the file turns gradients off where it is imported, so that nobody who uses it can train"
        raise CheckFailure("gradient", message, expected="torch.is_grad_enabled()", actual="turned off")


def assert_works_as_module(model: Model) -> None:
    """What a training loop calls of ``torch.nn.Module`` does in this model what it does there."""
    if broken := model.broken_as_module():
        message = f"{broken[0]}() of the model does not do what that of torch.nn.Module does, as training needs it"
        raise CheckFailure("structure", message, expected="torch's own methods", actual=", ".join(broken))

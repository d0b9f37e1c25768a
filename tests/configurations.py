"""What ``build_model`` must give: the layers that the skeleton gives to a ``VAE``, and what the configuration says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import networks
import torch

from grading.checks import (
    CheckFailure,
    Draws,
    Model,
    StudentError,
    Submission,
    assert_close,
    assert_unchanged,
    gradient,
    same,
    short,
)
from grading.checks.compare import TOLERANCES
from grading.results import Kind

DEFAULTS = {
    "input_dim": 784,
    "hidden_dim": 400,
    "num_hidden_layers": 1,
    "latent_dim": 20,
    "recon_loss": "bernoulli",
    "beta": 1.0,
}


def built(submission: Submission, fields: Mapping[str, Any]) -> Model:
    """``build_model`` of the configuration with these fields, once it is known to be a model."""
    model = submission.build_model(submission.record("VAEConfig", **fields))
    if not isinstance(model, Model):
        raise CheckFailure("structure", "build_model returns no model", expected="a VAE", actual=short(model))
    assert_unchanged(submission, "build_model", draws=True)
    return model


def assert_built_as(submission: Submission, fields: Mapping[str, Any], aspects: Sequence[str]) -> None:
    """``build_model`` gives the ``VAE`` of this configuration, in these aspects: "parameters", "recon_loss", "beta".

    What it has to be is written down here, so that a changed ``VAE.__init__`` is no measure.
    """
    model = built(submission, fields)
    if "VAE" not in (model.class_name, *model.bases):
        message = "build_model returns something else than a VAE"
        raise CheckFailure("structure", message, expected="a VAE", actual=short(model))
    values = DEFAULTS | dict(fields)
    if "parameters" in aspects:
        assert_given_layers(model, values)
    for name in aspects:
        if name != "parameters" and model.attributes.get(name) != values[name]:
            wanted, actual = short(values[name]), short(model.attributes.get(name))
            raise CheckFailure("value", f"model.{name} is not that of cfg.{name}", expected=wanted, actual=actual)


def assert_given_defaults(submission: Submission) -> None:
    """A ``VAE`` of which only the sizes are said has one hidden layer a side, the Bernoulli likelihood and beta 1."""
    sizes = {"input_dim": 7, "hidden_dim": 5, "latent_dim": 3}
    model = submission.VAE(*sizes.values())
    if not isinstance(model, Model):
        raise CheckFailure("structure", "VAE is not a torch module", expected="an nn.Module", actual=short(model))
    values = DEFAULTS | sizes
    assert_given_layers(model, values)
    for name in ("recon_loss", "beta"):
        if model.attributes.get(name) != values[name]:
            wanted, actual = short(values[name]), short(model.attributes.get(name))
            message = f"VAE(input_dim, hidden_dim, latent_dim) has another {name} than the skeleton gives it"
            raise CheckFailure("value", message, expected=wanted, actual=actual)


def assert_given_layers(model: Model, values: Mapping[str, Any]) -> None:
    """The parameters are those of the given layers in these sizes, in float32, and no others."""
    sizes = [values[name] for name in ("input_dim", "hidden_dim", "latent_dim", "num_hidden_layers")]
    wanted = networks.shapes(*sizes)
    own = {name: tuple(parameter.shape) for name, parameter in model.parameters.items()}
    for name in sorted(own.keys() | wanted.keys()):
        if own.get(name) != wanted.get(name):
            there, here = wanted.get(name, "no such parameter"), own.get(name, "no such parameter")
            message = f"the parameter {name} is not that of a VAE of this configuration"
            raise CheckFailure("shape", message, expected=str(there), actual=str(here))
    networks.assert_single_precision(model)


def assert_begun_as_layers_are(model: Model) -> None:
    """The size of all parameters together is about that with which torch begins; any one part may begin with zeros.

    torch's own have a root mean square of about ``0.58 / sqrt(inputs)`` in each layer. A hundredfold in a layer is let
    pass, and a hundredth in all of them, as other ways to begin are within; one layer may begin as near to zeros as one
    likes. Biases up to 10, as some begin with a variance that they like.
    """
    for name, parameter in model.parameters.items():
        largest = float(parameter.detach().abs().max())
        if parameter.dim() == 1 and not largest <= 10:
            message = f"{name} of a new model is far from the size with which layers begin"
            raise CheckFailure("value", message, expected="at most 10", actual=f"{largest:.3g}")
        if parameter.dim() != 2:
            continue
        size = float(parameter.detach().double().square().mean().sqrt()) * math.sqrt(max(1, parameter.shape[-1]))
        if not size < 0.58 * 100:
            message = f"{name} of a new model is far from the size with which layers begin"
            raise CheckFailure("value", message, expected="about 0.58 / sqrt(inputs)", actual=f"{size:.3g} of that")
    size = begun(model) * 0.58
    if not 0.58 / 100 < size < 0.58 * 100:
        message = "the parameters of a new model are far from the size with which layers begin"
        raise CheckFailure(
            "value", message, expected="about 0.58 / sqrt(inputs) on average", actual=f"{size:.3g} of that"
        )


def begun(model: Model) -> float:
    """The size of the weights of a model, all matrices together, as times that with which torch begins."""
    squares = [parameter.detach().double().square().mean() * parameter[0].numel() for parameter in weights(model)]
    return float(torch.stack(squares).mean().sqrt()) / 0.58


def weights(model: Model) -> list[torch.Tensor]:
    """The weights among its parameters, one row a unit."""
    return [parameter for parameter in model.parameters.values() if parameter.dim() >= 2]


def assert_given_network(model: Model, x: torch.Tensor, z: torch.Tensor) -> None:
    """The given layers compute what they do in the skeleton, as they show by themselves, for large numbers too."""
    for gradients, size in itertools.product((True, False), (1.0, 100.0)):
        images, codes, atol = size * x, size * z, size * TOLERANCES[x.dtype][1]
        with torch.set_grad_enabled(gradients):
            h = model.enc(images)
            heads = networks.encode(model.parameters, images)
            for name, head, expected in zip(("mu", "logvar"), (model.mu(h), model.logvar(h)), heads, strict=True):
                what = f"the layer {name} of a new model on the output of its layers enc"
                assert_close(head, expected, what, atol=atol)
            decoded = networks.decode(model.parameters, codes)
            assert_close(model.dec(codes), decoded, "the layers dec of a new model", atol=atol)


AGAIN = 6
"""So often a method is asked once more to see whether it repeats itself."""


def answers(models: Sequence[Model], x: torch.Tensor, z: torch.Tensor, seed: int) -> list[list[Any]]:
    """What each method gives in both modes, with gradients and without, or what exception it ends with.

    The models are asked the same one after the other, so that the arguments arrive in the same way.
    """
    found: list[list[Any]] = []
    for mode, gradients in itertools.product((True, False), repeat=2):
        with torch.set_grad_enabled(gradients):
            seeded = [model.train(mode).seeded(seed) for model in models]
            found.append([_outcome(partial(model.encode, x)) for model in seeded])
            found.append([_outcome(partial(model.reparameterize, z, z)) for model in seeded])
            found.append([_outcome(partial(model.decode, z)) for model in seeded])
            found.append([_outcome(partial(model, x)) for model in seeded])
    return found


def _outcome(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except StudentError as fault:
        return fault.type_name


def assert_methods_of_its_class(submission: Submission, fields: Mapping[str, Any], draws: Draws) -> None:
    """Each method of the model does what it does in a ``VAE`` that was made directly, in a process of its own.

    Right or wrong, random or not: both are asked the same in the same order, from the same random state. A method that
    does not repeat itself even so (NumPy's numbers) cannot be compared; its own checks have to find it wrong.
    """
    values: dict[str, Any] = DEFAULTS | dict(fields)
    sizes = [values[name] for name in ("input_dim", "hidden_dim", "latent_dim")]
    options = {name: values[name] for name in ("num_hidden_layers", "recon_loss", "beta")}
    model, direct = built(submission, fields), submission.alone().VAE(*sizes, **options)
    if not isinstance(direct, Model):
        raise CheckFailure("structure", "VAE is not a torch module", expected="an nn.Module", actual=short(direct))
    for name, parameter in model.parameters.items():
        direct.set(name, parameter.detach())
    batch, seed = (1, 5, draws.integer(2, 400), draws.integer(401, 1_500))[draws.integer(0, 3)], draws.seed()
    x, z = draws.uniform(batch, int(values["input_dim"])), draws.normal(batch, int(values["latent_dim"]))
    parts = ("encode", "reparameterize", "decode")
    wrong = [(*pair, i) for i, pair in enumerate(answers([model, direct], x, z, seed)) if not _alike(*pair)]
    # What is drawn may be the same by chance, as which of a few features are left out, but not so many times.
    again = [[pair[1] for pair in answers([model, direct], x, z, seed)] for _ in range(AGAIN if wrong else 0)]
    for own, plain, i in wrong:
        asked = (*parts, "forward")[i % 4]
        if all(_alike(plain, others[i]) for others in again):
            message = f"{asked} of a model of build_model is not that of the class VAE"
            raise CheckFailure("value", message, expected=short(plain), actual=short(own))
        submission.rely_on(asked, *(parts if asked == "forward" else ()))


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_alike, one, other))
    # Rows with gaps between them may be added up in another order, whatever the dtype is that comes of it.
    alike = same(one, other, rtol=1e-4, atol=1e-5)
    return alike or (short(one) == short(other) and not isinstance(one, torch.Tensor))


def assert_trainable(model: Model, x: torch.Tensor) -> None:
    """Every parameter takes its gradient, as the given layers alone show: nothing that a student writes is called.

    A small and a large one, which is not the same where something is cut off on the way.
    """
    for scale in (1.0, 1e4):
        h = model.enc(x)
        mu, logvar = model.mu(h), model.logvar(h)
        true_mu, true_logvar = networks.encode(model.parameters, x)
        for output, true, layers in (
            (mu, true_mu, ("enc", "mu")),
            (logvar, true_logvar, ("enc", "logvar")),
            (model.dec(mu), networks.decode(model.parameters, true_mu), ("enc", "mu", "dec")),
        ):
            for name, parameter in model.parameters.items():
                if name.partition(".")[0] in layers:
                    what = f"the gradient for the parameter {name} of a new model"
                    (wanted,) = torch.autograd.grad(scale * true.sum(), parameter, retain_graph=True)
                    assert_close(
                        gradient(scale * output, parameter, what),
                        wanted,
                        what,
                        rtol=1e-3,
                        atol=1e-3 * float(wanted.abs().max()) + 1e-6,
                        kind=Kind.GRADIENT,
                    )


def assert_random(one: Model, other: Model) -> None:
    """The weights of two new models are numbers of their own; heads and the output layer may begin with zeros."""
    decoder = [name for name in one.parameters if name.startswith("dec.") and "weight" in name]
    last = {"mu.weight", "logvar.weight", *decoder[1:][-1:]}
    for name in sorted({"enc.0.weight", "dec.0.weight"} | {name for name in one.parameters if "weight" in name}):
        mine, theirs = (model.parameters.get(name, torch.empty(0)) for model in (one, other))
        alike = torch.equal(mine, theirs)
        if alike and name in last and not mine.any():
            continue
        if alike:
            message, actual = f"two models have the same {name}", "the same numbers"
            raise CheckFailure("value", message, expected="fresh parameters at each call", actual=actual)
        assert_units_differ(name, mine)
        assert_units_differ(name, mine.T)


def assert_units_differ(name: str, weights: torch.Tensor) -> None:
    """No two units of a layer begin with the same weights, and learn the same then; but all may begin with zeros."""
    rows = {tuple(row) for row in weights.detach().flatten(1).tolist()}
    if len(rows) < len(weights) and bool(weights.any()):
        message = f"units of a new model begin alike, in {name}"
        actual = f"{len(rows)} different ones of {len(weights)}"
        raise CheckFailure("value", message, expected="random numbers", actual=actual)


def assert_nothing_shared(first: Model, second: Model, x: torch.Tensor) -> None:
    """To change every parameter of the first model changes none of the second, and no other one of the first."""
    before = {name: parameter.detach().double() for name, parameter in second.parameters.items()}
    for i, (name, parameter) in enumerate(first.parameters.items()):
        first.set(name, parameter.detach() + 1 + i)
    changed = {name: parameter.detach().double() for name, parameter in first.parameters.items()}
    first.enc(x)  # the changes go over with the next call
    for model, wanted, what in ((second, before, "two models share"), (first, changed, "two layers of a model share")):
        for name, parameter in model.double().parameters.items():  # and the cast tells what is there now
            if not torch.equal(parameter.detach(), wanted[name]):
                message = f"{what} the parameter {name}"
                actual = "shared ones"
                raise CheckFailure("value", message, expected="parameters of its own at each call", actual=actual)

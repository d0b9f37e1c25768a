"""What ``build_model`` must give: the layers that the skeleton gives to a ``VAE``, and what the configuration says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import networks
import torch

from grading.checks import CheckFailure, Model, Submission, assert_close, gradient, short

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
    return model


def assert_built_as(submission: Submission, fields: Mapping[str, Any], aspects: Sequence[str]) -> None:
    """``build_model`` gives the ``VAE`` of this configuration, in these aspects: "parameters", "recon_loss", "beta".

    What it has to be is written down here, so that a changed ``VAE.__init__`` is no measure.
    """
    model = built(submission, fields)
    if model.class_name != "VAE":
        message = "build_model returns something else than a VAE"
        raise CheckFailure("structure", message, expected="a VAE", actual=short(model))
    values = DEFAULTS | dict(fields)
    if "parameters" in aspects:
        assert_given_layers(model, values)
    for name in aspects:
        if name != "parameters" and model.attributes.get(name) != values[name]:
            wanted, actual = short(values[name]), short(model.attributes.get(name))
            raise CheckFailure("value", f"model.{name} is not that of cfg.{name}", expected=wanted, actual=actual)


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


def assert_given_network(model: Model, x: torch.Tensor, z: torch.Tensor) -> None:
    """The given layers compute what they do in the skeleton, as they show by themselves."""
    h = model.enc(x)
    heads = networks.encode(model.parameters, x)
    for name, head, expected in zip(("mu", "logvar"), (model.mu(h), model.logvar(h)), heads, strict=True):
        assert_close(head, expected, f"the layer {name} of a new model on the output of its layers enc")
    assert_close(model.dec(z), networks.decode(model.parameters, z), "the layers dec of a new model")


def assert_trainable(model: Model, x: torch.Tensor) -> None:
    """Every parameter takes a gradient, as the given layers alone show: nothing that a student writes is called."""
    h = model.enc(x)
    mu, logvar = model.mu(h), model.logvar(h)
    for output, parts in ((mu, ("enc", "mu")), (logvar, ("logvar",)), (model.dec(mu), ("dec",))):
        for name, parameter in model.parameters.items():
            if name.partition(".")[0] in parts:
                gradient(output, parameter, f"the gradient for the parameter {name} of a new model")


def assert_nothing_shared(first: Model, second: Model, x: torch.Tensor) -> None:
    """To change every parameter of the first model changes none of the second."""
    before = {name: parameter.detach().double() for name, parameter in second.parameters.items()}
    for name, parameter in first.parameters.items():
        first.set(name, parameter.detach() + 1)
    first.enc(x)  # the changes go over with the next call
    for name, parameter in second.double().parameters.items():  # and the cast tells what is there now
        if not torch.equal(parameter.detach(), before[name]):
            message = f"two models share the parameter {name}"
            raise CheckFailure("value", message, expected="parameters of its own at each call", actual="shared ones")

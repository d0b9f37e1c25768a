"""What ``build_model`` must give, held against the submission's own ``VAE`` with the same arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grading.boundary.errors import SubmissionFault
from grading.checks import CheckFailure, Model, Submission, short

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


def direct(submission: Submission, fields: Mapping[str, Any]) -> Model:
    """The submission's own ``VAE``, called with the same values (defaults for those that are not named).

    Raises:
        CheckFailure: the given class was changed so that this does not work.
    """
    values = DEFAULTS | dict(fields)
    sizes = [values.pop(name) for name in ("input_dim", "hidden_dim", "latent_dim")]
    message = "VAE cannot be built as the skeleton does it: leave VAE.__init__ as it is"
    try:
        model = submission.VAE(*sizes, **values)
    except SubmissionFault as fault:
        raise CheckFailure("structure", message, expected="a VAE", actual=str(fault)) from fault
    if not isinstance(model, Model):
        raise CheckFailure("structure", message, expected="a VAE", actual=short(model))
    return model


def assert_built_as(submission: Submission, fields: Mapping[str, Any], aspects: Sequence[str]) -> None:
    """``build_model`` gives what ``VAE`` gives, in these aspects: "parameters", "recon_loss", "beta"."""
    model = built(submission, fields)
    expected = direct(submission, fields)
    if model.class_name != expected.class_name:
        message = "build_model returns something else than a VAE"
        raise CheckFailure("structure", message, expected=expected.class_name, actual=model.class_name)
    if "parameters" in aspects:
        assert_same_layers(model, expected)
    for name in aspects:
        if name != "parameters" and model.attributes.get(name) != expected.attributes.get(name):
            wanted, actual = short(expected.attributes.get(name)), short(model.attributes.get(name))
            raise CheckFailure("value", f"model.{name} is not that of cfg.{name}", expected=wanted, actual=actual)


def assert_same_layers(model: Model, expected: Model) -> None:
    """Both have parameters of the same names and shapes."""
    own = {name: tuple(parameter.shape) for name, parameter in model.parameters.items()}
    wanted = {name: tuple(parameter.shape) for name, parameter in expected.parameters.items()}
    for name in sorted(own.keys() | wanted.keys()):
        if own.get(name) != wanted.get(name):
            there, here = wanted.get(name, "no such parameter"), own.get(name, "no such parameter")
            message = f"the parameter {name} is not that of a VAE of this configuration"
            raise CheckFailure("shape", message, expected=str(there), actual=str(here))

"""Trains a submission's own code for a short fixed budget, and judges the parameters that come of it.

Sick implementations report good losses, so nothing that the submission says of itself counts: the optimizer is this
side's, and every number below is computed from the parameters alone, by the network of ``networks``. At steps that
nobody knows beforehand the loss and its gradients have to be those of the ELBO of this network: parameters can be led
without any ELBO to where they were found before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import digits
import elbo
import networks
import points
import torch
import torch.nn.functional as F
from noise import assert_independent_draws, standardized

from grading.checks import (
    Blocked,
    CheckFailure,
    Draws,
    Model,
    StudentError,
    Submission,
    assert_close,
    assert_finite,
    assert_tensor,
    short,
    unpack,
)

HIDDEN, LATENT = 128, 8
STEPS, BATCH, LEARNING_RATE = 70, 128, 7e-3
SCALES = {"enc": 2.0, "dec": 2.0}
SAMPLES = 20
AUDITED_STEPS = 30

# Measured on 100 splits, pixel orders and starts of a right implementation, as mean ± standard deviation (worst):
#   gain 1.50 ± 0.16 (1.14) nats, energy distance 0.307 ± 0.035 (0.418), active units 7.99 ± 0.10 (7) of 8.
# The limits are 6.9, 8.3 and 40 standard deviations away: a right implementation fails by chance less often than once
# in 10^11 times if the tails are no heavier than normal. A collapsed posterior (averaged reconstruction, KL summed over
# the batch, z cut off from the gradient) ended at a gain of -0.16 at best, a distance of 0.96 and 0 active units.
LEAST_GAIN = 0.4
MOST_DISTANCE = 0.6
LEAST_ACTIVE_UNITS = 4


@dataclass(frozen=True)
class Trained:
    """Parameters after training, the digits that they were trained on, and those that were held out."""

    parameters: networks.Parameters
    training: torch.Tensor
    held_out: torch.Tensor

    def gain(self, draws: Draws) -> float:
        """The held-out ELBO above that of a model without a code, in nats per example.

        The ELBO is estimated with 20 samples of ``z`` for each digit. A model without a code can do no better than to
        give every pixel its mean over the training digits, and this is where a collapsed posterior ends.
        """
        x = self.held_out
        mu, logvar = networks.encode(self.parameters, x)
        kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(1).mean()
        z = mu + torch.exp(logvar / 2) * draws.normal(SAMPLES, *mu.shape)
        elbo = _log_likelihood(networks.decode(self.parameters, z), x) - kl
        without_code = _mean_logits(self.training).expand_as(x)
        return float(elbo - _log_likelihood(without_code, x))

    def active_units(self) -> int:
        """Latent units whose posterior mean varies over the data, by more than 0.01 (Burda et al. 2015, section 5)."""
        mu, _ = networks.encode(self.parameters, self.held_out)
        return int((mu.var(0) > 0.01).sum())

    def distance_of_prior_samples(self, draws: Draws) -> float:
        """The energy distance between decoded samples of the prior and held-out digits (Szekely & Rizzo 2013).

        ``2 E|X - Y| - E|X - X'| - E|Y - Y'|``, zero only if both have the same distribution; 1.3 for the mean image.
        """
        x = torch.sigmoid(networks.decode(self.parameters, draws.normal(1_000, LATENT)))
        y = self.held_out
        return float(2 * torch.cdist(x, y).mean() - _mean_distance(x) - _mean_distance(y))


def _mean_logits(x: torch.Tensor) -> torch.Tensor:
    """The logits of the mean image."""
    return torch.logit(x.mean(0), eps=1e-3)


def _log_likelihood(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(-1).mean()


def _mean_distance(x: torch.Tensor) -> torch.Tensor:
    return torch.cdist(x, x).sum() / (len(x) * (len(x) - 1))


class Adam:
    """Algorithm 1 of Kingma & Ba 2015 with its usual constants; to import torch's own takes longer than to train."""

    def __init__(self, parameters: Iterable[torch.Tensor], learning_rate: float) -> None:
        self._parameters, self._rate, self._step = list(parameters), learning_rate, 0
        self._moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self._parameters]

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter that has a gradient, and take the gradient away."""
        self._step += 1
        first, second = 0.9, 0.999
        for parameter, (mean, square) in zip(self._parameters, self._moments, strict=True):
            if parameter.grad is None:
                continue
            mean.lerp_(parameter.grad, 1 - first)
            square.mul_(second).addcmul_(parameter.grad, parameter.grad, value=1 - second)
            scale = (square / (1 - second**self._step)).sqrt_().add_(1e-8)
            parameter.addcdiv_(mean, scale, value=-self._rate / (1 - first**self._step))
            parameter.grad = None


def train(submission: Submission, draws: Draws) -> Trained:
    """``build_model``, then 70 steps of Adam on ``vae_loss`` of the model's output, Bernoulli likelihood, beta 1."""
    networks.assert_gradients_are_on(submission)
    training, held_out = digits.split(draws)
    config = {"input_dim": digits.PIXELS, "hidden_dim": HIDDEN, "latent_dim": LATENT}
    model = submission.build_model(submission.record("VAEConfig", **config))
    networks.with_given_layers(model, digits.PIXELS, HIDDEN, LATENT)
    # From the weights of a model's own, a few dozen steps would not lead far; nor should what it brings along help it.
    networks.begin_anew(model, draws, **SCALES)
    model.set("dec.2.bias", _mean_logits(training))
    optimizer = Adam(model.parameters.values(), LEARNING_RATE)
    audited, noise = set(draws.permutation(STEPS)[:AUDITED_STEPS].tolist()), []
    for step in range(STEPS):
        x = training[draws.permutation(len(training))[:BATCH]]
        logits, mu, logvar, z = unpack(model(x), ("logits", "mu", "logvar", "z"), "forward")
        output = submission.record("VAEOutput", logits=logits, mu=mu, logvar=logvar, z=z)
        loss, _, _ = unpack(submission.vae_loss(output, x), ("loss", "recon", "kl"), "vae_loss")
        if not isinstance(loss, torch.Tensor) or loss.dim() != 0 or not loss.requires_grad:
            message = "the loss of vae_loss cannot be differentiated"
            raise CheckFailure("structure", message, expected="a scalar with a gradient", actual=short(loss))
        try:
            loss.backward()
        except StudentError:
            blame_what_cannot_be_differentiated(submission, model, points.Point(x, logits, mu, logvar), z)
            raise
        if step in audited:
            noise.append(assert_loss_is_elbo(loss, model.parameters, x, z).T)
        optimizer.step()
    assert_independent_draws(torch.cat(noise), "the noise in training", row="code unit", column="place of a batch")
    parameters = {name: parameter.detach() for name, parameter in model.parameters.items()}
    for name, parameter in parameters.items():
        assert_finite(parameter, f"{name} after training")
    return Trained(parameters, training, held_out)


def blame_what_cannot_be_differentiated(
    submission: Submission, model: Model, point: points.Point, z: torch.Tensor
) -> None:
    """Find the part of which a backward pass fails where it is asked alone, with what it was given in training.

    Raises:
        Blocked: the first one.
    """
    x, _, mu, logvar = point = points.Point(*(tensor.detach() for tensor in point))
    elbo.Case(submission, point).require_gradients()
    twin = model.alone()
    for item, arguments in (("encode", (x,)), ("reparameterize", (mu, logvar)), ("decode", (z.detach(),))):
        leaves = [argument.clone().requires_grad_() for argument in arguments]
        try:
            result = getattr(twin, item)(*leaves)
            for output in result if isinstance(result, (tuple, list)) else [result]:
                if isinstance(output, torch.Tensor) and output.requires_grad:
                    torch.autograd.grad(output.sum(), leaves, retain_graph=True, allow_unused=True)
        except StudentError as fault:
            raise Blocked(item, f"its gradients cannot be computed: {fault}") from fault


def assert_loss_is_elbo(
    loss: torch.Tensor, parameters: networks.Parameters, x: torch.Tensor, z: torch.Tensor
) -> torch.Tensor:
    """``loss``, and the gradients that it left, are those of the negative ELBO that this network has with this ``z``.

    A gradient may be off by 5 % of its length, since a unit near its kink may fall on the other side by rounding.

    Args:
        loss: what the submission returned, differentiated already.
        parameters: those of the network, with their gradients.
        x: the batch.
        z: the codes that the submission decoded.

    Returns:
        The noise ``(z - mu) / sigma`` in float64.
    """
    mu, logvar = networks.encode(parameters, x)
    noise = standardized(assert_tensor(z, mu.shape, None, "z"), mu, logvar)
    codes = mu + torch.exp(logvar / 2) * noise.to(mu.dtype)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(1).mean()
    expected = kl - _log_likelihood(networks.decode(parameters, codes), x)
    what = "the loss in training, held against the ELBO of the network,"
    assert_close(loss.detach().to(expected.dtype), expected.detach(), what, rtol=1e-4)
    gradients = torch.autograd.grad(expected, list(parameters.values()), allow_unused=True)
    for (name, parameter), found in zip(parameters.items(), gradients, strict=True):
        own, gradient = (torch.zeros_like(parameter) if g is None else g for g in (parameter.grad, found))
        if not (own - gradient).norm() <= 0.05 * gradient.norm() + 1e-5:
            message = f"the gradient in training for {name} is not that of the ELBO of the network"
            raise CheckFailure("gradient", message, expected=short(gradient), actual=short(own))
    return noise


def assert_gain(trained: Trained, draws: Draws) -> None:
    """The held-out ELBO is well above that of a model without a code."""
    gain = trained.gain(draws)
    if not gain > LEAST_GAIN:
        message = "the held-out ELBO after training is hardly better than without a code"
        raise CheckFailure("value", message, expected=f"more than {LEAST_GAIN} nats better", actual=f"{gain:.3g} nats")


def assert_samples_look_like_digits(trained: Trained, draws: Draws) -> None:
    """Decoded samples of the prior are distributed nearly as held-out digits are."""
    distance = trained.distance_of_prior_samples(draws)
    if not distance < MOST_DISTANCE:
        message = "samples from the prior do not look like digits: their energy distance to held-out ones is too large"
        raise CheckFailure("value", message, expected=f"below {MOST_DISTANCE}", actual=f"{distance:.3g}")


def assert_active(trained: Trained) -> None:
    """The posterior has not collapsed onto the prior: some latent units carry information."""
    active = trained.active_units()
    if active < LEAST_ACTIVE_UNITS:
        message = "the posterior has collapsed: too few latent units depend on the data"
        raise CheckFailure("value", message, expected=f"{LEAST_ACTIVE_UNITS} of {LATENT} or more", actual=str(active))

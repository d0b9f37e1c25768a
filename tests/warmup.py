"""The warm-up VAE, whose layers have the names that its author chose: everything is judged by what it does."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch

from grading.checks import CheckFailure, Draws, Model, Submission, assert_close, assert_tensor, same, short, unpack


def build(submission: Submission, input_dim: int, hidden_dim: int, latent_dim: int) -> Model:
    """The submission's ``VAE`` of these sizes, once it is known to be a torch module with parameters."""
    model = submission.VAE(input_dim, hidden_dim, latent_dim)
    if isinstance(model, Model) and model.lazy:  # layers that get their sizes from what they are first given
        model.encode(torch.zeros(2, input_dim))
        model.decode(torch.zeros(2, latent_dim))
        model.float()
    if not isinstance(model, Model) or not model.parameters:
        message = "VAE is not a torch module with layers of its own"
        raise CheckFailure("structure", message, expected="an nn.Module with parameters", actual=short(model))
    return model


def randomize(model: Model, draws: Draws, gain: float) -> Model:
    """Give every layer random weights and biases of this size, so that nothing depends on how it was initialized."""
    for name, parameter in model.parameters.items():
        std = gain
        if is_weight(parameter):
            inputs = parameter.shape[-1] if parameter.dim() == 2 else parameter[0].numel()  # of a convolution
            std = gain / math.sqrt(inputs)
        model.set(name, draws.normal(*parameter.shape, std=std, dtype=parameter.dtype))
    return model


def in_both_precisions(submission: Submission, draws: Draws) -> tuple[Model, Model]:
    """Two models with the same random weights, of which the second computes in double precision."""
    single, double = randomize(build(submission, 11, 13, 3), draws, gain=1.0), build(submission, 11, 13, 3).double()
    for name, parameter in single.parameters.items():
        double.set(name, parameter.detach().double())
    return single, double


def is_weight(parameter: torch.Tensor) -> bool:
    """Whether it is a matrix, and not a bias, which may have the shape of a row."""
    return parameter.numel() > max(parameter.shape, default=1)


def encode(model: Model, x: torch.Tensor, latent_dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``encode(x)``, once it is known to be two tensors of the right shape."""
    mu, logvar = unpack(model.encode(x), ("mu", "logvar"), "encode")
    shape = (x.shape[0], latent_dim)
    return assert_tensor(mu, shape, x.dtype, "mu"), assert_tensor(logvar, shape, x.dtype, "logvar")


def reparameterize(model: Model, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """``reparameterize(mu, logvar)``, once it is known to be a tensor of the right shape."""
    return assert_tensor(model.reparameterize(mu, logvar), mu.shape, mu.dtype, "z")


def decode(model: Model, z: torch.Tensor, input_dim: int) -> torch.Tensor:
    """``decode(z)``, once it is known to be a tensor of the right shape."""
    return assert_tensor(model.decode(z), (z.shape[0], input_dim), z.dtype, "decode(z)")


def forward(model: Model, x: torch.Tensor, latent_dim: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``model(x)``, once it is known to be three tensors of the right shapes."""
    recon_x, mu, logvar = unpack(model(x), ("recon_x", "mu", "logvar"), "forward")
    shape = (x.shape[0], latent_dim)
    assert_tensor(recon_x, x.shape, x.dtype, "recon_x")
    return recon_x, assert_tensor(mu, shape, x.dtype, "mu"), assert_tensor(logvar, shape, x.dtype, "logvar")


@contextlib.contextmanager
def about_forward() -> Iterator[None]:
    """What fails inside is put down to ``forward``, whatever was called last."""
    try:
        yield
    except CheckFailure as failure:
        failure.of = "__call__"
        raise


def assert_heads_read_features(mu: torch.Tensor, logvar: torch.Tensor) -> None:
    """The two heads are no functions of fewer numbers than they have outputs: 13 features are enough for 3 and 3.

    Args:
        mu, logvar: of many rows, for random weights, shapes ``(B, 3)`` in double precision.
    """
    both = torch.cat([mu, logvar], dim=1).detach()
    sizes = torch.linalg.svdvals(both - both.mean(0))
    if not sizes[-1] > 1e-9 * sizes[0]:
        message = "mu and logvar follow from fewer numbers than they are: both heads read the hidden layer"
        actual = f"{int((sizes > 1e-9 * sizes[0]).sum())} independent ones"
        raise CheckFailure("value", message, expected=f"{both.shape[1]} independent numbers", actual=actual)


def assert_separate(encoder: set[str], decoder: set[str], model: Model) -> None:
    """Encoder and decoder have weights of their own."""
    shared = sorted(name for name in encoder & decoder if is_weight(model.parameters[name]))
    if shared:
        message = "encoder and decoder share weights: each has layers of its own"
        raise CheckFailure("structure", message, expected="none in common", actual=", ".join(shared))


def assert_begun_anew(one: Model, other: Model) -> None:
    """Two new models have not the same weights: then each one has random numbers of its own."""
    weights = {name: parameter for name, parameter in one.parameters.items() if is_weight(parameter)}
    alike = [name for name, weight in weights.items() if same(weight, other.parameters[name], rtol=0, atol=0)]
    if len(alike) == len(weights):
        message = "two new models begin with the same weights"
        raise CheckFailure("value", message, expected="random numbers of its own", actual=", ".join(alike)[:200])


def assert_not_affine(a: torch.Tensor, b: torch.Tensor, both: torch.Tensor, zero: torch.Tensor, what: str) -> None:
    """``f(a) + f(b) - f(a + b) - f(0)``, which is zero for every affine ``f``, is not."""
    gap = (a + b - both - zero).abs().max().item()
    if not math.isfinite(gap):
        message = f"{what} is infinite or no number at some places"
        raise CheckFailure("value", message, expected="finite numbers", actual=short(both))
    if not gap > 1e-3 * both.abs().max().item():
        message = f"{what} is only a linear map: its hidden layer lacks a nonlinearity, or gets very small numbers"
        raise CheckFailure("value", message, expected="f(a) + f(b) - f(a + b) - f(0) != 0", actual=f"{gap:.3g}")


def assert_has_width(names: set[str], model: Model, width: int, what: str) -> None:
    """One of the named parameters has a side of this length."""
    shapes = [tuple(model.parameters[name].shape) for name in sorted(names)]
    if not any(width in shape for shape in shapes):
        message = f"the {what} has no layer of hidden_dim units"
        raise CheckFailure("structure", message, expected=f"a layer of width {width}", actual=str(shapes)[:200])


def assert_no_shortcut(submission: Submission) -> None:
    """No layer leads past the hidden ones: from the data to the code, or back.

    The sizes are no simple multiples of each other, as those of a further hidden layer may be of ``hidden_dim``.
    """
    inputs, hidden, latent = 31, 101, 7
    model = build(submission, inputs, hidden, latent)
    for name, parameter in model.parameters.items():
        if sorted(parameter.shape) == [latent, inputs]:
            message = f"the weights {name} lead past the hidden layer"
            wanted = f"layers between {inputs} and {hidden}, and {hidden} and {latent}"
            raise CheckFailure("structure", message, expected=wanted, actual=str(tuple(parameter.shape)))


Network = Callable[[torch.Tensor], torch.Tensor]
"""What is judged of a model at some rows of numbers: a head of the encoder, or the logits of the decoder."""


class Sizes(NamedTuple):
    """What a model is built with."""

    features: int
    units: int
    codes: int


HANDOUT = Sizes(784, 400, 20)
"""What is wrong only at these sizes is wrong."""
SMALLER = Sizes(60, 400, 20)
"""Where much is asked: a tenth of the work, and as many codes and units."""


def heads(model: Model, latent_dim: int) -> dict[str, Network]:
    """``mu`` and ``logvar`` as functions of ``x``."""
    return {
        "mu(x)": lambda x: encode(model, x, latent_dim)[0].detach(),
        "logvar(x)": lambda x: encode(model, x, latent_dim)[1].detach(),
    }


def logits(model: Model, z: torch.Tensor, input_dim: int) -> torch.Tensor:
    """What the decoder's sigmoid was given, from what it made of it.

    Raises:
        CheckFailure: no sigmoid can have made it.
    """
    recon_x = decode(model, z, input_dim).detach()
    low, high = recon_x.min().item(), recon_x.max().item()
    if not (low >= 0 and high <= 1):
        message = "decode(z) leaves the range from 0 to 1, which no sigmoid does"
        raise CheckFailure("value", message, expected="between 0 and 1", actual=f"from {low:.4g} to {high:.4g}")
    if low == 0 or (high == 1 and recon_x.dtype == torch.float64):
        message = "decode(z) is exactly 0 or 1 for numbers of usual size, which no sigmoid is"
        raise CheckFailure("value", message, expected="between 0 and 1", actual=f"from {low:.4g} to {high:.4g}")
    return torch.logit(recon_x)


def assert_piecewise_linear(f: Network, start: torch.Tensor, end: torch.Tensor, what: str) -> None:
    """On the way from ``start`` to ``end`` the second differences of ``f`` vanish but at few kinks.

    A hidden layer of 13 ReLU units has 13 kinks at most, each of which shows in one or two of 1,000 second differences;
    with two layers of them there are about 30. Of a smooth function none vanishes.
    """
    t = torch.linspace(0.0, 1.0, 1_001, dtype=start.dtype)[:, None]
    values = f(torch.lerp(start, end, t))
    bends = values.diff(n=2, dim=0).abs().amax(1) > 1e-10 * values.abs().max()
    if not bends.double().mean() < 0.5:
        message = f"{what} is bent everywhere: the stub asks for a ReLU, which is straight but at single kinks"
        actual = f"at {int(bends.sum())} of {len(bends)} places"
        raise CheckFailure("value", message, expected="bent at a few places of a line", actual=actual)


def assert_bent_by_every_unit(f: Network, rays: torch.Tensor, hidden_dim: int, what: str) -> None:
    """On the line through 0 along one of some rays the slope of ``f`` changes for all units but two at most.

    With random weights the input of each of 13 units has another sign on either side of a place that has Cauchy's
    distribution; up to 48 it misses one of them in 75 times, and two kinks that lie side by side, among 8,000 steps,
    count as one. So three are missing on a line in 0.09 % (of 200,000 made ones), on all five in less than 10^-10.
    """
    t = torch.tan(torch.linspace(-1.55, 1.55, 8_001, dtype=rays.dtype))[:, None]
    most = 0
    for ray in rays:
        values = f(t * ray)
        slopes = values.diff(dim=0) / t.diff(dim=0)
        bent = slopes.diff(dim=0).abs().amax(1) > 1e-6 * slopes.abs().max()
        most = max(most, int((bent[1:] & ~bent[:-1]).sum()))  # one inside a step shows in two changes
    if most < hidden_dim - 2:
        message = f"{what} has fewer kinks than its hidden layer has units: the stub asks for a ReLU for each of them"
        raise CheckFailure("value", message, expected=f"about {hidden_dim}", actual=str(most))


def assert_homogeneous(model: Model, f: Network, rows: torch.Tensor, what: str) -> None:
    """Without biases ``f`` of ten times ``x`` is ten times as large, and so on, near 0 and far from it."""
    for name, parameter in model.parameters.items():
        if not is_weight(parameter):
            model.set(name, torch.zeros_like(parameter))
    usual = f(rows)
    for scale in (0.01, 0.1, 10.0):
        found = f(scale * rows) / scale
        if not (found - usual).abs().max() <= 1e-6 * usual.abs().max():
            message = f"without biases {what} of {scale:g} times x is not {scale:g} times as large, as a ReLU makes it"
            raise CheckFailure("value", message, expected=short(usual), actual=short(found))


def assert_unbounded(f: Network, ray: torch.Tensor, what: str) -> None:
    """Far out on a ray ``f`` is linear and does not end: twice as far from 0 it has changed twice as much.

    And it differs from what it is on the other side, as it does not where a unit gives the size of its input.
    """
    zero, once, twice, back = (f(scale * ray) for scale in (0, 1, 2, -1))
    gap, change = (twice - 2 * once + zero).abs().max().item(), (once - zero).abs().max().item()
    if not (once - back).abs().max().item() > 0.1 * change:
        message = f"{what} is the same on both sides of 0: the stub asks for a ReLU, which is not"
        raise CheckFailure("value", message, expected="another value at -x than at x", actual="the same values")
    if not gap < 0.2 * change:
        message = f"{what} does not grow in proportion far from 0: the stub asks for a ReLU, which has no upper bound"
        raise CheckFailure("value", message, expected=f"changes near {2 * change:.3g}", actual=f"off by {gap:.3g}")


def assert_rows_independent(f: Network, rows: torch.Tensor, what: str) -> None:
    """What ``f`` makes of a row is the same with other rows beside it, and without."""
    together, batched = f(rows), f(torch.cat([rows, 10 * rows.flip(0)]))
    assert_close(batched[: len(rows)], together, f"{what} of the same rows in a larger batch")
    for i in range(len(rows)):
        assert_close(f(rows[i : i + 1]), together[i : i + 1], f"{what} of row {i} by itself")


def assert_continuous(f: Network, batches: Sequence[torch.Tensor], draws: Draws, what: str) -> None:
    """What ``f`` makes of rows is nearly what it makes of others nearby, which are binary or zeros no more."""
    for rows in batches:
        nearby = rows.double() + 1e-7 * draws.normal(*rows.shape, dtype=torch.float64)
        about = f"{what} of rows such as {short(rows[0])}, held against that of rows nearby,"
        assert_close(f(rows.double()), f(nearby), about, rtol=1e-5, atol=1e-5)


def assert_depends_on_every_input(
    f: Callable[[torch.Tensor], torch.Tensor], rows: torch.Tensor, what: str, inputs: Sequence[int] | None = None
) -> None:
    """To change any one input (of these, if given) by itself changes some output of some row."""
    before = f(rows)
    for j in range(rows.shape[1]) if inputs is None else inputs:
        changed = rows.clone()
        changed[:, j] += 1.0
        if same(f(changed), before, rtol=1e-12, atol=1e-12):
            message = f"{what} does not depend on input {j}"
            raise CheckFailure("value", message, expected="a function of every input", actual="the same values")


def assert_fresh(model: Model, x: torch.Tensor, latent_dim: int) -> None:
    """Two passes through the model with the same ``x`` do not give the same reconstruction."""
    one, other = (forward(model, x, latent_dim)[0].detach() for _ in range(2))
    if torch.allclose(one, other, atol=1e-4):  # where the rows have gaps between them, they are added up otherwise
        message = f"two calls of forward with the same x give the same recon_x, for {latent_dim} codes"
        raise CheckFailure("statistics", message, expected="fresh noise", actual="the same numbers")


def build_active(submission: Submission, draws: Draws, sizes: Sizes = HANDOUT) -> Model:
    """A model in double precision whose ReLU units are all at work for all data and codes.

    With small positive weights, which add up to about 3/4 in the sum of a unit, and biases of 1, mean and log-variance
    are near 2, and what goes into a unit is more than fifty standard deviations above 0.
    """
    model = build(submission, *sizes).double()
    for name, parameter in model.parameters.items():
        high = 1.0 / max(parameter.shape, default=1)  # so small that no noise switches a hidden unit off
        values = draws.uniform(*parameter.shape, high=high, dtype=torch.float64)
        model.set(name, values if is_weight(parameter) else torch.ones_like(values))
    for name, parameter in model.parameters.items():
        # A normalized weight: a length for each row, and a matrix, which is the weight then.
        lengths = model.parameters.get(f"{name[:-1]}0") if name.endswith("original1") else None
        if lengths is not None and lengths.shape == (len(parameter), 1):
            model.set(f"{name[:-1]}0", parameter.detach().norm(dim=1, keepdim=True))
    return model


def in_single_precision(submission: Submission, model: Model) -> Model:
    """A model of the handout's sizes with the same weights in float32, to which those of the given one are rounded."""
    single = build(submission, *HANDOUT)
    for name, parameter in model.parameters.items():
        single.set(name, parameter.detach().float())
        model.set(name, parameter.detach().float().double())
    return single


def shift_heads(model: Model, x: torch.Tensor, codes: int, mean: float, log_variance: float) -> None:
    """Add to the biases of the heads, as far as they have any, what brings mu and logvar of ``x`` to these numbers."""
    for place, wanted in enumerate((mean, log_variance)):
        for name, parameter in model.parameters.items():
            if is_weight(parameter):
                continue
            head = encode(model, x[:1], codes)[place]
            (slopes,) = torch.autograd.grad(head.sum(), parameter, allow_unused=True) if head.requires_grad else (None,)
            if slopes is not None and int((slopes == 1).sum()) == codes:  # each of them is added to one number
                model.set(name, parameter.detach() + (wanted - float(head.detach().mean())) * (slopes == 1))
                break


def inverse_decoder(model: Model, sizes: Sizes = HANDOUT, rounding: float = 1e-9) -> Network:
    """From a reconstruction of ``build_active``'s model to the ``z`` that was decoded: the logits are ``A z + c``.

    ``A`` and ``c`` are what ``decode`` makes of the unit vectors and of 0.

    Args:
        model: whose decoder it is, in double precision.
        sizes: what it was built with.
        rounding: how far the logits may be from any such, relative to their size as a sigmoid rounds them.
    """
    codes = torch.cat([torch.zeros(1, sizes.codes), torch.eye(sizes.codes)]).double()
    base, *units = logits(model, codes, sizes.features)
    slopes = torch.stack(units) - base
    inverse = torch.linalg.pinv(slopes)

    def code(recon_x: torch.Tensor) -> torch.Tensor:
        seen = torch.logit(recon_x.detach().double())
        found = seen - base
        z = found @ inverse
        # Near 0 and 1 a sigmoid is rounded the more, the larger its logit.
        if not (z @ slopes - found).abs().max() < rounding * (1 + 0.01 * float(seen.abs().max().exp())):
            message = "recon_x of forward is no decode(z) for any z"
            raise CheckFailure("value", message, expected="decode(z) of a sample z", actual=short(recon_x))
        return z

    return code

"""Gradients of the warm-up ``VAE``: which parameters they reach, and whether they are those of its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import warmup
from asking import sizes_of_every_kind
from noise import standardized
from warmup import is_weight

from grading.checks import CheckFailure, Draws, Model, Submission, assert_close, same
from grading.results import Kind


def gradients(outputs: Sequence[torch.Tensor], model: Model) -> dict[str, torch.Tensor]:
    """The gradient of the sum of ``outputs`` for each parameter at which one arrives."""
    sums = [output.sum() for output in outputs if output.requires_grad]
    if not sums:
        return {}
    leaves = list(model.parameters.values())
    found = torch.autograd.grad(torch.stack(sums).sum(), leaves, retain_graph=True, allow_unused=True)
    return {name: value for name, value in zip(model.parameters, found, strict=True) if value is not None}


def reached(output: torch.Tensor, model: Model) -> set[str]:
    """The names of the parameters that ``output`` depends on, as far as its gradient knows."""
    return set(gradients([output], model))


def matter(model: Model, draws: Draws, compute: Callable[[], torch.Tensor]) -> set[str]:
    """The names of the parameters that change what ``compute`` gives, found out by changing them one by one."""
    found, before = set(), compute().detach()
    for name, parameter in model.parameters.items():
        model.set(name, parameter + 0.1 * draws.normal(*parameter.shape, dtype=parameter.dtype))
        after = compute().detach()
        # Rows with gaps between them are added up in another order.
        if not same(before, after, rtol=1e-5, atol=1e-5 * float(before.abs().max())):
            found.add(name)
        before = after
    return found


def assert_reached(wanted: set[str], output: torch.Tensor, model: Model, what: str) -> None:
    """A gradient of ``output`` arrives at all the named parameters."""
    missing = wanted - reached(output, model)
    if missing or not wanted:
        actual = f"none for {', '.join(sorted(missing))}" if missing else "none at all"
        message = f"no gradient arrives from {what} at a layer that it depends on"
        raise CheckFailure("gradient", message, expected="a gradient for every layer", actual=actual)


def assert_gradients_in_proportion(compute: Callable[[], Sequence[torch.Tensor]], model: Model, what: str) -> None:
    """The gradients of a thousand times ``what`` are a thousand times as large, those of minus it the other ones."""
    outputs = compute()
    usual = gradients(outputs, model)
    for factor in (-1.0, 1e3, 1e-3):
        found = gradients([factor * output for output in outputs], model)
        for name, expected in usual.items():
            actual = found[name] / factor
            about = f"the gradient of {factor:g} times {what} for {name}, divided by that again,"
            atol = 1e-4 * float(expected.abs().max())
            assert_close(actual, expected, about, rtol=1e-4, atol=atol, kind=Kind.GRADIENT)


def assert_slopes(
    compute: Callable[[torch.Tensor], Sequence[torch.Tensor]],
    rows: torch.Tensor,
    model: Model,
    draws: Draws,
    names: Sequence[str],
    *,
    of_rows: bool = True,
) -> None:
    """The gradients of each output, for all parameters and for the rows, say how it changes with them.

    Along three random directions. With a step of 1e-6 the kinks that it met took none of 30,000 slopes by 0.03 of the
    gradient's size from what it says, for 20 rows; a step of 1e-10 meets a ten-thousandth of them.

    Args:
        compute: gives the outputs for rows of inputs.
        rows: in double precision.
        model: in double precision; its parameters are put back.
        draws: where directions and weights come from.
        names: what the outputs are called.
        of_rows: whether the rows take gradients, which they do not in training.
    """
    step, leaf = 1e-10, rows.clone().requires_grad_(of_rows)
    usual = {name: parameter.detach().clone() for name, parameter in model.parameters.items()}
    outputs = compute(leaf)
    weights = [draws.normal(*output.shape, dtype=torch.float64) for output in outputs]
    leaves = {**({"its input": leaf} if of_rows else {}), **model.parameters}
    found = [
        torch.autograd.grad((output * weight).sum(), [*leaves.values()], retain_graph=True, allow_unused=True)
        for output, weight in zip(outputs, weights, strict=True)
    ]
    for _ in range(3):
        way = {name: draws.normal(*value.shape, dtype=torch.float64) for name, value in leaves.items()}
        ends = []
        for sign in (1.0, -1.0):
            for name, value in usual.items():
                model.set(name, value + sign * step * way[name])
            moved = compute(rows + sign * step * way.get("its input", torch.zeros_like(rows)))
            ends.append([float((m.detach() * w).sum()) for m, w in zip(moved, weights, strict=True)])
        for i, gradients_of in enumerate(found):
            pairs = [(g, way[name]) for name, g in zip(leaves, gradients_of, strict=True) if g is not None]
            slope, size = (
                sum(float((g * w).sum()) for g, w in pairs),
                sum(float(g.square().sum()) for g, _ in pairs) ** 0.5,
            )
            measured = (ends[0][i] - ends[1][i]) / (2 * step)
            if not abs(slope - measured) <= 0.1 * size + 1e-3:
                message = (
                    f"the gradients of {names[i]} do not say how it changes with the parameters and what it is given"
                )
                raise CheckFailure("gradient", message, expected=f"a slope of {measured:.4g}", actual=f"{slope:.4g}")
    for name, value in usual.items():
        model.set(name, value)


def assert_can_learn(output: torch.Tensor, model: Model, what: str) -> None:
    """Some weight of a new model gets a gradient of ``output``: where all layers begin with zeros, none ever does."""
    found = gradients([output], model)
    if not any(bool(gradient.any()) for name, gradient in found.items() if is_weight(model.parameters[name])):
        message = f"no weight of the {what} of a new model gets a gradient, so that it cannot learn"
        raise CheckFailure("gradient", message, expected="a gradient for some weight", actual="zeros")


def assert_weights_of_its_own(outputs: Sequence[torch.Tensor], model: Model, names: Sequence[str]) -> None:
    """Each output depends on some weight or bias on which no other one does: no output follows from the others.

    Args:
        outputs: rows of outputs, each ``(B, n)``, that the model gave with gradients.
        model: whose outputs they are.
        names: what each of ``outputs`` is called.
    """
    columns = [
        (f"output {j} of {name}", value[:, j])
        for name, value in zip(names, outputs, strict=True)
        for j in range(value.shape[1])
    ]
    leaves = list(model.parameters.values())
    depends = []
    for what, column in columns:
        if not column.requires_grad:
            raise CheckFailure("gradient", f"{what} has no gradient", expected="a gradient", actual="none")
        found = torch.autograd.grad(column.sum(), leaves, retain_graph=True, allow_unused=True)
        flat = [
            torch.zeros(leaf.numel()) if g is None else (g != 0).flatten().float()
            for g, leaf in zip(found, leaves, strict=True)
        ]
        depends.append(torch.cat(flat))
    matrix = torch.stack(depends)
    own = ((matrix.sum(0) == 1) & (matrix > 0)).any(1)
    for (what, _), has_own in zip(columns, own.tolist(), strict=True):
        if not has_own:
            message = f"{what} has no weights of its own: it follows from the other outputs"
            raise CheckFailure("structure", message, expected="a row of weights for each output", actual="none")


def assert_about_the_same_gradients_in_single_precision(submission: Submission, draws: Draws) -> None:
    """As far as noise lets them be known: of the sum of ``recon_x``, and of how far its rows are from their average.

    Where sixteen normal numbers are within a tenth of their average, another one of them is 0.7 of it away less often
    than once in 10^9 times, whatever their spread is beside their mean (2.3e-10 where it is a fifth).
    """
    single, double = warmup.in_both_precisions(submission, draws)
    x = draws.uniform(2_000, 11)

    def found(model: Model, rows: torch.Tensor) -> dict[str, dict[str, torch.Tensor]]:
        recon_x, _, _ = warmup.forward(model, rows, latent_dim=3)
        apart = recon_x - recon_x.detach().mean(0)
        return {of: gradients([y], model) for of, y in (("recon_x", recon_x), ("its spread", apart.square()))}

    usual, judged = [found(double, x.double()) for _ in range(16)], found(single, x)
    for of, own in judged.items():
        for name in usual[0][of]:
            each = torch.stack([one[of][name] for one in usual])
            mean = each.mean(0)
            if not max(float((one - mean).norm()) for one in each) < 0.1 * float(mean.norm()):
                continue
            apart = float((own[name].double() - mean).norm() / mean.norm()) if name in own else 1.0
            if not apart < 0.7:
                message = f"the gradient of {of} for {name} is another one in single than in double precision"
                raise CheckFailure("gradient", message, expected="about the same", actual=f"{apart:.3g} of it away")


def assert_gradients_of_forward(submission: Submission, draws: Draws) -> None:
    """What ``forward`` gives in double precision and its gradients, but for rounding beside the largest of each."""
    rtol = 1e-6
    batches = sizes_of_every_kind(draws, largest=1_000)
    for sizes, asked in (
        (warmup.HANDOUT, [(True, 8), (False, 8)]),
        (warmup.SMALLER, [(i % 2 == 0, size) for i, size in enumerate(batches)]),
    ):
        model = warmup.build_active(submission, draws, sizes)
        code = warmup.inverse_decoder(model, sizes)
        for training, batch in asked:
            x, weights = (draws.uniform(batch, sizes.features, dtype=torch.float64) for _ in range(2))
            output = warmup.forward(model.train(training), x, sizes.codes)
            eps = standardized(code(output[0]), *output[1:])
            mu, logvar = warmup.encode(model, x, sizes.codes)
            parts = warmup.decode(model, mu + torch.exp(logvar / 2) * eps, sizes.features), mu, logvar
            with warmup.about_forward():
                for what, own, part in zip(("recon_x", "mu", "logvar"), output, parts, strict=True):
                    assert_close(own, part.detach(), f"{what} of forward", rtol=rtol)
            found, expected = (
                gradients([value * weights[:, : value.shape[1]] for value in of], model) for of in (output, parts)
            )
            with warmup.about_forward():
                for name in expected:
                    what = f"the gradient of a weighted sum of recon_x, mu and logvar for {name}"
                    if name not in found:
                        raise CheckFailure("gradient", f"{what}: none arrives", expected="a gradient", actual="none")
                    atol = rtol * float(expected[name].abs().max())
                    assert_close(found[name], expected[name], what, rtol=10 * rtol, atol=atol, kind=Kind.GRADIENT)

"""What is wrong with an answer to one task: a small judge, independent of the assignment's own tests.

``complaints(item, files)`` runs the probes of an item on both files of a submission and says which kinds of fault they
found. Expected values come from ``torch.distributions`` and written-out formulas, never from the reference. The probes
of an item assume that everything else in the submission is right.
"""

import contextlib
import warnings
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import torch

F64, F32 = torch.float64, torch.float32


class Files(NamedTuple):
    """Both files of a submission, as modules or as anything with the same attributes."""

    vae: ModuleType | SimpleNamespace
    simple_vae: ModuleType | SimpleNamespace


class Fault(AssertionError):
    """An answer is wrong."""


Probe = Callable[[Files], None]
PROBES: dict[str, list[tuple[str, Probe]]] = {}


def probe(item: str, kind: str) -> Callable[[Probe], Probe]:
    """Register a probe of an item that finds faults of one kind."""

    def register(function: Probe) -> Probe:
        PROBES.setdefault(item, []).append((kind, function))
        return function

    return register


def complaints(item: str, files: Files, kind: str | None = None) -> dict[str, str]:
    """The kinds of fault found, each with its first message. An unexpected exception is a fault of kind ``crash``.

    With a ``kind``, only the probes that can find this kind are run.
    """
    found: dict[str, str] = {}
    for finds, function in PROBES[item]:
        if kind not in (None, finds, "crash"):
            continue
        torch.manual_seed(20)
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(None):
                warnings.simplefilter("ignore")
                function(files)
        except Fault as fault:
            found.setdefault(finds, str(fault))
        except Exception as error:
            found.setdefault("crash", f"{type(error).__name__}: {error}")
    return found


def expect(condition: object, message: str) -> None:
    """Complain unless a condition holds."""
    if not condition:
        raise Fault(message)


def expect_scalar(value: object, dtype: torch.dtype) -> None:
    """Complain unless a value is a tensor of shape ``()``; dtypes are another probe's matter."""
    expect(isinstance(value, torch.Tensor), f"a {type(value).__name__}, not a tensor")
    expect(value.shape == (), f"shape {tuple(value.shape)}, not ()")


def expect_close(actual: object, expected: torch.Tensor, what: str = "value") -> None:
    """Complain unless two tensors agree to what the actual dtype can hold; structure is another probe's matter."""
    actual = torch.as_tensor(actual)
    if actual.shape != expected.shape:
        raise Fault(f"{what}: shape {tuple(actual.shape)}, not {tuple(expected.shape)}")
    rtol, atol = (1e-9, 1e-10) if expected.dtype == F64 else (2e-5, 2e-6)
    good = torch.isclose(actual.to(expected.dtype), expected, rtol=rtol, atol=atol).all()
    expect(good, f"{what}: {actual.detach().flatten()[:3].tolist()}, not {expected.detach().flatten()[:3].tolist()}")


def gradients(outputs: list[torch.Tensor], inputs: list[torch.Tensor], seed: int = 5) -> list[torch.Tensor]:
    """Gradients of a fixed random combination of outputs; zeros where nothing is connected."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros((), dtype=F64)
    for output in outputs:
        weights = torch.randn(output.shape, generator=generator, dtype=F64)
        if isinstance(output, torch.Tensor):
            total = total + (weights * output.to(F64)).sum()
    if not total.requires_grad:
        return [torch.zeros_like(one) for one in inputs]
    found = torch.autograd.grad(total, inputs, allow_unused=True)
    return [torch.zeros_like(one) if grad is None else grad for one, grad in zip(inputs, found, strict=True)]


def leaf(tensor: torch.Tensor) -> torch.Tensor:
    """A copy that records gradients."""
    return tensor.detach().clone().requires_grad_()


def scalar_function_probes(
    item: str,
    find: Callable[[Files], Callable[..., torch.Tensor]],
    cases: Callable[[torch.dtype], list[tuple[torch.Tensor, ...]]],
    oracle: Callable[..., torch.Tensor],
) -> None:
    """Register the probes of a deterministic function from tensors to one scalar."""

    @probe(item, "structure")
    def scalar_of_no_shape(files: Files) -> None:
        for case in cases(F64):
            if case[0].shape[0] > 1:
                expect_scalar(find(files)(*case), F64)

    @probe(item, "value")
    def agrees_with_oracle(files: Files) -> None:
        for dtype in (F64, F32):
            for case in cases(dtype):
                exact = oracle(*(tensor.to(F64) for tensor in case))
                expect_close(find(files)(*(tensor.clone() for tensor in case)), exact.to(dtype))

    @probe(item, "gradient")
    def gradient_agrees_with_oracle(files: Files) -> None:
        for case in cases(F64):
            mine, theirs = [leaf(tensor) for tensor in case], [leaf(tensor) for tensor in case]
            value = find(files)(*theirs)
            expected = gradients([oracle(*mine)], mine)
            for actual, exact in zip(gradients([torch.as_tensor(value)], theirs), expected, strict=True):
                expect_close(actual, exact, "gradient")

    @probe(item, "dtype")
    def keeps_dtype(files: Files) -> None:
        for dtype in (F64, F32):
            value = torch.as_tensor(find(files)(*cases(dtype)[0]))
            expect(value.dtype == dtype, f"{value.dtype} for {dtype}")

    @probe(item, "mutation")
    def leaves_arguments_alone(files: Files) -> None:
        for case in cases(F64):
            copies = [tensor.clone() for tensor in case]
            find(files)(*case)
            expect(all(torch.equal(*pair) for pair in zip(copies, case, strict=True)), "an argument has changed")

    @probe(item, "state")
    def other_numbers_in_turn(files: Files) -> None:
        for case in [*cases(F64), *cases(F64)]:
            for scale in (1.0, 0.5, 0.25):
                arguments = [tensor * scale for tensor in case]
                expect_close(find(files)(*arguments), oracle(*arguments), "value after other calls")

    @probe(item, "state")
    def repeatable(files: Files) -> None:
        for case in cases(F64):
            values = [torch.as_tensor(find(files)(*(tensor.clone() for tensor in case))) for _ in range(2)]
            expect(torch.equal(*values), "two calls differ")


def check_noise(eps: torch.Tensor) -> None:
    """Complain unless a large ``(N, L)`` sample is made of independent standard normal numbers (5 sigma)."""
    n, latents = eps.shape
    expect((eps != 0).all(), "some numbers are missing")
    expect((eps[0].abs() - eps[1].abs()).abs().min() > 1e-6, "two rows have noise of the same size")
    bound = 5.0 / (n * latents) ** 0.5
    moments = [eps.mean(), eps.pow(2).mean() - 1, eps.pow(3).mean(), eps.pow(4).mean() - 3]
    for order, (moment, spread) in enumerate(zip(moments, (1, 2**0.5, 15**0.5, 96**0.5), strict=True), start=1):
        expect(abs(moment) < bound * spread, f"moment {order} is off by {moment:.3f}")
    for left in range(latents):
        expect(abs(eps[:, left].pow(2).mean() - 1) < 5 * (2 / n) ** 0.5, f"variance of column {left}")
        expect(len((eps[:, left] * 1e6).round().unique()) > n / 2, f"few values in column {left}")
        below = torch.special.ndtr(eps[:, left].sort().values) - torch.arange(n) / n
        expect(below.abs().max() < 2.5 / n**0.5, f"distribution of column {left}")
        for right in range(left + 1, latents):
            expect(abs((eps[:, left] * eps[:, right]).mean()) < 5 / n**0.5, "columns are correlated")
            sizes = (eps[:, left].pow(2) - 1) * (eps[:, right].pow(2) - 1) / 2
            expect(abs(sizes.mean()) < 7 / n**0.5, "the sizes of columns are correlated")
    for shift in (1, n // 2):
        product = (eps * eps.roll(shift, dims=0)).mean()
        expect(abs(product) < bound * 1.5, f"rows {shift} apart are correlated")

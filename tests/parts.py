"""A submission's own ``encode``, ``reparameterize`` and ``decode``, against which its ``forward`` is judged.

A bug in a part costs the part alone: ``forward`` has to put the parts together, right or wrong as they are. A part that
gives nothing to put together blocks the check, by its name.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import networks
import torch
from blaming import as_tensor, blame, own_encoded
from noise import assert_standard_moments, standardized
from oracles import weights_of

from grading.boundary.errors import RefusedError, StudentError
from grading.checks import (
    Blocked,
    CheckFailure,
    Draws,
    Model,
    Submission,
    assert_answers_differ,
    assert_close_to_any,
    assert_tensor,
    same,
    short,
    unpack,
)

NAMES = ("logits", "mu", "logvar", "z")


@dataclass(frozen=True)
class Pass:
    """One pass through the model."""

    logits: torch.Tensor
    mu: torch.Tensor
    logvar: torch.Tensor
    z: torch.Tensor


@dataclass(frozen=True)
class OwnPass(Pass):
    """A pass through the submission's own parts, called one after the other in a process of their own.

    Attributes:
        twin: the model in that process.
        overwritten: what a part changes in place, so that nothing is known of it when ``forward`` returns.
        taken: the fields that no part gives, and that are right in what ``forward`` returned; and what is in their way.
    """

    twin: Model
    overwritten: frozenset[str]
    taken: Mapping[str, Blocked] = field(default_factory=dict)


def forward(model: Model, x: torch.Tensor, seed: int, times: int = 0) -> Pass:
    """``model(x)``, once it is known to be four tensors, after so many others like it.

    Raises:
        Blocked: it fails because one of the parts does not do its work.
        NotImplementedError: it is a stub.
    """
    try:
        values = unpack(model.after(times, seed)(x), NAMES, "forward")
        for name, value in zip(NAMES, values, strict=True):
            if not isinstance(value, torch.Tensor):
                raise CheckFailure("structure", f"{name} is not a tensor", expected="a tensor", actual=short(value))
        return Pass(*values)
    except NotImplementedError:
        raise
    except (StudentError, RefusedError, CheckFailure):
        blame(model, x)
        raise


def own(
    submission: Submission,
    model: Model,
    x: torch.Tensor,
    seed: int,
    *,
    gradients: bool | None = None,
    output: Pass | None = None,
) -> OwnPass:
    """What the submission's own parts give, with the noise that a call seeded with ``seed`` begins with.

    They are asked with gradients where ``forward`` is, unless something else is said. A part may give what it should in
    another form, which ``forward`` knows to use: what is right in the ``output`` is then taken for it.

    Raises:
        Blocked: one of them does not run, or gives something else than tensors.
    """
    twin, alone = model.alone(), submission.alone()
    taken: dict[str, Blocked] = {}
    with torch.set_grad_enabled(torch.is_grad_enabled() if gradients is None else gradients):
        try:
            mu, logvar = own_encoded(twin.seeded(seed), x)
        except Blocked as blocked:
            mu, logvar = _taken(blocked, output, twin, x, ("mu", "logvar"), taken)
        try:
            z = as_tensor("reparameterize", lambda: twin.seeded(seed).reparameterize(mu, logvar))
        except Blocked as blocked:
            (z,) = _taken(blocked, output, twin, x, ("z",), taken)
        overwritten = {"mu", "logvar"} if alone.mutated and "z" not in taken else set()
        try:
            logits = as_tensor("decode", lambda: twin.decode(z))
        except Blocked as blocked:
            (logits,) = _taken(blocked, output, twin, x, ("logits",), taken)
        overwritten |= {"z"} if alone.mutated and "logits" not in taken else set()
    found = OwnPass(logits, mu, logvar, z, twin, frozenset(overwritten), taken)
    _rely_on_what_is_wrong(submission, model, x, found)
    return found


def true_pass(model: Model, x: torch.Tensor, z: torch.Tensor) -> Pass:
    """The pass through the true network, with gradients, that samples this ``z``."""
    mu, logvar = networks.encode(model.parameters, x)
    eps = (z.detach() - mu.detach()) / torch.exp(logvar.detach() / 2)
    again = mu + torch.exp(logvar / 2) * eps
    return Pass(networks.decode(model.parameters, again), mu, logvar, again)


def _taken(
    blocked: Blocked,
    output: Pass | None,
    twin: Model,
    x: torch.Tensor,
    names: Sequence[str],
    taken: dict[str, Blocked],
) -> tuple[torch.Tensor, ...]:
    """What a part should give, where ``forward`` returned that; else the part is in the way."""
    if output is None or not _is(output.z, (len(x), twin.parameters["mu.bias"].numel()), x.dtype):
        raise blocked
    true = true_pass(twin, x, output.z)
    if not all(same(getattr(output, name), getattr(true, name)) for name in ("mu", "logvar", *names)):
        raise blocked
    taken |= dict.fromkeys(names, blocked)
    return tuple(getattr(true, name) for name in names)


def _rely_on_what_is_wrong(submission: Submission, model: Model, x: torch.Tensor, found: OwnPass) -> None:
    """Where the submission's own parts do not give what they should, say so: they have to be wrong elsewhere too."""
    with torch.no_grad():
        encoded = networks.encode(model.parameters, x)
        if not all(nearly(*pair) for pair in zip((found.mu, found.logvar), encoded, strict=True)):
            assert_answers_differ("encode", [own_encoded(found.twin, x), own_encoded(found.twin, 1 - 0.5 * x)])
            submission.rely_on("encode")
        if {"mu", "logvar"} & found.overwritten or found.z.shape != found.mu.shape or found.z.dtype != found.mu.dtype:
            submission.rely_on("reparameterize")
        if "z" in found.overwritten:
            submission.rely_on("decode")
        else:
            _true_logits(submission, model, found.twin, found.z, found.logits)


def _true_logits(
    submission: Submission, model: Model, twin: Model, z: torch.Tensor, own_logits: torch.Tensor
) -> torch.Tensor | None:
    """What ``decode(z)`` should be, or None if ``z`` does not fit; where its own is something else, say so."""
    weight = model.parameters["dec.0.weight"]
    if not (z.dim() > 0 and z.shape[-1] == weight.shape[1] and z.dtype == weight.dtype):
        submission.rely_on("encode", "reparameterize")
        return None
    true = networks.decode(model.parameters, z)
    if not nearly(own_logits, true):
        # The last one is small: where z is huge, a sigmoid that is too early gives 0 or 1 for each of them.
        others = [as_tensor("decode", partial(twin.decode, at)) for at in (1 + 2 * z, torch.tanh(z))]
        assert_answers_differ("decode", [own_logits, *others])
        submission.rely_on("decode")
    return true


def decoded(submission: Submission, model: Model, twin: Model, z: torch.Tensor, seed: int) -> list[torch.Tensor]:
    """What the logits may be: the submission's own ``decode(z)``, or the true one.

    Raises:
        Blocked: ``decode`` does not run, or is random.
    """
    # As it comes from reparameterize: a result of something before, where gradients are asked for.
    code = z.detach().requires_grad_() + 0 if torch.is_grad_enabled() else z.detach()
    logits = as_tensor("decode", lambda: twin.decode(code))
    passes = sum(call.name == "__call__" for call in submission.calls)
    if _decodes_at_random(twin, code, passes, Draws(seed)):
        raise Blocked("decode", "it answers the same question in another way each time")
    true = _true_logits(submission, model, twin, z, logits)
    return [logits] if true is None else [logits, true]


def _decodes_at_random(twin: Model, z: torch.Tensor, calls: int, draws: Draws) -> bool:
    """Whether ``decode`` gives different answers to one question in six processes, each time that it is asked so often.

    What it does at a later call is no reason for what ``forward`` got at this one.
    """
    answers = []
    for seed in [draws.seed() for _ in range(6)]:
        twin = twin.alone()
        for _ in range(calls):
            answer = as_tensor("decode", partial(twin.seeded(seed).decode, z))
        answers.append(answer)
    return not all(same(answers[0], other) for other in answers[1:])


def reaches(output: torch.Tensor, leaf: torch.Tensor) -> bool:
    """Whether a gradient of ``output`` arrives at ``leaf``."""
    if not output.requires_grad:
        return False
    try:
        weighted = (output * weights_of(output)).sum()
        (found,) = torch.autograd.grad(weighted, leaf, retain_graph=True, allow_unused=True)
    except StudentError:
        return False
    return found is not None and bool(found.any())


def alike(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Whether two gradients are the same; none is as good as zeros where it should be none."""
    if other is None:
        return one is None or not bool(one.any())
    return same(one, other, rtol=1e-3)


@contextlib.contextmanager
def excused_by(blocked: Blocked | None) -> Iterator[None]:
    """A failure inside is put down to the part that was found not to work before, if there is one."""
    try:
        yield
    except (CheckFailure, StudentError):
        if blocked is not None:
            raise blocked from None
        raise


MADE_BY = {"mu": "encode", "logvar": "encode", "z": "reparameterize", "logits": "decode"}
"""The part that each field of the output comes from."""


def require_repeated(output: Pass, own: OwnPass, field: str, x: torch.Tensor) -> None:
    """The parts give for this field, asked alone with the same seed, what ``forward`` has got of them.

    Args:
        output: of ``forward``.
        own: what the parts give.
        field: which field it is about.
        x: what ``forward`` was given.

    Raises:
        Blocked: the first one that does not, and is not right by itself.
        CheckFailure: a part is right and asked in vain: ``forward`` gives something else.
    """
    encoded = networks.encode(own.twin.parameters, x)
    encodes = all(nearly(*pair) for pair in zip((own.mu, own.logvar), encoded, strict=True))
    for name in ("mu", "logvar", "z", field):
        if name in own.overwritten:
            by = "decode" if name == "z" else "reparameterize"
            raise Blocked(by, f"it changes {name} in place, so that nobody knows what it was given by forward")
        if same(getattr(output, name), getattr(own, name)):
            continue
        fits = own.z.shape == own.mu.shape and own.z.dtype == own.mu.dtype
        decodes = field != "logits" or not fits or nearly(own.logits, networks.decode(own.twin.parameters, own.z))
        # What encode draws is missing where z is drawn, and what decode makes of another z cannot be known.
        by = "encode" if not encodes else MADE_BY[name] if decodes else "decode"
        if encodes and decodes and (name != "z" or _samples_steadily(own)):
            message = f"{name} of forward is not what {by} gives when it is asked alone"
            wanted, found = (short(getattr(of, name)) for of in (own, output))
            raise CheckFailure("value", message, expected=wanted, actual=found)
        raise Blocked(by, "what it gave to forward is not what it gives when it is asked alone")


def _samples_steadily(own: OwnPass) -> bool:
    """Whether ``reparameterize`` gives the same for the same seed at each of many calls: it counts none."""
    far, mu, logvar = own.twin.alone().seeded(len(own.mu)), own.mu.detach(), own.logvar.detach()
    first, *later = [as_tensor("reparameterize", partial(far.reparameterize, mu, logvar)) for _ in range(30)]
    return all(same(first, other) for other in later)


Gradients = list[torch.Tensor | None]


def of_its_part(own: OwnPass, field: str, gradients: Callable[[torch.Tensor], Gradients]) -> Gradients:
    """Gradients of what the submission's own parts give for this field.

    Raises:
        Blocked: there are none, since the first part of those that it goes through raises where they are asked for.
    """
    try:
        return gradients(getattr(own, field))
    except StudentError as fault:
        for name in ("mu", "logvar", "z"):
            try:
                gradients(getattr(own, name))
            except StudentError:
                field = name
                break
        raise Blocked(MADE_BY[field], f"its gradients cannot be computed: {fault}") from fault


Equation = Callable[[Any], torch.Tensor]
"""What a field of the output equals, in terms of the parts ``encode`` and ``decode``."""


@dataclass(frozen=True)
class Case:
    """A submission's model at some data, with torch's generator seeded before each call, and many calls before it."""

    submission: Submission
    model: Model
    x: torch.Tensor
    seed: int
    times: int = 0

    def forward(self) -> Pass:
        """The output of ``model(x)``."""
        return forward(self.model, self.x, self.seed, self.times)

    def own(self, output: Pass) -> OwnPass:
        """What the submission's own parts give, or what is right in the output of ``forward``."""
        return own(self.submission, self.model, self.x, self.seed, output=output)

    def assert_equal(self, output: Pass, **equations: Equation) -> None:
        """Each named field is what its equation gives, with the true parts or with the own ones for the same seed."""
        true = {name: self._true(equation, output) for name, equation in equations.items()}
        wrong = [name for name, value in true.items() if not same(getattr(output, name), value)]
        if not wrong:  # then nobody's parts need asking
            return
        expected = self.own(output)
        for name in [name for name in wrong if name not in expected.overwritten]:
            actual = getattr(output, name)
            candidates = self._own(equations[name], expected, true[name], actual)
            if not any(same(actual, candidate) for candidate in candidates):
                assert_close_to_any(actual, candidates, f"{name}, held against what its parts give,")

    def _true(self, equation: Equation, output: Pass) -> torch.Tensor | None:
        """What the equation gives with the true parts; None where what ``decode`` is given is no code."""
        parameters = self.model.parameters

        def decode(z: torch.Tensor) -> torch.Tensor | None:
            fits = z.shape == (len(self.x), parameters["mu.bias"].numel()) and z.dtype == self.x.dtype
            return networks.decode(parameters, z) if fits else None

        with torch.no_grad():
            return equation(SimpleNamespace(encode=partial(networks.encode, parameters), decode=decode))

    def _own(
        self, equation: Equation, own: OwnPass, true: torch.Tensor | None, actual: torch.Tensor
    ) -> list[torch.Tensor]:
        """What the equation gives with the submission's own parts, or with the true ones."""
        questions: list[torch.Tensor] = []

        def decode(z: torch.Tensor) -> torch.Tensor:
            questions.append(z)
            return own.logits

        value = equation(SimpleNamespace(encode=lambda x: (own.mu, own.logvar), decode=decode))
        if questions and same(questions[-1], own.z) and same(actual, own.logits):
            return [own.logits]  # a decode that is random repeats itself with all that comes before it
        if not questions:
            return [value] if true is None else [value, true]
        logits = decoded(self.submission, self.model, own.twin, questions[-1], self.seed)
        return logits + ([own.logits] if "z" in own.overwritten else [])

    def assert_shapes(self, output: Pass, names: Sequence[str], dtype: torch.dtype | None = None) -> None:
        """These fields have the shapes that they should have, or those of its own parts, asked with the same seed.

        Args:
            output: what ``forward`` gave.
            names: the fields.
            dtype: which one they should have; any floating one if None.
        """
        latent = (len(self.x), self.model.parameters["mu.bias"].numel())
        shapes = {"logits": tuple(self.x.shape), "mu": latent, "logvar": latent, "z": latent}
        if all(_is(getattr(output, name), shapes[name], dtype) for name in names):
            return
        expected = self.own(output)
        for name in names:
            value = getattr(expected, name)
            assert_tensor(getattr(output, name), value.shape, None if dtype is None else value.dtype, name)

    def judged_noise(self, output: Pass, judge: Callable[[torch.Tensor], None]) -> torch.Tensor | None:
        """``(z - mu) / sigma`` of the output, which ``judge`` lets pass; None where only the own parts make ``z``.

        Where it is right as it stands nobody's parts need asking: they may have another convention.
        """
        eps = self._true_noise(output)
        if eps is not None:
            with contextlib.suppress(CheckFailure):
                judge(eps)
                return eps
        eps = self._made_by_others(output)
        if eps is not None:
            judge(eps)
        return eps

    def _true_noise(self, output: Pass) -> torch.Tensor | None:
        """``(z - mu) / sigma`` where mu and logvar are what they should be."""
        with torch.no_grad():
            encoded = networks.encode(self.model.parameters, self.x)
        if not all(map(same, (output.mu, output.logvar), encoded)) or not _is(output.z, output.mu.shape, self.x.dtype):
            return None
        if not bool(torch.isfinite(output.z).all()):  # which a part may be the reason of
            return None
        return standardized(output.z, output.mu, output.logvar)

    def _made_by_others(self, output: Pass) -> torch.Tensor | None:
        """``(z - mu) / sigma`` of the output, or None where ``z`` is what the submission's own parts make of it.

        That they make it rightly is judged in their own checks; where they do not, these have to find it.
        """
        expected = self.own(output)
        if "z" in expected.taken:  # of whose noise nothing is known
            raise expected.taken["z"]
        if "z" in expected.overwritten:
            return None
        if same(output.z, expected.z):
            try:
                assert_standard_moments(standardized(expected.z, expected.mu, expected.logvar), "(z - mu) / sigma")
            except CheckFailure:
                asked = partial(expected.twin.reparameterize, 1 + expected.mu, expected.logvar)
                assert_answers_differ("reparameterize", [expected.z, as_tensor("reparameterize", asked)])
                self.submission.rely_on("reparameterize", "encode")
            return None
        for name in ("mu", "logvar", "z"):
            shape = (len(self.x), self.model.parameters["mu.bias"].numel())
            assert_tensor(getattr(output, name), shape, self.x.dtype, name)
        eps = standardized(output.z, output.mu, output.logvar)
        # What no seed repeats (NumPy's numbers) is held against the part's own law.
        own_eps = standardized(expected.z, expected.mu, expected.logvar)
        if not _is_standard(own_eps) and have_one_law(eps, own_eps):
            self.submission.rely_on("reparameterize", "encode")
            return None
        return eps


def _is(value: torch.Tensor, shape: Sequence[int], dtype: torch.dtype | None) -> bool:
    fits = value.dtype.is_floating_point if dtype is None else value.dtype == dtype
    return fits and tuple(value.shape) == tuple(shape)


def nearly(actual: torch.Tensor, true: torch.Tensor) -> bool:
    """Whether a part's value is the true one but for rounding, which is relative to the largest numbers in its sums."""
    largest = float(true.detach().abs().nan_to_num(0.0, 0.0, 0.0).max()) if true.numel() else 0.0
    return same(actual, true, rtol=0, atol=1e-2 * largest + 1e-5)


def _is_standard(eps: torch.Tensor) -> bool:
    try:
        assert_standard_moments(eps, "the noise of reparameterize")
    except CheckFailure:
        return False
    return True


def have_one_law(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two samples could come from one distribution, by the test of Kolmogorov and Smirnov.

    Two samples of ``n`` independent numbers are further apart than ``sqrt(log(2 / p) / n)`` at most with probability
    ``p`` (the asymptotic law); here ``p`` is 1e-9. Nothing right depends on it: it is asked only where the noise of the
    part is wrong.
    """
    first, second = one.reshape(-1).sort().values, other.reshape(-1).sort().values
    everything = torch.cat((first, second))
    shares = [torch.searchsorted(s, everything, right=True).double() / len(s) for s in (first, second)]
    return float((shares[0] - shares[1]).abs().max()) <= math.sqrt(math.log(2 / 1e-9) / len(first))

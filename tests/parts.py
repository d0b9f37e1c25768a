"""What ``forward`` is held against: the truth, and what follows from the submission's own parts."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import networks
import torch
from blaming import as_tensor, samples_steadily
from noise import assert_standard_moments, standardized
from oracles import weights_of
from own_pass import OwnPass, Pass, decoded, encodes_at_random, forward, has_form, nearly, own

from grading.boundary.errors import StudentError
from grading.checks import (
    Blocked,
    CheckFailure,
    Model,
    Submission,
    assert_answers_differ,
    assert_close_to_any,
    assert_tensor,
    same,
    short,
)


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
        if (
            encodes
            and decodes
            and (name != "z" or samples_steadily(own.twin.alone(), own.mu.detach(), own.logvar.detach(), len(own.mu)))
        ):
            message = f"{name} of forward is not what {by} gives when it is asked alone"
            wanted, found = (short(getattr(of, name)) for of in (own, output))
            raise CheckFailure("value", message, expected=wanted, actual=found)
        raise Blocked(by, "what it gave to forward is not what it gives when it is asked alone")


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
                if MADE_BY[name] == "encode" and encodes_at_random(expected.twin, self.x, self.seed):
                    raise Blocked("encode", "it answers the same question in another way each time")
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
        if all(has_form(getattr(output, name), shapes[name], dtype) for name in names):
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
            try:
                judge(eps)
            except CheckFailure:
                self._block_by_what_cannot_be_repeated(judge, output)
                raise
        return eps

    def _block_by_what_cannot_be_repeated(self, judge: Callable[[torch.Tensor], None], output: Pass) -> None:
        """Where the own noise is wrong too, and not what ``forward`` got, nobody knows whether that is its own doing.

        Raises:
            Blocked: by ``encode``, which may draw before; or by ``reparameterize``, whose noise no seed repeats.
        """
        own = self.own(output)
        if _passes(judge, standardized(own.z, own.mu, own.logvar)):
            return
        with torch.no_grad():
            encoded = networks.encode(self.model.parameters, self.x)
        if not all(nearly(*pair) for pair in zip((own.mu, own.logvar), encoded, strict=True)):
            raise Blocked("encode", "what is drawn after it cannot be judged", shown=True)
        again = partial(own.twin.seeded(self.seed).reparameterize, own.mu, own.logvar)
        if not same(own.z, as_tensor("reparameterize", again)):
            raise Blocked("reparameterize", "its noise is wrong, and no seed repeats it", shown=True)

    def _true_noise(self, output: Pass) -> torch.Tensor | None:
        """``(z - mu) / sigma`` where mu and logvar are what they should be."""
        with torch.no_grad():
            encoded = networks.encode(self.model.parameters, self.x)
        if not all(map(same, (output.mu, output.logvar), encoded)) or not has_form(
            output.z, output.mu.shape, self.x.dtype
        ):
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
        usual = partial(assert_standard_moments, what="the noise of reparameterize")
        if not _passes(usual, own_eps) and have_one_law(eps, own_eps):
            self.submission.rely_on("reparameterize", "encode")
            return None
        return eps


def _passes(judge: Callable[[torch.Tensor], None], eps: torch.Tensor) -> bool:
    try:
        judge(eps)
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

"""Where random numbers enter two layers: at the output, in the hidden features between them, or in what is given.

With weights of 0 in a layer nothing before it counts, and with weights of 1 from each number to one other it hands on
what it gets. So each place is read alone, the last one first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch

from grading.checks import Draws, Model
from grading.diagnosis.laws import chance, is_or_are, start

Tensor = torch.Tensor
SHARE = 0.5
"""What the last layer hands on, so that a sigmoid behind it can be taken back."""
ROWS = 40
"""Of one call, so that few calls tell much."""
FOR = " for {}"
FAR = 6.0
"""So much is added before a ReLU, so that it lets noise of either sign pass."""


@dataclass(frozen=True)
class Pair:
    """Two layers of a model with a ReLU between them.

    Attributes:
        first: the name of the first layer.
        last: that of the last one.
        output: what a student calls its output.
        given: what a student calls what is given to the first.
        ask: what comes of rows, before anything is applied to it, under a seed.
        before: the end of a sentence on what is done to what is given.
        hidden: what a student calls what is between them.
    """

    first: str
    last: str
    output: str
    given: str
    ask: Callable[[Model, Tensor, int], Tensor]
    before: str = ""
    hidden: str = "the hidden features"


def _set(model: Model, pair: Pair, first: Tensor | float, shift: Tensor, last: Tensor | float, bias: Tensor) -> None:
    for name, weight, added in ((pair.first, first, shift), (pair.last, last, bias)):
        own = model.parameters[f"{name}.bias"]
        model.set(f"{name}.weight", weight)
        model.set(f"{name}.bias", torch.zeros_like(own).index_copy(0, torch.arange(len(added)), added.to(own.dtype)))


def _eye(parameter: Tensor) -> Tensor:
    return torch.eye(*parameter.shape, dtype=parameter.dtype)


def random_in(model: Model, pair: Pair, draws: Draws) -> str | None:
    """What is random in two layers, and where; the model is left with other weights."""
    given, count = handed_on(model, pair)
    one, two = (model.parameters[f"{name}.weight"].detach() for name in (pair.first, pair.last))
    blank = torch.zeros(ROWS, one.shape[1], dtype=one.dtype)

    def asked(row: Tensor, seed: int) -> Tensor:
        return pair.ask(model, row, seed).detach()[:, :count].reshape(-1)

    def output(values: Tensor, seed: int) -> Tensor:
        _set(model, pair, 0.0, torch.zeros(count), 0.0, values[:count])
        return asked(blank, seed)

    def hidden(values: Tensor, seed: int) -> Tensor:
        _set(model, pair, 0.0, values[:count], SHARE * _eye(two), torch.zeros(count))
        return asked(blank, seed) / SHARE

    places = (
        (output, pair.output, "", 1.0),
        (hidden, f"{pair.hidden}{FOR.format(pair.output)}", "", 4.0),
        (given, pair.given, pair.before, 0.5),
    )
    for read, what, end, least in places:
        values = (least + torch.linspace(0.0, 1.5, count)).repeat(ROWS)
        other = (least + torch.linspace(1.0, 0.25, count)).repeat(ROWS)
        found = chance.found(read, values, other, draws)
        if found is not None:
            return _sentence(found, what, end)
        if _moves(read, values, draws):
            return None  # by something that is not known, which would be in what is read before it too
    return None


def handed_on(model: Model, pair: Pair, far: float = FAR) -> tuple[chance.Read, int]:
    """What has become of what the first layer is given, of ``ROWS`` rows, and how many numbers of each are seen.

    Args:
        model: gets other weights whenever it is asked.
        pair: its layers.
        far: what is added before the ReLU, so that it lets numbers of either sign pass.
    """
    one, two = (model.parameters[f"{name}.weight"].detach() for name in (pair.first, pair.last))
    count = min(*one.shape, *two.shape)

    def read(values: Tensor, seed: int) -> Tensor:
        _set(model, pair, _eye(one), torch.full((count,), far), SHARE * _eye(two), torch.zeros(count))
        rows = torch.zeros(ROWS, one.shape[1], dtype=one.dtype)
        rows[:, :count] = values.reshape(ROWS, count).to(one.dtype)
        return pair.ask(model, rows, seed).detach()[:, :count].reshape(-1) / SHARE - far

    return read, count


def _moves(read: chance.Read, values: Tensor, draws: Draws) -> bool:
    first, *others = (read(values, draws.seed()) for _ in range(8))
    return any(not torch.allclose(other, first, rtol=1e-4, atol=1e-4, equal_nan=True) for other in others)


def _sentence(found: chance.Chance, what: str, end: str) -> str:
    be = "are" if " features" in what else is_or_are(what)
    if found.kind == "added":
        return f"{start(found.words)} is added to {what}{end}."
    if found.kind == "dropout":
        return f"{start(what)} {be} {found.words}{',' if end else ''}{end}: that is a dropout."
    if found.kind == "drawn":
        return f"{start(what)} {be} made 0 or 1 at random{end}."
    return f"{start(what)} {be} multiplied by {found.words}{end}."


def renamed(pairs: list[Pair], parameters: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> list[Pair]:
    """Layers by the names that a student has given them; none of those that are parts of others, or have no bias.

    Args:
        pairs: layers by the names that are known.
        parameters: of the model.
        known: the same tensors, by those names.
    """
    own = {id(parameter): name.removesuffix(".weight") for name, parameter in parameters.items()}
    named = [[own.get(id(known[f"{name}.weight"])) for name in (pair.first, pair.last)] for pair in pairs]
    if not all(name is not None and f"{name}.bias" in parameters for names in named for name in names):
        return []
    return [replace(p, first=str(first), last=str(last)) for p, (first, last) in zip(pairs, named, strict=True)]


def sentences(model: Model, pairs: list[Pair], draws: Draws) -> Iterator[str]:
    """What is random in the outputs of a model, of which each is behind two layers."""
    told = {pair: random_in(model, pair, draws) for pair in pairs}
    if len(pairs) == 1:
        told = {pair: words and words.replace(FOR.format(pair.output), "") for pair, words in told.items()}
    both = {(words or "").replace(FOR.format(pair.output), "") for pair, words in told.items()}
    if not any(told.values()):
        return
    if len(pairs) > 1 and len(both) == 1:  # what is between or before them is in both
        yield both.pop()
        return
    yield from filter(None, told.values())
    for pair, words in told.items():
        if words is None and _unsteady(model, pair, draws):
            yield f"{start(pair.output)} is random: two calls with the same arguments give different numbers."


def _unsteady(model: Model, pair: Pair, draws: Draws) -> bool:
    """Whether an output moves with weights as a model has them."""
    for name in (pair.first, pair.last):
        for parameter in (f"{name}.weight", f"{name}.bias"):
            model.set(parameter, draws.normal(*model.parameters[parameter].shape))
    row = draws.uniform(1, model.parameters[f"{pair.first}.weight"].shape[1])
    return _moves(lambda values, seed: pair.ask(model, row, seed).detach(), row, draws)

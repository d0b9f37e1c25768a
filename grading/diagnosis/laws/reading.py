"""Reads an answer part by part: its structure, its shape, its dtype, and what its numbers are made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from . import backward
from .asking import NO_GRADIENT, alike, gradients
from .changes import NOTHING, Change, Tensor, find_change, identify
from .law import listed, number


@dataclass(frozen=True)
class Part:
    """One tensor of an answer.

    Attributes:
        name: what a student calls it.
        right: what it should be, differentiable for the leaves.
        others: what else it may be, with words.
        leaves: what its gradient is judged for, by name.
    """

    name: str
    right: Tensor
    others: Callable[[], Iterable[tuple[str, Tensor]]] = tuple
    leaves: Mapping[str, Tensor] = field(default_factory=dict)


FEW = 8
"""Fewer numbers than this agree with some explanation by chance."""
WEIGHT, BIAS = "the weight of ", "the bias of "
"""Begins of the names of leaves that are two parts of one layer."""
AXES = ("rows", "columns")
WRONG_NUMBER, LOST = " values come back where ", "Of them "
NOT_OF_VALUE = "is not that of the value that comes back"
UNUSED = ", as where something overflows on the way, even if it is not used in the end"
OF_GRADIENTS = ("is multiplied by", "is cut off", "is always 0", "has its sign turned round", "is not a number")
"""What may be said of a gradient; what else fits its numbers does so by chance."""
SAME_FACTOR = 1e-3
"""A factor of a gradient that is nearer to 0 or -1 than this is taken for that."""
NOTHING_LEFT = 1e-6
"""A gradient that is smaller everywhere is what rounding leaves of 0."""
HUGE = 1e15
"""Where a gradient is larger, the square of it that may be on its way is infinite in float32."""
Known = dict[str, tuple[str, Change]]
"""By the name of a part: which candidate it is, empty for the right one, and what is done to that."""


@dataclass(frozen=True)
class Reading:
    """What an answer is.

    Attributes:
        sentences: what is wrong with it.
        predicted: what explains each part, with the part and what was answered; without what nothing explains.
        known: what explains them, in a form that other answers can be held against.
        unexplained: the names of the others.
    """

    sentences: tuple[str, ...]
    predicted: tuple[tuple[Part, Tensor, Tensor], ...] = ()
    known: Known = field(default_factory=dict)
    unexplained: tuple[str, ...] = ()


def start(text: str) -> str:
    """The text with a capital letter, unless it begins with a name of the code."""
    first = text.partition(" ")[0]
    if first == "logits":
        return f"The field {text}"
    return text if first in {"mu", "logvar", "z", "x"} else text[:1].upper() + text[1:]


def inside(sentence: str) -> str:
    """The sentence as it goes on after a colon or a comma."""
    return sentence if sentence.partition(" ")[0].endswith("Error") else sentence[0].lower() + sentence[1:]


def is_or_are(subject: str) -> str:
    """The verb of what is done to one thing or to several."""
    return "are" if subject.endswith(" logits") or " and " in subject else "is"


def read(
    answer: Any,
    parts: tuple[Part, ...],
    known: Known | None = None,
    *,
    deep: bool = True,
    without: Collection[str] = (),
) -> Reading:
    """What an answer is, of which these parts are wanted: one tensor, or a tuple of them in this order.

    Args:
        answer: what came back.
        parts: what should have.
        known: what explained another answer, which is tried first.
        deep: try everything else too.
        without: the names of parts whose numbers are not explained.
    """
    said: list[str] = []
    used: Known = {}
    predicted, unexplained = [], []
    for part, own in zip(parts, _found(answer, parts, said), strict=True):
        if not isinstance(own, torch.Tensor):
            if own is not None:
                unexplained.append(part.name)
            continue
        own = _of_shape(part, own, said)
        if own is None:
            unexplained.append(part.name)
            continue
        if own.dtype != part.right.dtype:
            was = str(part.right.dtype).removeprefix("torch.")
            said.append(f"{start(part.name)} comes back in {str(own.dtype).removeprefix('torch.')}, not in {was}.")
            if not own.dtype.is_floating_point:
                unexplained.append(part.name)
                continue
        found = None if part.name in without else _value(part, own, said, known or {}, used, deep)
        if found is None:
            unexplained.append(part.name)
        else:
            predicted.append((part, found, own))
    return Reading(tuple(said), tuple(predicted), used, tuple(unexplained))


def _found(answer: Any, parts: tuple[Part, ...], said: list[str]) -> list[Any]:
    """The parts in an answer, whatever structure it has; None where there is nothing to look at."""
    names = ", ".join(part.name for part in parts)
    wanted = f"({names})" if len(parts) > 1 else "one tensor"
    if answer is None:
        said.append(f"Nothing comes back (None) where {wanted} belongs.")
        return [None] * len(parts)
    if isinstance(answer, Mapping):
        said.append(f"A dict comes back where {wanted} belongs{', a tuple in this order' if len(parts) > 1 else ''}.")
        answer = tuple(answer.values())
    elif isinstance(answer, (int, float)) and len(parts) == 1:
        said.append(f"A plain number comes back in place of {parts[0].name}, so that no gradient can pass.")
        return [torch.tensor(float(answer), dtype=parts[0].right.dtype)]
    elif isinstance(answer, torch.Tensor):
        if len(parts) == 1:
            return [answer]
        which = next((p.name for p in parts if alike(answer, p.right.detach())), None)
        said.append(f"{'Only ' + which if which else 'A single tensor'} comes back where {wanted} belong.")
        widths = [part.right.shape[-1] if part.right.dim() else 0 for part in parts]
        whole = which is None and answer.dim() == parts[0].right.dim() > 0 and answer.shape[-1] == sum(widths)
        return list(torch.split(answer, widths, -1)) if whole else [None] * len(parts)
    elif isinstance(answer, (tuple, list)) and len(answer) != len(parts) and len(parts) > 1:
        said.append(f"{len(answer)}{WRONG_NUMBER}{wanted} belong.")
    elif not isinstance(answer, (tuple, list)):
        return [answer] if len(parts) == 1 else [None] * len(parts)
    values = list(answer)
    if len(parts) == 1:
        said.append(f"A tuple of {len(values)} comes back where one tensor belongs.")
        return [next((v for v in values if _fits(v, parts[0])), None)]
    if len(values) == len(parts) and all(_fits(v, p) for v, p in zip(values, parts, strict=True)):
        return values
    # Else each part is looked for: by its numbers, and if they are nowhere by its shape.
    places = [next((i for i, v in enumerate(values) if alike(v, p.right.detach())), None) for p in parts]
    if len(values) == len(parts) and places != list(range(len(parts))) and None not in places:
        order = ", ".join(parts[places.index(i)].name for i in range(len(parts)) if i in places)
        said.append(f"The order is another one: ({order}) comes back where ({names}) belongs.")
        return [values[i] for i in places if i is not None]
    missing = [p.name for p, place in zip(parts, places, strict=True) if place is None]
    if len(values) != len(parts):
        if missing and len(missing) < len(parts):
            said.append(f"{LOST}{listed(missing)} cannot be found.")
        return [None if place is None else values[place] for place in places]
    for part, value in zip(parts, values, strict=True):
        if not isinstance(value, torch.Tensor):
            what = "None" if value is None else "a plain number" if isinstance(value, (int, float)) else "no tensor"
            said.append(f"What is returned as {part.name} is {what}.")
    return values


def _fits(value: Any, part: Part) -> bool:
    return isinstance(value, torch.Tensor) and value.shape == part.right.shape


def _of_shape(part: Part, own: Tensor, said: list[str]) -> Tensor | None:
    """The tensor in the shape that it should have, if it has the right number of elements."""
    right = part.right
    if own.shape == right.shape:
        return own
    words = None
    if own.numel() != right.numel():
        for name, tensor in part.others():
            if own.shape == tensor.shape and alike(own, tensor.detach()):
                said.append(f"What stands in the place of {part.name} is {name}; its rows have another length.")
                return None
        if own.dim() != right.dim():
            of = f"axis of length {own.shape[0]} in front" if own.shape[1:] == right.shape else ""
            more = f", with an {of} that does not belong there" if of else ""
            said.append(f"{start(part.name)} has {own.dim()} axes in place of {right.dim()}{more}.")
        elif own.dim() == len(AXES):
            axes = [name for i, name in enumerate(AXES) if own.shape[i] != right.shape[i]]
            said.append(f"{start(part.name)} has another number of {' and '.join(axes)} than it should.")
        return None
    if own.dim() == 2 and own.shape == right.T.shape and alike(own.T.to(right.dtype), right.detach()):
        own, words = own.T, "its axes exchanged"
    elif own.dim() < right.dim():
        own, words = own.reshape(right.shape), "too few axes" if 1 not in right.shape else "no axes of length 1"
    elif own.dim() > right.dim():
        own, words = own.reshape(right.shape), "axes too many"
    else:
        own, words = own.reshape(right.shape), "other axes than it should"
    said.append(f"{start(part.name)} has {words}: the numbers are there, but in another shape.")
    return own


def _value(part: Part, own: Tensor, said: list[str], known: Known, used: Known, deep: bool) -> Tensor | None:
    """What explains the numbers of a part; what is wrong about them is added to what is said."""
    found = _hypothesis(part, own, known, deep)
    if found is None:
        return None
    words, tensor, change = found
    used[part.name] = words, change
    if words:
        said.append(
            f"What stands in the place of {part.name} is {words}{'; and it ' if change.words else ''}{change.words}."
        )
    elif change.words:
        said.append(f"{start(part.name)} {change.words}.")
        if not own.dim() and bool(
            torch.isfinite(own - tensor)
        ):  # of a single number nobody knows yet which of the two it is
            said.append(f"{start(part.name)} has {number(float((own - tensor).detach()))} added.")
    return change.of(tensor)


def _hypothesis(part: Part, own: Tensor, known: Known, deep: bool) -> tuple[str, Tensor, Change] | None:
    right = part.right.to(own.dtype)
    if alike(own, right.detach()):
        return "", right, NOTHING
    if not deep and not known.get(part.name, ("", NOTHING))[0]:
        change = known.get(part.name, ("", NOTHING))[1]
        return ("", right, change) if alike(own, change.of(right).detach()) else None
    if part.name in known:
        was, change = known[part.name]
        for words, other in itertools.chain([("", right)], part.others()):
            if words == was and other.shape == own.shape:
                tensor = other.to(own.dtype)
                if _holds(own, change.of(tensor).detach()):
                    return words, tensor, change
    if not deep:
        return None
    others = [(words, tensor.to(own.dtype)) for words, tensor in part.others()]
    for words, tensor in others:
        if tensor.shape == own.shape and alike(own, tensor.detach()):
            return words, tensor, NOTHING
    found = find_change(right, own)
    return ("", right, found) if found is not None else identify(own, others)


def _holds(own: Tensor, predicted: Tensor) -> bool:
    """Whether what explained another answer explains this one; of its small constants float64 tells no more."""
    return alike(own, predicted) or (own.dtype is torch.float64 and alike(own.float(), predicted.float()))


def explains(answer: Any, parts: tuple[Part, ...], name: str, found: tuple[str, Change]) -> bool:
    """Whether what explains the numbers of a part in another answer explains those of this one as well."""
    words, change = found
    for i, part in enumerate(parts):
        own = answer[i] if isinstance(answer, (tuple, list)) and len(answer) == len(parts) else answer
        if part.name == name and isinstance(own, torch.Tensor) and own.shape == part.right.shape:
            candidates = itertools.chain([("", part.right)], part.others() if words else ())
            own = own.detach()
            return any(
                said == words and tensor.shape == own.shape and alike(own, change.of(tensor.to(own.dtype)).detach())
                for said, tensor in candidates
            )
    return False


def judged(reading: Reading) -> set[tuple[str, str]]:
    """The parts, each with a leaf, for which a gradient has to arrive by what the values of an answer are."""
    found: set[tuple[str, str]] = set()
    for part, predicted, _ in reading.predicted:
        if part.leaves and predicted.requires_grad and part.right.requires_grad:
            wanted = gradients(predicted, list(part.leaves.values()))
            found |= {(part.name, name) for name, w in zip(part.leaves, wanted, strict=True) if _counts(w)}
    return found


def _counts(wanted: Any) -> bool:
    """Whether there is a gradient to be expected."""
    return wanted is not NO_GRADIENT and not float(wanted.abs().max()) < NOTHING_LEFT


def slopes(reading: Reading, among: Collection[tuple[str, str]] | None = None) -> list[str]:
    """What is wrong with the gradients of an answer, given what its values are.

    Args:
        reading: of the answer.
        among: the parts, each with a leaf, of which something may be said; None for all.
    """
    return [sentence for piece in reading.predicted for sentence in _slopes_of(*piece, among)]


def any_slope(reading: Reading, first: Collection[str]) -> bool:
    """Whether anything is wrong with the gradients of an answer: what is likeliest is asked first, and no more.

    Args:
        reading: of the answer.
        first: sentences on other answers like it, of whose parts something may be said again.
    """
    pieces = sorted(reading.predicted, key=lambda piece: not any(f" {piece[0].name} " in words for words in first))
    return any(_slopes_of(*piece, None) for piece in pieces)


def _slopes_of(part: Part, predicted: Tensor, own: Tensor, among: Collection[tuple[str, str]] | None) -> list[str]:
    """What is wrong with the gradients of one part."""
    leaves = list(part.leaves.values())
    if not leaves or not predicted.requires_grad or not part.right.requires_grad:
        return []
    if own.numel() < FEW and not alike(own.to(part.right.dtype), part.right.detach()):
        return []  # few numbers tell too little of what they are for more to follow from it
    expected = [*zip(part.leaves, leaves, gradients(predicted, leaves), strict=True)]
    # The sum of numbers that are centred hangs on nothing.
    if own.shape == predicted.shape and not any(_counts(wanted) for *_, wanted in expected):
        weights = torch.linspace(0.5, 1.5, own.numel(), dtype=own.dtype).reshape(own.shape)
        predicted, own = weights * predicted, weights * own
        expected = [*zip(part.leaves, leaves, gradients(predicted, leaves), strict=True)]
    told = [one for one in expected if among is None or (part.name, one[0]) in among]
    asked = {name: (leaf, wanted) for name, leaf, wanted in told if _counts(wanted)}
    said = [
        f"The gradient of {part.name} for {name} should be 0, but what arrives is not a number."
        for name, leaf, wanted in told
        if _is_nothing(wanted) and _is_nan(own, leaf)
    ]
    if not asked:
        return said
    wanted_of = {name: leaf for name, (leaf, _) in asked.items()}
    given = gradients(own, list(wanted_of.values()))
    known = [None if slope is NO_GRADIENT else slope for slope in given]
    bent = backward.sentences(part.name, own, predicted, wanted_of, known)
    if bent:
        return [*said, *bent]
    by_words: dict[str, list[str]] = {}
    for (name, (_, wanted)), slope in zip(asked.items(), given, strict=True):
        words = _slope(wanted, slope)
        if words:
            by_words.setdefault(words, []).append(name)
    if NOT_OF_VALUE in by_words:
        names = by_words.pop(NOT_OF_VALUE)
        slopes_of = dict(zip(asked, given, strict=True))
        by_words[_of_other(part, [(asked[name][0], slopes_of[name]) for name in names])] = names
    for words, names in by_words.items():
        where = "" if len(names) == len(asked) and len(asked) > 1 else f" for {listed(_together(names))}"
        said.append(f"The gradient of {part.name}{where} {words}.")
    return said


def _of_other(part: Part, given: Sequence[tuple[Tensor, Any]]) -> str:
    """Whose gradients these are for some leaves, if what the part may be mistaken for has them, as a sentence ends."""
    leaves, arrived = zip(*given, strict=True)
    for words, other in part.others():
        if other.shape == part.right.shape and other.requires_grad:
            slopes = gradients(other, leaves)
            if all(s is not NO_GRADIENT and alike(g, s.to(g.dtype)) for g, s in zip(arrived, slopes, strict=True)):
                return f"{NOT_OF_VALUE}, but that of {words.partition(':')[0]}"
    return NOT_OF_VALUE


def _is_nothing(wanted: Any) -> bool:
    return wanted is not NO_GRADIENT and not bool(wanted.any())


def _is_nan(own: Tensor, leaf: Tensor) -> bool:
    (slope,) = gradients(own, [leaf])
    return slope is not NO_GRADIENT and bool(slope.isnan().any())


def _together(names: Sequence[str]) -> list[str]:
    """Names of leaves, where a layer stands for its weight and its bias if both are among them."""
    layers = [name.removeprefix(WEIGHT) for name in names if name.startswith(WEIGHT)]
    whole = [layer for layer in layers if f"{BIAS}{layer}" in names]
    parts = {f"{BIAS}{layer}" for layer in whole}
    left = [name for name in names if name not in parts]
    return [name.removeprefix(WEIGHT) if name.removeprefix(WEIGHT) in whole else name for name in left]


def _slope(wanted: Tensor, slope: Any) -> str:
    if not bool(torch.isfinite(wanted).all()):
        return ""  # of what overflows no gradient is known
    if slope is NO_GRADIENT or not bool(slope.any()):
        return "is cut off: none arrives"
    if slope.shape == wanted.shape:
        seen = torch.isfinite(slope) | (wanted.abs() < HUGE)
        wanted, slope = (wanted, slope) if bool(seen.all()) else (wanted[seen], slope[seen])
        if not len(wanted):
            return ""
    gap = (slope.double() - wanted.double()).abs().max() if slope.shape == wanted.shape else torch.inf
    if gap <= 1e-3 * float(wanted.abs().max()) + 1e-6:  # rounding is all that is left where something saturates
        return ""
    if slope.shape == wanted.shape:
        lost = slope.isnan()
        if bool(lost.any()) and not bool(lost.all()) and alike(slope[~lost], wanted[~lost]):
            return f"is not a number in some places{UNUSED}"
        # Looked for first, as of numbers that are all alike any factor is right with something that is added.
        factor = float((slope.double() * wanted.double()).sum() / wanted.double().square().sum())
        if min(abs(factor), abs(factor + 1)) > SAME_FACTOR and alike(slope, factor * wanted):
            return f"is multiplied by {number(round(factor, 4))}"
    change = find_change(wanted, slope)
    if change is None or not change.words.startswith(OF_GRADIENTS):
        return NOT_OF_VALUE
    return change.words + (UNUSED if change.words.startswith("is not a number") else "")

"""Whether what is told of two mistakes in one function says of each what is told of it alone.

A sentence says one thing or several: what stands in a place, what is done to it, under which circumstances. With two
mistakes they come in one sentence where they meet in one place. So each sentence is taken apart, and a mistake counts
as told if one of the things that are told of it alone is among those that are told of both. Factors are multiplied, and
of two arguments that are exchanged each is called by the name of the other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

PLACE = re.compile(
    r"^(?:what stands in the place of )?(?P<part>.+?) (?:is|are) (?P<what>.+?)(?:, which (?P<then>.+))?$"
)
TERM = re.compile(r"^(?P<where>for [^,]+ )?the (?P<part>loss|recon|kl) is (?P<sum>.+); it should be")
RIGHT_TERMS = {"loss": {"recon", "beta kl"}, "recon": {"recon"}, "kl": {"kl"}}
ADDED = re.compile(r"^(?P<term>.+) is added, (?P<times>\S+) times; it has no place in the formula$")
SIGN = re.compile(r"^(?:the sign of|but) (?:the term )?(.+?) (?:is wrong|counts as much as it should)$")
INSTEAD = re.compile(r"^something else is computed: (?:\S+ times )?(.+)$")
SIZE = re.compile(r"^the result (?:is \S+ times what it should be|has \S+ added)$")
ALONE = {
    "the error is not squared, so that errors of either sign cancel": "the error",
    "the error is not squared: its absolute value is taken": "the absolute error",
}
"""What is told of a mistake alone, and what takes the place of that beside a factor."""
EXCHANGED = re.compile(r"^(?:the )?(.+) and (?:the )?(.+) stand in each other's place", re.IGNORECASE)
FACTORS = (
    (re.compile(r"^the result is twice what"), lambda _: 2.0),
    (re.compile(r"^the result is half of what"), lambda _: 0.5),
    (re.compile(r"^the sign is wrong: the result is minus"), lambda _: -1.0),
    (re.compile(r"^everything is multiplied by ([-\d./e]+)"), lambda m: _number(m[1])),
    (re.compile(r"^the result is ([-\d./e]+) times what it should be"), lambda m: _number(m[1])),
    (re.compile(r"^something else is computed: ([-\d./e]+) times"), lambda m: _number(m[1])),
)


def both_told(one: Sequence[str], other: Sequence[str], both: Sequence[str]) -> bool:
    """Whether each of two mistakes, of which these sentences are told alone, is told in those of both."""
    told = set(_things([*both, *_exchanged(both)]))
    factor = _factor(both)
    expected = [_factor(alone) for alone in (one, other)]
    multiplied = math.isclose(factor, expected[0] * expected[1], rel_tol=2e-3)
    return all(
        bool(told & set(_things(alone))) or (own != 1.0 and multiplied)
        for alone, own in zip((one, other), expected, strict=True)
    )


def _exchanged(sentences: Sequence[str]) -> Iterator[str]:
    """The sentences with the names of two arguments exchanged, if that is what is told of them."""
    for names in filter(None, map(EXCHANGED.match, sentences)):
        other = dict([names.groups(), names.groups()[::-1]])
        pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in other))
        yield from (pattern.sub(lambda m, other=other: other[m[0]], sentence) for sentence in sentences)


def _number(text: str) -> float:
    above, _, below = text.rstrip(".,:").partition("/")
    return float(above) / float(below or 1)


def _factor(sentences: Iterable[str]) -> float:
    """The product of all factors that sentences tell of the whole result."""
    product = 1.0
    for sentence in sentences:
        for pattern, value in FACTORS:
            found = pattern.match(sentence.lower())
            if found:
                product *= value(found)
                break
    return product


def _things(sentences: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """What sentences say, each thing by itself."""
    for sentence in sentences:
        said = sentence.rstrip(".").lower()
        where, cut, rest = said.partition(", and not otherwise: ")
        if not cut:
            where, rest = "", said
            only, _, then = said.partition(": ")
            if only in ("at the sizes of the handout", "in eval mode"):  # where nothing else can be asked
                rest = then
        yield (where, rest)
        yield (where, re.sub(r" \([^)]*\)", "", rest))  # what a term is called says the same without its meaning
        term, added, place = TERM.match(rest), ADDED.match(rest), PLACE.match(rest)
        sign, instead = SIGN.match(rest), INSTEAD.match(rest)
        if term is not None:
            for single in re.split(r" \+ | (?=- )", term["sum"]):
                if single not in RIGHT_TERMS[term["part"]]:
                    yield ("term", term["part"], single)
                    yield ("term", term["part"], re.sub(r"^beta \((.+)\)$", r"\1", single))
        elif added is not None:
            yield ("added", added["term"])
        elif sign is not None:
            yield ("sign", sign[1])
        elif instead is not None:
            yield ("instead", instead[1])
        elif rest in ALONE:
            yield ("instead", ALONE[rest])
        elif where and SIZE.match(rest):
            yield (where, "another size")
        elif place is not None:
            yield (where, place["part"], place["what"])
            source = place["what"].partition(" where ")[0]
            if source != f"the output of the {place['part']} head":
                yield (where, place["part"], source)
            if place["then"]:
                yield (where, f"{place['part']} {place['then']}")

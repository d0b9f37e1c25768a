"""Explanations by experiment: for mistakes that nobody has listed.

The assignment says for each item, in a module beside its tests, what its functions may compute instead of what they
should, and how to find out (``laws``). Here the experiments are made: each in a fresh process of the submission, with
inputs of their own, within a time that is bounded. A law is told only if it predicts answers that it was not made from
and the right function does not. So nothing that a hidden check has asked gets into what is told.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType

import torch

from ..boundary.errors import RefusedError, StudentError, SubmissionFault
from ..boundary.proxy import Submission
from ..boundary.transcript import Transcript
from ..checks.draws import Draws
from ..results import Misconception
from .folding import folded
from .laws import Law, contrast
from .laws.asking import UNUSABLE

SHARE = 0.3
"""Of what the run took until then, for all that explains it: less than a quarter of the run."""
MOST_SECONDS = 15.0
LEAST_SECONDS = 2.0
"""For a run of few checks: to begin takes longer than they do. Where others use the machine too, it is more."""
ALONE_SECONDS = 5.0
"""For a run of one item: whoever asks for it wants to know what is wrong with it."""
MOST_TOLD = 4
NAME = "experiment"

Claim = Callable[[Submission, Draws], bool]
"""Whether what is said of a mistake is so."""
Open = Callable[[str, float], Submission]
"""A submission in a fresh process: for experiments on an item, until a time on the monotonic clock."""


def budget(elapsed: float, slow: float = 1.0, *, alone: bool = False) -> float:
    """Seconds that explaining a run may take.

    Args:
        elapsed: what the run takes in all.
        slow: how many times as long as on an idle machine everything takes.
        alone: whether it is a run of one item.
    """
    return min(MOST_SECONDS, max((ALONE_SECONDS if alone else LEAST_SECONDS) * slow, SHARE * elapsed))


def slowness(probe: float = 0.02, most: float = 4.0) -> float:
    """How many times as long as on an idle machine a process takes here and now, from 1 to ``most``.

    What can be explained in a time must not depend on who else uses the machine.
    """
    begun, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < probe:
        pass
    return min(most, max(1.0, (time.monotonic() - begun) / probe))


def module_of(item: str) -> ModuleType | None:
    """The laws of an item, if the assignment has any: the module ``laws.ITEM`` in its folder of tests."""
    name = f"laws.{item}"
    if importlib.util.find_spec("laws") is None or importlib.util.find_spec(name) is None:
        return None
    return importlib.import_module(name)


def explain(item: str, open_submission: Open, until: float, seed: int = 0) -> tuple[str, ...]:
    """What experiments say of an item, a sentence for each mistake; empty where nothing is certain.

    Args:
        item: the item.
        open_submission: gives the submission in a fresh process.
        until: when to give up, on the monotonic clock.
        seed: of the inputs.
    """
    told = [sentence for law in holding(item, open_submission, until, seed) for sentence in law.sentences]
    return tuple(folded(told))[:MOST_TOLD]


def holding(item: str, open_submission: Open, until: float, seed: int = 0) -> Iterator[Law]:
    """The laws that hold, as ``explain`` tells them; contrasts only where no law does."""
    module = module_of(item)
    if module is None:
        return
    found = False
    with contextlib.suppress(SubmissionFault):  # a process that hangs or dies has said so in the checks
        laws: Iterable[Law] = module.laws(open_submission(item, until), Draws(seed), until)
        for law in _trusted(item, laws, open_submission, until, seed):
            found = found or not law.contrast
            yield law
        if not found:
            probes: Sequence[contrast.Probe] = module.probes()
            contrasts = contrast.explain(probes, open_submission(item, until), Draws(seed))
            yield from _trusted(item, contrasts, open_submission, until, seed)


def refuted(item: str, names: Iterable[str], open_submission: Open, until: float, seed: int = 0) -> set[str]:
    """Which of these mistakes cannot be the one, though each answers the checks as the submission does.

    The words for a mistake may say more than the checks have asked. What they say is then put to the submission with
    inputs of its own: an assignment has such claims beside its laws, by the names of the mistakes (``CLAIMS``).

    Args:
        item: the item.
        names: of the mistakes.
        open_submission: gives the submission in a fresh process.
        until: when to give up, on the monotonic clock.
        seed: of the inputs.
    """
    claims: Mapping[str, Claim] = getattr(module_of(item), "CLAIMS", {})
    wrong: set[str] = set()
    tried: dict[Claim, bool] = {}
    for name in names:
        claim = claims.get(name)
        if claim is None:
            continue
        with contextlib.suppress(SubmissionFault, StudentError, RefusedError, *UNUSABLE):
            if claim not in tried:
                tried[claim] = claim(open_submission(item, until), Draws(seed))
            if not tried[claim]:
                wrong.add(name)
    return wrong


def examined(item: str, open_submission: Open, until: float, seed: int = 0) -> Transcript | None:
    """What a submission answers to other questions than those of the checks, in all circumstances, with gradients.

    A mistake of a catalogue answers these as well if it is the one. An assignment may have questions for it (the
    function ``examined`` of its laws); else it is the questions of a contrast.

    Args:
        item: the item.
        open_submission: gives the submission in a fresh process.
        until: when to give up, on the monotonic clock.
        seed: of the inputs.
    """
    module = module_of(item)
    if module is None:
        return None
    submission, draws = open_submission(item, until), Draws(seed)
    asks = [probe.ask for probe in module.probes()] if not hasattr(module, "examined") else [module.examined]
    with contextlib.suppress(SubmissionFault):
        for put in asks:
            with contextlib.suppress(StudentError, RefusedError, *UNUSABLE):
                answer, _ = put(submission, draws)
                if isinstance(answer, torch.Tensor) and answer.requires_grad:
                    answer.sum().backward()  # type: ignore[no-untyped-call]
    return submission.transcript


def _trusted(item: str, laws: Iterable[Law], open_submission: Open, until: float, seed: int) -> Iterator[Law]:
    for i, law in enumerate(laws):
        if time.monotonic() > until:
            return
        if law.holds(open_submission(item, until), Draws(seed + 1 + i)):
            yield law


def experiment(
    items: Sequence[tuple[str, str]],
    open_submission: Open,
    seconds: float = math.inf,
    problems: list[str] | None = None,
    late: list[str] | None = None,
) -> dict[str, Misconception]:
    """Explain items by experiments, those first that come first, as far as the time reaches.

    Args:
        items: ids of the items that failed, each with its section of the handout.
        open_submission: gives the submission in a fresh process.
        seconds: how long all of it may take.
        problems: where a fault in the laws of one item is told; without it the fault is raised.
        late: gets the items for which the time was too short.

    Returns:
        What was found, by item.
    """
    end = time.monotonic() + seconds
    found: dict[str, Misconception] = {}
    late = [] if late is None else late
    for i, (item, section) in enumerate(items):
        left = end - time.monotonic()
        if left <= 0:
            late.append(item)
            continue
        until = time.monotonic() + left / (len(items) - i) if math.isfinite(left) else math.inf
        try:
            why = explain(item, open_submission, until)
        except Exception as error:
            if problems is None:
                raise
            problems.append(f"no experiments could be made with {item}: {type(error).__name__}: {error}")
            continue
        if why:
            found[item] = Misconception(f"{NAME}.{item}", " ".join(why), section, why)
        elif time.monotonic() > until:
            late.append(item)
    return found

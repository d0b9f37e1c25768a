"""Which submissions an audit checks, and the run itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ... import catalogue as catalogues
from ...assignment import Assignment, AssignmentError
from ...catalogue import Answer, Catalogue
from ...progress import Progress, Watch
from . import executor
from .clothes import EVERY, dress
from .tasks import Result, Setting, Task

KEY = "audit"
EXPERIMENTED = 8
"""So many wrong answers to each item, which were written beside the solution, are asked by experiments too."""


@dataclass(frozen=True)
class Options:
    """What to audit.

    Attributes:
        jobs: processes at work.
        seeds: how many different draws of the hidden inputs the solution and its variants are checked with.
        items: the items whose checks are run and whose answers are handed in; None for all.
        tiers: the tiers whose checks are run.
        whole: run the checks of items that judge a submission as a whole on every submission; else on the solution,
            the skeleton and whole files only.
        answers: bring back what wrong answers answer to the checks that they fail.
        groups: the kinds of submissions to check beside the solution.
        limit: of each group and item, only so many submissions; None for all.
    """

    jobs: int = 2
    seeds: int = 1
    items: tuple[str, ...] | None = None
    tiers: tuple[str, ...] = ("public", "hidden")
    whole: bool = False
    answers: bool = False
    groups: tuple[str, ...] = ("skeleton", "misconception", "variant")
    limit: int | None = None


@dataclass(frozen=True)
class Audit:
    """What an audit found out, before it is judged.

    Attributes:
        assignment: what was audited.
        catalogue: the answers that it was audited with.
        options: how.
        collected: the tests that there are.
        results: of all submissions, the solution's first.
        seconds: how long it took.
    """

    assignment: Assignment
    catalogue: Catalogue
    options: Options
    collected: tuple[str, ...]
    results: tuple[Result, ...]
    seconds: float

    def group(self, group: str) -> list[Result]:
        """The results of one group of submissions."""
        return [result for result in self.results if result.group == group]


def run(assignment: Assignment, options: Options, watch: Watch | None = None) -> Audit:
    """Run the checks of an assignment on every answer of its catalogue.

    Args:
        assignment: what to audit.
        options: how.
        watch: is told after each submission.

    Raises:
        CatalogueError: there is no catalogue.
        AssignmentError: the tests cannot be collected, or an option names something that does not exist.
        AuditError: the processes fail.
    """
    began = time.monotonic()
    missing = [tier for tier in options.tiers if tier not in assignment.tiers]
    if missing:
        raise AssignmentError(f"there are no {missing[0]} checks in {assignment.tests}: nothing to audit them by")
    items = options.items or tuple(item.id for item in assignment.items)
    for item in items:
        assignment.item(item)
    catalogue = catalogues.load(assignment.reference, assignment.files)
    tasks = _with_experiments(_tasks(assignment, catalogue, replace(options, items=items)), catalogue)
    setting = Setting(assignment, catalogue, options.tiers, items)
    results = []
    for result in executor.run(setting, tasks, options.jobs):
        results.append(result)
        if watch is not None:
            watch(Progress(len(results), len(tasks), result.name))
    order = {(task.group, task.name, task.key): i for i, task in enumerate(tasks)}
    results.sort(key=lambda result: order[result.group, result.name, result.key])
    return Audit(assignment, catalogue, options, results[0].collected, tuple(results), time.monotonic() - began)


def _tasks(assignment: Assignment, catalogue: Catalogue, options: Options) -> Iterator[Task]:
    solution = catalogue.solution
    keys = [f"{KEY}-{number}" for number in range(options.seeds)]
    # The inputs of public checks are always the same, so other keys need the hidden ones alone.
    tiers = {key: options.tiers if key == keys[0] else ("hidden",) for key in keys}
    skeletons = _skeletons(assignment)
    for key in keys:
        if key != keys[0] and "hidden" not in options.tiers:
            break
        yield Task("reference", "reference", key, solution, tiers[key], whole=True)
        if "skeleton" in options.groups and key == keys[0] and skeletons is not None:
            yield Task("skeleton", "skeleton", key, skeletons, tiers[key], whole=True)
        if "misconception" in options.groups and key == keys[0]:
            for answer in _chosen(catalogue.misconceptions, options):
                yield _task("misconception", answer, key, catalogue, options, tiers[key])
            if not options.answers and skeletons is not None:
                yield from _dressed(catalogue, options, skeletons, key)
        if "variant" in options.groups:
            for answer in _chosen(catalogue.variants, options):
                yield _task("variant", answer, key, catalogue, options, tiers[key])


def _with_experiments(tasks: Iterator[Task], catalogue: Catalogue) -> list[Task]:
    """The same, of which some wrong answers to each item are experimented with."""
    items = {answer.name: answer.item for answer in catalogue.misconceptions if not answer.by_edit}
    asked: Counter[str | None] = Counter()
    chosen = []
    for task in tasks:
        item = items.get(task.name) if task.group == "misconception" else None
        asked[item] += 1
        chosen.append(replace(task, experiment=item) if asked[item] <= EXPERIMENTED else task)
    return chosen


def _task(group: str, answer: Answer, key: str, catalogue: Catalogue, options: Options, tiers: tuple[str, ...]) -> Task:
    return Task(
        group,
        answer.name,
        key,
        {**catalogue.solution, answer.file: answer.source},
        tiers,
        changed=(answer.file, answer.replaces),
        whole=options.whole or (answer.replaces is None and answer.item is None),
        diagnose=group == "misconception" and not options.answers,
        answers=options.answers,
    )


def _dressed(catalogue: Catalogue, options: Options, skeletons: dict[str, bytes], key: str) -> Iterator[Task]:
    """A part of the wrong answers in other clothes, of which no more is asked than what they are told."""
    others = ((a, dress(a.source, skeletons[a.file])) for a in _chosen(catalogue.misconceptions, options))
    changed = [(answer, source) for answer, source in others if source != answer.source]
    for answer, source in changed[::EVERY]:
        # No check can see the other clothes, so that those which do not call the wrong function end as they do anyway.
        task = _task("dressed", answer, key, catalogue, options, options.tiers)
        yield replace(task, files={**task.files, answer.file: source}, diagnose=True)


def _chosen(answers: tuple[Answer, ...], options: Options) -> Iterator[Answer]:
    """The answers of the chosen items, and whole files where every item is chosen."""
    seen: dict[str | None, int] = {}
    for answer in answers:
        wanted = options.items is None or answer.item is None or answer.item in options.items
        seen[answer.item] = seen.get(answer.item, 0) + wanted
        if wanted and (options.limit is None or seen[answer.item] <= options.limit):
            yield answer


def _skeletons(assignment: Assignment) -> dict[str, bytes] | None:
    """The files that students begin with, or None where one is missing."""
    paths = {name: assignment.student / name for name in assignment.files}
    if not all(path.is_file() for path in paths.values()):
        return None
    return {name: path.read_bytes() for name, path in paths.items()}

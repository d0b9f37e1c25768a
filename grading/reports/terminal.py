"""The score document in a terminal: a table of the items, what each lost point was lost for, and what to do next.

Every text that may stem from a submission is put in as plain ``rich.text.Text``, never as markup.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .guidance import Advice, Cause, State, Unloaded, causes, is_withheld, lost, waits_for, worth
from .reading import title
from .wording import STATUS, points

FULL_REPORTS = 2
"""How many failed checks of an item are told in full where nothing explains them; the first one is mended first."""
OUTPUT_LINES = 12
"""How many lines are shown of what the student's code printed."""
NARROW = 72
"""Columns below which the table has the points of all tiers together."""
WIDTH = 100
"""Columns beyond which lines of text are no longer read with ease."""


@dataclass(frozen=True)
class Guide:
    """What the report knows of the world around a document.

    Attributes:
        functions: the functions of each item, by its id; an item of none judges the whole.
        paths: how the submission's files are reached from where the report is read, by their names.
        handout: the same for the page that explains the tasks, if there is one.
        command: the command that grades this submission.
        finished: what is to be done by somebody who has all points.
        part: it is the report on some items alone, asked for by somebody who works on them.
    """

    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    handout: str = ""
    command: str = "vae-grade run"
    finished: str = ""
    part: bool = False

    def at(self, file: str, line: int | None) -> str:
        """A place in a file, as terminals and editors make a link of it."""
        return f"{self.paths.get(file, file)}{f':{line}' if line else ''}"


def render(document: dict[str, Any], console: Console, guide: Guide | None = None) -> None:
    """Print a score document.

    Args:
        document: the JSON form.
        console: where to.
        guide: what is known of the world around it.
    """
    guide = guide or Guide()
    advice = Advice(document, guide.functions)
    console = _no_wider(console)
    for fault in advice.unloaded:
        console.print(_unloaded(fault, document, guide))
    console.print(_table(document, advice, console.width))
    for item in document["items"]:
        told = list(_item(item, advice, guide))
        if told:
            console.print(Group(_heading(item, guide), _indented(told), Text()))
    # Names that a student chose are in these lines; wrapped, one could begin a line with what a log obeys.
    said = {problem for fault in advice.unloaded for problem in _of_file(document, fault.file)}
    for problem in [*document["problems"], *document.get("run_problems", [])]:
        if problem not in said:
            printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in problem)
            console.print(Text("note: ", style="yellow").append(Text(printable, style="default")), soft_wrap=True)
    console.print(_footer(document), soft_wrap=True)
    isolation = document["isolation"]
    if not isolation["trusted_for_grading"]:
        console.print(Text(f"isolation {isolation['level']}: for your own code, not for a stranger's", style="dim"))
    _next(advice, guide, console)


def compare(documents: Sequence[dict[str, Any]], console: Console) -> None:
    """Print the scores of several submissions, and in which items each has lost points."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Submission", no_wrap=True)
    table.add_column("Points", no_wrap=True)
    table.add_column("Lost points in", overflow="fold")
    for document in documents:
        names = [item["id"] for item in document["items"] if item["status"] != "passed"]
        where = ", ".join(names) if len(names) < len(document["items"]) else "every item"
        table.add_row(Text(document["submission"]["id"]), ratio(document["score"]), Text(where))
    console.print(table)


def _no_wider(console: Console) -> Console:
    if console.width > WIDTH:
        console.width = WIDTH
    return console


def _table(document: dict[str, Any], advice: Advice, width: int) -> Table:
    tiers = document["tiers"]
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
    table.add_column("Item", Text("total"), overflow="fold")
    table.add_column("Status")
    apart = tiers if len(tiers) == 1 or width >= NARROW else []
    for tier in apart:
        table.add_column(tier, ratio(document["score"][tier]), justify="right")
    if len(apart) != 1:
        table.add_column("points", ratio(document["score"]), justify="right", style="bold")
    for item in document["items"]:
        cells = [ratio(_sum(item, tier)) for tier in apart]
        cells += [ratio(item)] if len(apart) != 1 else []
        table.add_row(Text(item["title"]), _status(item, advice), *cells)
    return table


def _status(item: dict[str, Any], advice: Advice) -> Text:
    """How an item stands, in a word or two; how much of it is written, where it has several functions."""
    state = advice.state(item)
    if state is State.UNLOADED:
        return Text("not loaded", style="red")
    if state is State.TO_DO:
        written = advice.written(item)
        return Text(f"{written} of {len(advice.functions[item['id']])} done" if written else "to do", style="yellow")
    if state in (State.WAITING, State.WHOLE):
        return Text("waiting" if state is State.WAITING else "later", style="yellow")
    word, color = STATUS[item["status"]]
    return Text(word, style=color)


def _sum(item: dict[str, Any], tier: str) -> dict[str, float]:
    checks = [check for check in item["checks"] if check["tier"] == tier]
    return {key: sum(check[key] for check in checks) for key in ("earned", "possible")}


def ratio(score: dict[str, Any]) -> Text:
    """Earned and possible points, coloured by how near they are."""
    full = score["earned"] >= score["possible"] - 1e-9
    style = "green" if full else "red" if score["earned"] == 0 else "yellow"
    return Text(f"{points(score['earned'])} / {points(score['possible'])}", style=style)


Row = tuple[Text | str, Text]


def _indented(rows: Iterable[Row]) -> Padding:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=8, style="dim", no_wrap=True)
    grid.add_column()
    for row in rows:
        grid.add_row(*row)
    return Padding(grid, (0, 0, 0, 2), expand=False)


def _heading(item: dict[str, Any], guide: Guide) -> Text:
    place = f"  {guide.at(item['file'], _line(item))}, {item['section']}"
    return Text(item["title"], style="bold").append(place, style="dim")


def _line(item: dict[str, Any]) -> int | None:
    """The first line that a failed check of an item points to."""
    return next((check["line"] for check in lost(item) if check["line"]), None)


def _unloaded(fault: Unloaded, document: dict[str, Any], guide: Guide) -> Group:
    """A file that could not be loaded: once, instead of once for each check that ends at it."""
    check, known = fault.check, _of_file(document, fault.file)
    message = check["message"].removeprefix("the code raised ")
    lines = list(known)
    if message not in known and not _is_undecoded(fault, document):
        lines += [message, f"    {check['source']}"] if check["source"] else [message]
    items = f"{len(fault.items)} items" if len(fault.items) > 1 else "1 item"
    lost_points = points(worth(check for item in fault.items for check in lost(item)))
    lines.append(f"Nothing in it can be judged before this is mended: {items}, {lost_points} points.")
    place = _place(fault, document, guide)
    return Group(
        Text(f"{place} could not be loaded", style="bold red"), *(Padding(Text(s), (0, 0, 0, 2)) for s in lines)
    )


def _place(fault: Unloaded, document: dict[str, Any], guide: Guide) -> str:
    return guide.at(fault.file, None if _is_undecoded(fault, document) else fault.check["line"])


def _is_undecoded(fault: Unloaded, document: dict[str, Any]) -> bool:
    """Whether a note says of its encoding what Python says in other words, and with another line."""
    return "codec can't decode" in fault.check["message"] and bool(_of_file(document, fault.file))


def _of_file(document: dict[str, Any], file: str) -> list[str]:
    return [problem for problem in document["problems"] if problem.startswith(f"{file} ")]


def _item(item: dict[str, Any], advice: Advice, guide: Guide) -> Iterator[Row]:
    """What there is to say of an item beside the table."""
    state, failed = advice.state(item), lost(item)
    if state is State.WHOLE and item["status"] != "not_implemented":
        yield "later", Text("it needs all parts, so mend the others first")
    elif state is State.WAITING:
        needed = ", ".join(_titles(advice, waits_for(failed)))
        what = f"{_count(failed)} cannot be made" if item["earned"] else "nothing can be said of it"
        yield "waiting", Text(f"{what} before this is right: {needed}")
    elif state is State.TO_DO and advice.written(item):
        yield from _to_do(item, advice, guide)
    elif state in (State.WRONG, State.ERROR):
        yield from _to_do(item, advice, guide)
        yield from _wrong(item, advice, guide)
    if guide.part:
        yield from _printed(item)


def _to_do(item: dict[str, Any], advice: Advice, guide: Guide) -> Iterator[Row]:
    for stub in advice.stubs(item):
        task = f"  Task {stub.task}" if stub.task else ""
        yield Text("to do", style="yellow"), Text(f"{stub.function}{task}  {guide.at(item['file'], stub.line)}")


def _wrong(item: dict[str, Any], advice: Advice, guide: Guide) -> Iterator[Row]:
    found = causes(item, FULL_REPORTS)
    if not any(cause.why for cause in found):
        hints = (check["hint"] for check in lost(item) if check["hint"])
        yield from (("hint", Text(hint)) for hint in dict.fromkeys(hints))
    for cause in found:
        yield from (("why", Text(sentence)) for sentence in cause.why)
        for check in cause.shown:
            yield from _check(item, check, guide)
        if cause.folded:
            yield "", _folded(cause)
    blocked = [check for check in lost(item) if check["status"] == "blocked"]
    for needed in waits_for(blocked):
        checks = [check for check in blocked if check["blocked_by"] == needed]
        of = "this item" if needed == item["id"] else ", ".join(_titles(advice, [needed]))
        yield Text("blocked", style="yellow"), Text(f"{_count(checks)} until {of} is right").append(_minus(checks))


def _check(item: dict[str, Any], check: dict[str, Any], guide: Guide) -> Iterator[Row]:
    word, color = STATUS[check["status"]]
    name = f"a {title(check)}" if is_withheld(check) else f"{check['tier']}: {title(check)}"
    yield Text(word, style=color), Text(name).append(_minus([check]))
    for label, text in _finding(item, check, guide):
        yield "", Text(f"{label:<9}", style="dim").append(text, style="default") if label else Text(text)


def _finding(item: dict[str, Any], check: dict[str, Any], guide: Guide) -> list[tuple[str, str]]:
    """What a check found, as labelled lines."""
    lines = [("", check["message"]), ("expected", check["expected"]), ("got", check["actual"])]
    if check["line"]:
        function = f", in {check['function']}" if check["function"] and check["function"] != "<module>" else ""
        source = f":  {check['source']}" if check["source"] else ""
        lines.append(("at", f"{guide.at(item['file'], check['line'])}{function}{source}"))
    return [(label, text) for label, text in lines if text]


def _folded(cause: Cause) -> Text:
    """The checks of one cause beside those that are shown, as one line."""
    if not cause.shown:
        fail = "fails" if len(cause.folded) == 1 else "fail"
        told = f"{_count(cause.folded)} {fail} beside it, for this reason or another"
        return Text(told).append(_minus(cause.folded))
    return Text(f"and {_count(cause.folded)}").append(_minus(cause.folded))


def _count(checks: Sequence[dict[str, Any]]) -> str:
    numbers = {tier: sum(check["tier"] == tier for check in checks) for tier in ("public", "hidden")}
    told = " and ".join(f"{number} {tier}" for tier, number in numbers.items() if number)
    return f"{told} {'check' if len(checks) == 1 else 'checks'}"


def _minus(checks: Iterable[dict[str, Any]]) -> Text:
    return Text(f", -{points(worth(checks))}", style="dim")


def _titles(advice: Advice, names: Iterable[str]) -> list[str]:
    titles = {item["id"]: item["title"] for item in advice.document["items"]}
    return [titles.get(name, name) for name in names]


def _printed(item: dict[str, Any]) -> Iterator[Row]:
    """What the student's code printed, in the first check of those that have something to show."""
    checks = sorted(
        (check for check in item["checks"] if check["output"]), key=lambda check: check["status"] == "passed"
    )
    for check in checks[:1]:
        lines = check["output"].splitlines()
        more = [f"... and {len(lines) - OUTPUT_LINES} lines more"] if len(lines) > OUTPUT_LINES else []
        yield "printed", Text(f"in {check['tier']}: {title(check)}", style="dim")
        yield from (("", Text(f"| {line}")) for line in [*lines[:OUTPUT_LINES], *more])


def _footer(document: dict[str, Any]) -> Text:
    score = document["score"]
    text = Text(f"{points(score['earned'])} of {points(score['possible'])} points", style="bold")
    return text.append(f"   {document['submission']['id']}, tiers: {', '.join(document['tiers'])}", style="dim")


def _next(advice: Advice, guide: Guide, console: Console) -> None:
    """Print what to do now; places and commands have lines of their own, not wrapped, so that they can be clicked."""
    head, steps = _steps(advice, guide)
    console.print(Text(head, style="bold"))
    for label, step in steps:
        console.print(Text(f"  {label:<6}", style="dim").append(step, style="not dim"), soft_wrap=True)


def _steps(advice: Advice, guide: Guide) -> tuple[str, list[tuple[str, str]]]:
    fault = next(iter(advice.unloaded), None)
    item = advice.next() if fault is None else None
    if fault is not None:
        there = fault.file in advice.document["submission"]["files"]
        steps = [("in", _place(fault, advice.document, guide))] if there else []
        what = "has to load" if there else "has to be there"
        return f"Next: {fault.file} {what}", [*steps, ("then", guide.command)]
    if item is None:
        if any(lost(other) for other in advice.document["items"]):
            return "", []  # the grader's own fault, which is told elsewhere
        if guide.part:
            return "All of it is right.", [("then", guide.command)]
        return f"Everything that is checked here is right. {guide.finished}".strip(), []
    what, place, section = item["title"], guide.at(item["file"], _line(item)), item["section"]
    stub = next(iter(advice.stubs(item)), None)
    if stub is not None and advice.state(item) is State.TO_DO:
        place, section = guide.at(item["file"], stub.line), f"Task {stub.task}" if stub.task else section
        what = f"write {stub.function}"
    steps = [("in", place), ("read", f"{guide.handout}, {section}" if guide.handout else section)]
    steps.append(("then", f"{guide.command} --only {shlex.quote(item['id'])}"))
    return f"Next: {what}", steps

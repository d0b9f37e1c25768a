"""The score document in a terminal: a table of the items, then what each lost point was lost for.

Every text that may stem from a submission is put in as plain ``rich.text.Text``, never as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .wording import STATUS, points

FULL_REPORTS = 3
"""How many failed checks of one item are told in full; beyond that, a student fixes the first ones first."""


def render(document: dict[str, Any], console: Console, *, details: bool = True) -> None:
    """Print a score document.

    Args:
        document: the JSON form.
        console: where to.
        details: tell of every lost point, not only the table.
    """
    console.print(_table(document))
    if details:
        for item in document["items"]:
            lost = [check for check in item["checks"] if check["status"] != "passed"]
            if lost:
                console.print(_item_details(item, lost))
    # Names that a student chose are in these lines; wrapped, one could begin a line with what a log obeys.
    for problem in document["problems"]:
        console.print(Text("note: ", style="yellow").append(Text(problem, style="default")), soft_wrap=True)
    console.print(_footer(document), soft_wrap=True)


def compare(documents: Sequence[dict[str, Any]], console: Console) -> None:
    """Print the scores of several submissions, and in which items each has lost points."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Submission", no_wrap=True)
    table.add_column("Points", no_wrap=True)
    table.add_column("Lost points in", overflow="fold")
    for document in documents:
        lost = [item["id"] for item in document["items"] if item["status"] != "passed"]
        where = ", ".join(lost) if len(lost) < len(document["items"]) else "every item"
        table.add_row(Text(document["submission"]["id"]), ratio(document["score"]), Text(where))
    console.print(table)


def _table(document: dict[str, Any]) -> Table:
    tiers = document["tiers"]
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
    table.add_column("Item", Text("total"))
    table.add_column("Status")
    for tier in tiers:
        table.add_column(tier, ratio(document["score"][tier]), justify="right")
    table.add_column("points", ratio(document["score"]), justify="right", style="bold")
    for item in document["items"]:
        word, color = STATUS[item["status"]]
        cells = [ratio(_sum(item, tier)) for tier in tiers]
        table.add_row(Text(item["title"]), Text(word, style=color), *cells, ratio(item))
    return table


def _sum(item: dict[str, Any], tier: str) -> dict[str, float]:
    checks = [check for check in item["checks"] if check["tier"] == tier]
    return {key: sum(check[key] for check in checks) for key in ("earned", "possible")}


def ratio(score: dict[str, Any]) -> Text:
    """Earned and possible points, coloured by how near they are."""
    full = score["earned"] >= score["possible"] - 1e-9
    style = "green" if full else "red" if score["earned"] == 0 else "yellow"
    return Text(f"{points(score['earned'])} / {points(score['possible'])}", style=style)


def _item_details(item: dict[str, Any], lost: list[dict[str, Any]]) -> Group:
    """What an item lost points for: the idea behind it first, then the checks that show it."""
    heading = Text(item["title"], style="bold").append(f"  {item['file']}, {item['section']}", style="dim")
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(min_width=8, style="dim")
    rows.add_column()
    if len(lost) == len(item["checks"]) and {check["status"] for check in lost} == {"not_implemented"}:
        rows.add_row(Text("to do", style="yellow"), Text("not implemented yet"))
        return Group(heading, _indented(rows), Text())
    for tell in _unique(check["misconception"]["tell"] for check in lost if check["misconception"]):
        rows.add_row(Text("why", style="cyan"), Text(tell))
    for hint in _unique(check["hint"] for check in lost if check["hint"]):
        rows.add_row(Text("hint", style="cyan"), Text(hint))
    told: set[str] = set()
    for check in lost:
        word, color = STATUS[check["status"]]
        rows.add_row(Text(word, style=color), _title(check))
        # Most checks of an item fail for the same reason: what comes after the first few adds nothing.
        if check["message"] not in told and len(told) < FULL_REPORTS:
            told.add(check["message"])
            for label, text in _finding(item, check):
                rows.add_row(
                    "", Text(f"{label:<9}", style="dim").append(text, style="default") if label else Text(text)
                )
    return Group(heading, _indented(rows), Text())


def _indented(rows: Table) -> Padding:
    return Padding(rows, (0, 0, 0, 2), expand=False)


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _title(check: dict[str, Any]) -> Text:
    name = check["id"].rsplit("/", 1)[-1].replace("_", " ")
    title = f"hidden check {name}" if name.isdigit() else f"{check['tier']}: {name}"
    return Text(title).append(f"  -{points(check['possible'] - check['earned'])}", style="dim")


def _finding(item: dict[str, Any], check: dict[str, Any]) -> list[tuple[str, str]]:
    """What a check found, as labelled lines."""
    lines = [("", check["message"]), ("expected", check["expected"]), ("got", check["actual"])]
    if check["line"]:
        function = f", in {check['function']}" if check["function"] and check["function"] != "<module>" else ""
        source = f":  {check['source']}" if check["source"] else ""
        lines.append(("at", f"{item['file']}:{check['line']}{function}{source}"))
    return [(label, text) for label, text in lines if text]


def _footer(document: dict[str, Any]) -> Text:
    score, isolation = document["score"], document["isolation"]
    text = Text(f"{points(score['earned'])} of {points(score['possible'])} points", style="bold")
    text.append(f"   {document['submission']['id']}, tiers: {', '.join(document['tiers'])}", style="dim")
    if not isolation["trusted_for_grading"]:
        text.append(
            f"\nisolation {isolation['level']}: for your own code; not to be trusted for a stranger's", style="dim"
        )
    return text

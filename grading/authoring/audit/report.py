"""An audit's verdict for a reader: tables in a terminal, and JSON.

A wrong answer that leaves nothing to judge another item by (it crashes, or returns no tensor) blocks checks of that
item. They cost points until it is mended, but no other mistake is claimed; they are told as notes.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .judge import Case, Verdict

SHOWN = 12
"""So many of the things that break a demand are told in the terminal; the JSON has all."""


def to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON values."""
    audit = verdict.audit
    return {
        "version": 1,
        "assignment": {"name": audit.assignment.name, "digest": audit.assignment.digest},
        "sound": verdict.sound,
        "seconds": round(audit.seconds, 1),
        "processor_seconds": {
            group: round(sum(result.seconds for result in audit.group(group)), 1)
            for group in dict.fromkeys(result.group for result in audit.results)
        },
        "demands": [
            {"title": d.title, "met": d.met, "result": d.result, "broken": list(d.broken)} for d in verdict.demands
        ],
        "misconceptions": [_case(case) for case in verdict.cases],
        "checks": [
            {"id": check.id, "killed": verdict.kills[check.id], "false_failure_rate": verdict.rates.get(check.id, 0.0)}
            for check in audit.assignment.checks()
        ],
        "statistics": [
            {"check": check, "what": what, "deviation": deviation, "rate": rate, "key": result.key}
            for result in audit.group("reference")
            for check, outcome in result.checks.items()
            for what, deviation, rate in outcome.statistics
        ],
        "variants": [
            {"name": r.name, "key": r.key, "lost": [check for check, o in r.checks.items() if not o.passed]}
            for r in audit.group("variant")
        ],
    }


def dumps(verdict: Verdict) -> str:
    """The verdict as JSON text."""
    return json.dumps(to_json(verdict), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _case(case: Case) -> dict[str, Any]:
    return {
        "name": case.answer.name,
        "item": case.answer.item,
        "kind": case.kind,
        "killed_by": list(case.killed_by),
        "lost_elsewhere": case.lost,
        "blocked_elsewhere": list(case.blocked),
        "named": list(case.named),
        "diagnosis": case.diagnosis,
    }


def render(verdict: Verdict, console: Console) -> None:
    """Print what was demanded, what was found, and by what a demand is broken."""
    if verdict.cases:
        console.print(_items(verdict))
    console.print(_demands(verdict))
    for demand in verdict.demands:
        if demand.met:
            continue
        console.print(Text(demand.title, style="bold red"))
        for line in demand.broken[:SHOWN]:
            console.print(Text(f"  {line}"))
        if len(demand.broken) > SHOWN:
            console.print(Text(f"  and {len(demand.broken) - SHOWN} more", style="dim"))
    for case in verdict.cases:
        if case.blocked:
            line = f"{case.answer.name} keeps checks of {', '.join(case.blocked)} from being made"
            console.print(Text("note: ", style="yellow").append(Text(line, style="default")))
    word, style = ("The assignment is sound.", "bold green") if verdict.sound else ("It is not sound.", "bold red")
    used = sum(result.seconds for result in verdict.audit.results)
    spent = Text(f"  {len(verdict.audit.results)} submissions, {verdict.audit.seconds:.0f} s", style="dim")
    spent.append(f" ({used:.0f} s of processor time)")
    console.print(Text(word, style=style).append_text(spent))


def _demands(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Demand")
    table.add_column("")
    table.add_column("Found")
    for demand in verdict.demands:
        mark = Text("met", style="green") if demand.met else Text(f"{len(demand.broken)} ×", style="red")
        table.add_row(Text(demand.title), mark, Text(demand.result))
    return table


def _items(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    columns = ("wrong", "found", "stray", "blocking", "named", "among", "silent", "checks", "idle")
    cases, checks = verdict.cases, verdict.audit.assignment.checks()
    rows: list[tuple[str, list[int]]] = []
    for item in verdict.audit.assignment.items:
        own = [case for case in cases if case.answer.item == item.id]
        if own:
            told = Counter(case.diagnosis for case in own)
            idle = [check for check in checks if check.item == item.id and not verdict.kills[check.id]]
            found = sum(bool(case.killed_by) for case in own)
            stray, blocking = sum(bool(case.lost) for case in own), sum(bool(case.blocked) for case in own)
            named = (told["right"], told["among"], told["silent"] + told["wrong"])
            rows.append((item.id, [len(own), found, stray, blocking, *named, len(item.checks), len(idle)]))
    table.add_column("Item", "total", no_wrap=True)
    for i, column in enumerate(columns):
        table.add_column(column, str(sum(numbers[i] for _, numbers in rows)), justify="right")
    for name, numbers in rows:
        table.add_row(name, *(str(number or "·") for number in numbers))
    return table

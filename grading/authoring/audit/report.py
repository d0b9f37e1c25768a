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

from .judge import Finding, Verdict

SHOWN = 12
"""So many causes for which a requirement is not met are told in the terminal; the JSON has all."""
SUBJECTS = 4
"""So many of those who show a cause are named in the terminal; the JSON has all."""


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
            {"title": r.title, "met": r.met, "result": r.result, "broken": [v.told() for v in r.violations]}
            for r in verdict.requirements
        ],
        "misconceptions": [_finding(finding) for finding in verdict.findings],
        "checks": [
            {
                "id": check.id,
                "killed": verdict.failures[check.id],
                "false_failure_rate": verdict.rates.get(check.id, 0.0),
            }
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


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.answer.name,
        "item": finding.answer.item,
        "kind": finding.kind,
        "killed_by": list(finding.failed),
        "lost_elsewhere": finding.lost,
        "blocked_elsewhere": list(finding.blocked),
        "named": list(finding.named),
        "diagnosis": finding.diagnosis,
    }


def render(verdict: Verdict, console: Console) -> None:
    """Print what is required, what was found, and why a requirement is not met."""
    if verdict.findings:
        console.print(_items(verdict))
    console.print(_requirements(verdict))
    for requirement in verdict.requirements:
        if requirement.met:
            continue
        console.print(Text(requirement.title, style="bold red"))
        for violation in requirement.violations[:SHOWN]:
            console.print(Text(f"  {violation.told(SUBJECTS)}"))
        if len(requirement.violations) > SHOWN:
            console.print(Text(f"  and {len(requirement.violations) - SHOWN} other causes", style="dim"))
    for finding in verdict.findings:
        if finding.blocked:
            line = f"{finding.answer.name} keeps checks of {', '.join(finding.blocked)} from being run"
            console.print(Text("note: ", style="yellow").append(Text(line, style="default")))
    word, style = ("The assignment is sound.", "bold green") if verdict.sound else ("It is not sound.", "bold red")
    used = sum(result.seconds for result in verdict.audit.results)
    spent = Text(f"  {len(verdict.audit.results)} submissions, {verdict.audit.seconds:.0f} s", style="dim")
    spent.append(f" ({used:.0f} s of processor time)")
    console.print(Text(word, style=style).append_text(spent))


def _requirements(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Requirement")
    table.add_column("")
    table.add_column("Found")
    for requirement in verdict.requirements:
        mark = Text("met", style="green") if requirement.met else Text("not met", style="red")
        table.add_row(Text(requirement.title), mark, Text(requirement.result))
    return table


def _items(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    columns = ("wrong", "found", "stray", "blocking", "named", "among", "silent", "checks", "idle")
    findings, checks = verdict.findings, verdict.audit.assignment.checks()
    rows: list[tuple[str, list[int]]] = []
    for item in verdict.audit.assignment.items:
        own = [finding for finding in findings if finding.answer.item == item.id]
        if own:
            told = Counter(finding.diagnosis for finding in own)
            idle = [check for check in checks if check.item == item.id and not verdict.failures[check.id]]
            found = sum(bool(finding.failed) for finding in own)
            stray, blocking = (sum(map(bool, several)) for several in ((f.lost for f in own), (f.blocked for f in own)))
            named = (told["right"], told["among"], told["silent"] + told["wrong"])
            rows.append((item.id, [len(own), found, stray, blocking, *named, len(item.checks), len(idle)]))
    table.add_column("Item", "total", no_wrap=True)
    for i, column in enumerate(columns):
        table.add_column(column, str(sum(numbers[i] for _, numbers in rows)), justify="right")
    for name, numbers in rows:
        table.add_row(name, *(str(number or "·") for number in numbers))
    return table

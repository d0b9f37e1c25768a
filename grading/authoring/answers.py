"""What the wrong answers of the catalogue give to the public checks, for machines that have no catalogue.

The public checks have fixed inputs and seeds, so what a wrong answer returns there is always the same. The numbers and
the texts that go with them are released to students; neither the solution nor the code of a wrong answer is.
"""

from __future__ import annotations

from typing import Any

from ..assignment import Assignment
from ..diagnosis.stored import Stored, same_answers
from ..progress import Watch
from .audit import plan


def generate(assignment: Assignment, jobs: int, watch: Watch | None = None) -> Stored:
    """Run the public checks on every wrong answer, and keep what those that fail were answered.

    Raises:
        CatalogueError: there is no catalogue.
        AssignmentError: the checks cannot be collected.
        AuditError: the processes of the audit fail.
    """
    options = plan.Options(jobs, tiers=("public",), answers=True, groups=("misconception",))
    audit = plan.run(assignment, options, watch)
    given = {result.name: result.answers for result in audit.group("misconception")}
    items: dict[str, list[dict[str, Any]]] = {item.id: [] for item in assignment.items if item.functions}
    for answer in audit.catalogue.misconceptions:
        own = {check: replies for check, replies in given[answer.name].items() if check.split("/")[1] == answer.item}
        if own and answer.item is not None:
            texts = {"name": answer.name, "tell": answer.tell, "section": answer.section}
            items[answer.item].append({**texts, "checks": own})
    return Stored(items)


def differences(old: Stored, new: Stored) -> list[str]:
    """What in ``old`` is not as in ``new``, rounding aside; an empty list if it is up to date."""
    found = []
    for item in sorted(old.items.keys() | new.items.keys()):
        before, after = ({m["name"]: m for m in s.items.get(item, [])} for s in (old, new))
        for name in sorted(before.keys() | after.keys()):
            if name not in before or name not in after:
                found.append(f"{name} is {'missing' if name in after else 'not in the catalogue, or fails no check'}")
            elif not _same(before[name], after[name]):
                found.append(f"{name} has changed")
    return found


def _same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    if any(old[key] != new[key] for key in ("tell", "section")) or old["checks"].keys() != new["checks"].keys():
        return False
    return all(same_answers(old["checks"][check], new["checks"][check]) for check in old["checks"])

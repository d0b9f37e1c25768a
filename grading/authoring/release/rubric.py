"""The rubric without its hidden tier: neither names nor weights of hidden checks go to students."""

from __future__ import annotations

import re
import tomllib

from .errors import ReleaseError

_TABLE = re.compile(r"^\s*\[")
_HIDDEN = re.compile(r"^\s*\[\s*item\s*\.\s*checks\s*\.\s*hidden\s*\]")


def without_hidden(text: str) -> str:
    """A rubric in which no hidden check is named; the points of the hidden tier stay, for a student may know them.

    Raises:
        ReleaseError: the rubric is written in a way that this cannot be done to.
    """
    before = tomllib.loads(text)
    public = {name for item in before["item"] for name in item["checks"]["public"]}
    lines, skipping = [], False
    for line in text.splitlines(keepends=True):
        if _TABLE.match(line):
            skipping = bool(_HIDDEN.match(line))
        if not skipping:
            lines.append(line)
    guards = "".join(f'    "{name}",\n' for name in before["guards"] if name in public)
    stripped, count = re.subn(
        r"^guards = \[.*?\]\n", f"guards = [\n{guards}]\n", "".join(lines), count=1, flags=re.M | re.S
    )
    after = tomllib.loads(stripped)
    expected = {**before, "guards": [name for name in before["guards"] if name in public]}
    expected["item"] = [{**item, "checks": {"public": item["checks"]["public"]}} for item in before["item"]]
    if count != 1 or after != expected:
        raise ReleaseError(
            "the hidden checks cannot be taken out of the rubric: write them in tables [item.checks.hidden], and the "
            "guards as one list"
        )
    return stripped

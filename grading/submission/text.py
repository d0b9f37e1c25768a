"""What can be told of a file by its bytes: another encoding than Python's, or the leavings of a notebook."""

from __future__ import annotations

import codecs
import re

_DECLARED = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")
"""PEP 263: in the first or second line. What it says is Python's to judge."""
_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32"} | dict.fromkeys(
    (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "UTF-16"
)
_OF_NOTEBOOKS = (
    (re.compile(rb"[ \t]*(?:\w+ *= *)?get_ipython\(\)"), "get_ipython()"),
    (re.compile(rb"[ \t]*%%?[A-Za-z]"), "a command with %"),
    (re.compile(rb"[ \t]*![ \t]*\w"), "a command with !"),
)
MAX_SHOWN = 5


def remarks(name: str, content: bytes) -> list[str]:
    """What to say of a file that Python may not read as its author meant it; nothing if all is well.

    A byte-order mark of UTF-8 and any ends of lines are well: Python takes them.
    """
    found = [_encoding(content), _notebook(content)]
    return [f"{name} {remark}" for remark in found if remark is not None]


def _encoding(content: bytes) -> str | None:
    encoding = next((called for mark, called in _MARKS.items() if content.startswith(mark)), None)
    if encoding is None and b"\0" in content:
        halves = content[:1000:2].count(0), content[1:1000:2].count(0)
        encoding = "UTF-16" if max(halves) > 100 * min(halves) and max(halves) > len(content[:1000]) // 4 else None
    if encoding is not None:
        return f"is saved as {encoding}, which Python does not read: save it as UTF-8"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        if any(_DECLARED.match(line) for line in content.split(b"\n", 2)[:2]):
            return None
        line = content.count(b"\n", 0, error.start) + 1
        return (
            f"is not UTF-8: line {line} has the byte 0x{content[error.start]:02x}, as an older encoding such as "
            "Windows-1252 (cp1252) or Latin-1 has for letters with accents; Python expects UTF-8, so save it as that"
        )
    return None


def _notebook(content: bytes) -> str | None:
    found = [
        (number, what)
        for number, line in enumerate(content.split(b"\n"), start=1)
        for pattern, what in _OF_NOTEBOOKS
        if pattern.match(line)
    ]
    if not found:
        return None
    shown = ", ".join(f"line {line} ({what})" for line, what in found[:MAX_SHOWN])
    more = f" and {len(found) - MAX_SHOWN} more" if len(found) > MAX_SHOWN else ""
    return f"looks like the export of a notebook; outside a notebook these commands fail, so remove them: {shown}{more}"

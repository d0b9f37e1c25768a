"""Text that may come from a student, made harmless for terminals, logs and browsers."""

from __future__ import annotations

import re

MAX_STRING = 4_000

# Control characters, bidirectional marks and lone surrogates: a terminal or a browser would obey them.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def clean(text: str, limit: int = MAX_STRING) -> str:
    """``text`` without characters that a terminal or browser would obey, cut to ``limit`` characters."""
    shown = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text[: limit + 1].replace("\r\n", "\n"))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def clean_line(text: str, limit: int = MAX_STRING) -> str:
    """``clean`` for what has to stay on its line, such as a name: a log may obey what begins a line."""
    return clean(re.sub("[\t\n\r]", "\N{REPLACEMENT CHARACTER}", text), limit)

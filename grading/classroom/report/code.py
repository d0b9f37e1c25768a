"""A student's file as lines of HTML: nothing in it is obeyed, by a browser or by whoever reads it."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from ...boundary.shared.text import clean_line

MAX_LINES = 3_000
MAX_WIDTH = 300
MAX_HIGHLIGHTED = 100_000
"""In characters: longer files are shown in one colour."""


@dataclass(frozen=True)
class Line:
    """A line of code.

    Attributes:
        number: counted from 1.
        html: the line, escaped, with its colours.
    """

    number: int
    html: Markup


def lines(content: bytes) -> tuple[list[Line], int]:
    """The lines of a file, and how many more there are.

    Tabs become spaces; characters that turn text around or stay invisible are shown as such; long lines are cut.
    """
    shown = [clean_line(line.expandtabs(4), MAX_WIDTH) for line in _text(content).split("\n")]
    if shown and not shown[-1]:
        shown.pop()
    more, shown = max(0, len(shown) - MAX_LINES), shown[:MAX_LINES]
    if sum(map(len, shown)) > MAX_HIGHLIGHTED:
        return [Line(number, Markup.escape(line)) for number, line in enumerate(shown, start=1)], more
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    # Pygments closes its marks at each end of a line, and escapes.
    coloured = str(highlight("\n".join(shown), lexer, HtmlFormatter(nowrap=True))).split("\n")
    return [Line(number, Markup(line)) for number, line in enumerate(coloured[: len(shown)], start=1)], more


def _text(content: bytes) -> str:
    """As Python reads it, or else as UTF-8 with marks for what is none."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, ValueError, LookupError):
        text = content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ")

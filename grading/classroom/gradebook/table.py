"""A CSV file of somebody else's, in which single cells can be replaced while every other byte stays as it is."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model import ClassError

DELIMITERS = (",", ";", "\t")
MAX_SIZE = 64 << 20
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Cell:
    """A cell and where it stands in the text, its quotes included.

    Attributes:
        value: what it says.
        start: the index of its first character.
        end: the index behind its last one.
        quoted: it stands in quotes.
    """

    value: str
    start: int
    end: int
    quoted: bool


@dataclass(frozen=True)
class Table:
    """A CSV file, taken apart.

    Attributes:
        mark: the bytes of the byte order mark, if there is one.
        encoding: what the rest is written in.
        delimiter: what stands between two cells.
        text: the rest of the file, as it is.
        rows: the cells, row by row; the first row has the headings.
    """

    mark: bytes
    encoding: str
    delimiter: str
    text: str
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def headings(self) -> list[str]:
        """The first row."""
        return [cell.value.strip() for cell in self.rows[0]] if self.rows else []

    def value(self, row: int, column: int | None) -> str:
        """What a cell says, without spaces around it; "" where the row is too short or the column is missing."""
        cells = self.rows[row]
        return cells[column].value.strip() if column is not None and column < len(cells) else ""

    def with_values(self, values: Mapping[tuple[int, int], str]) -> bytes:
        """The file with other values in some cells, given by row and column.

        A cell in quotes stays in quotes, and another one gets them only if its value needs them.
        """
        parts, done = [], 0
        for (row, column), value in sorted(values.items()):
            cell = self.rows[row][column]
            needed = cell.quoted or any(sign in value for sign in (self.delimiter, '"', "\r", "\n"))
            written = '"' + value.replace('"', '""') + '"' if needed else value
            parts += [self.text[done : cell.start], written]
            done = cell.end
        return self.mark + "".join([*parts, self.text[done:]]).encode(self.encoding)


def read(content: bytes, name: str, required: Sequence[str]) -> Table:
    """Take a file apart.

    Args:
        content: its bytes.
        name: what to call it.
        required: headings that it has; the delimiter with which they are found is the file's.

    Raises:
        ClassError: it is too large, no text, not CSV, or has not these headings.
    """
    if len(content) > MAX_SIZE:
        raise ClassError(f"{name} has more than {MAX_SIZE >> 20} MiB: that is no gradebook")
    mark, encoding = next(
        ((mark, encoding) for mark, encoding in _BYTE_ORDER_MARKS if content.startswith(mark)), (b"", "")
    )
    body = content.removeprefix(mark)
    for candidate in [encoding] if encoding else ["utf-8", "cp1252", "latin-1"]:
        try:
            text = body.decode(candidate)
        except UnicodeDecodeError:
            continue
        encoding = candidate
        break
    else:
        raise ClassError(f"{name} begins as {encoding} and is not: export it again")
    seen: list[str] = []
    for delimiter in DELIMITERS:
        rows = _rows(text, delimiter, name)
        first = next(rows)
        headings = [cell.value.strip() for cell in first]
        if set(required) <= set(headings):
            # Only now the others, whose quotes may not close where something else parts the cells.
            return Table(mark, encoding, delimiter, text, (first, *rows))
        seen = max(seen, headings, key=len)
    missing = ", ".join(repr(heading) for heading in required if heading not in seen)
    raise ClassError(f"{name} has no column {missing}; its first row is: {', '.join(map(repr, seen[:12]))}")


def _rows(text: str, delimiter: str, name: str) -> Iterator[tuple[Cell, ...]]:
    plain = re.compile(f"[^{re.escape(delimiter)}\r\n]*")
    cells: list[Cell] = []
    at = 0
    while True:
        cell = _quoted(text, at, plain, name) if text.startswith('"', at) else None
        if cell is None:
            found = plain.match(text, at)
            assert found is not None
            cell = Cell(found[0], at, found.end(), False)
        cells.append(cell)
        at = cell.end
        if text.startswith(delimiter, at):
            at += 1
            continue
        yield tuple(cells)
        cells = []
        if at == len(text):
            break
        at += 2 if text.startswith("\r\n", at) else 1
        if at == len(text):
            break


_QUOTED = re.compile('"((?:[^"]|"")*)"')


def _quoted(text: str, at: int, plain: re.Pattern[str], name: str) -> Cell:
    found = _QUOTED.match(text, at)
    if found is None:
        line = len(re.findall("\r\n|\r|\n", text[:at])) + 1
        raise ClassError(f"{name}, line {line}: a quotation mark is not closed")
    # What some programs write behind the closing quote belongs to the cell.
    rest = plain.match(text, found.end())
    assert rest is not None
    return Cell(found[1].replace('""', '"') + rest[0], at, rest.end(), True)

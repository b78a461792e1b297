"""The timeline of a play as plain text: what everybody did and saw, side by side."""

from __future__ import annotations

from typing import Dict, Final, Iterator, List, Sequence

from messenger.protocol.text import clean
from messenger.scenario.model import SERVER
from messenger.scenario.timeline import Entry

ROWS_MAX: Final = 40
"""Rows of a timeline in a terminal: what led to a failure is at the end."""

WIDTH_MIN: Final = 42
"""A narrower terminal folds the rows."""

_COLUMN_MIN: Final = 18
"""With less room for each, everybody gets a line instead of a column."""
_NAME_MAX: Final = 12
_CELL_ROWS_MAX: Final = 8
_GAP: Final = " │ "


class Table:
    """A table of this width: a column for everybody who is named, or, where those were too narrow, a line an entry."""

    def __init__(self, names: Sequence[str], width: int) -> None:
        self._names = names
        self._width = width
        self._column = (width - 7) // max(len(names), 1) - len(_GAP)

    def head(self) -> List[str]:
        """Return the rows that name the columns."""
        if self._column < _COLUMN_MIN:
            return []
        lines = _joined("", ["─" * self._column] * len(self._names), self._column)
        return [_joined("", self._names, self._column), lines.replace("│", "┼")]

    def rows(self, entry: Entry) -> List[str]:
        """Return the rows of an entry."""
        if self._column < _COLUMN_MIN:
            return list(_line(entry, self._width))
        return list(_cells(entry, self._names, self._column, self._width))


def columns(entries: Sequence[Entry], width: int, rows_max: int = ROWS_MAX) -> List[str]:
    """Return a table as wide as that, of the last rows if there are more, or all if `rows_max` is 0."""
    names = actors(entries)
    if not names:
        return []
    table = Table(names, width)
    rows = [row for entry in entries for row in table.rows(entry)]
    if rows_max and len(rows) > rows_max:
        left_out = len(rows) - rows_max
        rows = [f"        … {left_out} rows before", *rows[left_out:]]
    return [*table.head(), *rows]


def actors(entries: Sequence[Entry]) -> List[str]:
    """Return who takes part, in the order in which they came, the server last."""
    names = list(dict.fromkeys(entry.who for entry in entries if entry.who))
    return sorted(names, key=lambda name: name == SERVER)


def told(entry: Entry) -> str:
    """Return an entry as a person reads it."""
    text = clean(entry.text.partition("\n")[0]).replace("\t", " ")
    words: Dict[str, str] = {
        "typed": f"> {text}",
        "began": "· starts",
        "ended": f"· ends with status {text}",
        "failed": f"✗ {text}",
    }
    return words.get(entry.kind, text)


def _cells(entry: Entry, names: Sequence[str], column: int, width: int) -> Iterator[str]:
    if not entry.who:
        for number, part in enumerate(_wrapped(told(entry), width - 8)):
            yield f"{entry.seconds:6.2f}  {part}" if number == 0 else f"{'':8}{part}"
        return
    at = names.index(entry.who)
    for number, part in enumerate(_wrapped(told(entry), column)[:_CELL_ROWS_MAX]):
        cells = [part if index == at else "" for index in range(len(names))]
        yield _joined(f"{entry.seconds:6.2f}" if number == 0 else "", cells, column)


def _line(entry: Entry, width: int) -> Iterator[str]:
    who = entry.who[:_NAME_MAX]
    for number, part in enumerate(_wrapped(told(entry), max(width, WIDTH_MIN) - 10 - _NAME_MAX)[:_CELL_ROWS_MAX]):
        seconds = f"{entry.seconds:6.2f}" if number == 0 else ""
        yield f"{seconds:6}  {who if number == 0 else '':{_NAME_MAX}}  {part}".rstrip()


def _joined(seconds: str, cells: Sequence[str], column: int) -> str:
    from rich.cells import cell_len

    padded = [cell + " " * (column - cell_len(cell)) for cell in cells]
    return (f"{seconds:6}" + "".join(_GAP + cell for cell in padded)).rstrip()


def _wrapped(text: str, width: int) -> List[str]:
    """Fold text for so many columns of a terminal, at blanks where there are some."""
    from rich.cells import cell_len, chop_cells

    rows, row = [], ""
    for word in text.split(" "):
        longer = f"{row} {word}" if row else word
        if cell_len(longer) <= width:
            row = longer
            continue
        if row:
            rows.append(row)
        *whole, row = chop_cells(word, width) or [""]
        rows += whole
    return [*rows, row]

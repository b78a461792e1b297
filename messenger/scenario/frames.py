"""Recordings of terminals to the moments at which something in them changed, and what all of them showed then."""

from __future__ import annotations

import math
from typing import Final, List, NamedTuple, Optional, Sequence, Set, Tuple

from pyte.screens import Char

from messenger.scenario.editor import EditorRows
from messenger.scenario.emulator import Emulator
from messenger.scenario.seen import Seen

TOGETHER_SECONDS: Final = 0.004
"""What changes within this time changed at once."""

MOMENTS_MAX: Final = 400
"""Of a longer play, more is shown as one moment."""


class Recording(NamedTuple):
    """What one name's programs have written to their terminal, and when (seconds since the play began)."""

    name: str
    rows: int
    columns: int
    output: List[Tuple[float, bytes]]


class Style(NamedTuple):
    """How a piece of text looks; colours are pyte's names, or six hexadecimal digits."""

    colour: str = "default"
    ground: str = "default"
    is_bold: bool = False
    is_italic: bool = False
    is_underlined: bool = False


class Run(NamedTuple):
    """A piece of text in a row, of so many columns."""

    column: int
    columns: int
    text: str
    style: Style


Row = Tuple[Run, ...]


class Picture(NamedTuple):
    """What stands on a terminal."""

    columns: int
    rows: Tuple[Row, ...]
    cursor: Optional[Tuple[int, int]]
    """Its row and column, if it is to be seen."""


class Moment(NamedTuple):
    """What all terminals show, from some second on."""

    seconds: float
    pictures: Tuple[Picture, ...]


def moments(recordings: Sequence[Recording]) -> List[Moment]:
    """Return the moments at which something changed, `MOMENTS_MAX` at most."""
    together = TOGETHER_SECONDS
    found = _moments(recordings, together)
    while len(found) > MOMENTS_MAX:
        together *= 2
        found = _moments(recordings, together)
    return found


def _moments(recordings: Sequence[Recording], together: float) -> List[Moment]:
    screens = [EditorRows(Seen(), one.columns, one.rows, lambda data: None) for one in recordings]
    pictures = [picture(screen) for screen in screens]
    events = sorted((when, at, data) for at, one in enumerate(recordings) for when, data in one.output)
    found: List[Moment] = []
    changed: Set[int] = set()
    began = 0.0
    for (when, at, data), (after, _, _) in zip(events, [*events[1:], (math.inf, 0, b"")]):
        began = began if changed else when
        screens[at].feed(data)
        changed.add(at)
        if after - began < together:
            continue
        for one in [one for one in changed if screens[one].is_settled or after == math.inf]:
            pictures[one] = picture(screens[one])
            changed.discard(one)
        if not found or found[-1].pictures != tuple(pictures):
            found.append(Moment(when, tuple(pictures)))
    return found


def picture(screen: Emulator) -> Picture:
    """Return what stands on a screen."""
    rows = tuple(_row([screen.buffer[y][x] for x in range(screen.columns)]) for y in range(screen.lines))
    cursor = None if screen.cursor.hidden else (screen.cursor.y, min(screen.cursor.x, screen.columns - 1))
    return Picture(screen.columns, rows, cursor)


def _row(cells: Sequence[Char]) -> Row:
    runs: List[Run] = []
    for column, cell in enumerate(cells):
        style, last = _style(cell), runs[-1] if runs else None
        if last is not None and last.style == style:
            runs[-1] = Run(last.column, column + 1 - last.column, last.text + cell.data, style)
        else:
            runs.append(Run(column, 1, cell.data, style))
    return tuple(run for run in (_trimmed(run) for run in runs) if run.columns)


def _style(cell: Char) -> Style:
    colour, ground = (cell.bg, cell.fg) if cell.reverse else (cell.fg, cell.bg)
    if cell.reverse and colour == ground == "default":
        colour, ground = "ground", "text"
    return Style(colour, ground, cell.bold, cell.italics, cell.underscore)


def _trimmed(run: Run) -> Run:
    """Blanks at the ends of a run are only drawn if they have a colour."""
    if run.style.ground != "default" or run.style.is_underlined:
        return run
    text = run.text.lstrip(" ")
    before = len(run.text) - len(text)
    behind = len(text) - len(text.rstrip(" "))
    return Run(run.column + before, run.columns - before - behind, text.rstrip(" "), run.style)

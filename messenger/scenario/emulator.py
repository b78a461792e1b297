"""An emulated terminal: bytes of a program to what stands on its screen."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Callable, Dict, Final, Iterator, Set, Tuple

import pyte
from wcwidth import wcwidth  # a part of pyte's installation

_WHOLE_SCREEN: Final = (2, 3)
_BEFORE_ESCAPE: Final = re.compile(rb"(?=\x1b)")


class Emulator(pyte.Screen):
    """A screen whose rows are numbered from the first one ever; those that have scrolled off are kept until they are
    forgotten."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], object] = lambda data: None) -> None:
        """`answer` takes what a terminal replies when it is asked where its cursor is."""
        self._answer = answer
        self._above = 0
        self._scrolled_off: Dict[int, str] = {}
        self._goes_on: Set[int] = set()
        """Full rows, whose line goes on in the next one."""
        self._is_drawing = False
        super().__init__(columns, rows)
        self._stream = pyte.ByteStream(self)

    def feed(self, data: bytes) -> None:
        """Take in what a program has written; what cannot be understood leaves the screen as it is."""
        for piece in _BEFORE_ESCAPE.split(data):
            try:
                self._stream.feed(piece)
            except (TypeError, ValueError, LookupError):
                pass  # a command in a form that pyte does not know; it has gone on to the next one

    @property
    def row(self) -> int:
        """The number of the row in which the cursor is."""
        return int(self._above + self.cursor.y)

    def text(self, row: int) -> str:
        """What stands in a row."""
        if row < self._above:
            return self._scrolled_off.get(row, "")
        cells = self.buffer[row - self._above]
        return "".join(cells[column].data for column in range(self.columns))

    def texts(self, first: int, end: int) -> Iterator[Tuple[int, str]]:
        """Rows from `first` up to `end`, those of one long line as one, each with the row that comes after it."""
        text = ""
        for row in range(first, end):
            text += self.text(row)
            if row not in self._goes_on:
                yield row + 1, text.rstrip()
                text = ""

    def forget(self, before: int) -> None:
        """The rows before this one are not asked for any more."""
        for row in [row for row in self._scrolled_off if row < before]:
            del self._scrolled_off[row]
        self._goes_on = {row for row in self._goes_on if row >= before}

    # ---- what pyte calls ------------------------------------------------------------------------------------

    def write_process_input(self, data: str) -> None:
        """Give the answer to the program."""
        self._answer(data)

    def draw(self, data: str) -> None:
        """Draw text; characters without a width, at which pyte would lose the rest, go to the one before them."""
        self._is_drawing = True
        start = 0
        if not data.isascii():
            for index, character in enumerate(data):
                if wcwidth(character) == 0 and not unicodedata.combining(character):
                    super().draw(data[start:index])
                    self._add_to_last(character)
                    start = index + 1
        super().draw(data[start:])
        self._is_drawing = False

    def linefeed(self) -> None:
        """Go to the next row, at the end of a line or in its middle."""
        (self._goes_on.add if self._is_drawing else self._goes_on.discard)(self.row)
        super().linefeed()

    def index(self) -> None:
        """Go down a row, and at the end of the screen scroll."""
        if self.cursor.y == self.lines - 1 and self.margins is None:
            self._scrolled_off[self._above] = self.text(self._above)
            super().index()
            self._above += 1
        else:
            super().index()

    def erase_in_display(self, how: int = 0, *arguments: Any, **named: Any) -> None:
        """Erase; what a cleared screen has shown counts as scrolled off."""
        if how in _WHOLE_SCREEN:
            for row in range(self._above, self._above + self.lines):
                self._scrolled_off[row] = self.text(row)
            self._above += self.lines
        super().erase_in_display(how, *arguments, **named)

    def _add_to_last(self, character: str) -> None:
        cells = self.buffer[self.cursor.y]
        column = self.cursor.x - 1
        if column > 0 and not cells[column].data:
            column -= 1  # the second half of a wide one
        if column >= 0:
            cells[column] = cells[column]._replace(data=cells[column].data + character)

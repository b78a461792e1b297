"""The full interface as a person sees it: what stands on its screen, as lines.

The editor tells which rows are its own. As long as the prompt, what is typed, menus and bars stand there, it has
bracketed paste switched on, and the cursor stood in the first of these rows when it was switched on. What stands above
is there to stay, and counts once the editor is drawn below it, not before: what the redrawing has damaged is seen
damaged.
"""

from __future__ import annotations

from typing import Any, Callable, Final

from messenger.client.commands import prompt_lines
from messenger.scenario.emulator import Emulator
from messenger.scenario.seen import Seen

PROMPT: Final = "> "

_SHOWN_CURSOR: Final = 25
"""The editor hides its cursor while it draws."""
_BRACKETED_PASTE: Final = 2004


class EditorRows(Emulator):
    """A terminal with the full interface in it, whose lines go to `seen`.

    A question and what is answered are the line that has begun; the prompt for commands and what is typed there are
    nobody's lines.
    """

    def __init__(self, seen: Seen, columns: int, rows: int, answer: Callable[[str], object]) -> None:
        """See `Emulator`."""
        self._seen = seen
        self._next = 0
        """The first row that is not in `seen` yet."""
        self._top = 0
        """The editor's first row."""
        self._is_editing = False
        self._is_erased = False
        """Whether the editor has made room for lines above it, and not come back yet."""
        super().__init__(columns, rows, answer)
        self._prompt = set(prompt_lines(columns).split("\n"))

    @property
    def is_settled(self) -> bool:
        """Whether the editor stands there whole, or none does: a person sees nothing else for long."""
        return not self._is_erased and not (self._is_editing and self.cursor.hidden)

    def feed(self, data: bytes) -> None:
        """Take in what has come."""
        super().feed(data)
        if not self._is_editing and not self._is_erased:
            self._take_over(self.row)
            self._seen.set_partial(self.text(self.row).rstrip())

    def end(self) -> None:
        """Nothing more comes."""
        self._take_over(self.row + 1)
        self._seen.set_partial("")

    def set_mode(self, *modes: int, **named: Any) -> None:
        """The editor begins, or has drawn itself."""
        super().set_mode(*modes, **named)
        if named.get("private") and _BRACKETED_PASTE in modes:
            self._is_editing, self._is_erased, self._top = True, False, self.row
        elif named.get("private") and _SHOWN_CURSOR in modes and self._is_editing:
            self._take_over(self._top)
            self._seen.set_partial(self._question())

    def reset_mode(self, *modes: int, **named: Any) -> None:
        """The editor leaves: for a moment, erased, or because its line is entered and stands there for good."""
        super().reset_mode(*modes, **named)
        if named.get("private") and _BRACKETED_PASTE in modes and self._is_editing:
            self._is_editing = False
            self._is_erased = self.row == self._top
            if not self._is_erased:
                question = self._question()
                if question:
                    self._seen.add(question)
                self._seen.set_partial("")
                self._next = self.row

    def _take_over(self, end: int) -> None:
        for after, text in self.texts(self._next, end):
            self._next = after
            if text:
                self._seen.add(text)
        self.forget(self._next)

    def _question(self) -> str:
        """The editor's rows down to the cursor, unless they are the prompt for commands."""
        rows = [self.text(row) for row in range(self._top, self.row + 1)]
        is_prompt = rows[0].rstrip() in self._prompt or rows[0].startswith(PROMPT)
        return "" if is_prompt else "".join(rows).rstrip()

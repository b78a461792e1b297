"""What reading a scenario has come to: its lines, what they have made of it so far, and what is wrong with them."""

from __future__ import annotations

import re
import shlex
from typing import Dict, Final, List, NamedTuple, Optional, Set, Tuple

from messenger.errors import MessengerError
from messenger.scenario.model import SERVER, Client, Place, Scenario, SimpleStep, Start, Together

SECONDS_MAX: Final = 86_400.0
NUMBER_MAX: Final = 10**12
"""The largest number that a line may hold, such as the size of a file."""

_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.?))", re.DOTALL)
_BYTES: Final = range(0xDC80, 0xDD00)
"""Surrogates that stand for bytes which are no UTF-8; others can be typed by nobody."""


class BadScenario(MessengerError, ValueError):
    """A file that is no scenario: `place` and a sentence."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message


class Line(NamedTuple):
    """A line with a directive."""

    place: Place
    text: str
    word: str
    """The directive, without its @."""
    rest: str
    """What follows it."""


class Reader:
    """Reads line by line; raises nothing at its making."""

    def __init__(self, text: str, path: str) -> None:
        self.scenario = Scenario(path)
        self.place = Place(path, 1)
        self.clients: Dict[str, Client] = {}
        self.faults: List[BadScenario] = []
        self._lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []
        self._at = 0
        self._together: Optional[List[SimpleStep]] = None
        self._together_at = self.place
        self._unknown: Set[str] = set()
        """Names of nobody that have been told."""
        self.knows_all = True
        """Whether every client could be read: if not, nobody knows who is unknown."""

    def next_line(self, beginning: str = "") -> Optional[str]:
        """Take the next line if it begins so; None otherwise and at the end."""
        if self._at >= len(self._lines) or not self._lines[self._at].startswith(beginning):
            return None
        self._at += 1
        return self._lines[self._at - 1]

    def go_on(self) -> Optional[str]:
        """Take the next line, which becomes the place of what is read; None at the end."""
        self.place = Place(self.scenario.path, self._at + 1)
        return self.next_line()

    def add(self, step: SimpleStep) -> None:
        """Add a step."""
        if isinstance(step, Start):
            if self._together is not None and len(step.clients) > 1:
                raise self.wrong("between @together and @done, @actor and @client start one client a line")
            self.clients.update((client.name, client) for client in step.clients)
        if self._together is None:
            self.scenario.steps.append(step)
        else:
            self._together.append(step)

    def begin_together(self) -> None:
        """What is added from here on happens at the same time."""
        if self._together is not None:
            raise self.wrong("expected @done before the next @together")
        self._together, self._together_at = [], self.place

    def end_together(self) -> None:
        """What is added from here on happens in its order."""
        if self._together is None:
            raise self.wrong("expected a @together before @done")
        self.scenario.steps.append(Together(self._together_at, "@together", tuple(self._together)))
        self._together = None

    def end(self) -> None:
        """Check what only the end shows."""
        if self._together is not None:
            raise BadScenario(self._together_at, "@together has no @done")

    # ---- what lines hold ------------------------------------------------------------------------------------

    def known(self, actor: str, server: bool) -> None:
        """Check the name of somebody who was started, of the server where that may be."""
        if actor in self.clients or (actor == SERVER and server):
            return
        if actor == SERVER:
            raise self.wrong("expected the name of an actor; the server takes no part in this")
        if not self.knows_all or actor in self._unknown:
            raise ToldAlready
        self._unknown.add(actor)
        known = ", ".join(self.clients) or "nobody"
        raise self.wrong(f"no @actor or @client has the name {actor}; known so far: {known}")

    def only_before_steps(self, what: str) -> None:
        """Check that nothing has happened yet."""
        if self.scenario.steps or self._together is not None:
            raise self.wrong(f"{what} must come before the first step")

    def options(self, text: str) -> Tuple[str, Tuple[str, ...]]:
        """Split into what stands before the first option, and the options."""
        before, dashes, after = (" " + text).partition(" --")
        try:
            return before.strip(), tuple(shlex.split(dashes.strip() + after)) if dashes else ()
        except ValueError as error:
            raise self.wrong(f"the options cannot be read: {error}") from None

    def whole(self, digits: str, usage: str, lowest: int = 0, most: int = NUMBER_MAX) -> int:
        """Read a whole number."""
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= len(str(NUMBER_MAX)) else -1
        if not lowest <= number <= most:
            raise self.wrong(f"expected {usage}, from {lowest} to {most}")
        return number

    def seconds(self, text: str, usage: str) -> float:
        """Read a number of seconds."""
        found = re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", text, re.ASCII)
        if found is None or float(text) > SECONDS_MAX:
            raise self.wrong(f"expected {usage}, up to {SECONDS_MAX:g}")
        return float(text)

    def unescape(self, text: str) -> str:
        r"""Put characters in the place of `\xHH`, `\uHHHH` and `\\`."""

        def character(found: re.Match[str]) -> str:
            code = int(found[1] or found[2] or "5c", 16)
            if found[3] not in (None, "\\"):
                raise self.wrong(r"expected \\, \xHH or \uHHHH: a backslash begins a character's number")
            if 0xD800 <= code < 0xE000 and code not in _BYTES:
                raise self.wrong(rf"{found[0]} is no character; \uDC80 to \uDCFF are the bytes 80 to FF")
            return chr(code)

        return _ESCAPE.sub(character, text)

    def wrong(self, message: str) -> BadScenario:
        """Return what is wrong with this line."""
        return BadScenario(self.place, message)


class ToldAlready(Exception):
    """A line is wrong for a reason that has been told already."""

"""What happened in a play, in order: who typed what, who saw what, what the server told."""

from __future__ import annotations

from typing import Callable, List, NamedTuple


class Entry(NamedTuple):
    """One thing that happened."""

    seconds: float
    """Since the play began."""
    who: str
    kind: str
    """`typed`, `seen`, `began`, `ended`, or `failed`."""
    text: str


class Timeline:
    """Entries in their order, and whoever wants to hear of each at once."""

    def __init__(self, clock: Callable[[], float], on_entry: Callable[[Entry], None] = lambda entry: None) -> None:
        self._clock = clock
        self._start = clock()
        self._on_entry = on_entry
        self.entries: List[Entry] = []

    def add(self, who: str, kind: str, text: str) -> None:
        """Add what has just happened."""
        entry = Entry(self._clock() - self._start, who, kind, text)
        self.entries.append(entry)
        self._on_entry(entry)

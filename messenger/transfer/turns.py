"""Whose turn it is, where several files go to the same person at once.

The receiver divides the room of its socket among all files that it receives. Of a hundred, each has room for less than
a chunk: sent like that, each chunk would wait for its own acknowledgement, and that would cost more than the chunk. So
the sender puts together what its files to one person have been given, and one after the other sends a few chunks, as
deficit round robin does with packets (Shreedhar and Varghese, 1995).
"""

from __future__ import annotations

import math
from typing import Callable, Dict, Final, Optional

from messenger.transfer.geometry import CHUNK_SIZE

TURN_BYTES: Final = 2 * CHUNK_SIZE
"""Bytes of a turn: as many as the receiver acknowledges at one time."""

TURN_SHARE: Final = 4
"""Where this part of the room is less than that, it is enough for a turn to begin."""


class Turns:
    """What the transfers to one person share."""

    def __init__(self) -> None:
        self.room = 0
        """Bytes that the receiver can hold of all together; when nothing is on its way, anything may be sent."""
        self.in_flight = 0
        """Bytes of all together that are on their way."""
        self.queue: Dict[Turn, float] = {}
        """Who waits, in the order of their turns, and since when (s)."""
        self.called: Optional[Turn] = None
        """Who was woken and has not come yet."""

    def is_next(self, turn: Turn) -> bool:
        """Whether it is the first of those who wait, and need not wait any longer."""
        if next(iter(self.queue)) is not turn:
            return False
        least = min(TURN_BYTES, self.room // TURN_SHARE) if len(self.queue) > 1 else 0
        return self.in_flight + max(turn.size, least) <= self.room or not self.in_flight

    def call_next(self) -> None:
        """Wake whoever is the next, if there is room."""
        if self.queue and self.called is None:
            first = next(iter(self.queue))
            if self.is_next(first):
                self.called = first
                first.wake()


class Turn:
    """One transfer's part in it."""

    __slots__ = ("_began", "_granted", "_in_flight", "_left", "_turns", "held_since", "size", "wake")

    def __init__(self, turns: Turns, wake: Callable[[], None]) -> None:
        """`wake` is called when it is to try again, having had to wait."""
        self.wake = wake
        self.held_since = math.inf
        """Since when it had to wait, for others that wait again, until it had the turn that it has; else infinite."""
        self.size = 0
        """Bytes that it asked for last."""
        self._turns = turns
        self._granted = 0
        self._in_flight = 0
        self._began = -math.inf
        self._left = 0

    @property
    def room(self) -> int:
        """Bytes that the receiver can hold of all transfers together."""
        return self._turns.room

    def grant(self, size: int) -> None:
        """The receiver, and the path, can hold so many bytes for this transfer."""
        self._turns.room += size - self._granted
        self._granted = size

    def note(self, in_flight: int) -> None:
        """So many bytes of this transfer are on their way now."""
        turns = self._turns
        sent = in_flight - self._in_flight
        turns.in_flight += sent
        self._left -= sent
        self._in_flight = in_flight
        if sent < 0 and turns.queue and self not in turns.queue:
            turns.call_next()

    def may_send(self, now: float, size: int) -> bool:
        """Return whether it may send so many bytes now. If not, it waits, until `give_up`, and will be woken, unless
        it makes room itself."""
        turns = self._turns
        self.size = size
        goes_on = self._left > 0 and now == self._began
        if goes_on or not turns.queue:
            may = turns.in_flight + size <= turns.room or not turns.in_flight
        else:
            may = turns.is_next(self)
        if not may:
            turns.queue.setdefault(self, now)
            self._come(is_over=True)
        elif not goes_on:
            waited_since = turns.queue.pop(self, math.inf)
            self.held_since = waited_since if turns.queue else math.inf
            self._began = now
            self._left = TURN_BYTES
            self._come(is_over=False)
        return may

    @property
    def is_called(self) -> bool:
        """Whether it was woken and has not come yet."""
        return self._turns.called is self

    def deadline(self, next_send: float) -> float:
        """Return when it may send that could at `next_send` if it were alone; infinite if it will be woken."""
        turns = self._turns
        if self not in turns.queue:
            return next_send
        return -math.inf if turns.is_next(self) else math.inf

    def give_up(self) -> None:
        """It has nothing to send at this time."""
        if self._turns.queue:
            self._turns.queue.pop(self, None)
            self._come(is_over=True)

    def leave(self) -> None:
        """It will send nothing more."""
        self.grant(0)
        self.give_up()
        self.note(0)
        self._turns = Turns()

    def _come(self, is_over: bool) -> None:
        """It was woken if anybody was; if its turn `is_over`, it is the next one's."""
        turns = self._turns
        if turns.called is self:
            turns.called = None
        if is_over:
            turns.call_next()

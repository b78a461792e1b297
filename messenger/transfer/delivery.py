"""How fast segments arrive, by the receiver's own clock."""

from __future__ import annotations

from typing import Final

_WINDOW_MIN: Final = 0.005
"""Seconds over which the rate is taken at least: shorter ones measure batches, not the path."""


class DeliveryRate:
    """Bytes a second: the greater of the last two measured windows, each a round trip or more."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._before = 0.0
        self._since = -1.0
        self._bytes = 0

    def update(self, clock: float, delivered: int, round_trip: float) -> None:
        """Take in the receiver's clock (s) and its count of bytes."""
        if self._since < 0:
            self._since, self._bytes = clock, delivered
            return
        elapsed = clock - self._since
        if elapsed >= max(round_trip, _WINDOW_MIN):
            measured = (delivered - self._bytes) / elapsed
            self.rate = max(measured, self._before)
            self._before = measured
            self._since, self._bytes = clock, delivered

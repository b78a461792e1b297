"""A congestion controller for tests that want to know how fast it goes."""

from __future__ import annotations

from messenger.transfer import congestion


class Fixed:
    """A window (bytes) and a pace (bytes a second) that nothing changes."""

    def __init__(self, window: int, rate: float) -> None:
        self.window = window
        self.segment = 0
        self.timeouts = 0
        self._rate = rate

    def pacing_rate(self) -> float:
        """Bytes a second."""
        return self._rate

    def on_loss(self, now: float, lost: int, is_new_event: bool) -> None:
        """It does not matter."""

    def on_ack(self, ack: congestion.Ack) -> None:
        """It does not matter."""

    def on_timeout(self, now: float) -> None:
        """Count it."""
        self.timeouts += 1

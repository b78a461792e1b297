"""What a controller measures besides the round trip: the rate of delivery, and whether the loss is out of the usual."""

from __future__ import annotations

from collections import deque
from typing import Deque, Final, Tuple

MARK_SECONDS: Final = 0.005
"""Least seconds between two marks of the rate; more often tells nothing new and costs."""

SPAN_SECONDS: Final = 0.030
"""Least seconds over which a rate is measured: thirty batches of 1 ms, so that one is no more than 3 % of it."""

SPAN_TRIPS: Final = 1.5
"""Round trips over which a rate is measured, if that is longer: one and a half, so that bursts even out."""

KEPT_TRIPS: Final = 8
"""Round trips for which the largest rate is kept (BBR keeps ten)."""

CEILING_BYTES: Final = 600_000
"""Bytes over which a share of loss is taken, 500 segments of 1200: its standard deviation at 5 % loss is 1 %."""

CEILING_FACTOR: Final = 2.0
CEILING_MARGIN: Final = 0.03
"""Loss is out of the usual above factor x the path's own share + margin: over four standard deviations at 5 % loss.
BBRv3's fixed 2 % would be exceeded all the time on a path with 5 % random loss."""

FIRST_CEILING: Final = 0.2
"""Share of loss that is out of the usual while the path's own is not known."""

USUAL_KNOWN: Final = 3
"""Shares of loss after which the path's own is known."""

USUAL_KEPT: Final = 20
"""Shares of loss of which the least is the path's own."""


class DeliveryRate:
    """The rate at which unique bytes reach the receiver, by its own clock: what the bottleneck gives this flow."""

    def __init__(self) -> None:
        self._marks: Deque[Tuple[float, int]] = deque()
        self._largest: Deque[Tuple[float, float]] = deque()  # (time, rate), falling
        self._next = 0.0

    def update(self, now: float, smoothed: float, receiver_time: float, delivered: int) -> None:
        """Take in the receiver's count at its time; `smoothed` is the round trip in seconds."""
        marks = self._marks
        if marks and receiver_time < marks[-1][0] + max(smoothed / 4, MARK_SECONDS):
            return
        marks.append((receiver_time, delivered))
        span = max(SPAN_TRIPS * smoothed, SPAN_SECONDS)
        while len(marks) > 1 and marks[1][0] <= receiver_time - span:
            marks.popleft()
        since, before = marks[0]
        if now < self._next or receiver_time - since < span:
            return
        self._next = now + smoothed
        rate = (delivered - before) / (receiver_time - since)
        largest = self._largest
        while largest and largest[-1][1] <= rate:
            largest.pop()
        largest.append((now, rate))
        while largest[0][0] < now - KEPT_TRIPS * smoothed:
            largest.popleft()

    @property
    def largest(self) -> float:
        """Bytes a second: the largest of the last eight round trips, 0 before the first."""
        return self._largest[0][1] if self._largest else 0.0


class LossCeiling:
    """Tells a share of loss that the path does not usually have, for paths that drop without queueing."""

    def __init__(self) -> None:
        self._shares: Deque[float] = deque(maxlen=USUAL_KEPT)
        self._lost = 0
        self._acked = 0
        self._next = 0.0

    def add_lost(self, lost: int) -> None:
        """Count bytes that were lost."""
        self._lost += lost

    def is_exceeded(self, now: float, smoothed: float, acked: int) -> bool:
        """Count bytes that arrived; about once a round trip and 500 segments judge them, else return False."""
        self._acked += acked
        total = self._acked + self._lost
        if total < CEILING_BYTES or now < self._next:
            return False
        share = self._lost / total
        self.forget()
        self._next = now + smoothed
        is_known = len(self._shares) >= USUAL_KNOWN
        ceiling = CEILING_FACTOR * min(self._shares) + CEILING_MARGIN if is_known else FIRST_CEILING
        is_bad = share > ceiling
        if not (is_bad and is_known):
            self._shares.append(share)
        return is_bad

    def forget(self) -> None:
        """Begin a new share: what was counted so far has had its answer."""
        self._lost = self._acked = 0

"""What a controller measures besides the round trip: the rate of delivery, and what the losses tell of the queue."""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import Deque, Final, Tuple

MARK_SECONDS: Final = 0.005
"""Least seconds between two marks of the rate; more often tells nothing new and costs."""

SPAN_SECONDS: Final = 0.030
"""Least seconds over which a rate is measured: thirty batches of 1 ms, so that one is no more than 3 % of it."""

SPAN_TRIPS: Final = 1.5
"""Round trips over which a rate is measured, if that is longer: one and a half, so that bursts even out."""

KEPT_TRIPS: Final = 8
"""Round trips for which the largest rate is kept (BBR keeps ten)."""

CEILING_BYTES: Final = 2_400_000
"""Bytes over which a share of loss is taken, 2000 segments of 1200: its standard deviation at 5 % of random loss is
0.5 %, and bursts of 20 segments even out."""

FIRST_BYTES: Final = 240_000
"""Bytes while the path's own share is not known, 200 segments: slow start must end soon."""

CEILING_FACTOR: Final = 2.0
"""Loss is out of the usual above so many times the path's own share, plus `CEILING_MARGIN`."""

CEILING_MARGIN: Final = 0.03
"""What may be lost beyond that. BBRv3's fixed 2 % would be exceeded all the time on a path with 5 % random loss."""

FIRST_CEILING: Final = 0.2
"""Share of loss that is out of the usual while the path's own is not known: between what radio links lose and what
slow start loses in the round trip in which it has overrun the queue."""

USUAL_KNOWN: Final = 3
"""Shares of loss after which the path's own is known."""

USUAL_KEPT: Final = 20
"""Shares of loss of which the least is the path's own."""

UNHELPED: Final = 0.85
"""Where at least this part of an unusual share is left after we have backed off, it was not we who caused it: another
cut would change nothing. A path that drops what exceeds its rate loses far less after a cut."""

OWN_MOST: Final = 0.25
"""Largest share that can be taken for the path's own in that way: far overloaded paths do not answer to one cut."""

QUEUES_KEPT: Final = 256
"""Acknowledgements over which the usual queue is averaged: a dozen round trips of 20 ms."""

LOSSES_KEPT: Final = 64
"""Losses over which is averaged how much queue there was: of random ones a tenth of a standard deviation is left."""

SCORE_MOST: Final = 2.0
"""Standard deviations that one loss counts at most."""

SCORE_RANDOM: Final = 0.25
"""Standard deviations below which losses have nothing to do with the queue."""


class LargestRate:
    """The largest rate lately at which unique bytes reached the receiver, by its own clock: what the path gives us."""

    def __init__(self) -> None:
        self._marks: Deque[Tuple[float, int]] = deque()
        self._rates: Deque[Tuple[float, float]] = deque()  # (time, rate), falling
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
        rates = self._rates
        while rates and rates[-1][1] <= rate:
            rates.pop()
        rates.append((now, rate))
        while rates[0][0] < now - KEPT_TRIPS * smoothed:
            rates.popleft()

    @property
    def rate(self) -> float:
        """Bytes a second, 0 before the first."""
        return self._rates[0][1] if self._rates else 0.0


class LossCeiling:
    """Tells a share of loss that the path does not usually have, for paths that drop without queueing."""

    def __init__(self) -> None:
        self._lost = 0
        self._acked = 0
        self._next = 0.0
        self._judged = 0
        self._shares: Deque[float] = deque(maxlen=USUAL_KEPT)
        self._bad = 0.0  # the share before this one, if it was out of the usual
        self._own = 0.0  # a share that backing off did not help against,
        self._own_until = 0  # and until which judgement it is remembered

    def add_lost(self, lost: int) -> None:
        """Count bytes that were lost."""
        self._lost += lost

    def is_exceeded(self, now: float, smoothed: float, acked: int) -> bool:
        """Count bytes that arrived; once a round trip at most, and when there are enough, judge the share."""
        self._acked += acked
        total = self._acked + self._lost
        is_known = len(self._shares) >= USUAL_KNOWN
        if now < self._next or total < (CEILING_BYTES if is_known else FIRST_BYTES):
            return False
        share = self._lost / total
        self.forget()
        self._next = now + smoothed
        self._judged += 1
        is_bad = share > (self._ceiling() if is_known else FIRST_CEILING)
        if is_bad and self._bad and self._bad * UNHELPED < share < OWN_MOST:
            self._own = share
            self._own_until = self._judged + USUAL_KEPT
            is_bad = False
        self._bad = share if is_bad else 0.0
        if not (is_bad and is_known):
            self._shares.append(share)
        return is_bad

    def forget(self) -> None:
        """Begin a new share: what was counted so far has had its answer."""
        self._lost = self._acked = 0

    def _ceiling(self) -> float:
        own = self._own if self._judged <= self._own_until else 0.0
        return CEILING_FACTOR * max(min(self._shares), own) + CEILING_MARGIN


class QueueAtLoss:
    """Tells whether packets get lost without regard to the queue.

    A full queue drops what comes while it is full, so a loss to it comes when the queue stands higher than usual; what
    a radio link loses, it loses at any time. Until that much was lost, losses count as the queue's.
    """

    def __init__(self) -> None:
        self._mean = 0.0  # of the queue, s
        self._variance = 0.0  # s²
        self._score = 1.0  # how far the queue is above the mean when something is lost, in standard deviations

    def add(self, queue: float, is_loss: bool) -> None:
        """Take in the queue that stands, in seconds, at every acknowledgement."""
        above = queue - self._mean
        if is_loss and self._variance > 0:
            score = above / sqrt(self._variance)
            self._score += (min(max(score, -SCORE_MOST), SCORE_MOST) - self._score) / LOSSES_KEPT
        self._mean += above / QUEUES_KEPT
        self._variance += (above * above - self._variance) / QUEUES_KEPT

    @property
    def is_random(self) -> bool:
        """Whether losses come at any time."""
        return self._score < SCORE_RANDOM

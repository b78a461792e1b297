"""Patient CUBIC: it asks the queue before it believes a loss.

It grows as RFC 9438 says and differs in when it backs off:

- A loss counts as congestion only if the round trip shows that a queue stands, or if the path loses far more than it
  usually does. Any other loss is repaired and otherwise ignored: with 208 segments in flight and 1 % of random loss
  there is one in every round trip, and no cut is so mild that half a segment of growth makes up for it.
- Alone it gives way as soon as a queue of a quarter of the base round trip stands (`DELAY`), so no buffer fills.
- Beside a flow that fills the buffer it is plain CUBIC with the first rule (`COMPETE`). It gets there by a congestion
  loss, or when its own yielding did not shrink the queue as it should have. It comes back by a drain test: if the queue
  vanishes while it sends a little less than the path carries, nobody else has filled it.
"""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple, Optional

from messenger.transfer.congestion import BETA, LEAST_WINDOW, Ack, Cubic
from messenger.transfer.evidence import DeliveryRate, LossCeiling
from messenger.transfer.rtt import RoundTrip

QUEUE_SECONDS: Final = 0.0015
QUEUE_SHARE: Final = 0.10
"""A queue stands above so many seconds and such a share of the base round trip: below that is the grain of batches and
acknowledgements; a buffer of a quarter of bandwidth x delay still gets above it before it drops (idea: TCP Veno)."""

JITTERS: Final = 2.0

TARGET_SECONDS: Final = 0.004
TARGET_SHARE: Final = 0.25
"""The queue at which it yields while alone, in seconds and as a share of the base round trip: 0.8 of the window is then
just what the path holds, so the queue empties and the link does not idle."""

DEEP: Final = 2.0
"""Targets of queue above which a drain test is worth its while: in a small buffer CUBIC does no harm."""


class _Check(NamedTuple):
    """What was before a yield, to tell whether the queue shrank by our share of it."""

    queue: float
    size: float
    factor: float


class _Drain:
    """A drain test in progress."""

    def __init__(self, now: float, back: float, queue: float, rate: float, was_delay: bool) -> None:
        self.started = now
        self.resumed = inf  # when what was too much had left and we sent again
        self.back = back  # the window to return to beside a rival
        self.queue = queue
        self.rate = rate
        self.was_delay = was_delay


class Patient(Cubic):
    """The default controller."""

    def __init__(self, segment: int, round_trip: RoundTrip) -> None:
        super().__init__(segment, round_trip)
        self._rate = DeliveryRate()
        self._ceiling = LossCeiling()
        self._is_event = False
        self._competes = False
        self._reduced = 0.0  # time of the last reduction, s
        self._check: Optional[_Check] = None
        self._least = inf  # the smallest queue since the check began
        self._drain: Optional[_Drain] = None
        self._catches_up = False
        self._hold = 0.0  # losses before this time are a rival's overshoot, s
        self._enough = 0.0  # window at which it has caught up
        self._full = 0.0  # the queue at the last congestion, s
        self._back = 0.0  # the window before we were found alone
        self._gap = 0.0  # seconds between two drain tests
        self._next_test = 0.0
        self._alone = -inf  # when a test found us alone, s

    @property
    def mode(self) -> str:
        """For people who watch: `slow start`, `delay`, `compete` or `drain`."""
        if self._drain is not None:
            return "drain"
        if self._size < self._threshold:
            return "slow start"
        return "compete" if self._competes else "delay"

    def on_loss(self, now: float, lost: int, is_new_event: bool) -> None:
        """Remember it: `on_ack` judges."""
        self._ceiling.add_lost(lost)
        self._is_event = self._is_event or is_new_event

    def on_ack(self, ack: Ack) -> None:
        """Judge the losses by the queue, then grow or back off."""
        self._timeouts = 0
        trip = self._round_trip
        if trip.has_sample:
            self._rate.update(ack.now, trip.smoothed, ack.receiver_time, ack.delivered)
            self._decide(ack, trip)
        else:
            self._size += ack.acked
        self._is_event = False
        self._last_ack = ack.now
        self.window = int(self._size)

    def _decide(self, ack: Ack, trip: RoundTrip) -> None:
        now = ack.now
        queue = trip.queue(now)
        too_much = self._ceiling.is_exceeded(now, trip.smoothed, ack.acked)
        if self._drain is not None or self._catches_up or now < self._reduced + 1.5 * trip.smoothed:
            # These losses are of an overshoot, ours or a rival's, that has had its answer.
            self._ceiling.forget()
            too_much = False
        if self._drain is not None:
            self._continue_drain(self._drain, ack)
        elif self._catches_up and now < self._hold:
            pass
        elif too_much or (
            self._is_event and queue > max(QUEUE_SECONDS, QUEUE_SHARE * trip.base) + JITTERS * trip.jitter
        ):
            self._believe(now, queue)
        elif self._catches_up:
            self._size += ack.acked / 2
            if self._size >= self._enough:
                self._catches_up = False
                self._level(now)
        elif self._competes or self._size < self._threshold:
            self._grow(ack)
        else:
            self._delay(ack, max(trip.standing - trip.base, 0.0))

    def _believe(self, now: float, queue: float) -> None:
        """Back off as CUBIC does; in a deep queue test whether it is all our own."""
        trip = self._round_trip
        was_slow_start = self._size < self._threshold
        was_competing = self._competes or was_slow_start
        before = max(self._size, self._check.size) if self._check else self._size
        self._compete(now)
        self._reduce(now, BETA)
        self._catches_up = False
        self._reduced = now
        self._full = queue
        if queue > DEEP * max(TARGET_SECONDS, TARGET_SHARE * trip.base) and (
            not was_competing or now >= self._next_test
        ):
            back = self._size if was_competing else before
            self._drain = _Drain(now, back, queue, self._rate.largest, not was_competing)
            self._size = max(0.9 * self._drain.rate * trip.base, LEAST_WINDOW * self.segment)
            self._threshold = self._size

    def _continue_drain(self, drain: _Drain, ack: Ack) -> None:
        now = ack.now
        trip = self._round_trip
        if drain.resumed == inf and (ack.in_flight <= self._size or now > drain.started + 1):
            drain.resumed = now
        # While we are silent the queue shrinks, whoever has filled it, and the gap needs a round trip to pass.
        sent = now - trip.latest - drain.resumed
        if sent < trip.base:
            return
        if trip.latest < trip.base + max(0.0012, 0.08 * drain.queue):
            self._drain = None
            self._competes = False
            self._alone = self._reduced = now
            self._back = drain.back
            self._size = max(min(drain.back, drain.rate * trip.base), LEAST_WINDOW * self.segment)
            self._peak = self._prior = 1.12 * self._size
            self._threshold = self._size
            self._start_curve(now)
        elif sent > 2 * trip.base:
            self._drain = None
            self._size = self._reno = drain.back
            self._epoch += now - drain.started
            self._gap = min(max(1.0, 2 * self._gap), 32.0)
            self._next_test = now + self._gap
            if drain.was_delay:
                self._catch_up(now, drain.rate, drain.back)

    def _delay(self, ack: Ack, queue: float) -> None:
        """Yield to a queue that is our own, and find out whether it is."""
        now = ack.now
        trip = self._round_trip
        since = now - self._reduced
        check = self._check
        if check is not None and since > 1.5 * trip.smoothed:
            self._least = min(self._least, queue)
            if since > 4.5 * trip.smoothed:
                self._check = None
                if check.queue - self._least < 0.6 * (1 - check.factor) * (check.queue + trip.base):
                    self._size = max(self._size, check.size)
                    self._level(now)
                    self._compete(now)
                    self._catch_up(
                        now, self._rate.largest, max(check.size, self._back if now < self._alone + 10 else 0)
                    )
        elif since > 2.5 * trip.smoothed and queue > max(TARGET_SECONDS, TARGET_SHARE * trip.base):
            factor = min(max(trip.base / (trip.base + queue), 0.5), 0.8)
            self._check = _Check(queue, self._size, factor)
            self._least = inf
            self._reduce(now, factor)
            self._reduced = now
        else:
            self._grow(ack)

    def _catch_up(self, now: float, rate: float, before: float) -> None:
        """Take what a rival took while we yielded: up to half of what path and full queue hold, or what we had."""
        trip = self._round_trip
        self._catches_up = True
        self._hold = now + 4 * trip.smoothed
        self._enough = max(before, rate * (trip.base + self._full) / 2)

    def _compete(self, now: float) -> None:
        """Stop yielding; the sooner we were wrong about being alone, the longer until the next test."""
        if self._competes:
            return
        self._competes = True
        self._check = None
        self._gap = min(max(1.0, 2 * self._gap), 32.0) if now < self._alone + 10 else self._gap / 2
        self._next_test = now + self._gap

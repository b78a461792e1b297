"""Patient CUBIC: it asks the queue before it believes a loss.

It grows as RFC 9438 says and differs in when it backs off:

- A loss counts as congestion only if the round trip shows that a queue stands, or if the path loses far more than it
  usually does. Any other loss is repaired and otherwise ignored: with 208 segments in flight and 1 % of random loss
  there is one in every round trip, and no cut is so mild that half a segment of growth makes up for it.
- Slow start does not go on until something is lost. When a queue begins to stand it pauses (as HyStart++ does, RFC
  9406) until that queue is gone, and then holds what fills the path; if it does not go away, somebody else fills it,
  and slow start goes on.
- Alone it gives way as soon as a queue of a fifth of the base round trip stands, so no buffer fills, and grows faster
  than CUBIC while none stands at all.
- Beside a flow that fills the buffer it competes: plain CUBIC with the first rule. It gets there by a congestion loss,
  or when its own yielding did not shrink the queue as it should have. It comes back by a drain test: if the queue
  vanishes while it sends a little less than the path carries, nobody else has filled it.
"""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple, Optional

from messenger.transfer.congestion import BETA, LEAST_WINDOW, SLOW_START_GAIN, Ack, Cubic
from messenger.transfer.evidence import LargestRate, LossCeiling, QueueAtLoss
from messenger.transfer.rtt import RoundTrip

QUEUE_SECONDS: Final = 0.0015
"""Least queue, in seconds, at which a loss is congestion: below is the grain of batches and acknowledgements."""

QUEUE_SHARE: Final = 0.10
"""The same as a share of the base round trip: a buffer of a quarter of bandwidth x delay gets above it before it drops
(the idea is TCP Veno's, which counts three packets)."""

JITTERS: Final = 0.5
"""How many times the path's jitter is added to it: with more, beside TCP, whose bursts are jitter, too, a buffer of a
quarter of bandwidth x delay is never full enough."""

JITTERS_RANDOM: Final = 3.0
"""The same on a path where losses come at any time, whatever the queue."""

SHALLOW: Final = 0.8
"""The same on a path whose buffer is so small that slow start overran it unseen, as a share of the queue then."""

DEEPER: Final = 1.25
"""Queue, in units of the usual least one, that shows that the buffer is not so shallow after all."""

TARGET_SECONDS: Final = 0.004
"""Least queue, in seconds, at which it yields while alone."""

TARGET_SHARE: Final = 0.2
"""The same as a share of the base round trip: five sixths of the window are then just what the path holds, so the queue
empties and the link does not idle."""

YIELD_MOST: Final = 0.5
"""What yielding leaves of the window at least, whatever the queue."""

YIELD_LEAST: Final = 0.83
"""What yielding leaves of the window at most."""

YIELD_TRIPS: Final = 2.5
"""Round trips from a reduction to the next yielding: one to take effect, one to show, and a rest."""

CHECK_FROM, CHECK_TO = 1.5, 4.5
"""Round trips after yielding between which the smallest queue tells whether that helped."""

CHECK_SHARE: Final = 0.6
"""What the queue should have shrunk by, as a share of our own cut; if it has not, somebody else fills it. Copa asks for
a nearly empty queue instead; this measures our own part, and errs towards giving way."""

DEEP: Final = 1.5
"""Targets of queue above which a drain test is worth its while: what a smaller buffer holds is no more than yielding
would leave."""

DRAIN_SHARE: Final = 0.9
"""What the drain test sends, as a share of what the path has given us."""

DRAINED_SECONDS, DRAINED_SHARE = 0.0012, 0.08
"""Queue below which it is empty in the drain test: one batch, or this share of what stood before."""

HEADROOM: Final = 1.12
"""Where the curve is flat after we were found alone, in windows that just fill the path: half the target of queue."""

FILL_SHARE: Final = 1 / 24
"""What the window grows by in a round trip while we are alone and no queue stands: CUBIC would take seconds to fill a
path that is not full."""

MISSED_MOST: Final = 4.0
"""By how much the window grows at once when slow start goes on after a pause: what it has missed, but not more."""

OVERSHOT: Final = 1.25
"""Most of what slow start has reached that is taken for a window to return to, after the cut, in units of what was
delivered in a round trip: with more, a flow overruns the queue again and pushes those who were there before far below
their share; with 1, it stays far below its own."""

HOLD_TRIPS: Final = 4
"""Round trips in which a rival's slow start overruns the queue; the losses are not of our making."""

GAP_FIRST, GAP_MOST = 1.0, 32.0
"""Seconds between drain tests, doubled each time that a rival was there."""

SOON, SOON_AT_FIRST = 10.0, 2.0
"""Seconds within which having found nobody else was a mistake if somebody else shows up, and for a pause of slow start:
its window had nothing but growth behind it."""


class _Check(NamedTuple):
    """What was before yielding, to tell whether the queue shrank by our part of it."""

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
        self._rate = LargestRate()
        self._ceiling = LossCeiling()
        self._at_loss = QueueAtLoss()
        self._is_event = False
        self._has_paused = False  # whether slow start has seen a queue
        self._competes = False
        self._reduced = -inf  # time of the last reduction, s
        self._check: Optional[_Check] = None
        self._least = inf  # the smallest queue since the check began
        self._drain: Optional[_Drain] = None
        self._catches_up = False
        self._hold = 0.0  # losses before this time are a rival's overshoot, s
        self._enough = 0.0  # the window at which it has caught up
        self._full = 0.0  # the queue at the last congestion, s
        self._back = 0.0  # the window before it was found alone,
        self._back_until = 0.0  # and until when it may be taken again, s
        self._depth = inf  # the queue when slow start overran a shallow buffer, s
        self._gap = 0.0  # seconds between two drain tests
        self._next_test = 0.0
        self._alone = -inf  # when a test found it alone, s

    def on_loss(self, now: float, lost: int, is_new_event: bool) -> None:
        """Remember it: `on_ack` judges."""
        if not self._timeouts:
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

    def on_timeout(self, now: float) -> None:
        """As CUBIC; whatever was being tested is of no interest any more."""
        self._drain = self._check = None
        self._catches_up = self._is_event = False
        self._reduced = now
        super().on_timeout(now)

    def _decide(self, ack: Ack, trip: RoundTrip) -> None:
        now = ack.now
        queue = trip.queue(now)
        self._at_loss.add(queue, self._is_event and self._size >= self._threshold)
        too_much = self._ceiling.is_exceeded(now, trip.smoothed, ack.acked)
        if self._drain is not None or self._catches_up or now < self._reduced + 1.5 * trip.smoothed:
            # These losses are of an overshoot, ours or a rival's, that has had its answer.
            self._ceiling.forget()
            too_much = False
        if queue > DEEPER * _least(trip):
            self._depth = inf
        if self._drain is not None:
            self._continue_drain(self._drain, ack)
        elif self._catches_up and now < self._hold:
            pass
        elif too_much or (self._is_event and self._is_congested(queue)):
            if too_much and self._size < self._threshold:
                self._depth = queue
            self._back_off(now, queue)
        elif self._threshold == inf and not self._has_paused and queue > _least(trip) + trip.variation:
            self._pause(now, queue)
        elif self._catches_up:
            self._size += ack.acked / 2
            if self._size >= self._enough:
                self._catches_up = False
                self._level(now)
        elif self._competes or self._size < self._threshold:
            self._grow(ack)
        else:
            self._delay(ack, max(trip.standing - trip.base, 0.0))

    def _is_congested(self, queue: float) -> bool:
        """Whether so much queue makes a loss a sign of congestion."""
        trip = self._round_trip
        jitters = JITTERS_RANDOM if self._at_loss.is_random else JITTERS
        return queue > min(_least(trip) + jitters * trip.jitter, SHALLOW * self._depth)

    def _pause(self, now: float, queue: float) -> None:
        """Let slow start wait until the queue is gone: what has made it was sent a round trip ago, when the window was
        half of what it is now. (It takes a queue above the variation of round trips: a radio link's jitter is none.)"""
        base = self._round_trip.base
        rate = self._size / SLOW_START_GAIN / (base + queue)
        self._has_paused = True
        self._full = queue
        self._drain = _Drain(now, self._size, queue, rate, was_delay=False)
        self._size = self._at_least(DRAIN_SHARE * rate * base)

    def _back_off(self, now: float, queue: float) -> None:
        """Back off as CUBIC does; in a deep queue test whether it is all our own."""
        trip = self._round_trip
        was_competing = self._competes or self._size < self._threshold
        before = max(self._size, self._check.size) if self._check else self._size
        is_tested = queue > DEEP * _target(trip) and (not was_competing or now >= self._next_test)
        if is_tested and self._size < self._threshold:
            # What slow start has beyond that, the queue has dropped: to come back to it would overrun it again.
            most = OVERSHOT / BETA * self._rate.rate * (trip.base + queue)
            self._size = self._at_least(min(self._size, most))
        self._compete(now)
        self._reduce(now, BETA)
        self._catches_up = False
        self._reduced = now
        self._full = queue
        if is_tested:
            back = self._size if was_competing else before
            self._drain = _Drain(now, back, queue, self._rate.rate, not was_competing)
            self._size = self._threshold = self._at_least(DRAIN_SHARE * self._rate.rate * trip.base)

    def _continue_drain(self, drain: _Drain, ack: Ack) -> None:
        now = ack.now
        trip = self._round_trip
        # Not for ever: lost segments that are not known as such yet count as in flight, too.
        if drain.resumed == inf and (ack.in_flight <= self._size or now > drain.started + 1):
            drain.resumed = now
        # While we are silent the queue shrinks, whoever has filled it, and the gap needs a round trip to pass.
        sent = now - trip.latest - drain.resumed
        if sent < trip.base:
            return
        if trip.latest < trip.base + max(DRAINED_SECONDS, DRAINED_SHARE * drain.queue):
            self._drain = None
            self._competes = False
            self._alone = self._reduced = now
            self._back = drain.back
            self._back_until = now + (SOON_AT_FIRST if self._threshold == inf else SOON)
            rate = max(drain.rate, self._rate.rate)  # while the queue drained the path was full
            self._size = self._threshold = self._at_least(min(drain.back, rate * (trip.base + QUEUE_SECONDS)))
            self._peak = self._prior = max(self._size, HEADROOM * rate * trip.base)
            self._start_curve(now)
        elif sent > 2 * trip.base and self._threshold == inf:
            self._drain = None
            self._size = drain.back * min(2 ** ((now - drain.started) / trip.smoothed), MISSED_MOST)
        elif sent > 2 * trip.base:
            self._drain = None
            self._size = self._reno = drain.back
            self._epoch += now - drain.started
            self._gap = min(max(GAP_FIRST, 2 * self._gap), GAP_MOST)
            self._next_test = now + self._gap
            if drain.was_delay:
                self._catch_up(now, drain.rate, drain.back)

    def _delay(self, ack: Ack, queue: float) -> None:
        """Yield to a queue that is our own, and find out whether it is."""
        now = ack.now
        trip = self._round_trip
        trips = (now - self._reduced) / trip.smoothed
        if self._check is not None and trips > CHECK_FROM:
            self._least = min(self._least, queue)
            if trips > CHECK_TO:
                self._end_check(now, self._check)
        elif trips > YIELD_TRIPS and queue > _target(trip):
            factor = min(max(trip.base / (trip.base + queue), YIELD_MOST), YIELD_LEAST)
            self._check = _Check(queue, self._size, factor)
            self._least = inf
            self._reduce(now, factor)
            self._reduced = now
        elif max(queue, trip.queue(now)) < QUEUE_SECONDS and 2 * (ack.in_flight + ack.acked) > self._size:
            self._size += FILL_SHARE * ack.acked
            self._peak = max(self._peak, self._size)
        else:
            self._grow(ack)

    def _end_check(self, now: float, check: _Check) -> None:
        self._check = None
        cut = (1 - check.factor) * (check.queue + self._round_trip.base)
        if check.queue - self._least < CHECK_SHARE * cut:
            self._size = max(self._size, check.size)
            self._level(now)
            self._compete(now)
            self._catch_up(now, self._rate.rate, max(check.size, self._back if now < self._back_until else 0.0))
        else:
            self._peak = max(self._size, HEADROOM * self._rate.rate * self._round_trip.base)
            self._start_curve(now)

    def _catch_up(self, now: float, rate: float, before: float) -> None:
        """Take what a rival took while we yielded: up to half of what path and full queue hold, or what we had."""
        trip = self._round_trip
        self._catches_up = True
        self._hold = now + HOLD_TRIPS * trip.smoothed
        self._enough = max(before, rate * (trip.base + self._full) / 2)

    def _compete(self, now: float) -> None:
        """Stop yielding; the sooner finding nobody else was a mistake, the longer until the next test."""
        if self._competes:
            return
        self._competes = True
        self._check = None
        self._gap = min(max(GAP_FIRST, 2 * self._gap), GAP_MOST) if now < self._alone + SOON else self._gap / 2
        self._next_test = now + self._gap

    def _at_least(self, size: float) -> float:
        return max(size, LEAST_WINDOW * self.segment)


def _least(trip: RoundTrip) -> float:
    """Seconds of queue that are more than the grain of batches and acknowledgements."""
    return max(QUEUE_SECONDS, QUEUE_SHARE * trip.base)


def _target(trip: RoundTrip) -> float:
    """Seconds of queue at which to yield while alone."""
    return max(TARGET_SECONDS, TARGET_SHARE * trip.base)

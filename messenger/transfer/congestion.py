"""Congestion control: how many bytes may be in flight, and how fast they leave. The interface, and plain CUBIC."""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple, Protocol

from messenger.transfer.rtt import RoundTrip

INITIAL_WINDOW: Final = 64
"""Segments in flight before anything is known, about 77 KB. RFC 9002 (7.2) has 10; but they are paced over 100 ms, so
the first round trip starts at 770 KB/s, which any path that is worth a file transfer carries."""

LEAST_WINDOW: Final = 4
"""Segments to which a loss reduces the window at most: with fewer, one more loss leaves nothing that reveals it."""

PERSISTENT_WINDOW: Final = 2
"""Segments after persistent congestion (kMinimumWindow of RFC 9002, section 7.2)."""

SLOW_START_GAIN: Final = 2.0
"""Pacing rate in slow start, in windows a round trip: the window may double in one."""

GAIN: Final = 1.25
"""Pacing rate otherwise, in windows a round trip: the window decides, the pace only spreads (RFC 9002, section 7.7)."""

BETA: Final = 0.7
"""What a loss leaves of the window (RFC 9438, section 4.6)."""

SCALE: Final = 0.4
"""The constant C, in segments per cubic second (RFC 9438, section 5)."""

RENO_GAIN: Final = 3 * (1 - BETA) / (1 + BETA)
"""Segments a round trip that make a flow with `BETA` as fast as Reno (RFC 9438, section 4.3)."""


class Ack(NamedTuple):
    """What one acknowledgement told. Bytes are of UDP payload."""

    now: float
    acked: int
    """Bytes newly acknowledged."""
    in_flight: int
    """Bytes still in flight after it."""
    delivered: int
    """Unique bytes at the receiver so far, by its count."""
    receiver_time: float
    """The receiver's clock when it counted, s."""


class Controller(Protocol):
    """What the sender asks and tells. For one acknowledgement it tells the `RoundTrip` first, then `on_loss` if the
    acknowledgement revealed losses, then `on_ack`. A loss that a timer revealed comes as `on_loss` alone; what follows
    from it is decided at the next acknowledgement at the latest."""

    window: int
    """Bytes that may be in flight."""
    segment: int
    """Bytes of one segment; the sender may change it."""

    def pacing_rate(self) -> float:
        """Bytes a second at which to send; never infinite and never zero."""

    def on_loss(self, now: float, lost: int, is_new_event: bool) -> None:
        """So many bytes are lost; a new event if one of them was sent after the last event began, so that there is at
        most one a round trip."""

    def on_ack(self, ack: Ack) -> None:
        """Something arrived."""

    def on_timeout(self, now: float) -> None:
        """The third probe in a row was not answered, or a later one. Losses that are told before the next `on_ack` are
        of what was sent before it, and have had their answer."""


class Cubic:
    """CUBIC as in RFC 9438, without HyStart++: each loss event is congestion. Windows are in bytes."""

    def __init__(self, segment: int, round_trip: RoundTrip) -> None:
        self.segment = segment
        self.window = INITIAL_WINDOW * segment
        self._round_trip = round_trip
        self._size = float(self.window)  # the window, with the parts of bytes that slow growth needs
        self._threshold = inf  # slow start below it
        self._peak = 0.0  # W_max: where the curve is flat
        self._prior = 0.0  # cwnd_prior: the window before the reduction
        self._reno = 0.0  # W_est: the window that Reno would have by now
        self._epoch = 0.0  # when the curve started, s
        self._climb = 0.0  # K: seconds from there to the peak
        self._last_ack = 0.0
        self._timeouts = 0

    def pacing_rate(self) -> float:
        """Bytes a second at which to send."""
        trip = self._round_trip
        seconds = trip.smoothed if trip.has_sample else trip.expected
        return (SLOW_START_GAIN if self._size < self._threshold else GAIN) * self._size / max(seconds, 1e-6)

    def on_loss(self, now: float, lost: int, is_new_event: bool) -> None:
        """Reduce the window, once a round trip."""
        if is_new_event and not self._timeouts:
            self._reduce(now, BETA)
            self.window = int(self._size)

    def on_ack(self, ack: Ack) -> None:
        """Grow."""
        self._timeouts = 0
        self._grow(ack)
        self._last_ack = ack.now
        self.window = int(self._size)

    def on_timeout(self, now: float) -> None:
        """Halve the window at first, as the last acknowledgements may have been lost; then take the path for congested
        persistently (RFC 9002, section 7.6) and come back by slow start."""
        self._timeouts += 1
        if self._timeouts == 1:
            peak = max(self._size, self._peak)
            self._reduce(now, 0.5)
            # Silence says nothing of new flows: the window may go back to where it was, not to a plateau below.
            self._peak = peak
            self._start_curve(now)
        else:
            self._size = float(PERSISTENT_WINDOW * self.segment)
        self.window = int(self._size)

    def _reduce(self, now: float, factor: float) -> None:
        """Multiply the window by the factor, and remember where it was (RFC 9438, sections 4.6 and 4.7)."""
        size = self._size
        self._prior = size
        # A window a hair below the last peak is that peak met again, not a sign that a new flow takes a share.
        self._peak = size if size >= 0.98 * self._peak else size * (1 + BETA) / 2
        self._size = max(size * factor, LEAST_WINDOW * self.segment)
        self._threshold = self._size
        self._start_curve(now)

    def _start_curve(self, now: float) -> None:
        """Start a curve at this window and time, up to the peak (RFC 9438, section 4.2)."""
        self._epoch = now
        self._climb = (max(self._peak - self._size, 0.0) / (SCALE * self.segment)) ** (1 / 3)
        self._reno = self._size

    def _level(self, now: float) -> None:
        """Take this window for the peak: from here the curve is convex."""
        self._peak = self._prior = self._size
        self._start_curve(now)

    def _grow(self, ack: Ack) -> None:
        """Grow as RFC 9438, sections 4.2-4.5 and 4.10, unless half of the window was not even used (section 5.8)."""
        now, acked = ack.now, ack.acked
        size = self._size
        if 2 * (ack.in_flight + acked) < size:
            self._epoch += now - self._last_ack
            return
        if size < self._threshold:
            self._size = size + acked
            return
        share = acked / size
        segment = self.segment
        reno = self._reno = self._reno + (RENO_GAIN if self._reno < self._prior else 1.0) * segment * share
        ahead = now + self._round_trip.smoothed - self._epoch - self._climb
        target = SCALE * segment * ahead * ahead * ahead + self._peak
        if reno > target:
            self._size = max(size, reno)
        elif target > size:
            self._size = size + min((target - size) * share, acked / 2)

"""A flow that always has something to send: a compact model of the file transfer, to try congestion controllers on.

The sender paces batches of 1 ms, finds losses as RACK does (RFC 8985) and probes as RFC 9002; the receiver acknowledges
each batch. An acknowledgement is complete: it tells all that has arrived so far, so that losing some of them costs
nothing but time. Segments are numbers.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Callable, Deque, Dict, Final, List, NamedTuple, Sequence, Tuple

from loadtest.link import Packets
from messenger.transfer.congestion import Ack, Controller
from messenger.transfer.geometry import CHUNK_SIZE, SEGMENT_SIZES, TAG_SIZE, segment_count
from messenger.transfer.rtt import RoundTrip
from messenger.transfer.sender import BATCH_SECONDS, PROBE_INTERVAL_MAX, TIMEOUT_PROBES

SEGMENT: Final = SEGMENT_SIZES[0]
"""Bytes of UDP payload, header of the transfer included."""

BATCH_MOST: Final = segment_count(CHUNK_SIZE + TAG_SIZE, 0)
"""Segments that leave at once at most: those of a chunk."""

BATCH_SHARE: Final = 4
"""The window is at least so many batches, or a small one could not be used."""

REORDER_SHARE: Final = 4
"""Late is what was sent so many parts of a round trip before something that has arrived (RFC 8985, section 6.2)."""

PROBE_SEGMENTS: Final = 2
"""Segments that a probe repeats (RFC 9002, section 6.2.4)."""

BACKOFFS_MOST: Final = 10
"""How often the time to the next probe is doubled at most."""

KNOWN_STEP: Final = 4096
"""Segments by which the receiver's memory grows."""

ACK_BYTES: Final = 60
"""Bytes of an acknowledgement."""

MakeController = Callable[[int, RoundTrip], Controller]

Data = Tuple[int, int]
"""One segment on its way: its batch and its number. A plain tuple, as there are ten thousand a second."""


class Report(NamedTuple):
    """One acknowledgement: how many segments have arrived, which batch was the last, and when."""

    arrived: int
    batch: int
    time: float


class BulkReceiver:
    """Counts, and acknowledges each batch."""

    def __init__(self) -> None:
        self.arrived: List[int] = []
        """Numbers of the segments, each once, in order of arrival."""
        self._known = bytearray()
        self._highest = -1
        self._report: List[Report] = []

    @property
    def delivered(self) -> int:
        """Unique bytes."""
        return len(self.arrived) * SEGMENT

    def receive(self, now: float, packets: Sequence[Data]) -> None:
        """Take segments."""
        known, arrived = self._known, self.arrived
        for _, number in packets:
            if number >= len(known):
                known.extend(bytes(number + KNOWN_STEP))
            if not known[number]:
                known[number] = 1
                arrived.append(number)
        # Packets of one arrival belong to one batch.
        self._highest = max(self._highest, packets[0][0])
        self._report = [Report(len(arrived), self._highest, now)]

    def poll(self, now: float) -> Packets:
        """Send the acknowledgement."""
        reports, self._report = self._report, []
        return [(report, ACK_BYTES) for report in reports]

    def deadline(self, now: float) -> float:
        """Never acts on its own."""
        return inf


class _Batch(NamedTuple):
    number: int
    time: float
    segments: Sequence[int]


class BulkSender:
    """Sends without end."""

    def __init__(self, make: MakeController, receiver: BulkReceiver) -> None:
        self.round_trip = RoundTrip()
        self.controller = make(SEGMENT, self.round_trip)
        self.lost = 0
        """Segments taken for lost."""
        self._receiver = receiver
        self._read = 0  # how much of the receiver's list we know
        self._batch_of: Dict[int, int] = {}  # segment in flight -> batch of its last transmission
        self._flight: Deque[_Batch] = deque()
        self._sent_at: Dict[int, float] = {}  # batches that are not acknowledged yet
        self._resend: Deque[int] = deque()
        self._next_segment = 0
        self._next_batch = 0
        self._newest = -1
        self._newest_time = -inf
        self._recovery = -1  # the last batch of the loss event that is being repaired
        self._next_send = 0.0
        self._last_sign = 0.0
        self._probes = 0
        self._loss_timer = inf
        self._size = 1  # of a batch, as it was when `poll` was called last

    def receive(self, now: float, packets: Sequence[Report]) -> None:
        """Take acknowledgements."""
        for report in packets:
            acked = self._take(report)
            if report.batch > self._newest:
                self._newest = report.batch
                self._newest_time = self._sent_at[report.batch]
                self.round_trip.update(now, now - self._newest_time)
            if acked:
                self._last_sign = now
                self._probes = 0
            self._find_lost(now)
            flight = len(self._batch_of) * SEGMENT
            delivered = report.arrived * SEGMENT
            self.controller.on_ack(Ack(now, acked * SEGMENT, flight, delivered, report.time))

    def poll(self, now: float) -> Packets:
        """Send a batch if the window and the pace allow, or a probe."""
        if now >= self._loss_timer:
            self._find_lost(now)
        size = self._size = self._batch_size()
        if self._batch_of and now >= self._probe_time():
            return self._probe(now)
        if now < self._next_send or (len(self._batch_of) + size) * SEGMENT > self.controller.window:
            return []
        segments = [self._resend.popleft() for _ in range(min(size, len(self._resend)))]
        new = size - len(segments)
        segments.extend(range(self._next_segment, self._next_segment + new))
        self._next_segment += new
        self._next_send = max(self._next_send, now - BATCH_SECONDS) + size * SEGMENT / self.controller.pacing_rate()
        return self._send(now, segments)

    def deadline(self, now: float) -> float:
        """When pace, loss timer or probe are due."""
        window = (len(self._batch_of) + self._size) * SEGMENT <= self.controller.window
        probe = self._probe_time() if self._batch_of else inf
        return min(self._next_send if window else inf, self._loss_timer, probe)

    def _batch_size(self) -> int:
        """Segments of a batch."""
        paced = self.controller.pacing_rate() * BATCH_SECONDS
        return max(1, min(int(min(paced, self.controller.window / BATCH_SHARE) / SEGMENT), BATCH_MOST))

    def _send(self, now: float, segments: Sequence[int]) -> Packets:
        batch = self._next_batch
        self._next_batch += 1
        self._flight.append(_Batch(batch, now, segments))
        self._sent_at[batch] = now
        if not self._batch_of:
            self._last_sign = now
        self._batch_of.update(dict.fromkeys(segments, batch))
        return [((batch, number), SEGMENT) for number in segments]

    def _take(self, report: Report) -> int:
        """Forget what has arrived; return how many segments of it were in flight."""
        acked = 0
        in_flight = self._batch_of
        for number in self._receiver.arrived[self._read : report.arrived]:
            if in_flight.pop(number, None) is not None:
                acked += 1
            elif number in self._resend:
                self._resend.remove(number)
        self._read = max(self._read, report.arrived)
        return acked

    def _find_lost(self, now: float) -> None:
        """Take for lost what was sent a reorder window before the newest batch that has arrived."""
        trip = self.round_trip
        window = trip.smoothed / REORDER_SHARE
        lost = 0
        highest = -1
        self._loss_timer = inf
        while self._flight and self._flight[0].number < self._newest:
            number, time, segments = self._flight[0]
            late = [segment for segment in segments if self._batch_of.get(segment) == number]
            if late and time > self._newest_time - window and now < time + trip.latest + window:
                self._loss_timer = time + trip.latest + window
                break
            self._flight.popleft()
            self._sent_at.pop(number, None)
            for segment in late:
                del self._batch_of[segment]
            self._resend.extend(late)
            if late:
                lost += len(late)
                highest = number
        if lost:
            self.lost += lost
            is_new = highest > self._recovery
            if is_new:
                self._recovery = self._next_batch - 1
            self.controller.on_loss(now, lost * SEGMENT, is_new)

    def _probe_time(self) -> float:
        timeout = self.round_trip.probe_timeout
        return self._last_sign + min(
            timeout * (1 << min(self._probes, BACKOFFS_MOST)), max(PROBE_INTERVAL_MAX, timeout)
        )

    def _probe(self, now: float) -> Packets:
        self._probes += 1
        self._last_sign = now
        if self._probes >= TIMEOUT_PROBES:
            self.controller.on_timeout(now)
        oldest: List[int] = []
        for number, _, segments in self._flight:
            oldest.extend(segment for segment in segments if self._batch_of.get(segment) == number)
            if oldest:
                break
        return self._send(now, oldest[:PROBE_SEGMENTS])


def pair(make: MakeController) -> Tuple[BulkSender, BulkReceiver]:
    """Return the two ends of a flow."""
    receiver = BulkReceiver()
    return BulkSender(make, receiver), receiver

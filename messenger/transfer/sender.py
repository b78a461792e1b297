"""The sending side of the data: what goes next, and how fast.

Everything is paced. When nothing is heard, probes go out (RFC 9002, section 6.2).
"""

from __future__ import annotations

import math
from typing import Any, Callable, Final, Iterator, Optional, Protocol

from messenger.transfer.congestion import Ack as Acknowledged
from messenger.transfer.congestion import Controller
from messenger.transfer.datagram import Ack, BadDatagram
from messenger.transfer.delivery import DeliveryRate
from messenger.transfer.flights import Batch, Flight, Flights
from messenger.transfer.geometry import (
    CHUNK_SIZE,
    FLIGHTS_MAX,
    SEGMENT_SIZES,
    SEND_MAX,
    TAG_SIZE,
    Geometry,
    lowest,
    segment_count,
    segments_in,
)
from messenger.transfer.rtt import RoundTrip
from messenger.transfer.turns import Turn, Turns

BATCH_SECONDS: Final = 0.001
"""A batch is about what the pace allows in this time: shorter queues on slow links, fewer calls on fast ones."""

PACE_SLACK_SECONDS: Final = 0.002
"""How far sending may be behind its pace and catch up: timers of poll() are that coarse."""

PROBE_INTERVAL_MAX: Final = 1.0
"""Seconds between probes at most, so that a transfer goes on soon after the network is back."""

PROBE_BATCHES: Final = 2
"""Batches that a probe may send, whatever the window says."""

PROBE_SEGMENTS: Final = 8
"""Segments in such a batch at most."""

TIMEOUT_PROBES: Final = 3
"""Probes without an answer after which the controller is told."""

BLACK_HOLE_SECONDS: Final = 0.4
"""Seconds without an answer after which, then, segments shrink to the size that every path carries (RFC 8899, 4.3),
until `use` says otherwise: a busy machine may well be silent for less."""


class Source(Protocol):
    """Where sealed chunks come from."""

    def seal(self, chunk: int) -> Any:
        """Read and seal a chunk, once; what is returned is handed on with every batch of it."""

    def release(self, sealed: Any) -> None:
        """What `seal` returned is not needed any more."""


class Sender:
    """Sends chunks. `next_batch` until it has nothing more, then wait for `deadline` or an acknowledgement."""

    def __init__(
        self,
        geometry: Geometry,
        todo: Iterator[int],
        source: Source,
        controller: Controller,
        round_trip: RoundTrip,
        kind: int,
        allowance: int,
        turns: Optional[Turns] = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`todo` are the chunks to be sent, in their order; `kind` and `allowance` come from the `Welcome`. `turns` are
        taken with all transfers to the same person, and `wake` is called when it is this one's."""
        self._chunks = geometry.chunks
        self._todo = todo
        self._source = source
        self._controller = controller
        self._rtt = round_trip
        self._delivery = DeliveryRate()
        self.kind = kind
        controller.segment = SEGMENT_SIZES[kind]
        self._allowance = allowance
        self._turn = Turn(Turns() if turns is None else turns, wake)
        self._flights = Flights(geometry, round_trip, source.release)
        self._next = next(todo, self._chunks)
        """The next chunk to be begun: all below are sent, or were there before."""
        self._heard_at = -math.inf
        """When something was heard, or a probe sent that waits for it."""
        self._answered_at = math.inf
        self._next_send = -math.inf
        self._probes = 0
        self._probe_batches = 0
        self.crowd = 1
        """Transfers that send at the same time here: together they make a batch each `BATCH_SECONDS`."""
        self.sent_segments = 0
        self.repeated_segments = 0
        self._set_pace()

    @property
    def is_complete(self) -> bool:
        """Whether the receiver has all chunks, verified and written."""
        return self._flights.cumulative == self._chunks

    @property
    def has_sent_all(self) -> bool:
        """Whether every segment was sent at least once: nobody can have the file before."""
        return self._next == self._chunks and self._flights.fresh is None

    @property
    def chunks_acknowledged(self) -> int:
        """How many chunks from the first on the receiver has."""
        return self._flights.cumulative

    @property
    def chunks_delivered(self) -> int:
        """How many of the chunks that were sent the receiver has."""
        return self._flights.whole

    @property
    def bytes_in_part(self) -> int:
        """Bytes that have arrived of other chunks. Any thread may ask."""
        return self._flights.bytes_in_part

    @property
    def in_flight(self) -> int:
        """Bytes on their way."""
        return self._flights.bytes

    def deadline(self) -> float:
        """Return when `next_batch` is worth a call again, unless an acknowledgement comes before."""
        if self._probe_batches or self._turn.is_called:
            return -math.inf
        when = min(self._flights.loss_at, self._probe_at())
        if self._has_room() and self._has_work():
            when = min(when, self._turn.deadline(self._next_send))
        return when

    def next_batch(self, now: float) -> Optional[Batch]:
        """Return what is to be sent now, if anything."""
        if now >= self._flights.loss_at:
            self._detect_losses(now)
            self._set_pace()
        if now >= self._heard_at + self._patience and now >= self._probe_at():
            self._probe(now)
        flight = None
        if self._probe_batches or (now >= self._next_send and self._has_room()):
            if not self._probe_batches and not self._turn.may_send(now, self._needed):
                return None
            flight = self._next_flight()
        if flight is None:
            self._turn.give_up()
            self._probe_batches = 0
            return None
        return self._send(now, flight)

    def end(self) -> None:
        """Nothing more will be sent."""
        self._turn.leave()

    def on_ack(self, now: float, ack: Ack) -> None:
        """Take in an acknowledgement; raises `BadDatagram` for one that cannot be true."""
        flights = self._flights
        if ack.cumulative > self._next:  # verified chunks; all else may come from a header that somebody has changed
            raise BadDatagram("it acknowledged what was never sent")
        self._heard_at = self._answered_at = now
        self._probes = 0
        self._allowance = ack.allowance
        acked = flights.settle(ack)
        flights.measure(now, ack)
        self._delivery.update(ack.clock * 1e-6, ack.delivered, self._rtt.smoothed)
        lost = self._detect_losses(now)
        if acked or lost:
            self._controller.on_ack(Acknowledged(now, acked, flights.bytes, ack.delivered, ack.clock * 1e-6))
            flights.forget_batches()
        self._set_pace()
        self._turn.note(flights.bytes)

    def use(self, kind: int) -> None:
        """Cut into segments of this kind from now on; what is on its way keeps its own."""
        self.kind = kind
        self._controller.segment = SEGMENT_SIZES[kind]
        self._set_pace()

    def _set_pace(self) -> None:
        """Take from the controller how much may be in flight, how fast it goes, and how large a full batch is; and from
        the round trip how long an answer may take."""
        # More than fits the receiver's socket may be on its way only as far as the path itself holds it.
        on_the_path = self._delivery.rate * self._rtt.base if self._rtt.has_sample else 0.0
        self._turn.grant(self._allowance + int(on_the_path))
        self._limit = window = self._controller.window
        self._rate = self._controller.pacing_rate()
        size = SEGMENT_SIZES[self.kind]
        by_pace = self._rate * BATCH_SECONDS * self.crowd
        most = segment_count(CHUNK_SIZE + TAG_SIZE, self.kind)
        # Where many take turns, the others fill the time until this one is answered, and whole chunks cost least.
        by_room = min(window / max(1, 4 / self.crowd), self._turn.room / max(1, 3 / self.crowd))
        quota = max(1, int(min(by_pace, by_room)) // size)
        at_once = SEND_MAX // size  # more than one call to the kernel: full ones
        self._quota = most if quota >= most else quota - quota % at_once if quota >= at_once else quota
        self._needed = min(self._quota * size, self._limit)
        timeout = self._rtt.probe_timeout
        self._patience = min(timeout * (1 << min(self._probes, 10)), max(PROBE_INTERVAL_MAX, timeout))

    @property
    def _is_unanswered(self) -> bool:
        return self._probes >= TIMEOUT_PROBES

    def _note_in_flight(self) -> None:
        """What nobody answers takes no room from the other files to this person, who may have begun anew meanwhile."""
        self._turn.note(0 if self._is_unanswered else self._flights.bytes)

    def _has_room(self) -> bool:
        in_flight = self._flights.bytes
        return in_flight + self._needed <= self._limit or not in_flight

    def _has_work(self) -> bool:
        return self._flights.to_repair is not None or self._flights.fresh is not None or self._may_begin()

    def _may_begin(self) -> bool:
        return self._next < self._chunks and len(self._flights) < FLIGHTS_MAX

    def _next_flight(self) -> Optional[Flight]:
        flight = self._flights.to_repair or self._flights.fresh
        if flight is None and self._may_begin():
            chunk = self._next
            flight = self._flights.begin(chunk, self._source.seal(chunk), self.kind)
            self._next = next(self._todo, self._chunks)
        return flight

    def _send(self, now: float, flight: Flight) -> Batch:
        mask = flight.todo
        count = segments_in(mask)
        quota = min(self._quota, PROBE_SEGMENTS) if self._probe_batches else self._quota
        if count > quota:
            mask = lowest(mask, quota)
            count = quota
        self.repeated_segments += segments_in(mask & flight.sent)
        self.sent_segments += count
        batch = self._flights.take_off(now, flight, mask, count)
        spent = count * SEGMENT_SIZES[flight.kind] / self._rate
        self._next_send = max(self._next_send, min(now - PACE_SLACK_SECONDS, self._turn.held_since)) + spent
        self._note_in_flight()
        if self._probe_batches:
            self._probe_batches -= 1
        return batch

    def _detect_losses(self, now: float) -> int:
        lost = self._flights.detect_losses(now)
        if lost:
            self._controller.on_loss(now, lost, self._flights.is_new_event)
            self._note_in_flight()
        return lost

    def _probe_at(self) -> float:
        if not self._flights.bytes:
            return math.inf
        return max(self._heard_at, self._flights.last_sent_at) + self._patience

    def _probe(self, now: float) -> None:
        """Nothing was heard for long: repeat the oldest segments, whatever the window says."""
        self._probes += 1
        self._heard_at = now
        self._answered_at = min(self._answered_at, now)  # for the first time
        self._probe_batches = PROBE_BATCHES
        if self._is_unanswered:
            self._controller.on_timeout(now)
            if now >= self._answered_at + BLACK_HOLE_SECONDS:
                if self.kind:  # datagrams of this size may all be dropped
                    self._flights.begin_anew()
                self.use(0)
        self._flights.lose_oldest(PROBE_SEGMENTS)
        self._note_in_flight()
        self._set_pace()

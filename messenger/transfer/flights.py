"""What is on its way: chunks, the batches in which their segments went out, and which of them are lost.

Loss detection is RACK (RFC 8985): a segment is lost when something sent sufficiently later has arrived. Batches have
numbers that are never used again, so it is always known which transmission an acknowledgement speaks of (RFC 9002,
section 2).
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, Callable, Deque, Dict, Final, Optional

from messenger.transfer.datagram import Ack, BadDatagram
from messenger.transfer.geometry import (
    HEADER_SIZE,
    SEGMENT_SIZES,
    Geometry,
    full_mask,
    lowest,
    segment_count,
    segments_in,
)
from messenger.transfer.rtt import RoundTrip

REORDER_STEPS: Final = 8
"""The reordering window grows from a quarter of the smoothed round trip in steps of an eighth, up to all of it, when
segments turn out to have been late and not lost (RFC 8985, section 6.2)."""

_NEVER_SENT: Final = "it acknowledged what was never sent"


class Flight:
    """A chunk of which something was sent or is about to be, until all of it is acknowledged."""

    __slots__ = ("acked", "chunk", "full", "in_flight", "kind", "sealed", "sent", "todo")

    def __init__(self, chunk: int, sealed: Any, kind: int, full: int) -> None:
        self.chunk = chunk
        self.sealed = sealed
        self.kind = kind
        self.full = full
        """Mask of all its segments; so are the following."""
        self.todo = full
        """To be sent, for the first time or again."""
        self.sent = 0
        self.in_flight = 0
        self.acked = 0


class Batch:
    """Segments of one chunk, sent at one time. What of `mask` is neither acknowledged nor given up is in flight."""

    __slots__ = ("flight", "mask", "number", "sent_at")

    def __init__(self, number: int, flight: Flight, mask: int, sent_at: float) -> None:
        self.number = number
        self.flight = flight
        self.mask = mask
        self.sent_at = sent_at


class Flights:
    """Keeps account. `release` is called with what `begin` was given, when a chunk is acknowledged whole."""

    def __init__(self, geometry: Geometry, round_trip: RoundTrip, release: Callable[[Any], None]) -> None:
        self._geometry = geometry
        self._rtt = round_trip
        self._release = release
        self._flights: Dict[int, Flight] = {}
        self._repairs: Dict[int, Flight] = {}
        self.fresh: Optional[Flight] = None
        """The chunk that was begun and not sent to its end for the first time."""
        self._batches: Deque[Batch] = deque()
        """All batches with something in flight, and few others, in the order of sending; their numbers have no gaps."""
        self.last_batch = 0
        """Number of the last batch."""
        self._highest: Optional[Batch] = None
        """The newest batch of which something was acknowledged."""
        self._recovery_point = 0
        self._reorder = REORDER_STEPS // 4
        self._reorder_grown = -math.inf
        self._duplicates = 0
        self.cumulative = 0
        """The receiver has all chunks below this one."""
        self.whole = 0
        """Chunks that were acknowledged whole."""
        self.bytes = 0
        """Bytes in flight."""
        self.is_new_event = False
        """Whether the losses detected last were the first since the last time that losses were answered."""
        self.loss_at = math.inf
        """When something in flight will count as lost, if nothing else is heard of it."""

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def bytes_in_part(self) -> int:
        """Bytes that have arrived of chunks that are not whole yet. Any thread may ask."""
        flights = list(self._flights.values())  # in one step, while another thread changes them
        return sum(segments_in(flight.acked) * (SEGMENT_SIZES[flight.kind] - HEADER_SIZE) for flight in flights)

    @property
    def to_repair(self) -> Optional[Flight]:
        """A chunk of which something is to be sent again."""
        for flight in self._repairs.values():
            return flight
        return None

    @property
    def last_sent_at(self) -> float:
        """When the last batch was sent."""
        return self._batches[-1].sent_at if self._batches else -math.inf

    def begin(self, chunk: int, sealed: Any, kind: int) -> Flight:
        """Take in the next chunk."""
        full = full_mask(segment_count(self._geometry.sealed_size(chunk), kind))
        self.fresh = self._flights[chunk] = Flight(chunk, sealed, kind, full)
        return self.fresh

    def take_off(self, now: float, flight: Flight, mask: int, count: int) -> Batch:
        """Note that these segments, `count` of them, are being sent."""
        flight.todo &= ~mask
        if not flight.todo:
            self._repairs.pop(flight.chunk, None)
            if flight is self.fresh:
                self.fresh = None
        flight.sent |= mask
        flight.in_flight |= mask
        self.bytes += count * SEGMENT_SIZES[flight.kind]
        self.last_batch += 1
        batch = Batch(self.last_batch, flight, mask, now)
        self._batches.append(batch)
        return batch

    def settle(self, ack: Ack) -> int:
        """Take note of what has arrived; return the bytes of it that were not acknowledged before."""
        acked = 0
        while self.cumulative < ack.cumulative:
            flight = self._flights.get(self.cumulative)
            if flight is not None:
                acked += self._acknowledge(flight, flight.full)
            self.cumulative += 1
        if ack.upto > self.cumulative:
            acked += self._settle_beyond(ack)
        return acked

    def measure(self, now: float, ack: Ack) -> None:
        """Take the round trip, and see whether segments that were sent again had only been late."""
        newest = self._highest.number if self._highest is not None else 0
        back = self.last_batch - ack.highest_batch
        if ack.highest_batch > newest and 0 <= back < len(self._batches):
            self._highest = self._batches[-1 - back]
            elapsed = now - self._highest.sent_at
            # However long the receiver says that it waited: a part of the time was spent on the way.
            self._rtt.update(now, max(elapsed - ack.delay * 1e-6, elapsed * 0.1, 1e-6))
        if ack.duplicates != self._duplicates:
            self._duplicates = ack.duplicates
            if now - self._reorder_grown > self._rtt.smoothed:
                self._reorder_grown = now
                self._reorder = min(self._reorder + 1, REORDER_STEPS)

    def detect_losses(self, now: float) -> int:
        """Mark what is lost for sending again; return its bytes."""
        self.loss_at = math.inf
        self.is_new_event = False
        highest = self._highest
        if highest is None:
            return 0
        patience = self._rtt.smoothed * self._reorder / REORDER_STEPS
        late = max(self._rtt.smoothed, self._rtt.latest) + patience
        lost = newest_lost = 0
        for batch in self._batches:
            if batch.number >= highest.number:
                break
            missing = batch.mask & batch.flight.in_flight
            if not missing:
                continue
            if batch.sent_at > highest.sent_at - patience and now < batch.sent_at + late:
                self.loss_at = batch.sent_at + late
                break
            lost += self._lose(batch, missing)
            newest_lost = batch.number
        if newest_lost > self._recovery_point:
            self.is_new_event = True
            self._recovery_point = self.last_batch
        return lost

    def lose_oldest(self, count: int) -> None:
        """Give up the oldest `count` segments in flight, of one batch, to have them sent again."""
        for batch in self._batches:
            missing = batch.mask & batch.flight.in_flight
            if missing:
                self._lose(batch, lowest(missing, min(count, segments_in(missing))))
                return

    def forget_batches(self) -> None:
        """Drop the oldest batches of which nothing is in flight."""
        batches = self._batches
        while batches and not batches[0].mask & batches[0].flight.in_flight:
            batches.popleft()

    def begin_anew(self) -> None:
        """Send all chunks on the way once more, in the smallest segments."""
        self.bytes = 0
        self._batches.clear()
        for flight in self._flights.values():
            flight.in_flight = 0
            self._cut_again(flight, 0)

    def _settle_beyond(self, ack: Ack) -> int:
        """As `settle`, for the chunks that do not all have whole ones below them."""
        acked = 0
        holes = {hole.chunk: hole for hole in ack.holes}
        for chunk in [number for number in self._flights if ack.base <= number < ack.upto]:
            flight = self._flights[chunk]
            hole = holes.get(chunk)
            if hole is None:
                acked += self._acknowledge(flight, flight.full)
            elif hole.kind == flight.kind or not hole.mask:
                self._withdraw(flight, flight.acked & ~hole.mask)
                acked += self._acknowledge(flight, hole.mask & flight.sent, is_whole=False)
            elif hole.kind < flight.kind:  # somebody forged a segment of this kind, and the receiver waits for the rest
                self._cut_again(flight, hole.kind)
        return acked

    def _acknowledge(self, flight: Flight, mask: int, is_whole: bool = True) -> int:
        if mask & ~flight.sent:
            raise BadDatagram(_NEVER_SENT)
        size = SEGMENT_SIZES[flight.kind]
        fresh = mask & ~flight.acked
        self.bytes -= segments_in(fresh & flight.in_flight) * size
        flight.acked |= fresh
        flight.in_flight &= ~fresh
        if flight.todo & fresh:  # it was taken for lost, and was only late
            flight.todo &= ~fresh
            if not flight.todo:
                self._repairs.pop(flight.chunk, None)
                if flight is self.fresh:
                    self.fresh = None
        if is_whole:
            del self._flights[flight.chunk]
            self.whole += 1
            self._release(flight.sealed)
        return segments_in(fresh) * size

    def _withdraw(self, flight: Flight, mask: int) -> None:
        """Send again what the receiver had and has no more, because its chunk's tag was wrong."""
        if mask:
            flight.acked &= ~mask
            self._forget_sent(flight, mask)
            self._repair(flight, mask)

    def _cut_again(self, flight: Flight, kind: int) -> None:
        """Send all of a chunk once more, in smaller segments."""
        self.bytes -= segments_in(flight.in_flight) * SEGMENT_SIZES[flight.kind]
        self._forget_sent(flight, flight.full)
        is_all_sent = flight.sent == flight.full
        flight.kind = kind
        flight.full = full_mask(segment_count(self._geometry.sealed_size(flight.chunk), kind))
        flight.sent = flight.full if is_all_sent else 0  # then the receiver may have it whole in the old size
        flight.acked = flight.in_flight = 0
        flight.todo = flight.full
        self._repairs[flight.chunk] = flight
        if flight is self.fresh:
            self.fresh = None

    def _forget_sent(self, flight: Flight, mask: int) -> None:
        """Let only what will be sent from now on count as a transmission of these segments."""
        for batch in self._batches:
            if batch.flight is flight:
                batch.mask &= ~mask

    def _repair(self, flight: Flight, mask: int) -> None:
        flight.todo |= mask
        if flight is not self.fresh:
            self._repairs[flight.chunk] = flight

    def _lose(self, batch: Batch, missing: int) -> int:
        flight = batch.flight
        batch.mask &= ~missing
        flight.in_flight &= ~missing
        size = segments_in(missing) * SEGMENT_SIZES[flight.kind]
        self.bytes -= size
        self._repair(flight, missing)
        return size

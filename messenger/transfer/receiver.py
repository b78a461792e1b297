"""The receiving side of the data: segments to chunks, and what is told of it.

A chunk that arrives in one piece goes from the receive buffer straight to the store; only what comes in parts is
copied together here first.
"""

from __future__ import annotations

import math
from typing import Callable, Dict, Final, List, Sequence, Union

from messenger.transfer.datagram import HOLE_OFFSET_MAX, HOLES_MAX, Ack, BadDatagram, Hole
from messenger.transfer.geometry import (
    CHUNK_SIZE,
    FLIGHTS_MAX,
    HEADER_SIZE,
    SEGMENT_SIZES,
    Geometry,
    full_mask,
    segment_count,
    segments_in,
)

ACK_BYTES: Final = 2 * CHUNK_SIZE
"""Bytes after which an acknowledgement is due at once; or a part of the allowance, if that is less."""

ACK_SHARE: Final = 4
"""Which part: the sender must not wait for it."""

ACK_SECONDS: Final = 0.001
"""How long an acknowledgement waits for more to acknowledge."""

BAD_CHUNKS_MAX: Final = 125
"""So many chunks with a wrong tag end a transfer: somebody on the path changes what is sent, or the memory of one
side is broken."""

PARTS_ALL: Final = 2 * FLIGHTS_MAX
"""Chunks that all receivers of a client may hold in part: 64 MiB. No honest sender begins one and leaves it so, but
whoever sends us many files could have us hold `FLIGHTS_MAX` chunks of each."""

PARTS_OWN: Final = 2
"""Such chunks that each may hold although the others hold that many."""

Store = Callable[[int, Union[memoryview, bytearray]], bool]
"""Opens a sealed chunk and writes it; False if its tag is wrong."""


class _Assembly:
    """A chunk that has arrived in part.

    Its tag does not tell which segments are bad, but these will not come the same twice. So when it was wrong, all come
    again, and then only those that differ: where 2 % are changed on the way, 416 hardly ever come without.
    """

    __slots__ = ("agreed", "full", "is_doubted", "kind", "mask", "sealed")

    def __init__(self, kind: int, sealed: bytearray) -> None:
        self.kind = kind
        self.full = full_mask(segment_count(len(sealed), kind))
        self.mask = 0
        self.agreed = 0
        """Mask of those that came the same when they came again."""
        self.is_doubted = False
        """Whether all have been there once, and the tag was wrong."""
        self.sealed = sealed

    def doubt(self) -> None:
        """Have all come again that have not been there twice, the same; all of them, if that was of no use."""
        self.is_doubted = self.agreed != self.full
        self.agreed = self.mask = self.agreed if self.is_doubted else 0

    def put(self, first: int, count: int, payload: memoryview) -> int:
        """Put segments in their place; return the mask of those that were missing."""
        mask = full_mask(count) << first
        fresh = mask & ~self.mask
        room = SEGMENT_SIZES[self.kind] - HEADER_SIZE
        if self.is_doubted:
            for index in range(count):
                if fresh >> (first + index) & 1:
                    self._compare(first + index, room, payload[index * room : (index + 1) * room])
        else:
            self.sealed[first * room : first * room + len(payload)] = payload
        self.mask |= mask
        return fresh

    def _compare(self, segment: int, room: int, payload: memoryview) -> None:
        place = slice(segment * room, segment * room + len(payload))
        if self.sealed[place] == payload:
            self.agreed |= 1 << segment
        self.sealed[place] = payload


class TooManyBadChunks(BadDatagram):
    """What arrives is not what was sent, again and again."""


class Receiver:
    """Takes segments in any order, as often as they come."""

    def __init__(self, geometry: Geometry, store: Store, allowance: int) -> None:
        """`allowance` is how many bytes the socket has room for."""
        self._geometry = geometry
        self._store = store
        self.share_room(allowance, allowance)
        self._done = bytearray(geometry.chunks)
        """One byte a chunk: 1 once it is written."""
        self.cumulative = 0
        """The first chunk that is missing."""
        self._parts: Dict[int, _Assembly] = {}
        self.neighbours: Sequence[Receiver] = ()
        """All receivers of the same client, this one too, if there are others."""
        self._upto = 0
        """One more than the highest chunk of which anything has arrived."""
        self._open = 0
        """How many of those below it are missing."""
        self._highest_batch = 0
        """The newest of which anything has arrived since the last acknowledgement: a forged one is told once only."""
        self._highest_at = 0.0
        self.delivered = 0
        self._duplicates = 0
        self._bad_chunks = 0
        self._unacknowledged = 0
        self._waiting_since = math.inf
        self.is_started = False
        self.chunks_done = 0

    @property
    def is_complete(self) -> bool:
        """Whether all chunks are written."""
        return self.chunks_done == self._geometry.chunks

    @property
    def bytes_in_part(self) -> int:
        """Bytes that have arrived of chunks that are not whole yet. Any thread may ask."""
        parts = list(self._parts.values())  # in one step, while another thread changes them
        return sum(segments_in(part.mask) * (SEGMENT_SIZES[part.kind] - HEADER_SIZE) for part in parts)

    def share_room(self, allowance: int, together: int) -> None:
        """Have room for so many bytes on their way; `together` is what all files of the same sender have."""
        self.allowance = allowance
        self.ack_bytes = min(ACK_BYTES, together // ACK_SHARE)

    def has_already(self, first: int, count: int) -> None:
        """Count chunks as written that an earlier attempt has left."""
        done, end = self._done, first + count
        self.chunks_done += done.count(0, first, end)
        self._open -= done.count(0, first, max(first, min(end, self._upto)))
        done[first:end] = b"\1" * count
        self._skip_done()

    def on_segments(
        self, now: float, kind: int, chunk: int, batch: int, first: int, count: int, payload: memoryview
    ) -> None:
        """Take `count` segments of one chunk from the `first` on, their bytes one after the other.

        What cannot be true is dropped: headers are not authenticated, chunks are. Raises `TooManyBadChunks`.
        """
        if chunk >= self._geometry.chunks:
            return
        sealed_size = self._geometry.sealed_size(chunk)
        room = SEGMENT_SIZES[kind] - HEADER_SIZE
        start = first * room
        end = first + count
        segments = segment_count(sealed_size, kind)
        if end > segments or start + len(payload) != min(end * room, sealed_size):
            return
        if not self._reaches(chunk):
            return
        if batch > self._highest_batch:
            self._highest_batch = batch
            self._highest_at = now
        self._waiting_since = min(self._waiting_since, now)
        if self._done[chunk]:
            self._duplicates += count
            return
        if count == segments and chunk not in self._parts:
            self._unacknowledged += sealed_size
            self.delivered += count * SEGMENT_SIZES[kind]
            self._finish(chunk, kind, payload)
        elif self._may_keep(chunk):  # what is not kept is told as missing, and comes again
            self._assemble(kind, chunk, first, count, payload, sealed_size)

    def ack_deadline(self) -> float:
        """Return when an acknowledgement is due."""
        if self._unacknowledged >= self.ack_bytes:
            return -math.inf
        return self._waiting_since + ACK_SECONDS

    def acks(self, now: float) -> List[Ack]:
        """Return the acknowledgement of all that there is: several if one datagram cannot hold them."""
        self._unacknowledged = 0
        self._waiting_since = math.inf
        upto = max(self._upto, self.cumulative)
        holes = self._holes(upto)
        acks = []
        base = self.cumulative
        while True:
            fitting = [hole for hole in holes[:HOLES_MAX] if hole.chunk - base <= HOLE_OFFSET_MAX]
            part = tuple(fitting)
            holes = holes[len(fitting) :]
            end = holes[0].chunk if holes else upto
            acks.append(
                Ack(
                    self.is_started,
                    self.cumulative,
                    base,
                    end,
                    self._highest_batch,
                    int((now - self._highest_at) * 1e6) if self._highest_batch else 0,
                    int(now * 1e6),
                    self.delivered,
                    self._duplicates,
                    self.allowance,
                    part,
                )
            )
            if not holes:
                self._highest_batch = 0
                return acks
            base = end

    def _reaches(self, chunk: int) -> bool:
        """Count what is missing up to this chunk; False if the sender cannot be there yet."""
        if chunk >= self._upto:
            fresh = chunk + 1 - self._upto
            kept = self.chunks_done - self._upto + self._open  # above, by an earlier attempt
            if kept and self._open + fresh - kept <= FLIGHTS_MAX:
                fresh = self._done.count(0, self._upto, chunk + 1)
            if self._open + fresh > FLIGHTS_MAX:
                return False
            self._open += fresh
            self._upto = chunk + 1
        return True

    def _may_keep(self, chunk: int) -> bool:
        """Whether there is room for a part of this chunk. The first one that is missing always has its place."""
        if len(self._parts) < PARTS_OWN or chunk in self._parts or chunk == self.cumulative:
            return True
        return sum(len(receiver._parts) for receiver in self.neighbours) < PARTS_ALL

    def _holes(self, upto: int) -> List[Hole]:
        holes = []
        chunk = self.cumulative
        while chunk < upto:
            part = self._parts.get(chunk)
            holes.append(Hole(chunk, part.kind, part.mask) if part is not None and part.mask else Hole(chunk, 0, 0))
            chunk = self._done.find(0, chunk + 1)
            if chunk < 0:
                break
        return holes

    def _assemble(self, kind: int, chunk: int, first: int, count: int, payload: memoryview, sealed_size: int) -> None:
        part = self._parts.get(chunk)
        if part is None or kind < part.kind or (kind > part.kind and not part.mask):
            part = self._parts[chunk] = _Assembly(kind, bytearray(sealed_size))
        elif kind > part.kind:
            return  # the sender has gone over to smaller segments, and this one is late
        arrived = segments_in(part.put(first, count, payload))
        self._duplicates += count - arrived
        self.delivered += arrived * SEGMENT_SIZES[kind]
        self._unacknowledged += len(payload)
        if part.mask == part.full:
            self._finish(chunk, kind, part.sealed)

    def _finish(self, chunk: int, kind: int, sealed: Union[memoryview, bytearray]) -> None:
        if self._store(chunk, sealed):
            self._parts.pop(chunk, None)
            self._count_done(chunk)
            return
        self._bad_chunks += 1
        if self._bad_chunks > BAD_CHUNKS_MAX:
            raise TooManyBadChunks("what arrives is not what was sent: somebody on the way changes it")
        if chunk not in self._parts and self._may_keep(chunk):
            self._parts[chunk] = _Assembly(kind, bytearray(sealed))
        if chunk in self._parts:
            self._parts[chunk].doubt()

    def _count_done(self, chunk: int) -> None:
        self._done[chunk] = 1
        self.chunks_done += 1
        if chunk < self._upto:
            self._open -= 1
        if chunk == self.cumulative:
            self._skip_done()

    def _skip_done(self) -> None:
        missing = self._done.find(0, self.cumulative)
        self.cumulative = missing if missing >= 0 else self._geometry.chunks

"""The transfer's own sender and receiver as endpoints of the virtual network, with a file without end and content.

What is left out is the handshake, the sealing and the bytes; what decides when which segment goes is the real thing.
It costs about three times as much as the model in `loadtest.bulk`.
"""

from __future__ import annotations

from typing import Any, Final, List, NamedTuple, Sequence, Tuple, Union

from loadtest.bulk import ACK_BYTES, MakeController
from loadtest.link import Packets
from messenger.transfer.datagram import Ack
from messenger.transfer.flights import Batch
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE, Geometry
from messenger.transfer.receiver import Receiver
from messenger.transfer.rtt import RoundTrip
from messenger.transfer.sender import Sender

FILE_BYTES: Final = 20_000_000_000
"""More than any flow sends here."""

ALLOWANCE: Final = 8_000_000
"""Bytes for which the receiver has room: enough, so that the controller decides."""

_NOTHING: Final = memoryview(bytes(CHUNK_SIZE + TAG_SIZE))


class Segment(NamedTuple):
    """One segment on its way."""

    kind: int
    chunk: int
    batch: int
    number: int


class MachineReceiver:
    """The real receiver; every chunk is right and costs nothing."""

    def __init__(self) -> None:
        self._geometry = Geometry(FILE_BYTES)
        self._receiver = Receiver(self._geometry, _store, ALLOWANCE)

    @property
    def delivered(self) -> int:
        """Unique bytes."""
        return self._receiver.delivered

    def receive(self, now: float, packets: Sequence[Segment]) -> None:
        """Hand over runs of segments, as the kernel does."""
        start = 0
        for end in range(1, len(packets) + 1):
            last = packets[end - 1]
            if end < len(packets) and packets[end] == last._replace(number=last.number + 1):
                continue
            kind, chunk, batch, first = packets[start]
            room = SEGMENT_SIZES[kind] - HEADER_SIZE
            size = min((last.number + 1) * room, self._geometry.sealed_size(chunk)) - first * room
            self._receiver.on_segments(now, kind, chunk, batch, first, end - start, _NOTHING[:size])
            start = end

    def poll(self, now: float) -> Packets:
        """Send acknowledgements that are due."""
        if now < self._receiver.ack_deadline():
            return []
        return [(ack, ACK_BYTES) for ack in self._receiver.acks(now)]

    def deadline(self, now: float) -> float:
        """When an acknowledgement is due."""
        return self._receiver.ack_deadline()


class MachineSender:
    """The real sender, with segments of 1200 bytes."""

    def __init__(self, make: MakeController) -> None:
        self.round_trip = RoundTrip()
        self.controller = make(SEGMENT_SIZES[0], self.round_trip)
        geometry = Geometry(FILE_BYTES)
        todo = iter(range(geometry.chunks))
        self._sender = Sender(geometry, todo, _Source(), self.controller, self.round_trip, 0, ALLOWANCE)

    def receive(self, now: float, packets: Sequence[Ack]) -> None:
        """Take acknowledgements."""
        for ack in packets:
            self._sender.on_ack(now, ack)

    def poll(self, now: float) -> Packets:
        """Send what may be sent now, a probe of several batches as well."""
        packets: Packets = []
        batch = self._sender.next_batch(now)
        while batch is not None:
            packets.extend(_segments(batch))
            batch = self._sender.next_batch(now)
        return packets

    def deadline(self, now: float) -> float:
        """When there is something to send, or to find lost."""
        return self._sender.deadline()


def pair(make: MakeController) -> Tuple[MachineSender, MachineReceiver]:
    """Return the two ends of a flow."""
    return MachineSender(make), MachineReceiver()


class _Source:
    def seal(self, chunk: int) -> Any:
        return None

    def release(self, sealed: Any) -> None:
        """There is nothing to give back."""


def _store(chunk: int, sealed: Union[memoryview, bytearray]) -> bool:
    return True


def _segments(batch: Batch) -> List[Tuple[Segment, int]]:
    kind, chunk, number, mask = batch.flight.kind, batch.flight.chunk, batch.number, batch.mask
    size = SEGMENT_SIZES[kind]
    return [(Segment(kind, chunk, number, i), size) for i in range(mask.bit_length()) if mask >> i & 1]

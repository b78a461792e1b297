"""What arrives at a port: datagrams sorted into runs of segments that belong together."""

from __future__ import annotations

from array import array
from typing import Any, Final, Iterator, List, NamedTuple, Tuple

from messenger.transfer.geometry import HEADER_SIZE, SEGMENT_SIZES

DATAGRAM_MAX: Final = 65_536
"""Bytes that one call may bring."""

Address = Tuple[Any, ...]


class Run(NamedTuple):
    """Segments of one chunk that stand one behind the other in what arrived, or one control datagram."""

    kind: int
    connection: int
    first: int
    segments: int
    word: int
    """The second half of the header: chunk and batch, or the number of a control message."""
    payload: memoryview
    address: Address


class Layout:
    """Buffers into which the kernel puts a batch so that headers and payloads each stand one behind the other."""

    def __init__(self, kind: int) -> None:
        self.size = SEGMENT_SIZES[kind]
        room = self.size - HEADER_SIZE
        count = -(-DATAGRAM_MAX // self.size)
        self._words = array("Q", bytes(HEADER_SIZE * count))
        headers = memoryview(self._words).cast("B")
        self._payload = memoryview(bytearray(room * count))
        self._room = room
        self.buffers: List[memoryview] = []
        for number in range(count):
            self.buffers.append(headers[number * HEADER_SIZE : (number + 1) * HEADER_SIZE])
            self.buffers.append(self._payload[number * room : (number + 1) * room])
        # For datagrams that come one by one; what is longer than a segment goes on in the spare buffer.
        spare = memoryview(bytearray(DATAGRAM_MAX))
        self.slots = [[*self.buffers[2 * number : 2 * number + 2], spare] for number in range(count)]

    def runs(self, length: int, address: Address) -> List[Run]:
        """Return the runs of what has arrived in the buffers."""
        count = -(-length // self.size)
        bytes_of_all = length - count * HEADER_SIZE
        if count == 1:
            return [new_run(self._words[0], 1, self._words[1], self._payload[:bytes_of_all], address)]
        firsts = self._words[0 : 2 * count : 2].tolist()
        seconds = self._words[1 : 2 * count : 2].tolist()
        start = firsts[0]
        if seconds.count(seconds[0]) == count and firsts == list(range(start, start + (count << 8), 1 << 8)):
            return [new_run(start, count, seconds[0], self._payload[:bytes_of_all], address)]
        return list(self._split(firsts, seconds, bytes_of_all, address))

    def kind_in(self, slot: int) -> int:
        """Return the kind of the datagram in a slot."""
        return self._words[2 * slot] & 0xFF

    def flatten(self, length: int, into: memoryview, slot: int = -1) -> None:
        """Put what has arrived, in all buffers or in one slot, back into one piece: it was no batch of this kind."""
        into[:length] = b"".join(self.buffers if slot < 0 else self.slots[slot])[:length]

    def _split(self, firsts: List[int], seconds: List[int], length: int, address: Address) -> Iterator[Run]:
        begin = 0
        for number in range(1, len(firsts) + 1):
            if (
                number == len(firsts)
                or firsts[number] != firsts[number - 1] + (1 << 8)
                or seconds[number] != seconds[begin]
            ):
                payload = self._payload[begin * self._room : min(number * self._room, length)]
                yield new_run(firsts[begin], number - begin, seconds[begin], payload, address)
                begin = number


def new_run(first: int, count: int, second: int, payload: memoryview, address: Address) -> Run:
    """Return the run whose first header has these words."""
    return Run(first & 0xFF, first >> 16, first >> 8 & 0xFF, count, second, payload, address)

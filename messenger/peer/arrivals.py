"""What arrives at a port: datagrams sorted into runs of segments that belong together."""

from __future__ import annotations

from array import array
from typing import Any, Dict, Final, List, NamedTuple, Tuple

from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE, segment_count

DATAGRAM_MAX: Final = 65_536
"""Bytes that one call may bring."""

ROWS_KEPT: Final = 512
"""Rows of headers that are remembered, about a megabyte: each transfer has one, two for its last chunk."""

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
    """Buffers into which the kernel puts batches so that headers and payloads each stand one behind the other, also of
    batches of one chunk that come in several calls."""

    def __init__(self, kind: int) -> None:
        self.size = SEGMENT_SIZES[kind]
        self._kind = kind
        self._room = room = self.size - HEADER_SIZE
        self._whole = segment_count(CHUNK_SIZE + TAG_SIZE, kind)
        self._at_once = -(-DATAGRAM_MAX // self.size)
        count = self._whole + self._at_once
        self._words = array("Q", bytes(HEADER_SIZE * count))
        headers = memoryview(self._words).cast("B")
        self._payload = memoryview(bytearray(room * count))
        self._rows: Dict[Tuple[int, int], array[int]] = {}
        self._buffers: List[memoryview] = []
        for number in range(count):
            self._buffers.append(headers[number * HEADER_SIZE : (number + 1) * HEADER_SIZE])
            self._buffers.append(self._payload[number * room : (number + 1) * room])
        self._filled = 0
        """How many segments of a chunk lie there and wait for its next ones,"""
        self._address: Address = ()
        """and where they came from."""

    def buffers(self) -> List[memoryview]:
        """Return where the next batch is to be put."""
        return self._buffers[2 * self._filled : 2 * (self._filled + self._at_once)]

    def take(self, length: int, address: Address) -> List[Run]:
        """Return the runs of what was put there; none if the rest of the chunk is still to come, and the next batch may
        go on where this one ends. They are good until something is put there again."""
        words, begin = self._words, self._filled
        end = begin - (-length // self.size)
        first, second = words[2 * begin], words[2 * begin + 1]
        if begin and (first != words[0] + (begin << 8) or second != words[1] or address != self._address):
            return self.rest() + self._runs(begin, end, length, address)
        is_full = length == (end - begin) * self.size
        if is_full and first & 0xFF == self._kind and (first >> 8 & 0xFFFF) + end - begin < self._whole:
            self._filled, self._address = end, address
            return []
        self._filled = 0
        return self._runs(0, end, begin * self.size + length, address)

    def rest(self) -> List[Run]:
        """Return what lies there and waits: nothing more comes."""
        end, self._filled = self._filled, 0
        return self._runs(0, end, end * self.size, self._address) if end else []

    def _runs(self, begin: int, end: int, length: int, address: Address) -> List[Run]:
        """Return the runs of these datagrams, which have `length` bytes together."""
        count = end - begin
        payload = self._payload[begin * self._room : begin * self._room + length - count * HEADER_SIZE]
        first, second = self._words[2 * begin], self._words[2 * begin + 1]
        if count > 1:
            firsts, seconds = self._words[2 * begin : 2 * end : 2], self._words[2 * begin + 1 : 2 * end : 2]
            if firsts != self._row(first, count) or seconds != array("Q", [second]) * count:
                return split(firsts.tolist(), seconds.tolist(), payload, self._room, address)
        return [new_run(first, count, second, payload, address)]

    def flatten(self, length: int, into: memoryview) -> None:
        """Put what has arrived back into one piece: it was no batch of this kind."""
        into[:length] = b"".join(self.buffers())[:length]

    def _row(self, first: int, count: int) -> array[int]:
        """Return the first words of so many segments one after the other."""
        row = self._rows.get((first, count))
        if row is None:
            if len(self._rows) >= ROWS_KEPT:
                self._rows.clear()
            row = self._rows[first, count] = array("Q", range(first, min(first + (count << 8), 1 << 64), 1 << 8))
        return row


class Strip:
    """Memory for datagrams that come one by one. Each is put where its payload follows that of the one before, and so
    its header on the end of that, which is taken out of the way for a moment."""

    def __init__(self, kind: int) -> None:
        self.size = SEGMENT_SIZES[kind]
        room = self.size - HEADER_SIZE
        count = segment_count(CHUNK_SIZE + TAG_SIZE, kind)
        whole = memoryview(bytearray(HEADER_SIZE + room * count + DATAGRAM_MAX))
        self.words = whole.cast("Q")
        self.places = [(start // 8, whole[start : start + DATAGRAM_MAX]) for start in range(0, room * count, room)]
        """Where in `words` the header of each goes, and the memory for it, with room for the longest datagram."""
        self._payload = whole[HEADER_SIZE:]
        self._room = room

    def runs(self, firsts: List[int], seconds: List[int], last: int, address: Address) -> List[Run]:
        """Return the runs of datagrams with these headers; the last one has `last` bytes, the others are full."""
        payload = self._payload[: (len(firsts) - 1) * self._room + last - HEADER_SIZE]
        return split(firsts, seconds, payload, self._room, address)


def split(firsts: List[int], seconds: List[int], payload: memoryview, room: int, address: Address) -> List[Run]:
    """Find the runs by the words of the headers; each segment but the last has `room` bytes of the payload."""
    count = len(firsts)
    if seconds.count(seconds[0]) == count and firsts == list(range(firsts[0], firsts[0] + (count << 8), 1 << 8)):
        return [new_run(firsts[0], count, seconds[0], payload, address)]
    runs = []
    begin = 0
    for number in range(1, count + 1):
        if number == count or firsts[number] != firsts[number - 1] + (1 << 8) or seconds[number] != seconds[begin]:
            part = payload[begin * room : number * room]
            runs.append(new_run(firsts[begin], number - begin, seconds[begin], part, address))
            begin = number
    return runs


def new_run(first: int, count: int, second: int, payload: memoryview, address: Address) -> Run:
    """Return the run whose first header has these words."""
    return Run(first & 0xFF, first >> 24, first >> 8 & 0xFFFF, count, second, payload, address)

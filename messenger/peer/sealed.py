"""A sealed chunk as it is sent: its bytes, cut into segments, and the headers in front of them."""

from __future__ import annotations

from array import array
from typing import Dict, List, Tuple

from messenger.transfer.datagram import first_word, second_word
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE, segment_count


class SealedChunk:
    """A buffer for a sealed chunk, with the headers of its segments; made once, used for many chunks."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(CHUNK_SIZE + TAG_SIZE))
        self.size = len(self.view)
        self._layouts: Dict[Tuple[int, int], Cut] = {}

    def layout(self, kind: int) -> Cut:
        """Return headers and payloads for segments of this kind."""
        layout = self._layouts.get((kind, self.size))
        if layout is None:
            layout = self._layouts[kind, self.size] = Cut(self.view[: self.size], kind)
        return layout


class Cut:
    """How a sealed chunk is cut: `buffers` are header, payload, header, payload and so on."""

    def __init__(self, sealed: memoryview, kind: int) -> None:
        room = SEGMENT_SIZES[kind] - HEADER_SIZE
        self.kind = kind
        self.count = segment_count(len(sealed), kind)
        self.words = array("Q", bytes(HEADER_SIZE * self.count))
        headers = memoryview(self.words).cast("B")
        self.connection = -1
        self.buffers: List[memoryview] = []
        for number in range(self.count):
            self.buffers.append(headers[number * HEADER_SIZE : (number + 1) * HEADER_SIZE])
            self.buffers.append(sealed[number * room : (number + 1) * room])

    def address_to(self, connection: int) -> None:
        """Put a connection id into all headers."""
        start = first_word(self.kind, 0, connection)
        self.words[0::2] = array("Q", range(start, start + (self.count << 8), 1 << 8))
        self.connection = connection

    def stamp(self, chunk: int, batch: int) -> None:
        """Put chunk and batch into all headers."""
        self.words[1::2] = array("Q", [second_word(chunk, batch)]) * self.count

    def buffers_of(self, mask: int, full: int) -> List[memoryview]:
        """Return the buffers of some segments."""
        if mask == full:
            return self.buffers
        buffers = []
        while mask:
            first = (mask & -mask).bit_length() - 1
            run = mask >> first
            count = (~run & (run + 1)).bit_length() - 1
            buffers += self.buffers[2 * first : 2 * (first + count)]
            mask &= ~(((1 << count) - 1) << first)
        return buffers

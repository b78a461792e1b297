"""A sealed chunk as it is sent: its bytes, cut into segments, and the headers in front of them; and all buffers."""

from __future__ import annotations

import mmap
from array import array
from typing import TYPE_CHECKING, Dict, Final, Generator, List, Optional, Tuple

from messenger.transfer.datagram import first_word, second_word
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE, segment_count

if TYPE_CHECKING:
    from messenger.peer.many import Parcel

KEPT: Final = 12
"""Buffers of sealed chunks (6 MB) that are kept for the next ones."""


class SealedChunk:
    """A buffer for a sealed chunk, with the headers of its segments; made once, used for many chunks."""

    def __init__(self) -> None:
        self._whole = memoryview(bytearray(HEADER_SIZE + CHUNK_SIZE + TAG_SIZE))
        self.view = self._whole[HEADER_SIZE:]
        self.size = len(self.view)
        self._layouts: Dict[Tuple[int, bool], Cut] = {}

    def layout(self, kind: int) -> Cut:
        """Return headers and payloads for segments of this kind."""
        size = self.size
        which = (kind, size == len(self.view))
        layout = self._layouts.get(which)
        if layout is None or layout.size != size:  # of shorter chunks the last one is kept: each file has another
            layout = self._layouts[which] = Cut(self._whole, size, kind)
        return layout


class Buffers:
    """What all transfers of a client use one after the other, as one thread runs them all."""

    def __init__(self) -> None:
        self.plain = memoryview(mmap.mmap(-1, CHUNK_SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        """For a chunk that is read or opened: good until the next one is. It begins with a page, as the file in the
        kernel's memory does: if it began a few bytes later, AMD's processors would copy at a quarter of the speed."""
        self.scratch = memoryview(bytearray(CHUNK_SIZE + TAG_SIZE))
        """For a chunk that is sealed for the sake of its tag."""
        self._sealed: List[SealedChunk] = []

    def take(self) -> SealedChunk:
        """Return a buffer that nobody uses."""
        return self._sealed.pop() if self._sealed else SealedChunk()

    def give_back(self, sealed: SealedChunk) -> None:
        """Take a buffer back."""
        if len(self._sealed) < KEPT:
            self._sealed.append(sealed)

    def clear(self) -> None:
        """Keep none, as nothing is being sent."""
        self._sealed.clear()


class Cut:
    """How a sealed chunk is cut: `buffers` are header, payload, header, payload and so on."""

    def __init__(self, whole: memoryview, size: int, kind: int) -> None:
        """The first `HEADER_SIZE` bytes of `whole` are free for a header; the next `size` bytes are the chunk."""
        sealed = whole[HEADER_SIZE : HEADER_SIZE + size]
        room = SEGMENT_SIZES[kind] - HEADER_SIZE
        self.kind = kind
        self.size = size
        self.count = segment_count(size, kind)
        self.words = array("Q", bytes(HEADER_SIZE * self.count))
        headers = memoryview(self.words).cast("B")
        self.connection = -1
        self.buffers: List[memoryview] = []
        for number in range(self.count):
            self.buffers.append(headers[number * HEADER_SIZE : (number + 1) * HEADER_SIZE])
            self.buffers.append(sealed[number * room : (number + 1) * room])
        self._whole = whole.cast("Q")
        self._pieces: List[Tuple[int, memoryview]] = []
        self.parcel: Optional[Parcel] = None
        """The same for one call for many datagrams, made when it is used for the first time."""

    def stamp(self, connection: int, chunk: int, batch: int, mask: int) -> None:
        """Put connection id, chunk and batch into the headers of the segments of `mask`, and of those between them."""
        if connection != self.connection:
            start = first_word(self.kind, 0, connection)
            self.words[0::2] = array("Q", range(start, start + (self.count << 8), 1 << 8))
            self.connection = connection
        first, end = (mask & -mask).bit_length() - 1, mask.bit_length()
        self.words[2 * first + 1 : 2 * end : 2] = array("Q", [second_word(chunk, batch)]) * (end - first)

    def pieces(self, mask: int, connection: int, chunk: int, batch: int) -> Generator[memoryview, None, None]:
        """Put some segments, one after the other, into one piece with their headers, good until the next is asked for:
        each header lies on the end of the payload before it, which is taken out of the way meanwhile."""
        if not self._pieces:
            whole, room = self._whole.cast("B")[: HEADER_SIZE + self.size], SEGMENT_SIZES[self.kind] - HEADER_SIZE
            starts = range(0, self.size, room)
            self._pieces = [(start // 8, whole[start : start + HEADER_SIZE + room]) for start in starts]
        words, pieces = self._whole, self._pieces
        first, second = first_word(self.kind, 0, connection), second_word(chunk, batch)
        for number in range(mask.bit_length()):
            if mask >> number & 1:
                at, piece = pieces[number]
                covered = words[at], words[at + 1]
                words[at], words[at + 1] = first + (number << 8), second
                try:
                    yield piece
                finally:
                    words[at], words[at + 1] = covered

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

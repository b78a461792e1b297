"""What stands in the map of a part: records of 20 bytes, a number and 16 bytes (see `messenger.peer.part`).

A number is that of a chunk, and the bytes are its tag; the highest numbers mark a new attempt, and the bytes are its
secret. A map of a large file has millions of records: it is read a bit at a time, and takes 17 bytes a
chunk then, up to the last one that is there.
"""

from __future__ import annotations

import os
import struct
from array import array
from typing import Final, Iterator, List, NamedTuple, Optional

from messenger.transfer.geometry import TAG_SIZE, Geometry
from messenger.transfer.sealing import CIPHERS, ChunkCipher

RECORDS_AT_ONCE: Final = 4096
"""Records that are read in one step: a few milliseconds."""

ATTEMPTS_MAX: Final = 255
"""Attempts that are told apart. What came in a later one is not known as such, and comes again."""

_RECORD: Final = struct.Struct("<I16s")
_WORDS: Final = _RECORD.size // 4
_ATTEMPT: Final = 2**32 - 8
"""Numbers from here on mark an attempt; what is above is the number of its cipher."""


class Survey(NamedTuple):
    """What a look at the numbers of a map shows."""

    is_known: bool
    """Whether all its ciphers are known here."""
    has_chunks: bool
    size: int
    """Bytes up to the end of the last record that is whole."""


def chunk_record(chunk: int, tag: bytes) -> bytes:
    """Return the record of a chunk that was written."""
    return _RECORD.pack(chunk, tag)


def attempt_record(cipher: ChunkCipher) -> bytes:
    """Return the record with which an attempt begins."""
    return _RECORD.pack(_ATTEMPT + CIPHERS.index(cipher.cipher), cipher.secret)


def survey(fd: int, start: int) -> Survey:
    """Look through the numbers of the records from `start` on."""
    least, most, end = _ATTEMPT, 0, start
    for data in _pieces(fd, start, 16 * RECORDS_AT_ONCE):
        numbers = array("I", data)[::_WORDS]
        lowest, highest = min(numbers), max(numbers)
        least, most = min(least, lowest), max(most, highest)
        end += len(data)
    return Survey(most < _ATTEMPT + len(CIPHERS), least < _ATTEMPT, end)


class Tags:
    """The tags of the chunks that earlier attempts have left."""

    def __init__(self, geometry: Geometry) -> None:
        self.ciphers: List[ChunkCipher] = []
        """Of the attempts that have left something, in their order."""
        self._chunks = geometry.chunks
        self._tags = bytearray()
        self._attempts = bytearray()
        """Of each chunk, up to the last that is there: 0 if it is not, else one more than the index of its attempt."""

    def read(self, fd: int, start: int) -> Iterator[None]:
        """Read the map from `start` on, a bit a step."""
        tags, attempts, ciphers = self._tags, self._attempts, self.ciphers
        begun: Optional[ChunkCipher] = None
        for data in _pieces(fd, start, RECORDS_AT_ONCE):
            self._make_room(data)
            for number, content in _RECORD.iter_unpack(data):
                if number >= _ATTEMPT:
                    begun = ChunkCipher(content, CIPHERS[number - _ATTEMPT])
                elif number < len(attempts):
                    if begun is not None:
                        ciphers.append(begun)
                        begun = None
                    # One that an earlier attempt has left was not right any more, and came again.
                    attempts[number] = len(ciphers) if len(ciphers) <= ATTEMPTS_MAX else 0
                    tags[number * TAG_SIZE : (number + 1) * TAG_SIZE] = content
            yield
        del ciphers[ATTEMPTS_MAX:]

    def _make_room(self, data: bytes) -> None:
        """Have room for the chunks of these records: of a large file of which nothing is there, there is no table."""
        have = len(self._attempts)
        if have < self._chunks:
            upto = max((number + 1 for number in array("I", data)[::_WORDS] if number < self._chunks), default=0)
            if upto > have:
                self._attempts += bytes(upto - have)
                self._tags += bytes(TAG_SIZE * (upto - have))

    def chunks(self, index: int) -> Iterator[int]:
        """Yield the chunks of an attempt, ascending."""
        chunk = self._attempts.find(index + 1)
        while chunk >= 0:
            yield chunk
            chunk = self._attempts.find(index + 1, chunk + 1)

    def tag(self, chunk: int) -> bytes:
        """Return the tag of a chunk that is there."""
        return bytes(self._tags[chunk * TAG_SIZE : (chunk + 1) * TAG_SIZE])


def _pieces(fd: int, start: int, records: int) -> Iterator[bytes]:
    """Yield whole records, so many at a time."""
    while True:
        data = os.pread(fd, records * _RECORD.size, start)
        data = data[: len(data) // _RECORD.size * _RECORD.size]
        if not data:
            return
        yield data
        start += len(data)

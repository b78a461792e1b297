"""Batches cut into datagrams and arriving datagrams put together, as `messenger.peer.udp` and the kernel do it."""

from __future__ import annotations

import random
import struct
from typing import Final, Iterator, List, NamedTuple, Sequence

from messenger.transfer.datagram import CONTROL, first_word, second_word
from messenger.transfer.flights import Batch
from messenger.transfer.geometry import HEADER_SIZE, SEGMENT_SIZES

HEADER: Final = struct.Struct("<QQ")


def datagrams_of(batch: Batch, connection: int) -> List[bytes]:
    """Cut a batch, of which `sealed` is a memoryview, into its datagrams."""
    flight = batch.flight
    room = SEGMENT_SIZES[flight.kind] - HEADER_SIZE
    word = second_word(flight.chunk, batch.number)
    return [
        HEADER.pack(first_word(flight.kind, number, connection), word)
        + flight.sealed[number * room : (number + 1) * room]
        for number in range(flight.full.bit_length())
        if batch.mask >> number & 1
    ]


class Run(NamedTuple):
    """Segments of one chunk that follow each other, as the kernel hands them over."""

    connection: int
    kind: int
    chunk: int
    batch: int
    first: int
    segments: int
    payload: memoryview


def runs_of(datagrams: Sequence[bytes]) -> Iterator[Run]:
    """Put consecutive segments of a batch together; all but the last are full. Anything else stays alone."""
    first = second = begun = 0
    parts: List[bytes] = []
    for datagram in datagrams:
        word, other = HEADER.unpack_from(datagram)
        full = SEGMENT_SIZES[first & 0xFF] if parts and first & 0xFF < CONTROL else 0
        is_next = parts and word == first + (1 << 8) and other == second and len(parts[-1]) + HEADER_SIZE == full
        if parts and not (is_next and len(datagram) <= full):
            yield _run(begun, second, parts)
            parts = []
        if not parts:
            begun = word
        first, second = word, other
        parts.append(datagram[HEADER_SIZE:])
    if parts:
        yield _run(begun, second, parts)


def _run(word: int, second: int, parts: List[bytes]) -> Run:
    payload = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
    first = word >> 8 & 0xFFFF
    return Run(word >> 24, word & 0xFF, second & 0xFFFFFFFF, second >> 32, first, len(parts), payload)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return a datagram with one byte changed."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ chance.randrange(1, 256)]) + data[place + 1 :]

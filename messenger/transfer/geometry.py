"""Chunks and segments: how a file is cut, and masks of segments."""

from __future__ import annotations

from typing import Final, Tuple

CHUNK_SIZE: Final = 491_520
"""Bytes of the file in a chunk: 120 pages, which sealed and with headers are eight calls to the kernel; all else is
done once for it. With twice as many, a hundred files at once would take 145 MB of memory and be no faster."""

TAG_SIZE: Final = 16
"""Bytes by which sealing makes a chunk longer."""

HEADER_SIZE: Final = 16
"""Bytes in front of each segment."""

SEGMENT_SIZES: Final[Tuple[int, ...]] = (1200, 1400, 1448, 8952)
"""Bytes of a full datagram, by kind: what every path carries (RFC 9000, section 14), tunnels, Ethernet (1500 less the
headers of IPv6 and UDP, down to a multiple of 8) and jumbo frames. The largest that gets through is used."""

CHUNKS_MAX: Final = 2**32 - 16
"""A chunk's number has 32 bits; the last few are kept free as marks."""

SEND_MAX: Final = 65_507
"""Bytes that one call may hand to the kernel: the largest datagram of IPv4, which it cuts into segments."""

FLIGHTS_MAX: Final = 68
"""Chunks of which a part is on its way, at most: 32 MiB, which is what either side may have to hold in memory. Enough
for 2.5 Gbit/s at 100 ms."""

MASK_SIZE: Final = 52
"""Bytes of a mask of all segments that a chunk may have."""

SIZE_MAX: Final = CHUNKS_MAX * CHUNK_SIZE
"""Bytes of the largest file: 2.1 PB."""


class Geometry:
    """How one file is cut."""

    def __init__(self, size: int) -> None:
        """`size` in bytes."""
        self.size = size
        self.chunks = -(-size // CHUNK_SIZE)

    def plain_size(self, chunk: int) -> int:
        """Return the bytes of the file in a chunk."""
        return min(CHUNK_SIZE, self.size - chunk * CHUNK_SIZE)

    def sealed_size(self, chunk: int) -> int:
        """Return the bytes of a chunk when it is sealed."""
        return self.plain_size(chunk) + TAG_SIZE

    def bytes_of(self, chunks: int) -> int:
        """Return the bytes of the file in so many of its chunks; as if the last, shorter one came last."""
        return min(chunks * CHUNK_SIZE, self.size)

    def bytes_with_parts(self, chunks: int, parts: int) -> int:
        """Return the same with so many bytes of other chunks, tags and all; all of it only for all chunks."""
        return self.size if chunks == self.chunks else min(self.bytes_of(chunks) + parts, self.size - 1)


def segment_count(sealed_size: int, kind: int) -> int:
    """Return how many segments of this kind carry a sealed chunk; at most 416."""
    return -(-sealed_size // (SEGMENT_SIZES[kind] - HEADER_SIZE))


def full_mask(count: int) -> int:
    """Return the mask of the first `count` segments."""
    return (1 << count) - 1


def lowest(mask: int, count: int) -> int:
    """Return the mask of the `count` lowest segments of `mask`."""
    together = ((1 << count) - 1) * (mask & -mask)
    if together & ~mask == 0:  # as they nearly always are
        return together
    rest = mask
    for _ in range(count):
        rest &= rest - 1
    return mask ^ rest


if hasattr(int, "bit_count"):

    def segments_in(mask: int) -> int:
        """Return the number of segments in a mask."""
        return mask.bit_count()

else:  # Python 3.9

    def segments_in(mask: int) -> int:
        """Return the number of segments in a mask."""
        return bin(mask).count("1")

"""What an interrupted attempt has left, as the receiver shows it to the sender.

An attempt is known by its secret, which the receiver kept. A chunk's tag under that secret depends on every byte of
it, so one digest over all tags proves that both sides mean the same content, without a hash of the file: tags come
for free when a file is received, and sealing is several times faster than hashing. That the sender could find another
content with the same tags, since it knows the secret, gives it nothing: it decides about the content anyway.
"""

from __future__ import annotations

from typing import Final, Iterator, List, Optional, Sequence, Tuple

import msgspec

from messenger.transfer.geometry import Geometry
from messenger.transfer.sealing import CIPHERS, Sha256

RUNS_MAX: Final = 3000
"""Runs of chunks that are shown, so that the claims fit one line of the chat protocol; what is in others is sent
again."""

Runs = List[Tuple[int, int]]
"""First chunk and number of chunks, ascending."""


class Attempt(msgspec.Struct, array_like=True):
    """The chunks that came in one attempt, and how they were sealed."""

    secret: bytes
    cipher: str
    runs: Runs


class Claims(msgspec.Struct, array_like=True):
    """All attempts, and SHA-256 over number (4 bytes, little-endian) and tag of each of their chunks, in this order."""

    attempts: List[Attempt]
    digest: bytes

    def runs(self) -> Runs:
        """Return the runs of all attempts."""
        return [run for attempt in self.attempts for run in attempt.runs]


class Digest:
    """Computes the digest, a chunk at a time."""

    def __init__(self) -> None:
        self._hash = Sha256()

    def add(self, chunk: int, tag: bytes) -> None:
        """Take the next chunk."""
        self._hash.add(chunk.to_bytes(4, "little") + tag)

    def result(self) -> bytes:
        """Return the digest."""
        return self._hash.result()


def encode_claims(claims: Claims) -> bytes:
    """Return the bytes to be sealed."""
    return msgspec.msgpack.encode(claims)


def decode_claims(data: bytes, geometry: Geometry) -> Optional[Claims]:
    """Return the claims; None if they can't be true of a file of this size."""
    try:
        claims = msgspec.msgpack.decode(data, type=Claims)
    except msgspec.MsgspecError:
        return None
    if any(attempt.cipher not in CIPHERS or len(attempt.secret) != 16 for attempt in claims.attempts):
        return None
    end = 0
    for first, count in sorted(claims.runs()):
        if first < end or count < 1 or first + count > geometry.chunks:
            return None
        end = first + count
    return claims


def add_chunk(runs: Runs, chunk: int, most: int = RUNS_MAX) -> bool:
    """Add a chunk that is above all others; False if there would be more runs than `most`, or than `RUNS_MAX`."""
    if runs and runs[-1][0] + runs[-1][1] == chunk:
        runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        return True
    if len(runs) >= min(most, RUNS_MAX):
        return False
    runs.append((chunk, 1))
    return True


def chunks_of(runs: Sequence[Tuple[int, int]]) -> Iterator[int]:
    """Yield the chunks of runs."""
    for first, count in runs:
        yield from range(first, first + count)


def missing(runs: Sequence[Tuple[int, int]], geometry: Geometry) -> Iterator[int]:
    """Yield the chunks of a file that are in none of the runs, ascending."""
    start = 0
    for first, count in sorted(runs):
        yield from range(start, first)
        start = first + count
    yield from range(start, geometry.chunks)

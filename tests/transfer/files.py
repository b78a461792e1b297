"""A file in memory, as it is sent and as it is received, and the keys of an attempt at sending it."""

from __future__ import annotations

import functools
import random
from typing import Any, List, Union

from messenger.transfer.geometry import CHUNK_SIZE, TAG_SIZE, Geometry
from messenger.transfer.sealing import CHACHA, Agreement, ChunkCipher, Secrets, derive, public_key

_SENDER_KEY, _RECEIVER_KEY = b"s" * 32, b"r" * 32


@functools.lru_cache(maxsize=1000)
def secrets_for(size: int, salt: int = 0) -> Secrets:
    """Return the secrets of an attempt at a file of this size; another salt is another attempt."""
    keys = [_SENDER_KEY, bytes([0, salt]) + _RECEIVER_KEY[2:]]
    publics = [public_key(key) for key in keys]
    return derive(keys[0], publics[1], Agreement("1", "Hans", "Yoda", "f.txt", size, CHACHA), *publics)


def content_of(size: int, seed: int = 0) -> bytes:
    """Return a file's content, another one for another seed."""
    return random.Random(seed).randbytes(size)


class Memory:
    """A file that is sent, and the same file as it is received; keeps account of what was asked of it."""

    def __init__(self, content: bytes, geometry: Geometry, secrets: Secrets, kept: bytes = b"") -> None:
        """`kept` is what an earlier attempt has left."""
        self.content = content
        self.received = bytearray(kept or bytes(geometry.size))
        self.sealed: List[int] = []
        """Chunks in the order in which they were read and sealed."""
        self.released = 0
        self.stored: List[int] = []
        self._geometry = geometry
        self._cipher = ChunkCipher(secrets.chunks, CHACHA)

    def seal(self, chunk: int) -> memoryview:
        """Read and seal a chunk."""
        self.sealed.append(chunk)
        plain = memoryview(self.content)[chunk * CHUNK_SIZE : (chunk + 1) * CHUNK_SIZE]
        sealed = memoryview(bytearray(len(plain) + TAG_SIZE))
        self._cipher.seal_into(chunk, plain, sealed)
        return sealed

    def release(self, sealed: Any) -> None:
        """Count what is given back."""
        self.released += 1

    def store(self, chunk: int, sealed: Union[memoryview, bytearray]) -> bool:
        """Open a chunk and write it."""
        plain = memoryview(bytearray(self._geometry.plain_size(chunk)))
        if not self._cipher.open_into(chunk, sealed, plain):
            return False
        self.received[chunk * CHUNK_SIZE : chunk * CHUNK_SIZE + len(plain)] = plain
        self.stored.append(chunk)
        return True

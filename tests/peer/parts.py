"""Parts of one file, as transfers make them and as killed programs leave them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, Optional

from messenger.peer.part import PartFile
from messenger.transfer.claims import Claims
from messenger.transfer.geometry import CHUNK_SIZE, TAG_SIZE, Geometry
from messenger.transfer.sealing import CIPHERS, ChunkCipher

SIZE = 5 * CHUNK_SIZE + 100
CONTENT = os.urandom(SIZE)
SECRET = bytes(range(16))


def open_part(folder: Path, name: str = "a.bin", size: int = SIZE, sender: str = "Yoda") -> PartFile:
    return PartFile(folder, sender, name, Geometry(size))


def receive(part: PartFile, chunks: List[int], secret: bytes = SECRET, is_resumed: bool = False) -> None:
    """Write chunks as a transfer does."""
    cipher = ChunkCipher(secret, CIPHERS[0])
    part.begin(cipher, is_resumed)
    for chunk in chunks:
        plain = CONTENT[chunk * CHUNK_SIZE : (chunk + 1) * CHUNK_SIZE]
        sealed = memoryview(bytearray(len(plain) + TAG_SIZE))
        cipher.seal_into(chunk, plain, sealed)
        part.write(chunk, memoryview(plain), sealed)


def claims_of(part: PartFile) -> Claims:
    claims = [one for one in part.check() if one is not None]
    assert len(claims) == 1
    return claims[0]


def interrupted(folder: Path, chunks: List[int]) -> None:
    """Leave what a killed program leaves."""
    part = open_part(folder)
    receive(part, chunks)
    part.keep()


def contents(folder: Path) -> Dict[str, Optional[bytes]]:
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}

"""The buffers of sealed chunks: few for many files, whatever their sizes."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path
from typing import List

import pytest

from messenger.peer import sealed
from messenger.peer.sealed import KEPT, Buffers, SealedChunk
from messenger.peer.source import SourceFile
from messenger.transfer.geometry import CHUNK_SIZE, SEGMENT_SIZES, TAG_SIZE, segment_count
from messenger.transfer.sealing import CIPHERS, ChunkCipher


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> List[SealedChunk]:
    """All buffers that are made."""
    chunks: List[SealedChunk] = []

    class Noted(SealedChunk):
        def __init__(self) -> None:
            super().__init__()
            chunks.append(self)

    monkeypatch.setattr(sealed, "SealedChunk", Noted)
    return chunks


def test_files_that_are_sent_one_after_the_other_use_one_buffer(tmp_path: Path, made: List[SealedChunk]) -> None:
    buffers = Buffers()
    sources = []
    for number in range(100):
        path = tmp_path / str(number)
        path.write_bytes(bytes([number]) * (CHUNK_SIZE + 1 + number))
        sources.append(SourceFile(path, buffers))
        sources[-1].begin(ChunkCipher(bytes(16), CIPHERS[0]), 1)
    for chunk in range(2):
        for number, source in enumerate(sources):
            one = source.seal(chunk)
            for kind in range(len(SEGMENT_SIZES)):
                cut = one.layout(kind)
                assert cut.count == segment_count(one.size, kind)
                assert b"".join(cut.buffers[1::2]) == one.view[: one.size]
                assert one.layout(kind) is cut
            assert one.size == (number + 1 if chunk else CHUNK_SIZE) + TAG_SIZE
            source.release(one)
    assert len(made) == 1
    assert len(made[0]._layouts) == 2 * len(SEGMENT_SIZES)
    for source in sources:
        source.close()


def test_of_many_buffers_some_are_kept(made: List[SealedChunk]) -> None:
    buffers = Buffers()
    for one in [buffers.take() for _ in range(2 * KEPT)]:
        buffers.give_back(one)
    for _ in range(KEPT + 1):
        buffers.take()
    assert len(made) == 2 * KEPT + 1
    buffers.give_back(made[0])
    buffers.clear()
    buffers.take()
    assert len(made) == 2 * KEPT + 2


def test_what_is_copied_from_and_to_files_begins_with_a_page() -> None:
    assert ctypes.addressof(ctypes.c_char.from_buffer(Buffers().plain)) % mmap.PAGESIZE == 0

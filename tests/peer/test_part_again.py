"""What an interrupted transfer has left: found, checked and gone on with."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path
from typing import Iterable

import pytest

from messenger.peer.part import PartFile
from messenger.peer.part_map import ATTEMPTS_MAX, attempt_record, chunk_record
from messenger.protocol.limits import RESUME_MAX
from messenger.transfer.claims import decode_claims, encode_claims
from messenger.transfer.geometry import CHUNK_SIZE, Geometry
from messenger.transfer.sealing import CIPHERS, ChunkCipher, seal_claims
from tests.peer.parts import CONTENT, SECRET, SIZE, claims_of, contents, interrupted, open_part, receive


def test_a_part_in_chunks_of_another_size_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of another version of this program: its map says nothing of our chunks."""
    with monkeypatch.context() as other:
        other.setattr("messenger.peer.part.CHUNK_SIZE", CHUNK_SIZE // 4)
        interrupted(tmp_path, [0, 1])
    before = contents(tmp_path)
    part = open_part(tmp_path)
    assert claims_of(part).attempts == []
    receive(part, list(range(6)))
    assert part.finish() == tmp_path / "Yoda_a.bin"
    assert contents(tmp_path) == {**before, "Yoda_a.bin": CONTENT}


def test_a_map_without_its_part_is_cleared_away(tmp_path: Path) -> None:
    interrupted(tmp_path, [0, 1])
    (tmp_path / "Yoda_a.bin.part").unlink()
    part = open_part(tmp_path)
    assert claims_of(part).attempts == []
    receive(part, list(range(6)))
    part.finish()
    assert contents(tmp_path) == {"Yoda_a.bin": CONTENT}


def test_of_a_part_with_nothing_in_it_there_is_no_table_however_large_the_file_is(tmp_path: Path) -> None:
    part = open_part(tmp_path, size=1 << 40)
    tracemalloc.start()
    assert claims_of(part).attempts == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    part.discard()
    assert peak < 1_000_000


def test_what_was_left_is_claimed_and_gone_on_with(tmp_path: Path) -> None:
    interrupted(tmp_path, [0, 1, 3])
    part = open_part(tmp_path)
    assert claims_of(part).runs() == [(0, 2), (3, 1)]
    receive(part, [2, 4], secret=b"s" * 16, is_resumed=True)
    part.keep()
    part = open_part(tmp_path)
    assert [(attempt.secret, attempt.runs) for attempt in claims_of(part).attempts] == [
        (SECRET, [(0, 2), (3, 1)]),
        (b"s" * 16, [(2, 1), (4, 1)]),
    ]
    receive(part, [5], secret=b"t" * 16, is_resumed=True)
    assert part.finish().read_bytes() == CONTENT


def test_a_chunk_that_has_changed_or_is_cut_is_not_claimed(tmp_path: Path) -> None:
    interrupted(tmp_path, list(range(6)))
    with open(tmp_path / "Yoda_a.bin.part", "r+b") as file:
        file.seek(2 * CHUNK_SIZE + 7)
        file.write(bytes([CONTENT[2 * CHUNK_SIZE + 7] ^ 1]))
        file.truncate(SIZE - 1)
    assert claims_of(open_part(tmp_path)).runs() == [(0, 2), (3, 2)]


def test_a_part_is_removed_if_nothing_is_in_it_or_it_is_not_wanted(tmp_path: Path) -> None:
    open_part(tmp_path).keep()
    part = open_part(tmp_path)
    receive(part, [])
    part.keep()
    part = open_part(tmp_path)
    receive(part, [1])
    part.discard()
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("torn", range(1, 20))
def test_a_record_that_was_cut_short_is_left_out(tmp_path: Path, torn: int) -> None:
    interrupted(tmp_path, [0, 1, 2])
    with open(tmp_path / "Yoda_a.bin.part.map", "r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) - torn)
    part = open_part(tmp_path)
    assert claims_of(part).runs() == [(0, 2)]
    receive(part, [2], secret=b"s" * 16, is_resumed=True)
    part.keep()
    assert claims_of(open_part(tmp_path)).runs() == [(0, 2), (2, 1)]


def test_a_map_of_a_cipher_that_is_not_known_is_left_alone(tmp_path: Path) -> None:
    interrupted(tmp_path, [0, 1])
    with open(tmp_path / "Yoda_a.bin.part.map", "ab") as file:
        file.write(struct.pack("<I16s", 2**32 - 8 + len(CIPHERS), SECRET))
    before = contents(tmp_path)
    part = open_part(tmp_path)
    assert claims_of(part).attempts == []
    part.keep()
    assert contents(tmp_path) == before


def large_part(folder: Path, records: Iterable[bytes]) -> PartFile:
    """Open the part of a file of 4 GB: a hole, with a map of these records."""
    geometry = Geometry(60_000 * CHUNK_SIZE)
    part = PartFile(folder, "Yoda", "large", geometry)
    os.ftruncate(part._fd, geometry.size)
    os.write(part._map_fd, part._header + b"".join(records))
    part.close()
    return PartFile(folder, "Yoda", "large", geometry)


def test_claims_of_many_fragments_still_fit_what_the_server_passes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = []
    for attempt in range(4):
        records.append(attempt_record(ChunkCipher(os.urandom(16), CIPHERS[-1])))
        records += [chunk_record(chunk, bytes(16)) for chunk in range(attempt * 10_000, attempt * 10_000 + 9_000, 2)]
    monkeypatch.setattr(ChunkCipher, "tag", lambda *_: bytes(16))  # everything is what it was
    part = large_part(tmp_path, records)
    claims = claims_of(part)
    assert len(claims.runs()) > 2500
    assert len(seal_claims(bytes(16), encode_claims(claims))) <= RESUME_MAX // 4 * 3
    assert decode_claims(encode_claims(claims), part._geometry) == claims
    part.discard()


def test_what_a_large_file_has_left_is_looked_at_bit_by_bit_and_takes_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than 17 bytes a chunk, and nothing once it is known what is right."""
    chunks = 60_000
    cipher = ChunkCipher(bytes(16), CIPHERS[0])
    part = large_part(tmp_path, [attempt_record(cipher), *(chunk_record(n, bytes(16)) for n in range(chunks))])
    monkeypatch.setattr(os, "preadv", lambda *_: 0)  # all of it is cut away: this is about the map
    tracemalloc.start()
    try:
        steps = sum(1 for _ in part.check())
        left, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        part.discard()
    assert steps > chunks + chunks / 10_000
    assert most < 20 * chunks + 500_000
    assert left < 100_000


def test_of_more_attempts_than_are_told_apart_the_first_ones_count(tmp_path: Path) -> None:
    """Attempts that left nothing do not count, and what came again later is not taken for what was there before."""
    part = open_part(tmp_path)
    secrets = [number.to_bytes(16, "big") for number in range(2 * ATTEMPTS_MAX + 2)]
    for number, secret in enumerate(secrets):
        chunks = {0: [0, 1, 3], 2 * ATTEMPTS_MAX: [1], 2 * ATTEMPTS_MAX + 1: [4]}
        receive(part, chunks.get(number, [2] if number % 2 else []), secret=secret, is_resumed=bool(number))
    part.keep()
    part = open_part(tmp_path)
    assert [(attempt.secret, attempt.runs) for attempt in claims_of(part).attempts] == [(secrets[0], [(0, 1), (3, 1)])]
    receive(part, [1, 2, 4, 5], secret=b"s" * 16, is_resumed=True)
    assert part.finish().read_bytes() == CONTENT


def test_what_was_killed_before_anything_came_is_used_again(tmp_path: Path) -> None:
    open_part(tmp_path).close()
    part = open_part(tmp_path)
    assert claims_of(part).attempts == []
    receive(part, list(range(6)))
    part.finish()
    assert contents(tmp_path) == {"Yoda_a.bin": CONTENT}

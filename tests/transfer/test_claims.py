"""Resuming: what is right is not sent again, what is wrong is all sent again, and what cannot be true is refused."""

from __future__ import annotations

import random
from typing import Any, Final, Iterable, List, Sequence, Set

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from messenger.transfer.claims import (
    RUNS_MAX,
    Attempt,
    Claims,
    Digest,
    Runs,
    add_chunk,
    chunks_of,
    decode_claims,
    encode_claims,
    missing,
)
from messenger.transfer.geometry import CHUNK_SIZE, TAG_SIZE, Geometry
from messenger.transfer.sealing import CHACHA, CIPHERS, ChunkCipher
from tests.transfer.files import content_of
from tests.transfer.world import DELIVERED, Weather, World

SECRET: Final = b"earlier attempt!"
CONTENT: Final = content_of(40 * CHUNK_SIZE + 100)
CHUNKS: Final = 41
SCRATCH: Final = memoryview(bytearray(CHUNK_SIZE + TAG_SIZE))


def part(content: bytes, chunk: int) -> bytes:
    return content[chunk * CHUNK_SIZE : (chunk + 1) * CHUNK_SIZE]


def to_runs(chunks: Iterable[int]) -> Runs:
    """Ascending numbers as runs, as far as they go."""
    runs: Runs = []
    for chunk in chunks:
        if not add_chunk(runs, chunk):
            break
    return runs


def claims_of(content: bytes, chunks: Sequence[int], secret: bytes = SECRET) -> Claims:
    """What a receiver claims that has these chunks."""
    return Claims([Attempt(secret, CHACHA, to_runs(chunks))], digest_of(content, to_runs(chunks), secret))


def digest_of(content: bytes, runs: Runs, secret: bytes) -> bytes:
    digest, cipher = Digest(), ChunkCipher(secret, CHACHA)
    for chunk in chunks_of(runs):
        digest.add(chunk, cipher.tag(chunk, part(content, chunk), SCRATCH))
    return digest.result()


def kept(content: bytes, chunks: Sequence[int]) -> bytes:
    """What the receiver's file holds when only these chunks are in it."""
    return b"".join(part(content, n) if n in chunks else bytes(len(part(content, n))) for n in range(CHUNKS))


def resumed(mine: bytes, theirs: bytes, chunks: Sequence[int], **settings: Any) -> World:
    """Resume after a check as the sender makes it: does its file have the receiver's tags?"""
    claims = claims_of(theirs, chunks)
    read = decode_claims(encode_claims(claims), Geometry(len(mine)))
    assert read == claims
    is_right = digest_of(mine, read.runs(), read.attempts[0].secret) == read.digest
    assert is_right == (part(mine, chunks[0]) == part(theirs, chunks[0]))
    return World(mine, claims=read, are_claims_right=is_right, kept=kept(theirs, chunks), **settings)


@pytest.mark.parametrize(
    "chunks", [[0], [40], [3, 4, 9], list(range(40)), list(range(1, 41)), list(range(41)), list(range(0, 41, 2))]
)
@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_what_is_there_and_right_is_not_sent(chunks: List[int], loss: float) -> None:
    world = resumed(CONTENT, CONTENT, chunks, forward=Weather(loss=loss), backward=Weather(loss=loss), seed=1)
    assert world.run() == DELIVERED
    assert world.receiver.is_resumed
    assert sorted(world.memory.sealed) == sorted(world.memory.stored) == sorted(set(range(41)) - set(chunks))
    assert {sent.data[8] for sent in world.captured if sent.data[0] < 4} == set(world.memory.sealed)


@pytest.mark.parametrize("chunks", [[0], [3, 4, 9], list(range(41))])
def test_what_is_there_and_wrong_is_sent_anew_with_all_the_rest(chunks: List[int]) -> None:
    """One other byte in the claimed part is enough."""
    changed = bytearray(CONTENT)
    changed[chunks[0] * CHUNK_SIZE + 17] ^= 1
    world = resumed(CONTENT, bytes(changed), chunks)
    assert world.run() == DELIVERED
    assert not world.receiver.is_resumed
    assert sorted(world.memory.stored) == list(range(41))


def test_a_sender_that_calls_wrong_claims_right_gives_its_receiver_what_it_claimed() -> None:
    """It decides about the content anyway; the receiver has checked its own tags before."""
    claims = claims_of(CONTENT, [0, 1])
    other = content_of(len(CONTENT), seed=1)
    world = World(other, claims=claims, are_claims_right=True, kept=kept(CONTENT, [0, 1]))
    assert world.run()[:2] == ("done", "done")
    assert world.memory.received == CONTENT[: 2 * CHUNK_SIZE] + other[2 * CHUNK_SIZE :]


def test_chunks_in_another_order_or_under_another_secret_have_another_digest() -> None:
    two = CONTENT[:CHUNK_SIZE] * 2
    digests = {
        digest_of(two, [(0, 1)], SECRET),
        digest_of(two, [(1, 1)], SECRET),
        digest_of(two, [(0, 2)], SECRET),
        digest_of(two, [(1, 1), (0, 1)], SECRET),
        digest_of(two, [(0, 2)], bytes(16)),
    }
    assert len(digests) == 5


@pytest.mark.parametrize(
    "attempts",
    [
        [[SECRET, CHACHA, [[0, 0]]]],
        [[SECRET, CHACHA, [[0, -1]]]],
        [[SECRET, CHACHA, [[-1, 2]]]],
        [[SECRET, CHACHA, [[0, CHUNKS + 1]]]],
        [[SECRET, CHACHA, [[CHUNKS, 1]]]],
        [[SECRET, CHACHA, [[2**63, 2**63]]]],
        [[SECRET, CHACHA, [[0, 2], [1, 2]]]],
        [[SECRET, CHACHA, [[5, 2]]], [SECRET, CHACHA, [[6, 1]]]],
        [[SECRET, "rot13", [[0, 1]]]],
        [[SECRET[1:], CHACHA, [[0, 1]]]],
        [[b"", CHACHA, []]],
        [["a secret of text", CHACHA, [[0, 1]]]],
        [[SECRET, CHACHA, [[0, 1, 2]]]],
        [[SECRET, CHACHA, [[0.5, 1]]]],
        [[SECRET, CHACHA]],
        "attempts",
        None,
    ],
    ids=str,
)
def test_claims_that_cannot_be_true_are_refused(attempts: object) -> None:
    assert decode_claims(msgspec.msgpack.encode([attempts, bytes(32)]), Geometry(len(CONTENT))) is None


@given(st.binary(max_size=200))
def test_random_bytes_are_no_claims_or_possible_ones(data: bytes) -> None:
    claims = decode_claims(data, Geometry(len(CONTENT)))
    assert claims is None or set(chunks_of(claims.runs())) <= set(range(CHUNKS))


ATTEMPTS: Final = st.lists(
    st.builds(
        Attempt,
        st.binary(min_size=16, max_size=16),
        st.sampled_from(CIPHERS),
        st.lists(st.tuples(st.integers(-2, CHUNKS + 2), st.integers(-2, CHUNKS + 2)), max_size=5),
    ),
    max_size=4,
)


@given(ATTEMPTS)
def test_claims_are_read_as_they_were_written_if_no_chunk_is_twice_in_them(attempts: List[Attempt]) -> None:
    claims = Claims(attempts, bytes(32))
    chunks = list(chunks_of(claims.runs()))
    possible = len(chunks) == len(set(chunks)) and all(0 <= chunk < CHUNKS for chunk in chunks)
    possible = possible and all(count >= 1 for _, count in claims.runs())
    assert decode_claims(encode_claims(claims), Geometry(len(CONTENT))) == (claims if possible else None)


@given(st.sets(st.integers(0, 300)), st.integers(301, 400), st.randoms(use_true_random=False))
def test_runs_and_what_is_missing_are_all_chunks_each_once(chunks: Set[int], count: int, chance: random.Random) -> None:
    """In whatever order the runs are: those of later attempts stand behind those of earlier ones."""
    runs = to_runs(sorted(chunks))
    assert set(chunks_of(runs)) == chunks
    assert all(first + length < after for (first, length), (after, _) in zip(runs, runs[1:]))
    chance.shuffle(runs)
    rest = list(missing(runs, Geometry(count * CHUNK_SIZE - 1)))
    assert rest == sorted(set(range(count)) - chunks)


def test_of_a_file_in_very_many_pieces_only_so_many_are_claimed() -> None:
    """The claims of a terabyte with every second chunk missing still fit one line of the chat protocol."""
    runs = to_runs(range(0, 17_000_000, 2))
    assert len(runs) == RUNS_MAX
    wide = [(2**32 - 16 - 2 * number, 1) for number in range(RUNS_MAX, 0, -1)]
    assert len(encode_claims(Claims([Attempt(SECRET, CHACHA, wide)], bytes(32)))) < 32 * 1024

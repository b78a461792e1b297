"""Segments to chunks, in any order and as often as they come; and what is told of it, when."""

from __future__ import annotations

import random
from math import inf
from typing import Dict, List, Sequence, Tuple, Union

import pytest

from messenger.transfer.datagram import HOLES_MAX, Ack, decode, encode
from messenger.transfer.geometry import (
    CHUNK_SIZE,
    FLIGHTS_MAX,
    HEADER_SIZE,
    SEGMENT_SIZES,
    Geometry,
    segment_count,
)
from messenger.transfer.receiver import ACK_BYTES, ACK_SECONDS, Receiver
from tests.transfer.files import content_of

ROOM = SEGMENT_SIZES[3] - HEADER_SIZE
SEALED = CHUNK_SIZE + 16
CONTENT = content_of(SEALED - 4, seed=1)
WHOLE = segment_count(SEALED, 3)
"""Segments of kind 3 in a chunk."""


class Trial:
    """A receiver of full chunks in segments of kind 3; a chunk is right if it begins with its number."""

    def __init__(self, chunks: int, allowance: int = 10**6, kind: int = 3) -> None:
        self.geometry = Geometry(chunks * CHUNK_SIZE)
        self.kind = kind
        self.stored: Dict[int, bytes] = {}
        self.receiver = Receiver(self.geometry, self.store, allowance)

    def store(self, chunk: int, sealed: Union[memoryview, bytearray]) -> bool:
        if bytes(sealed) != sealed_chunk(chunk):
            return False
        self.stored[chunk] = bytes(sealed)
        return True

    def take(
        self,
        chunk: int,
        first: int,
        count: int = 1,
        at: float = 1.0,
        batch: int = 1,
        bad: bool = False,
        flipped: Sequence[int] = (),
    ) -> None:
        """All of it is nothing but zeros if it is `bad`; in segments that are `flipped` one bit is another."""
        room = SEGMENT_SIZES[self.kind] - HEADER_SIZE
        payload = bytearray(sealed_chunk(chunk)[first * room : (first + count) * room])
        payload = bytearray(len(payload)) if bad else payload
        for segment in flipped:
            if first <= segment < first + count:
                payload[(segment - first) * room] ^= 1
        self.receiver.on_segments(at, self.kind, chunk, batch, first, count, memoryview(payload))

    def ack(self, at: float = 1.0) -> Ack:
        (ack,) = self.receiver.acks(at)
        return ack

    def mask(self) -> int:
        """Which segments of the only chunk are said to be there."""
        (hole,) = self.ack().holes
        return hole.mask


def sealed_chunk(chunk: int) -> bytes:
    return chunk.to_bytes(4, "big") + CONTENT


def missing_of(acks: Sequence[Ack], upto: int) -> List[int]:
    """The chunks that acknowledgements do not call whole, as a sender understands them."""
    whole = set(range(acks[0].cumulative))
    for ack in acks:
        whole |= set(range(ack.base, ack.upto)) - {hole.chunk for hole in ack.holes}
    return sorted(set(range(upto)) - whole)


@pytest.mark.parametrize("kind", range(4))
def test_segments_in_any_order_and_number_make_the_chunks(kind: int) -> None:
    for seed in range(5):
        chance = random.Random(seed)
        trial = Trial(3, kind=kind)
        count = segment_count(SEALED, kind)
        pieces = [(chunk, first) for chunk in range(3) for first in range(count)]
        chance.shuffle(pieces)
        for chunk, first in pieces + pieces[:10]:
            trial.take(chunk, first, chance.randint(1, count - first))
        assert trial.stored == {chunk: sealed_chunk(chunk) for chunk in range(3)}, seed
        assert trial.receiver.is_complete
        assert trial.receiver.delivered == 3 * count * SEGMENT_SIZES[kind]


def test_an_acknowledgement_says_what_is_there() -> None:
    trial = Trial(5)
    trial.take(0, 0, WHOLE, batch=1)
    trial.take(2, 1, 2, batch=3)
    trial.take(3, 0, WHOLE, batch=4)
    ack = trial.ack(1.5)
    assert (ack.cumulative, ack.base, ack.upto, ack.highest_batch) == (1, 1, 4, 4)
    assert [tuple(hole) for hole in ack.holes] == [(1, 0, 0), (2, 3, 0b110)]
    assert (ack.delay, ack.clock) == (500_000, 1_500_000)
    assert ack.delivered == (WHOLE + 2 + WHOLE) * SEGMENT_SIZES[3]


def test_bytes_of_chunks_that_have_arrived_in_part_are_told() -> None:
    trial = Trial(3)
    trial.take(0, 2, 3)
    trial.take(0, 4, 2)
    trial.take(1, 0, WHOLE)
    assert trial.receiver.bytes_in_part == 4 * ROOM
    trial.take(0, 0, WHOLE)
    assert trial.receiver.bytes_in_part == 0


def test_a_batch_is_told_once() -> None:
    """A number that somebody has forged spoils one acknowledgement and not all that follow."""
    trial = Trial(2)
    trial.take(0, 0, batch=2**32 - 1)
    assert trial.ack().highest_batch == 2**32 - 1
    assert (trial.ack().highest_batch, trial.ack().delay) == (0, 0)
    trial.take(0, 1, batch=7)
    trial.take(0, 2, batch=6)
    assert trial.ack().highest_batch == 7


def test_an_acknowledgement_waits_a_millisecond_for_more() -> None:
    trial = Trial(5)
    assert trial.receiver.ack_deadline() == inf
    trial.take(0, 0, at=1.0)
    trial.take(0, 1, at=1.0005)
    assert trial.receiver.ack_deadline() == 1.0 + ACK_SECONDS
    trial.ack()
    assert trial.receiver.ack_deadline() == inf


@pytest.mark.parametrize(("allowance", "segments"), [(10**7, 112), (10**6, 28), (200_000, 6), (40_000, 2), (4, 1)])
def test_after_much_an_acknowledgement_is_due_at_once(allowance: int, segments: int) -> None:
    """Two chunks, or a quarter of what fits the socket."""
    trial = Trial(9, allowance)
    for number in range(segments):
        assert trial.receiver.ack_deadline() > 0
        trial.take(number // WHOLE, number % WHOLE)
    assert trial.receiver.ack_deadline() == -inf
    trial.ack()
    assert trial.receiver.ack_deadline() == inf
    assert ACK_BYTES == 2 * CHUNK_SIZE


def test_what_comes_again_is_acknowledged_again_and_counted() -> None:
    """The acknowledgement may have been lost, and its sender wants to know that it repeats in vain."""
    trial = Trial(2)
    trial.take(0, 0, WHOLE)
    trial.take(1, 0, 3)
    trial.ack()
    trial.take(0, 0, WHOLE, at=2.0)
    trial.take(1, 1, 4, at=2.0)
    assert trial.receiver.ack_deadline() == 2.0 + ACK_SECONDS
    ack = trial.ack(2.0)
    assert ack.duplicates == WHOLE + 2
    assert ack.delivered == (WHOLE + 5) * SEGMENT_SIZES[3]


@pytest.mark.parametrize("holes", [1, HOLES_MAX, HOLES_MAX + 1, 2 * HOLES_MAX, 3 * HOLES_MAX, FLIGHTS_MAX - 1])
@pytest.mark.parametrize("step", [1, 2])
def test_many_holes_are_spread_over_acknowledgements_that_fit_together(holes: int, step: int) -> None:
    """Each fits a small datagram and is true on its own; together they leave nothing out."""
    trial = Trial(holes * step + 1)
    for chunk in range(0, holes * step, step):
        trial.take(chunk, 1)
        if step == 2:
            trial.take(chunk + 1, 0, WHOLE)
    trial.take(holes * step, 0, WHOLE)
    acks = trial.receiver.acks(1.0)
    assert len(acks) == -(-holes // HOLES_MAX)
    assert all(len(encode(ack)) + 32 <= SEGMENT_SIZES[0] for ack in acks)
    assert [decode(encode(ack)) for ack in acks] == acks
    assert missing_of(acks, holes * step + 1) == list(range(0, holes * step, step))
    assert all(earlier.upto == later.base for earlier, later in zip(acks, acks[1:]))


def test_holes_that_are_far_apart_are_described_too() -> None:
    """As when resuming a file of terabytes of which two chunks are missing."""
    trial = Trial(300_000)
    trial.receiver.has_already(1, 99_999)
    trial.receiver.has_already(100_002, 150_000)
    assert trial.receiver.cumulative == 0
    trial.take(100_000, 3)
    trial.take(250_002, 0, WHOLE)
    acks = trial.receiver.acks(1.0)
    assert [decode(encode(ack)) for ack in acks] == acks
    assert missing_of(acks, 250_003) == [0, 100_000, 100_001]


def test_a_chunk_is_put_together_of_segments_of_one_size() -> None:
    """Smaller ones replace larger ones, as the sender has gone over to them; larger ones are then late."""
    trial = Trial(1)
    trial.take(0, 0, WHOLE - 1)
    trial.kind = 0
    trial.take(0, 0, 200)
    trial.kind = 3
    trial.take(0, WHOLE - 1, 1)
    assert [tuple(hole) for hole in trial.ack().holes] == [(0, 0, 2**200 - 1)]
    trial.kind = 0
    trial.take(0, 200, segment_count(SEALED, 0) - 200)
    assert trial.receiver.is_complete


def test_what_is_there_already_counts_once_the_sender_has_agreed() -> None:
    trial = Trial(10)
    trial.receiver.has_already(0, 3)
    trial.receiver.has_already(5, 5)
    assert (trial.receiver.cumulative, trial.receiver.chunks_done) == (3, 8)
    trial.take(3, 0, WHOLE)
    trial.take(4, 0, WHOLE)
    assert trial.receiver.is_complete
    assert trial.receiver.cumulative == 10


def test_what_is_there_already_counts_once_however_it_is_told() -> None:
    """In any order, overlapping, and beside what has arrived meanwhile."""
    for seed in range(200):
        chance = random.Random(seed)
        trial = Trial(20)
        here = set()
        for _ in range(6):
            first = chance.randrange(20)
            if chance.random() < 0.5:
                trial.take(first, 0, WHOLE)
                here.add(first)
            else:
                count = chance.randint(1, 20 - first)
                trial.receiver.has_already(first, count)
                here |= set(range(first, first + count))
            assert trial.receiver.chunks_done == len(here), seed
            assert trial.receiver.cumulative == min(set(range(21)) - here), seed
            upto = trial.ack().upto
            assert missing_of(trial.receiver.acks(1.0), upto) == sorted(set(range(upto)) - here), seed
        for chunk in range(20):
            trial.take(chunk, 0, WHOLE)
        assert trial.receiver.is_complete, seed


def test_a_window_of_missing_chunks_moves_with_those_that_arrive() -> None:
    """Whatever order they come in, as far as an honest sender goes ahead."""
    chance = random.Random(1)
    trial = Trial(1100)
    on_the_way: List[int] = []
    following = iter(range(1100))
    seen: List[Tuple[int, int]] = []
    while len(trial.stored) < 1100:
        on_the_way += [chunk for _, chunk in zip(range(FLIGHTS_MAX - len(on_the_way)), following)]
        chunk = on_the_way.pop(chance.randrange(len(on_the_way)))
        trial.take(chunk, 0, WHOLE)
        seen.append((chunk, len(trial.stored)))
        assert seen[-1][1] == len(seen), chunk
    assert trial.receiver.is_complete

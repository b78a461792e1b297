"""A sender with the right keys that sends what it must not, and whoever has learned the connection id and forges."""

from __future__ import annotations

import random
from typing import Callable, Dict, Final, List

import pytest

from messenger.transfer.datagram import (
    Ack,
    Control,
    Done,
    DoneSeen,
    Hello,
    Ping,
    Start,
    Welcome,
    first_word,
    second_word,
)
from messenger.transfer.endpoint import State
from messenger.transfer.geometry import (
    CHUNK_SIZE,
    FLIGHTS_MAX,
    HEADER_SIZE,
    SEGMENT_SIZES,
    TAG_SIZE,
    Geometry,
    segment_count,
)
from messenger.transfer.receiver import BAD_CHUNKS_MAX, PARTS_ALL, PARTS_OWN, Receiver
from messenger.transfer.unproved import ADDRESSES_MAX, UNPROVED_MAX
from tests.transfer.files import content_of
from tests.transfer.fixed import Fixed
from tests.transfer.packets import HEADER, damaged
from tests.transfer.world import (
    CLEAR,
    DELIVERED,
    RECEIVER,
    SENDER,
    STRANGER,
    Outcome,
    Sent,
    Weather,
    World,
)

CHUNKS: Final = 8
LONG: Final = content_of(CHUNKS * CHUNK_SIZE)
SEALED: Final = CHUNK_SIZE + TAG_SIZE
FULL: Final = [size - HEADER_SIZE for size in SEGMENT_SIZES]
WHOLE: Final = segment_count(SEALED, 0)
"""Segments of the smallest kind in a chunk."""

IDLE: Final[Dict[str, Control]] = {
    "the wrong challenge": Start(b"x" * 8, 1),
    "an acknowledgement": Ack(True, CHUNKS, CHUNKS, CHUNKS, 1, 0, 0, 0, 0, 0, ()),
    "a welcome": Welcome(b"x" * 8, b"x" * 8, 3, 1),
    "a receipt": Done(),
    "a receipt for a receipt": DoneSeen(),
    "a question": Ping(),
    "a hello of no kind": Hello(b"x" * 8, 255),
}


def forged(world: World, kind: int, segment: int, chunk: int, batch: int, size: int) -> bytes:
    """A data datagram with zeros in it."""
    return HEADER.pack(first_word(kind, segment, world.secrets.receiver_id), second_word(chunk, batch)) + bytes(size)


@pytest.mark.parametrize("message", IDLE)
@pytest.mark.parametrize("at", [0.0001, 0.015, 0.035, 0.05])
def test_messages_out_of_place_change_nothing(message: str, at: float) -> None:
    world = World(LONG)
    world.at(at, world.pretend, SENDER, IDLE[message])
    assert world.run() == DELIVERED
    assert world.seconds < 1


def test_data_before_the_start_is_dropped() -> None:
    """Whether it is right or not: until then it is not clear which chunks count."""
    world = World(LONG)
    world.arrive(SENDER, RECEIVER, [forged(world, 0, 0, 0, 1, FULL[0])])
    assert world.receiver.state is State.OPENING
    assert world.receiver.receiver.delivered == 0
    assert world.run() == DELIVERED


@pytest.mark.parametrize(
    ("segment", "chunk", "size"),
    [
        (0, CHUNKS, FULL[0]),
        (0, 2**32 - 1, FULL[0]),
        (2**16 - 1, 0, FULL[0]),
        (WHOLE, 0, FULL[0]),
        (WHOLE - 1, 0, FULL[0]),
        (0, 0, 0),
        (0, 0, FULL[0] - 1),
        (0, 0, FULL[0] + 1),
        (0, 0, 5000),
        (WHOLE - 1, 0, SEALED - (WHOLE - 1) * FULL[0] + 1),
    ],
)
def test_segments_that_cannot_be_are_dropped(segment: int, chunk: int, size: int) -> None:
    world = World(LONG)
    world.run(0.0305)
    assert world.receiver.state is State.RUNNING
    world.receiver.receiver.acks(world.now)
    before = world.receiver.receiver.acks(world.now)
    world.arrive(STRANGER, RECEIVER, [forged(world, 0, segment, chunk, 1, size)])
    assert world.receiver.receiver.acks(world.now) == before
    assert world.run() == DELIVERED


def test_a_segment_behind_the_last_one_is_dropped() -> None:
    """Where the last one is full, an empty one behind it would fit the size; the chunk must still become whole."""
    receiver = Receiver(Geometry(3 * FULL[0] - TAG_SIZE), lambda chunk, sealed: True, 1_000_000)
    payload = memoryview(bytes(3 * FULL[0]))
    receiver.on_segments(1.0, 0, 0, 1, 3, 1, payload[:0])
    receiver.on_segments(1.0, 0, 0, 1, 2, 2, payload[: FULL[0]])
    receiver.on_segments(1.0, 0, 0, 1, 0, 4, payload)
    assert receiver.acks(1.0)[0].upto == 0
    receiver.on_segments(2.0, 0, 0, 2, 0, 3, payload)
    assert receiver.is_complete


@pytest.mark.parametrize("kind", range(4))
@pytest.mark.parametrize("limit", [1200, 1500])
def test_forged_segments_cost_time_and_do_not_stop_it(kind: int, limit: int) -> None:
    """Of any size, for any chunk and any batch, before and behind what the sender has reached. A chunk that is bad for
    them comes again; one that waits for smaller segments than it is sent in gets them."""
    for seed in range(3):
        world = World(LONG, Weather(loss=0.05, limits=((0.0, limit),)), CLEAR, seed)
        chance = random.Random(seed)
        for step in range(60):
            segment, chunk, batch = (
                chance.randrange(CHUNK_SIZE // FULL[kind]),
                chance.randrange(CHUNKS),
                chance.getrandbits(32),
            )
            data = forged(world, kind, segment, chunk, batch, FULL[kind])
            world.at(0.02 + 0.001 * step, world.arrive, STRANGER, RECEIVER, [data])
        assert world.run() == DELIVERED, seed
        assert world.seconds < 20


def test_headers_that_are_changed_on_the_way_cost_time_and_do_not_stop_it() -> None:
    """A fifth of what the receiver gets is followed by a copy of itself with a byte of the header changed."""
    for seed in range(10):
        world = World(LONG[:300_000], Weather(loss=0.05), CLEAR, seed)
        chance = random.Random(seed)
        world.watch = copies_with_changed_headers(world, chance)
        assert world.run() == DELIVERED, seed


def copies_with_changed_headers(world: World, chance: random.Random) -> Callable[[Sent], None]:
    def watch(sent: Sent) -> None:
        if sent.target == RECEIVER and chance.random() < 0.2:
            changed = damaged(sent.data[:HEADER_SIZE], chance) + sent.data[HEADER_SIZE:]
            world.at(world.seconds + 0.01, world.arrive, STRANGER, RECEIVER, [changed])

    return watch


def test_bad_chunks_without_end_end_it() -> None:
    """So many are repaired, with one more it is over, on both sides and for the same reason."""
    world = World(LONG[:5000])
    world.memory.store = lambda chunk, sealed: False  # type: ignore[method-assign]
    world.receiver.receiver._store = world.memory.store
    outcome = world.run(400)
    assert outcome == Outcome("bad_chunks", "bad_chunks", is_right=False)
    assert world.sender.failure is not None
    assert "somebody on the way changes it" in world.sender.failure.message
    assert world.receiver.receiver._bad_chunks == BAD_CHUNKS_MAX + 1


def test_a_sender_that_jumps_about_takes_no_more_memory_than_one_that_does_not() -> None:
    """Of a terabyte: the receiver puts together at most as many chunks as a sender has on its way, those that are
    missing first, and describes them in a few datagrams."""
    geometry = Geometry(10**12)
    receiver = Receiver(geometry, lambda chunk, sealed: True, 1_000_000)
    chance = random.Random(1)
    payload = memoryview(bytes(FULL[0]))
    for number in range(3000):
        chunk = chance.randrange(geometry.chunks) if number % 3 else chance.randrange(400)
        receiver.on_segments(1.0, 0, chunk, number, chance.randrange(200), 1, payload)
    acks = receiver.acks(1.0)
    holes = [hole for ack in acks for hole in ack.holes]
    assert len(receiver._parts) <= len(holes) <= FLIGHTS_MAX
    assert len(acks) <= 4
    assert {hole.chunk for hole in holes} == set(range(len(holes)))
    for segment in range(WHOLE):  # an honest one still gets through
        size = min(FULL[0], SEALED - segment * FULL[0])
        receiver.on_segments(2.0, 0, 0, 5000 + segment, segment, 1, payload[:size])
    assert receiver.cumulative == 1


def begun_and_left(files: int) -> List[Receiver]:
    """Receivers of so many files, who got one segment of each chunk that may be under way, the last chunk first."""
    receivers = [Receiver(Geometry(FLIGHTS_MAX * CHUNK_SIZE), lambda *_: True, 1_000_000) for _ in range(files)]
    payload = memoryview(bytes(FULL[0]))
    for receiver in receivers:
        receiver.neighbours = receivers
        for chunk in range(FLIGHTS_MAX - 1, -1, -1):
            receiver.on_segments(1.0, 0, chunk, FLIGHTS_MAX - chunk, 3, 1, payload)
    return receivers


def test_chunks_that_are_begun_and_never_ended_take_no_more_memory_than_they_may() -> None:
    """Of each file whole chunks, and the first one that is missing, are taken nevertheless."""
    files = 50
    receivers = begun_and_left(files)
    held = [len(receiver._parts) for receiver in receivers]
    assert held[:2] == [FLIGHTS_MAX, FLIGHTS_MAX]
    assert PARTS_ALL < sum(held) <= PARTS_ALL + (PARTS_OWN + 1) * files
    payload = memoryview(bytes(SEALED))
    for receiver in receivers[2:]:
        told = {hole.chunk for ack in receiver.acks(1.0) for hole in ack.holes if hole.mask}
        assert told == set(receiver._parts)  # what was dropped is not acknowledged
        for first in range(0, WHOLE, 4):
            piece = payload[first * FULL[0] : (first + 4) * FULL[0]]
            receiver.on_segments(2.0, 0, 0, 1001, first, 4, piece)
        receiver.on_segments(2.0, 3, 7, 1001, 0, segment_count(SEALED, 3), payload)
        assert (receiver.cumulative, receiver.chunks_done) == (1, 2)


def test_beside_those_a_file_arrives_nevertheless() -> None:
    """Two megabytes of it are under way, of which a twentieth is lost, so that nearly all chunks are there in part."""
    weather = Weather(loss=0.05)
    world = World(
        content_of(4_000_000), weather, weather, 1, make_controller=lambda *_: Fixed(2_000_000, 50e6), kind_max=0
    )
    receiver = world.receiver.receiver
    receiver.neighbours = [*begun_and_left(2), receiver]
    held: List[int] = []
    world.watch = lambda _: held.append(len(receiver._parts))
    assert world.run() == DELIVERED
    assert max(held) in (PARTS_OWN, PARTS_OWN + 1)
    assert world.seconds < 2


def test_addresses_that_a_sender_makes_up_get_ten_answers_at_most() -> None:
    """Nor does what was answered to one address prove another one."""
    world = World(LONG, Weather(outages=((0.0, 1000.0),)))
    answered: List[int] = []
    for step in range(2000):
        world.at(0.001 * step, world.pretend, SENDER, Hello(b"x" * 8, 3), 100 + step % 100)
    world.watch = lambda sent: answered.append(sent.target) if sent.source == RECEIVER else None
    world.run(4.0)
    assert 1 < len(set(answered)) <= ADDRESSES_MAX
    assert max(map(answered.count, set(answered))) <= UNPROVED_MAX
    challenge = world.receiver._challenge_to(100)
    world.pretend(SENDER, Start(challenge, 1), source=101)
    assert world.receiver.path is None
    world.pretend(SENDER, Start(challenge, 1), source=100)
    assert world.receiver.path == 100

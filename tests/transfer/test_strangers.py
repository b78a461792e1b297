"""Whoever has no keys: what they forge, repeat, cut or blow up changes nothing and gets no answer."""

from __future__ import annotations

import random
from math import inf
from typing import Callable, List, Tuple

import pytest

from messenger.transfer.datagram import CONTROL, Done, Ping
from messenger.transfer.endpoint import LINGER, State
from messenger.transfer.sealing import ControlOpener, ControlSealer
from tests.transfer.files import content_of
from tests.transfer.packets import damaged
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

CONTENT = content_of(200_000)


def conversation() -> List[Sent]:
    world = World(CONTENT)
    assert world.run() == DELIVERED
    return world.captured


def state_of(world: World) -> Tuple[object, ...]:
    """What datagrams could change."""
    sender, receiver = world.sender, world.receiver
    return (
        sender.state, receiver.state, sender.path, receiver.path, sender.silence(world.now), sender.deadline(),
        receiver.deadline(), len(world.captured), bytes(world.memory.received),
        receiver.receiver.chunks_done, receiver.receiver.delivered, sender.sender and sender.sender.in_flight,
    )  # fmt: skip


def inverted(data: bytes) -> bytes:
    return data[:16] + bytes(byte ^ 255 for byte in data[16:])


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:16],
        lambda data: data[:31],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data + bytes(9000),
        lambda data: data[:8] + (2**64 - 1).to_bytes(8, "little") + data[16:],
        lambda data: data[:8] + bytes([data[8] + 1]) + data[9:],
        lambda data: data[:1] + b"\1" + data[2:],
        inverted,
    ],
    ids=["header", "no tag", "cut", "longer", "oversized", "last number", "next number", "other header", "forged"],
)
@pytest.mark.parametrize("home", [SENDER, RECEIVER])
def test_control_messages_that_are_not_authentic_are_dropped(home: int, change: Callable[[bytes], bytes]) -> None:
    world = World(CONTENT)
    world.run(0.03)
    secrets = world.secrets
    secret, connection = (
        (secrets.to_sender, secrets.sender_id) if home == SENDER else (secrets.to_receiver, secrets.receiver_id)
    )
    sealer = ControlSealer(secret, connection)
    for _ in range(100):
        datagram = sealer.seal(b"\x05")  # numbers above all that were used: only the change is wrong with it
    before = state_of(world)
    assert not world.side(home).on_control(world.now, STRANGER, change(datagram))
    assert state_of(world) == before
    assert world.run() == DELIVERED


@pytest.mark.parametrize("delay", [0.001, 0.02, 0.5])
def test_a_conversation_that_is_replayed_as_it_happens_changes_nothing(delay: float) -> None:
    """All of it three times over, from a stranger's address."""
    world = World(CONTENT, Weather(loss=0.05), Weather(loss=0.05), seed=3)

    def replay(sent: Sent) -> None:
        for time in range(3):
            world.at(
                world.seconds + 0.0101 + delay * (1 + time), lambda: world.arrive(STRANGER, sent.target, [sent.data])
            )

    world.watch = replay
    assert world.run() == DELIVERED
    assert {sent.target for sent in world.captured} == {SENDER, RECEIVER}
    assert (world.sender.path, world.receiver.path) == (RECEIVER, SENDER)


def test_a_conversation_that_is_replayed_after_the_end_changes_nothing() -> None:
    world = World(CONTENT)
    world.run()
    world.settle()
    before = state_of(world)
    said = list(world.captured)
    for _ in range(3):
        for sent in said:
            if sent.data[0] == CONTROL or sent.target == SENDER:
                world.side(sent.target).on_control(world.now, STRANGER, sent.data)
    assert state_of(world) == before


def test_a_conversation_that_is_replayed_into_another_attempt_belongs_to_nobody() -> None:
    """Even of the same file between the same two: keys and connection ids are others each time."""
    said = conversation()
    world = World(CONTENT, salt=1)
    world.run(0.03)
    before = state_of(world)
    for _ in range(3):
        for sent in said:
            world.arrive(STRANGER, sent.target, [sent.data])
    assert world.strangers > 20
    assert state_of(world) == before
    assert world.run() == DELIVERED


def test_random_datagrams_belong_to_nobody() -> None:
    chance = random.Random(5)
    world = World(CONTENT)
    world.run(0.03)
    before = state_of(world)
    for _ in range(2000):
        data = chance.randbytes(chance.randrange(16, 1500))
        world.arrive(STRANGER, chance.choice([SENDER, RECEIVER]), [data])
    assert state_of(world) == before


def outrun(world: World, until: float) -> None:
    """Let copies of what the sender says arrive before it does, from a stranger's address."""

    def copy(sent: Sent) -> None:
        if sent.target == RECEIVER and sent.at < until:
            world.arrive(STRANGER, RECEIVER, [sent.data])

    world.watch = copy


def test_whoever_is_faster_than_the_sender_for_a_while_delays_the_file_and_gets_nothing() -> None:
    """The stranger is asked to prove itself, and cannot."""
    world = World(CONTENT)
    outrun(world, until=2.0)
    assert world.run() == DELIVERED
    assert (world.receiver.path, world.sender.path) == (SENDER, RECEIVER)
    assert 0 < sum(sent.target == STRANGER for sent in world.captured) <= 10


def test_whoever_is_always_faster_than_the_sender_stops_the_file_and_gets_nothing_either() -> None:
    """As whoever cuts the cable: each message counts once, and the stranger's copy was the first."""
    world = World(CONTENT)
    outrun(world, until=inf)
    assert world.run() == Outcome("no_path", "no_path", False)
    assert world.receiver.path is None
    to_stranger = [sent.data for sent in world.captured if sent.target == STRANGER]
    assert 0 < len(to_stranger) <= 10
    assert {data[0] for data in to_stranger} == {CONTROL}


def test_each_control_message_is_opened_once_and_none_that_was_overtaken() -> None:
    sealer, opener = ControlSealer(bytes(16), 7), ControlOpener(bytes(16))
    first, second, third = (sealer.seal(text) for text in (b"one", b"two", b"three"))
    assert [opener.open(data) for data in (second, second, first, third, first, third)] == [
        b"two", None, None, b"three", None, None,
    ]  # fmt: skip


def test_a_byte_changed_anywhere_is_found() -> None:
    """In the header, the text or the tag of a control message, as in a chunk."""
    chance = random.Random(1)
    datagram = ControlSealer(bytes(16), 7).seal(b"some text")
    for _ in range(300):
        assert ControlOpener(bytes(16)).open(damaged(datagram, chance)) is None


def test_nothing_is_answered_after_the_end() -> None:
    """Two seconds after it, whoever is left over is alone."""
    world = World(CONTENT, CLEAR)
    world.run()
    world.settle()
    for home in (SENDER, RECEIVER):
        assert world.side(home).state is State.DONE
    world.now += LINGER
    before = len(world.captured)
    world.pretend(SENDER, Ping())
    world.pretend(RECEIVER, Done())
    assert len(world.captured) == before

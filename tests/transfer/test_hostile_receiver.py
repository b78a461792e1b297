"""A receiver with the right keys that lies. The sender believes it, ends the transfer, or does not care."""

from __future__ import annotations

import random
from collections import Counter
from typing import Callable, Dict, Final, List

import pytest

from messenger.transfer.congestion import Cubic
from messenger.transfer.datagram import (
    Abort,
    Ack,
    Control,
    Done,
    DoneSeen,
    Hello,
    Hole,
    Ping,
    Start,
    Welcome,
    decode,
)
from messenger.transfer.geometry import CHUNK_SIZE, FLIGHTS_MAX
from messenger.transfer.patient import Patient
from messenger.transfer.sealing import ControlOpener
from messenger.transfer.unproved import ADDRESSES_MAX, UNPROVED_MAX
from tests.transfer.files import content_of
from tests.transfer.world import (
    CLEAR,
    DELIVERED,
    ELSEWHERE,
    RECEIVER,
    SENDER,
    Outcome,
    Sent,
    Weather,
    World,
)

HUGE: Final = 2**32 - 1
CHUNKS: Final = 20
LONG: Final = content_of(CHUNKS * CHUNK_SIZE)
HONEST: Final = Ack(True, 0, 0, 0, 0, 0, 0, 0, 0, 1_000_000, ())
REFUSED: Final = Outcome("bad_peer", "bad_peer", is_right=False)

OUTRAGEOUS: Final[Dict[str, Control]] = {
    "chunks that were never begun": HONEST._replace(cumulative=CHUNKS + 1, upto=CHUNKS + 1),
    "chunks that do not exist": HONEST._replace(cumulative=HUGE, upto=HUGE),
    "a chunk that is not all sent": HONEST._replace(cumulative=CHUNKS, upto=CHUNKS),
}

SILENT: Final = Weather(outages=((0.0, 1000.0),))

HARMLESS: Final[Dict[str, Control]] = {
    "nothing any more": HONEST,
    "less than before": HONEST._replace(is_started=False, upto=1, holes=(Hole(0, 0, 0),)),
    "holes beyond all chunks": HONEST._replace(upto=HUGE, holes=tuple(Hole(n, 3, 127) for n in range(100))),
    "segments that do not exist": HONEST._replace(
        upto=CHUNKS, holes=tuple(Hole(n, 3, 2**56 - 1) for n in range(CHUNKS))
    ),
    "segments of no kind": HONEST._replace(upto=CHUNKS, holes=tuple(Hole(n, 255, 1) for n in range(CHUNKS))),
    "segments that were never so small": HONEST._replace(
        upto=CHUNKS, holes=tuple(Hole(n, 0, 1) for n in range(CHUNKS))
    ),
    "holes in disorder": HONEST._replace(upto=CHUNKS, holes=tuple(Hole(n, 3, 3) for n in reversed(range(CHUNKS)))),
    "the same hole twice": HONEST._replace(upto=CHUNKS, holes=tuple(Hole(n % CHUNKS, 3, n) for n in range(100))),
    "a range that ends before it begins": HONEST._replace(base=HUGE, upto=1),
    "batches to come": HONEST._replace(highest_batch=HUGE),
    "a wait of an hour": HONEST._replace(highest_batch=1, delay=HUGE),
    "the end of time": HONEST._replace(clock=2**64 - 1, delivered=2**64 - 1),
    "no room": HONEST._replace(allowance=0),
    "all the room": HONEST._replace(allowance=HUGE),
    "duplicates": HONEST._replace(duplicates=HUGE),
    "what a sender says": Hello(b"x" * 8, 255),
    "a start": Start(b"x" * 8, 9),
    "a question": Ping(),
    "a receipt for a receipt": DoneSeen(),
    "a welcome to somebody else": Welcome(b"x" * 8, b"x" * 8, 0, 0),
}


def lied_to(lie: Control, at: float) -> World:
    """A transfer in which the receiver is honest but for one message."""
    world = World(LONG)
    world.at(at, world.pretend, RECEIVER, lie)
    return world


@pytest.mark.parametrize("lie", OUTRAGEOUS)
def test_chunks_that_cannot_be_there_end_it(lie: str) -> None:
    world = lied_to(OUTRAGEOUS[lie], at=0.025)
    assert world.run() == REFUSED
    assert world.sender.failure is not None
    assert "acknowledged what was never sent" in world.sender.failure.message


@pytest.mark.parametrize("lie", HARMLESS)
@pytest.mark.parametrize("at", [0.0051, 0.025, 0.045, 0.07])
def test_any_other_lie_costs_time_at_most(lie: str, at: float) -> None:
    """Acknowledgements speak of headers, which anybody on the path can change: most of what they say is only a hint."""
    world = lied_to(HARMLESS[lie], at)
    assert world.run() == DELIVERED
    assert world.seconds < 6
    assert len(world.memory.sealed) == world.geometry.chunks


@pytest.mark.parametrize("controller", [Cubic, Patient])
def test_a_receiver_that_lies_all_the_time_ends_it_or_gets_the_file(controller: Callable[..., Cubic]) -> None:
    """Its acknowledgements are dice. No error but the typed ones, and never more memory than for an honest one."""
    for seed in range(60):
        chance = random.Random(seed)
        world = World(LONG[: chance.choice([1, 70_000, 400_000])], seed=seed, make_controller=controller)
        for step in range(100):
            world.at(0.02 + 0.002 * step, throw_dice, world, chance)
        outcome = world.run(300)
        assert outcome.sender in ("done", "bad_peer"), (seed, outcome)
        assert outcome.is_right or outcome.receiver == "bad_peer", (seed, outcome)
        sender = world.sender.sender
        assert sender is None or len(sender._flights) <= FLIGHTS_MAX


def throw_dice(world: World, chance: random.Random) -> None:
    world.pretend(RECEIVER, dice(world, chance))


def dice(world: World, chance: random.Random) -> Ack:
    """An acknowledgement that may be true by chance."""
    number: List[Callable[[], int]] = [lambda: 1, lambda: chance.randrange(8), lambda: chance.getrandbits(32)]
    few = chance.choice(number)
    honest = world.receiver.receiver.cumulative
    base = chance.choice([0, honest, few()])
    return Ack(
        chance.random() < 0.9,
        chance.choice([0, honest, honest]),
        base,
        chance.choice([honest, honest, honest + 1]),
        chance.choice(number)(),
        chance.choice(number)(),
        chance.getrandbits(chance.choice([1, 30, 64])),
        chance.getrandbits(chance.choice([1, 30, 64])),
        chance.choice(number)(),
        chance.choice([0, 100, 100_000, HUGE]),
        tuple(Hole(base + n, chance.randrange(5), chance.getrandbits(56)) for n in range(chance.randrange(6))),
    )


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\x09", b"\xff" * 50, b"\x04", b"\x04" + b"\xff" * 52, b"\x02\x01", b"\x08"]
)
def test_what_is_no_message_ends_it(data: bytes) -> None:
    """Whatever a peer seals, it is read or refused."""
    for home, outcome in ((RECEIVER, REFUSED), (SENDER, REFUSED)):
        world = World(LONG)
        world.at(0.03, world.pretend, home, data)
        assert world.run() == outcome
        assert world.side(SENDER if home == RECEIVER else RECEIVER).failure is not None


def test_a_receiver_that_refuses_in_the_middle_is_believed() -> None:
    world = lied_to(Abort("write_failed", "Yoda has no more disks"), at=0.03)
    world.run(0.04)
    assert world.sender.failure == ("write_failed", "Yoda has no more disks", False)


@pytest.mark.parametrize("at", [0.005, 0.021, 0.03])
def test_a_receipt_for_what_was_not_sent_to_its_end_is_a_lie(at: float) -> None:
    world = World(LONG)
    world.at(at, world.pretend, RECEIVER, Done())
    assert world.run().sender == "bad_peer"


def test_addresses_that_a_receiver_makes_up_get_ten_datagrams_at_most() -> None:
    """It answers what it receives, but as if from elsewhere. That proves nothing about those addresses."""
    world = World(LONG, CLEAR, SILENT)
    opener = ControlOpener(world.secrets.to_receiver)

    def answer(sent: Sent) -> None:
        hello = decode(opener.open(sent.data) or b"") if sent.target == RECEIVER else None
        if isinstance(hello, Hello):
            for stranger in range(100, 200):
                world.pretend(RECEIVER, Welcome(hello.challenge, b"x" * 8, 0, HUGE), stranger)

    world.watch = answer
    assert world.run().sender == "no_path"
    bothered = Counter(sent.target for sent in world.captured if sent.source == SENDER)
    assert max(bothered.values()) <= UNPROVED_MAX
    assert 1 < len(bothered) <= ADDRESSES_MAX


def test_a_receiver_may_answer_from_another_address_than_was_asked() -> None:
    """A machine with several does so, and the sender finds out by asking there."""
    world = World(LONG, addresses=[ELSEWHERE])
    world.doors[ELSEWHERE] = RECEIVER
    assert world.run() == DELIVERED
    assert world.sender.path == RECEIVER

"""How long a side waits for one that answers and gets nowhere, for a slow disk, and for a receipt that got lost."""

from __future__ import annotations

from typing import List

import pytest

from messenger.transfer.datagram import Ack, Ping
from messenger.transfer.endpoint import CHUNK_MAX, SILENCE_MAX, STALL_MAX
from messenger.transfer.geometry import CHUNK_SIZE
from tests.transfer.files import content_of
from tests.transfer.fixed import Fixed
from tests.transfer.world import DELIVERED, SENDER, Outcome, Weather, World

SOME = content_of(5 * CHUNK_SIZE)


def test_a_receiver_that_answers_and_takes_nothing_is_given_up() -> None:
    """It says for ever that it has nothing; the sender would send for ever."""
    world = World(SOME)
    receiver = world.receiver.receiver
    honest = receiver.acks

    def nothing(now: float) -> List[Ack]:
        return [ack._replace(cumulative=0, base=0, upto=0, holes=()) for ack in honest(now)]

    receiver.acks = nothing  # type: ignore[method-assign]  # it lies
    world.receiver._complete = lambda now: None  # type: ignore[method-assign]  # and never finishes
    outcome = world.run()
    assert (outcome.sender, outcome.receiver) == ("stalled", "stalled")
    assert STALL_MAX <= world.seconds < STALL_MAX + 2


def at_a_rate_of(rate: float) -> World:
    """Send two chunks in datagrams of 1200 bytes at so many bytes a second."""
    return World(SOME[: 2 * CHUNK_SIZE], make_controller=lambda segment, trip: Fixed(10_000, rate), kind_max=0)


def test_a_share_of_a_slow_link_that_fills_a_chunk_in_half_an_hour_is_enough() -> None:
    """As of 1 Mbit/s that a hundred files share, some of which get less than others."""
    world = at_a_rate_of(250)
    assert world.run(until=8000) == DELIVERED
    assert world.seconds > 12 * STALL_MAX


def test_a_trickle_is_given_up_all_the_same() -> None:
    world = at_a_rate_of(60)
    assert world.run(until=8000) == Outcome("stalled", "stalled", is_right=False)
    assert CHUNK_MAX <= world.seconds < CHUNK_MAX + 2


def test_a_receiver_that_claims_bytes_and_never_a_chunk_is_given_up() -> None:
    world = World(SOME)
    receiver = world.receiver.receiver
    honest = receiver.acks

    def ever_more(now: float) -> List[Ack]:
        delivered = int(now * 1000)
        return [ack._replace(cumulative=0, base=0, upto=0, holes=(), delivered=delivered) for ack in honest(now)]

    receiver.acks = ever_more  # type: ignore[method-assign]  # it lies
    world.receiver._complete = lambda now: None  # type: ignore[method-assign]  # and never finishes
    world.run(until=8000)
    assert world.sender.failure is not None
    assert world.sender.failure.code == "stalled"


def test_a_disk_may_take_longer_than_silence_is_borne() -> None:
    """Also when the sender is cut off meanwhile: the receiver needs nothing more from it."""
    seconds = SILENCE_MAX + 10
    assert World(SOME, finish_seconds=seconds).run() == DELIVERED
    alone = World(SOME, Weather(outages=((1.0, 1000.0),)), finish_seconds=seconds)
    outcome = alone.run()
    assert (outcome.receiver, outcome.is_right) == ("done", True)


@pytest.mark.parametrize("outage", [6.0, 15.0, 25.0])
def test_a_receipt_is_given_again_to_a_sender_that_asks(outage: float) -> None:
    """After an outage at the end, however long the receiver had been repeating it."""
    cut = Weather(outages=((0.3, 0.3 + outage),))
    world = World(SOME, cut, cut, finish_seconds=0.5)
    assert world.run() == DELIVERED
    assert world.seconds < 0.3 + outage + 3


def test_a_ping_after_the_end_is_answered_with_the_receipt() -> None:
    world = World(SOME)
    assert world.run() == DELIVERED
    before = len(world.captured)
    world.pretend(SENDER, Ping())
    assert len(world.captured) == before + 1

"""How long a side waits for one that answers and gets nowhere, for a slow disk, and for a receipt that got lost."""

from __future__ import annotations

from typing import List

import pytest

from messenger.transfer.datagram import Ack, Ping
from messenger.transfer.endpoint import SILENCE_MAX, STALL_MAX
from messenger.transfer.geometry import CHUNK_SIZE
from tests.transfer.files import content_of
from tests.transfer.world import DELIVERED, SENDER, Weather, World

SOME = content_of(20 * CHUNK_SIZE)


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

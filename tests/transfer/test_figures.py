"""What the receiver's person is told of the path, which only the sender can measure."""

from __future__ import annotations

import pytest

from messenger.transfer.datagram import CONTROL, Figures
from messenger.transfer.outgoing import FIGURES_INTERVAL
from tests.transfer.files import content_of
from tests.transfer.fixed import Fixed
from tests.transfer.world import DELIVERED, RECEIVER, SENDER, Weather, World

CONTENT = content_of(3_000_000)


def test_the_receiver_knows_round_trip_and_losses_before_the_last_data() -> None:
    world = World(CONTENT, Weather(loss=0.05), seed=4)
    known = []
    world.watch = lambda sent: known.append(world.receiver.figures) if sent.data[0] != CONTROL else None
    assert world.run() == DELIVERED
    sender, figures = world.sender.sender, world.receiver.figures
    assert sender is not None
    assert 0.9 * sender.repeated_segments <= figures.repeated <= sender.repeated_segments
    assert 0.03 < figures.repeated / figures.sent < 0.1
    assert figures.round_trip == pytest.approx(20_000, rel=0.3)
    assert known[-1].repeated > 0


def test_it_is_told_once_a_second_meanwhile() -> None:
    world = World(CONTENT, make_controller=lambda segment, trip: Fixed(100_000, 600_000))
    assert world.run(until=0.9) != DELIVERED
    assert world.receiver.figures.sent == 0
    world.run(until=FIGURES_INTERVAL + 0.2)
    first = world.receiver.figures.sent
    world.run(until=3 * FIGURES_INTERVAL + 0.2)
    assert 0 < 2 * first < world.receiver.figures.sent
    assert world.run() == DELIVERED


def test_figures_of_a_file_in_one_datagram_come_before_it() -> None:
    world = World(b"x")
    assert world.run() == DELIVERED
    assert world.receiver.figures[:2] == (1, 0)


def test_what_a_receiver_claims_to_have_measured_does_not_matter() -> None:
    world = World(CONTENT)
    world.run(0.1)
    world.pretend(RECEIVER, Figures(2**64 - 1, 2**64 - 1, 2**32 - 1))
    world.pretend(SENDER, Figures(0, 2**64 - 1, 0))
    assert world.run() == DELIVERED

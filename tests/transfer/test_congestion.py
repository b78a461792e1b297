"""The default controller on a simulated bottleneck: it fills a lossy link, shares it, and leaves the queue empty.

Unless a test says otherwise the link carries 100 Mbit/s at 20 ms, and headers leave 97.7 % of it. `loadtest.congestion`
prints the whole table.
"""

from __future__ import annotations

import random
from math import inf
from typing import Tuple

import pytest

from loadtest import machines
from loadtest.bulk import pair
from loadtest.congestion import Link, Outcome, Scene
from loadtest.link import Bursts, Conditions, Network, Path
from messenger.transfer.controllers import CONTROLLERS, DEFAULT_CONTROLLER
from messenger.transfer.evidence import QueueAtLoss

OURS = DEFAULT_CONTROLLER
SEED = 7

BESIDE_CUBIC = {"the same start": (0.0, 0.0), "the rival joins": (0.0, 6.3), "we join": (5.0, 0.0)}

queues = pytest.mark.parametrize("queue", [0.25, 1.0, 4.0])


def alone(link: Link, controller: str = OURS) -> Outcome:
    return Scene(link, [controller], [0.0]).play(10.0, SEED)


@pytest.mark.parametrize(("queue", "least"), [(0.25, 80), (0.5, 92), (1.0, 92), (4.0, 92)])
def test_it_fills_the_link_and_not_the_queue(queue: float, least: float) -> None:
    outcome = alone(Link(queue))
    assert outcome.goodput[0] >= least
    assert outcome.queue <= 5


@queues
@pytest.mark.parametrize(("loss", "least"), [(0.01, 78), (0.05, 70)])
def test_random_loss_does_not_slow_it_down(queue: float, loss: float, least: float) -> None:
    outcome = alone(Link(queue, loss))
    assert outcome.goodput[0] >= least
    assert outcome.queue <= 5


@queues
@pytest.mark.parametrize("starts", BESIDE_CUBIC.values(), ids=BESIDE_CUBIC)
def test_it_takes_about_half_beside_cubic(queue: float, starts: Tuple[float, float]) -> None:
    outcome = Scene(Link(queue), [OURS, "cubic"], starts).play(18.0, SEED)
    assert 35 <= outcome.share <= 65
    assert sum(outcome.goodput) >= 85


def test_in_a_buffer_of_twenty_packets_it_takes_little_more() -> None:
    outcome = Scene(Link(0.1), [OURS, "cubic"], BESIDE_CUBIC["the rival joins"]).play(15.0, SEED)
    assert 30 <= outcome.share <= 75


@queues
def test_two_of_its_own_share(queue: float) -> None:
    outcome = Scene(Link(queue), [OURS, OURS], [0.0, 4.0]).play(18.0, SEED)
    assert 35 <= outcome.share <= 65


def test_the_machines_do_as_well_as_their_model() -> None:
    lossy = Scene(Link(loss=0.01), [OURS], [0.0]).play(8.0, SEED, machines.pair)
    assert lossy.goodput[0] >= 78
    assert lossy.queue <= 5
    rivals = Scene(Link(), [OURS, "cubic"], [0.0, 4.0]).play(12.0, SEED, machines.pair)
    assert 35 <= rivals.share <= 65


def test_losses_that_come_with_the_queue_are_told_from_those_that_come_at_any_time() -> None:
    chance = random.Random(SEED)
    radio, full = QueueAtLoss(), QueueAtLoss()
    assert not radio.is_random  # as long as nothing is known
    for i in range(20_000):
        queue = 0.005 * (i % 200) / 200 + 0.001 * chance.random()
        radio.add(queue, is_loss=i > 1000 and chance.random() < 0.05)
        full.add(queue, is_loss=i > 1000 and queue > 0.0045 and chance.random() < 0.2)
    assert radio.is_random
    assert not full.is_random


def test_jitter_does_not_look_like_a_queue() -> None:
    assert alone(Link(jitter=0.001, loss=0.01)).goodput[0] >= 70
    assert alone(Link(jitter=0.003)).goodput[0] >= 70


def test_bursts_of_loss_are_the_path_s_own() -> None:
    assert alone(Link(bursts=Bursts(2000, 20))).goodput[0] >= 60


def test_plain_cubic_is_what_its_rivals_are() -> None:
    """It fills link and queue, and gives way to random loss: the default's reason to be."""
    outcome = alone(Link(), "cubic")
    assert outcome.goodput[0] >= 92
    assert outcome.queue >= 10
    assert alone(Link(loss=0.01), "cubic").goodput[0] <= 15


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_blackhole_is_soon_forgotten(name: str) -> None:
    path = Path(12.5e6, 0.01, 250_000, forward=Conditions(blackholes=((3.0, 5.5),)))
    network = Network(path, SEED)
    sender, receiver = pair(CONTROLLERS[name])
    network.add(sender, receiver)
    network.run(7.5)
    before = receiver.delivered
    network.run(9.5)
    assert receiver.delivered - before >= 0.75 * 2 * 12.5e6


@pytest.mark.parametrize(("loss", "least"), [(0.0, 0.94), (0.05, 0.80)])
def test_a_second_after_a_blackhole_it_is_where_it_was_before(loss: float, least: float) -> None:
    """Nothing is heard for four seconds; the mean of three paths."""
    delivered = 0
    for seed in (1, 2, 3):
        network = Network(Link(loss=loss, blackholes=((6.0, 10.0),)).path, seed)
        sender, receiver = machines.pair(CONTROLLERS[OURS])
        network.add(sender, receiver)
        network.run(11.0)
        before = receiver.delivered
        network.run(12.0)
        delivered += receiver.delivered - before
    assert delivered / 3 >= least * 12.5e6


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_gigabyte_a_second_on_one_machine_is_used(name: str) -> None:
    network = Network(Path(rate=1e9, delay=50e-6, queue=4e6), SEED)
    sender, receiver = pair(CONTROLLERS[name])
    network.add(sender, receiver)
    network.run(0.05)
    before = receiver.delivered
    network.run(0.25)
    assert receiver.delivered - before >= 0.9 * 0.2 * 1e9


@pytest.mark.parametrize("name", CONTROLLERS)
def test_it_paces_before_it_knows_anything(name: str) -> None:
    network = Network(Path(rate=12.5e6, delay=inf, queue=250_000), SEED)
    sender, receiver = pair(CONTROLLERS[name])
    network.add(sender, receiver)
    assert 100_000 < sender.controller.pacing_rate() < 10_000_000

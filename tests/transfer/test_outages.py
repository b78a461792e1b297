"""Paths that change, break, or never were; and whom we may bother before an address has proved itself."""

from __future__ import annotations

from collections import Counter
from typing import List, Tuple

import pytest

from messenger.transfer.datagram import CONTROL
from messenger.transfer.endpoint import SILENCE_MAX
from messenger.transfer.geometry import CHUNK_SIZE, SEGMENT_SIZES
from messenger.transfer.incoming import KNOCKS
from messenger.transfer.outgoing import OPENING_SECONDS, RAISE_SECONDS, RAISE_SECONDS_MAX
from messenger.transfer.rtt import RoundTrip
from messenger.transfer.sender import BLACK_HOLE_SECONDS
from messenger.transfer.unproved import UNPROVED_MAX
from tests.transfer.files import content_of
from tests.transfer.fixed import Fixed
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

LONG = content_of(15_000_000)
STEADY = 2e6
"""Bytes a second."""
BROKEN = Outcome("peer_gone", "peer_gone", is_right=False)


@pytest.mark.parametrize(
    ("limit", "kind"), [(9000, 3), (1500, 2), (1448, 2), (1447, 1), (1400, 1), (1399, 0), (1200, 0)]
)
def test_the_largest_datagrams_that_pass_are_used(limit: int, kind: int) -> None:
    world = World(content_of(200_000), Weather(limits=((0.0, limit),)))
    assert world.run() == DELIVERED
    assert {sent.data[0] for sent in world.captured} == {CONTROL, kind}


@pytest.mark.parametrize(("kind", "limit"), [(3, 1500), (2, 1200), (2, 1350), (1, 1300)])
@pytest.mark.parametrize("delay", [0.01, 0.05])
def test_a_path_that_stops_carrying_large_datagrams_gets_small_ones(kind: int, limit: int, delay: float) -> None:
    """Also where the shorter last segments of chunks still pass. It takes almost half a second to be sure."""
    world = World(
        LONG[:6_000_000], Weather(delay=delay, limits=((5 * delay, limit),)), Weather(delay=delay), kind_max=kind
    )
    shrunk = []
    world.watch = lambda sent: shrunk.append(sent.at) if sent.data[0] == 0 else None
    assert world.run() == DELIVERED
    data = [sent for sent in world.captured if sent.at > shrunk[0] and sent.data[0] < CONTROL]
    assert max(len(sent.data) for sent in data) <= SEGMENT_SIZES[0]
    assert 5 * delay + BLACK_HOLE_SECONDS < shrunk[0] < 5 * delay + 30 * delay + 0.5
    assert len(world.memory.sealed) == world.geometry.chunks


def steady(segment: int, round_trip: RoundTrip) -> Fixed:
    """At a pace that no loss changes."""
    return Fixed(100_000, STEADY)


def kinds_at(world: World) -> List[Tuple[float, int]]:
    """When data began to go out in segments of another kind, and which."""
    kinds: List[Tuple[float, int]] = []

    def watch(sent: Sent) -> None:
        if sent.data[0] < CONTROL and (not kinds or kinds[-1][1] != sent.data[0]):
            kinds.append((sent.at, sent.data[0]))

    world.watch = watch
    return kinds


@pytest.mark.parametrize("dead", ["both", "forth", "back"])
def test_after_an_outage_of_three_seconds_datagrams_get_large_again(dead: str) -> None:
    """They shrink, as nobody knows yet that it is an outage."""
    cut = Weather(outages=((0.1, 3.1),))
    world = World(LONG, cut if dead != "back" else CLEAR, cut if dead != "forth" else CLEAR, make_controller=steady)
    kinds = kinds_at(world)
    assert world.run() == DELIVERED
    assert [kind for _, kind in kinds][:2] == [3, 0]
    assert kinds[-1][1] == 3
    assert kinds[-1][0] < 3.1 + RAISE_SECONDS


def test_a_first_hello_that_was_lost_does_not_keep_datagrams_small() -> None:
    world = World(LONG, Weather(outages=((0.0, 0.1),)), make_controller=steady)
    kinds = kinds_at(world)
    assert world.run() == DELIVERED
    assert [kind for _, kind in kinds] == [2, 3]
    assert kinds[1][0] < 0.2 + RAISE_SECONDS + CHUNK_SIZE / STEADY  # a chunk that is begun keeps its segments


@pytest.mark.parametrize(("limit", "kind"), [(1200, 0), (1500, 2)])
def test_what_a_path_does_not_carry_is_tried_ever_more_seldom(limit: int, kind: int) -> None:
    """It loses large datagrams from some time on. No data goes into those that are tried, and the file arrives."""
    world = World(
        LONG[:6_000_000],
        Weather(delay=0.05, limits=((1.0, limit),)),
        Weather(delay=0.05),
        make_controller=lambda segment, round_trip: Fixed(20_000, 100_000),
    )
    tried: List[float] = []
    data: List[int] = []

    def watch(sent: Sent) -> None:
        if sent.at > 10 and sent.data[0] < CONTROL:
            data.append(sent.data[0])
        elif sent.at > 10 and len(sent.data) == SEGMENT_SIZES[3]:
            tried.append(sent.at)

    world.watch = watch
    assert world.run() == DELIVERED
    assert set(data) == {kind}
    assert len(tried) >= 2
    gaps = [later - earlier for earlier, later in zip(tried, tried[1:])]
    assert gaps == pytest.approx([4 * RAISE_SECONDS, 8 * RAISE_SECONDS, RAISE_SECONDS_MAX][: len(gaps)], abs=0.5)


@pytest.mark.parametrize("dead", ["both", "forth", "back"])
def test_an_outage_of_ten_seconds_is_survived(dead: str) -> None:
    """The transfer goes on within two seconds after it."""
    cut = Weather(outages=((0.1, 10.1),))
    world = World(LONG, cut if dead != "back" else CLEAR, cut if dead != "forth" else CLEAR)
    fresh = []
    world.watch = lambda sent: fresh.append(sent.at) if sent.at > 10.1 and sent.data[0] < CONTROL else None
    assert world.run() == DELIVERED
    assert fresh[0] < 12.15
    assert world.seconds < 20


@pytest.mark.parametrize("dead", ["both", "forth", "back"])
def test_an_outage_of_more_than_thirty_seconds_ends_it_on_both_sides(dead: str) -> None:
    """Where one direction works, whoever gives up tells the other."""
    cut = Weather(outages=((0.1, 100.0),))
    world = World(LONG, cut if dead != "back" else CLEAR, cut if dead != "forth" else CLEAR)
    assert world.run() == BROKEN
    assert 0.1 + SILENCE_MAX <= world.seconds + 0.1 < 0.5 + SILENCE_MAX
    for endpoint in (world.sender, world.receiver):
        assert endpoint.failure is not None
        assert endpoint.failure.message == "nothing was heard from the other side for 30 s"


@pytest.mark.parametrize("home", [SENDER, RECEIVER])
def test_a_silent_peer_is_told_of_within_ten_seconds(home: int) -> None:
    """Counted from the last moment at which anything could arrive; and not much before."""
    world = World(LONG, Weather(outages=((0.1, 100.0),)), Weather(outages=((0.1, 100.0),)))
    world.run(until=8.9)
    assert not world.side(home).is_silent
    world.run(until=10.1)
    assert world.side(home).is_silent


def test_a_peer_that_is_heard_again_is_not_silent_any_more() -> None:
    cut = Weather(outages=((0.1, 12.0),))
    world = World(LONG, cut, cut)
    world.run(until=11.0)
    assert (world.sender.is_silent, world.receiver.is_silent) == (True, True)
    assert world.run() == DELIVERED
    assert (world.sender.is_silent, world.receiver.is_silent) == (False, False)


def test_where_there_is_no_path_the_sender_gives_up_after_five_seconds() -> None:
    """The receiver cannot know when the sender began and waits longer."""
    world = World(b"x", Weather(outages=((0.0, 100.0),)))
    world.run(until=OPENING_SECONDS - 0.001)
    assert not world.sender.has_ended
    world.run(until=OPENING_SECONDS)
    assert world.outcome() == Outcome("no_path", "stuck", is_right=False)
    assert world.run() == Outcome("no_path", "no_path", is_right=False)
    assert world.seconds == 15
    assert world.sender.failure is not None
    assert world.sender.failure.message == "no path opened to the other side"


@pytest.mark.parametrize("addresses", [[7], [6, 7, 8, 9], [RECEIVER, 6, 7, 8]])
def test_nobody_gets_more_than_ten_datagrams_before_having_proved_to_want_them(addresses: List[int]) -> None:
    """Counted over the whole life, during which the path broke and everything was tried again."""
    world = World(LONG, Weather(outages=((0.5, 100.0),)), addresses=addresses)
    world.run()
    counts = Counter(sent.target for sent in world.captured if sent.source == SENDER)
    assert set(counts) == set(addresses)
    assert all(counts[address] <= UNPROVED_MAX for address in addresses if address != RECEIVER)


def test_a_receiver_answers_an_address_that_is_not_proved_ten_times_at_most() -> None:
    """Here the answers never arrive, so nothing is proved."""
    world = World(b"x", backward=Weather(outages=((0.0, 100.0),)), addresses=[RECEIVER] * 5)
    world.run()
    assert sum(sent.source == RECEIVER for sent in world.captured) == UNPROVED_MAX


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("home", [SENDER, RECEIVER])
def test_a_side_that_moves_is_found_again(home: int, is_known: bool) -> None:
    """A sender always; a receiver if the sender knows where it may be. Nothing is sealed twice for that."""
    world = World(LONG, addresses=[RECEIVER, ELSEWHERE] if is_known else [RECEIVER])
    world.at(0.1, world.move, home, ELSEWHERE)
    assert world.run() == (DELIVERED if is_known or home == SENDER else BROKEN)
    assert len(world.memory.sealed) == len(set(world.memory.sealed))
    if is_known:
        assert world.seconds < 6


@pytest.mark.parametrize("walls", [[SENDER], [RECEIVER], [SENDER, RECEIVER]])
def test_firewalls_that_let_answers_in_are_no_obstacle_on_either_side(walls: List[int]) -> None:
    world = World(b"x" * 100_000, walls=walls)
    assert world.run() == DELIVERED
    assert world.seconds < 0.3


def test_a_firewall_of_the_receiver_opens_even_if_its_first_word_is_lost() -> None:
    world = World(b"x", backward=Weather(outages=((0.0, 1.0),)), walls=[SENDER, RECEIVER])
    assert world.run() == DELIVERED
    assert world.seconds < 2.2


def test_who_was_heard_by_then_is_sent_nothing_for_that() -> None:
    world = World(b"x" * 100_000, finish_seconds=3.0)
    assert world.run() == DELIVERED
    assert world.seconds > max(KNOCKS)
    assert world.receiver._knocks == 0


def test_the_first_address_that_answers_is_used() -> None:
    world = World(content_of(100_000), addresses=[7, 8, RECEIVER, 9])
    assert world.run() == DELIVERED
    data_to = {sent.target for sent in world.captured if sent.data[0] < CONTROL}
    assert data_to == {RECEIVER}


def test_a_transfer_that_is_cancelled_ends_on_the_other_side_too() -> None:
    """It is told three times, so that one of them arrives."""
    for home in (SENDER, RECEIVER):
        for seed in range(10):
            world = World(LONG[:3_000_000], Weather(loss=0.1), Weather(loss=0.1), seed)
            world.run(0.1)
            world.side(home).fail(world.now, "cancelled", "Hans cancelled it")
            outcome = world.run()
            assert outcome[:2] == ("cancelled", "cancelled"), seed
            other = world.side(RECEIVER if home == SENDER else SENDER).failure
            assert other is not None
            assert (other.message, other.is_ours) == ("Hans cancelled it", False)

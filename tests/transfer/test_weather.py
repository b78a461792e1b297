"""Whatever a path does, the file arrives as it was, or both sides say why not; and it never takes for ever."""

from __future__ import annotations

import random
from typing import Final, List, Sequence

import pytest

from messenger.transfer.congestion import Cubic
from messenger.transfer.datagram import CONTROL
from messenger.transfer.endpoint import SILENCE_MAX, State
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE
from messenger.transfer.patient import Patient
from tests.transfer.files import content_of
from tests.transfer.world import CLEAR, DELIVERED, RECEIVER, SENDER, Outcome, Sent, Weather, World

REASONS: Final = {"no_path", "peer_gone"}
"""Why bad weather may end a transfer."""

RECEIPT: Final = HEADER_SIZE + 1 + TAG_SIZE
"""Bytes of the datagram that says that the file is in its place."""

SIZES: Final = {
    kind: sorted(
        {
            max(0, near + step)
            for segment in [SEGMENT_SIZES[kind] - HEADER_SIZE]
            for near in (0, segment, segment - TAG_SIZE, 2 * segment - TAG_SIZE, CHUNK_SIZE, 2 * CHUNK_SIZE)
            for step in (-1, 0, 1)
        }
    )
    for kind in range(len(SEGMENT_SIZES))
}


def any_weather(chance: random.Random, corrupt: Sequence[float]) -> Weather:
    pick = chance.choice
    return Weather(
        delay=pick([0.0002, 0.01, 0.05, 0.15]),
        jitter=pick([0.0, 0.0, 0.002, 0.02]),
        loss=pick([0.0, 0.0, 0.01, 0.05, 0.1, 0.3]),
        duplicate=pick([0.0, 0.0, 0.02, 0.2]),
        reorder=pick([0.0, 0.0, 0.02, 0.2]),
        corrupt=pick(corrupt),
        burst=pick([0.0, 0.0, 0.005]),
        limits=pick([(), (), ((0.0, 1500),), ((0.0, 1200),), ((0.0, 1448),)]),
    )


def any_world(seed: int, sizes: Sequence[int], corrupt: Sequence[float]) -> World:
    chance = random.Random(seed)
    forward, backward = any_weather(chance, corrupt), any_weather(chance, corrupt)
    return World(
        content_of(chance.choice(sizes), seed),
        forward,
        backward,
        seed,
        make_controller=chance.choice([Cubic, Patient]),
        kind_max=chance.randrange(len(SEGMENT_SIZES)),
        room=chance.choice([3000, 70_000, 1_000_000]),
        finish_seconds=chance.choice([0.0, 0.0, 0.5]),
    )


def is_clear_end(outcome: Outcome) -> bool:
    """Whether both sides have ended, and each knows why; whoever has received has the right thing."""
    if outcome.receiver == "done":
        return outcome.is_right and (outcome.sender == "done" or outcome.sender in REASONS)
    return outcome.sender in REASONS and outcome.receiver in REASONS


def unclear(seeds: range, sizes: Sequence[int], corrupt: Sequence[float], until: float = 200.0) -> List[str]:
    """Return which worlds did not come to a clear end by then, and all that failed if those are too many."""
    wrong, failed = [], []
    for seed in seeds:
        outcome = any_world(seed, sizes, corrupt).run(until)
        if not is_clear_end(outcome):
            wrong.append(f"seed {seed}: {outcome}")
        elif outcome != DELIVERED:
            failed.append(f"seed {seed}: {outcome}")
    return wrong + (failed if len(failed) > len(seeds) / 50 else [])


def test_small_files_arrive_through_any_weather() -> None:
    """Three of ten datagrams lost at worst; no more than one transfer in fifty fails."""
    small = [0, 1, 17, 500, 1168, 1169, 1184, 2400, 6000]
    assert unclear(range(2000), small, (0.0, 0.0, 0.01, 0.05)) == []


@pytest.mark.parametrize("seed", [10_000, 10_075])
def test_files_of_several_chunks_arrive_through_any_weather(seed: int) -> None:
    large = [CHUNK_SIZE - 1, CHUNK_SIZE + 1, 100_000, 4 * CHUNK_SIZE, 300_000]
    assert unclear(range(seed, seed + 75), large, (0.0, 0.002, 0.02), until=400.0) == []  # 5 kB/s at worst


def test_where_two_of_a_hundred_datagrams_are_changed_a_file_is_sent_two_to_four_times() -> None:
    """Of the smallest segments, of which a chunk has one chance in sixty to come as it was."""
    for seed in range(10):
        world = World(content_of(1_000_000), Weather(corrupt=0.02), seed=seed, kind_max=0)
        assert world.run() == DELIVERED
        assert world.sender.sender is not None
        sent = world.sender.sender.sent_segments
        once = sent - world.sender.sender.repeated_segments
        assert 2 * once < sent < 4 * once, seed


@pytest.mark.parametrize("kind", range(len(SEGMENT_SIZES)))
def test_every_size_around_a_segment_and_a_chunk_arrives(kind: int) -> None:
    for seed, size in enumerate(SIZES[kind]):
        for weather in (CLEAR, Weather(loss=0.1, duplicate=0.05, reorder=0.05)):
            world = World(content_of(size), weather, weather, seed, kind_max=kind)
            assert world.run() == DELIVERED, (size, seed, weather)


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05, 0.1, 0.2, 0.3])
def test_loss_costs_time_and_nothing_else(loss: float) -> None:
    """A megabyte, both controllers, loss in both directions."""
    for seed, controller in enumerate((Cubic, Patient)):
        world = World(content_of(1_000_000), Weather(loss=loss), Weather(loss=loss), seed, make_controller=controller)
        assert world.run() == DELIVERED, seed
        assert world.seconds < 1 + 100 * loss


def test_acknowledgements_alone_may_get_lost() -> None:
    """Half of all that goes back, and nothing that goes forth: hardly a segment is sent again for that."""
    for seed in range(8):
        world = World(content_of(3_000_000), backward=Weather(loss=0.5), seed=seed)
        assert world.run() == DELIVERED
        assert world.sender.sender is not None
        assert world.sender.sender.repeated_segments < world.sender.sender.sent_segments / 10


def test_a_clear_path_repeats_nothing() -> None:
    for size in (0, 1, CHUNK_SIZE, 1_000_000):
        world = World(content_of(size))
        assert world.run() == DELIVERED
        assert world.sender.sender is not None
        assert world.sender.sender.repeated_segments == 0


def test_every_buffer_is_given_back() -> None:
    """Also those of chunks that were sent several times."""
    held = 0
    for seed in range(20):
        world = World(content_of(300_000), Weather(loss=0.2, corrupt=0.001), Weather(loss=0.2), seed)
        assert world.run() == DELIVERED, seed
        assert world.sender.sender is not None
        # The receipt may be there before the last acknowledgements, and then the transfer is over.
        unacknowledged = len(world.sender.sender._flights)
        assert world.geometry.chunks - world.memory.released == unacknowledged, seed
        held += unacknowledged
    assert held < 20, "in most of them nothing"


def test_the_same_seed_gives_the_same_transfer() -> None:
    worlds = [any_world(7, [300_000], (0.01,)) for _ in range(2)]
    assert worlds[0].run() == worlds[1].run()
    assert [(sent.at, sent.target, sent.data) for sent in worlds[0].captured] == [
        (sent.at, sent.target, sent.data) for sent in worlds[1].captured
    ]


def test_a_slow_disk_delays_the_receipt_and_not_the_end() -> None:
    """Nor does either side wake up more often than it has something to do while the other one waits."""
    world = World(content_of(100_000), finish_seconds=40.0)
    assert world.run() == DELIVERED
    assert 40 < world.seconds < 41


def test_while_the_disk_takes_its_time_lost_acknowledgements_are_repeated() -> None:
    """The sender asks once, learns that all is there, and takes it for no broken path. Nor is every segment answered
    on its own."""
    world = World(content_of(1_000_000), finish_seconds=3.0)
    complete = time_when_all_is_there(world)
    lost = Weather(outages=((complete - 0.003, complete + 0.03),))
    world = World(content_of(1_000_000), backward=lost, finish_seconds=3.0)
    late: List[Sent] = []
    world.watch = lambda sent: late.append(sent) if sent.at > complete + 0.03 and sent.data[0] < CONTROL else None
    world.run(complete + 1.0)
    assert world.sender.state is State.FINISHING
    assert {sent.data[0] for sent in late} == {3}
    for step in range(100):  # ten times the same segment each millisecond
        repeated = [late[0].data]
        for _ in range(10):
            world.at(world.seconds + 0.001 * step, world.arrive, SENDER, RECEIVER, repeated)
    before = len(world.captured)
    world.run(world.seconds + 0.2)
    assert 45 <= len(world.captured) - before <= 105
    assert world.run() == DELIVERED


def time_when_all_is_there(world: World) -> float:
    while world.receiver.state is not State.FINISHING:
        world.run(world.seconds + 0.0005)
    return world.seconds


@pytest.mark.parametrize(("lost_from", "finish_seconds"), [(0.015, 0.0), (0.05, 0.04)])
def test_a_receipt_that_is_lost_is_repeated_without_haste(lost_from: float, finish_seconds: float) -> None:
    """The receiver repeats it six times in five seconds, then only when it is asked, until the sender has given up."""
    world = World(content_of(1), backward=Weather(outages=((lost_from, 100.0),)), finish_seconds=finish_seconds)
    receipts = []
    world.watch = lambda sent: (
        receipts.append(sent.at) if sent.source == RECEIVER and len(sent.data) == RECEIPT else None
    )
    assert world.run() == Outcome("peer_gone", "done", is_right=True)
    repeated = [round(at - receipts[0], 3) for at in receipts]
    assert set(repeated) >= {0.0, 0.1, 0.3, 0.7, 1.5, 3.0, 5.0}
    assert len(repeated) <= 7 + SILENCE_MAX
    assert world.receiver.is_forgotten(world.now + 1)
    assert world.sender.failure is not None
    assert world.sender.failure.is_ours

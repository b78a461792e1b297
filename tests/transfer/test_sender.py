"""What is sent when: never more on its way than the window, never faster than the pace, and probes in silence."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import List, Tuple

import pytest

from messenger.transfer.datagram import Ack
from messenger.transfer.endpoint import SILENCE_MAX
from messenger.transfer.flights import Batch
from messenger.transfer.geometry import CHUNK_SIZE, FLIGHTS_MAX, SEGMENT_SIZES, Geometry, segments_in
from messenger.transfer.rtt import FIRST_TIMEOUT, RoundTrip
from messenger.transfer.sender import (
    BATCH_SECONDS,
    PACE_SLACK_SECONDS,
    PROBE_BATCHES,
    PROBE_INTERVAL_MAX,
    PROBE_SEGMENTS,
    Sender,
)
from messenger.transfer.turns import Turns
from tests.transfer.files import Memory, content_of, secrets_for
from tests.transfer.fixed import Fixed
from tests.transfer.world import DELIVERED, Weather, World

Timed = List[Tuple[float, Batch]]


def sender_with(window: int, rate: float, kind: int = 0, chunks: int = 100, allowance: int = 10**9) -> Sender:
    geometry = Geometry(chunks * CHUNK_SIZE)
    memory = Memory(bytes(geometry.size), geometry, secrets_for(1))
    return Sender(geometry, iter(range(chunks)), memory, Fixed(window, rate), RoundTrip(), kind, allowance)


def size_of(batch: Batch) -> int:
    return segments_in(batch.mask) * SEGMENT_SIZES[batch.flight.kind]


def sent(sender: Sender, start: float, end: float) -> Timed:
    """Ask for batches at the deadlines and no other time, and nothing comes back."""
    now, batches = start, []
    for _ in range(100_000):
        batch = sender.next_batch(now)
        if batch is not None:
            batches.append((now, batch))
            continue
        now = max(now, sender.deadline())
        if now >= end:
            return batches
    raise AssertionError("it never waits")


@pytest.mark.parametrize(
    ("kind", "fits", "first"),
    [
        (0, 20, 20),
        (0, 54, 54),
        (0, 100, 54),
        (0, 207, 162),
        (0, 415, 378),
        (0, 416, 416),
        (0, 430, 416),
        (3, 6, 6),
        (3, 13, 7),
        (3, 28, 28),
        (3, 55, 49),
        (3, 56, 56),
    ],
)
def test_a_batch_of_more_than_one_call_to_the_kernel_fills_each(kind: int, fits: int, first: int) -> None:
    """Or is a whole chunk: the receiver puts together what it gets in one batch."""
    size = SEGMENT_SIZES[kind]
    sender = sender_with(4 * fits * size, 1e12, kind)
    batch = sender.next_batch(0.0)
    assert batch is not None
    assert segments_in(batch.mask) == first


@pytest.mark.parametrize("window", [1200, 2400, 5000, 77_000, 1_000_000])
@pytest.mark.parametrize("rate", [50_000.0, 10_000_000.0])
def test_no_more_than_the_window_is_on_its_way(window: int, rate: float) -> None:
    sender = sender_with(window, rate)
    batches = sent(sender, 0.0, FIRST_TIMEOUT - 0.001)
    assert sender.in_flight == sum(size_of(batch) for _, batch in batches) <= window
    if rate > 4 * window:
        assert sender.in_flight > window * 0.7


def test_a_window_smaller_than_a_segment_lets_one_go() -> None:
    assert len(sent(sender_with(500, 1e6), 0.0, 0.2)) == 1


def test_no_more_is_on_its_way_than_the_receiver_has_room_for() -> None:
    sender = sender_with(10**9, 1e9, allowance=50_000)
    sent(sender, 0.0, 0.2)
    assert 37_000 < sender.in_flight <= 50_000


def test_no_more_chunks_are_begun_than_fit_the_memory_of_both_sides() -> None:
    sender = sender_with(10**9, 1e9, kind=3, chunks=FLIGHTS_MAX + 50)
    assert {batch.flight.chunk for _, batch in sent(sender, 0.0, 0.2)} == set(range(FLIGHTS_MAX))


@pytest.mark.parametrize("rate", [20_000.0, 1e6, 30e6, 500e6])
@pytest.mark.parametrize("kind", [0, 3])
def test_the_pace_is_kept_within_the_slack(rate: float, kind: int) -> None:
    """At every time: no more than the pace gives in that time and two milliseconds, and a batch; nor less."""
    sender = sender_with(10**9, rate, kind, chunks=400)
    total = 0
    for now, batch in sent(sender, 7.0, 7.03):
        assert total <= rate * (now - 7.0 + PACE_SLACK_SECONDS) + 1
        total += size_of(batch)
    assert total >= rate * 0.03 - 1


@pytest.mark.parametrize("rate", [1e6, 30e6])
def test_a_batch_is_what_the_pace_allows_in_a_millisecond(rate: float) -> None:
    """A chunk at most, and what is left of a chunk at its end."""
    largest = max(size_of(batch) for _, batch in sent(sender_with(10**9, rate), 0.0, 0.02))
    assert rate * BATCH_SECONDS - 1200 < max(largest, 1200) <= max(rate * BATCH_SECONDS, 1200)


def test_a_late_timer_is_made_good_only_as_far_as_the_slack_goes() -> None:
    sender = sender_with(10**9, 1e6)
    sent(sender, 0.0, 0.01)
    at_once = [batch for now, batch in sent(sender, 0.1, 0.1001) if now == 0.1]
    assert sum(map(size_of, at_once)) <= 1e6 * PACE_SLACK_SECONDS + 1200


def test_in_silence_two_small_batches_go_out_ever_more_seldom() -> None:
    """After 0.3 s, as no round trip is known, then after twice that, and at last once a second."""
    sender = sender_with(60_000, 10e6)
    sent(sender, 0.0, 0.29)
    probes = sent(sender, 0.29, 6.0)
    times = sorted({round(now, 3) for now, batch in probes})
    assert times[0] == pytest.approx(FIRST_TIMEOUT, abs=0.01)
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert gaps[0] == pytest.approx(2 * FIRST_TIMEOUT, abs=0.01)
    assert gaps[2:] == pytest.approx([PROBE_INTERVAL_MAX] * len(gaps[2:]), abs=0.01)
    for moment in times:
        batches = [batch for now, batch in probes if round(now, 3) == moment]
        assert len(batches) <= PROBE_BATCHES
        assert all(segments_in(batch.mask) <= PROBE_SEGMENTS for batch in batches)


def test_after_three_probes_segments_shrink_and_the_controller_is_told() -> None:
    sender = sender_with(60_000, 10e6, kind=2)
    third = FIRST_TIMEOUT * 3 + PROBE_INTERVAL_MAX
    assert {batch.flight.kind for _, batch in sent(sender, 0.0, third - 0.01)} == {2}
    assert {batch.flight.kind for _, batch in sent(sender, third - 0.01, 5.0)} == {0}
    controller = sender._controller
    assert isinstance(controller, Fixed)
    assert controller.timeouts >= 2
    assert controller.segment == SEGMENT_SIZES[0]


def test_where_nothing_is_on_its_way_nothing_is_probed() -> None:
    sender = sender_with(10**9, 1e9, kind=3, chunks=1)
    batches = sent(sender, 0.0, 0.01)
    sender.on_ack(0.02, Ack(True, 1, 1, 1, batches[-1][1].number, 0, 0, 0, 0, 10**9, ()))
    assert sender.is_complete
    assert sender.deadline() == inf
    assert sent(sender, 0.02, 100.0) == []


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_the_window_holds_through_a_whole_transfer(loss: float) -> None:
    """Losses and all; probes may exceed it."""
    windows: List[Fixed] = []

    def make(segment: int, round_trip: RoundTrip) -> Fixed:
        windows.append(Fixed(30_000, 5e6))
        return windows[-1]

    world = World(content_of(600_000), Weather(loss=loss), Weather(loss=loss), 1, make_controller=make, kind_max=0)
    most: List[int] = []
    probes = PROBE_BATCHES * PROBE_SEGMENTS * SEGMENT_SIZES[0] if loss else 0
    world.watch = lambda _: most.append(world.sender.sender.in_flight if world.sender.sender else 0)
    assert world.run() == DELIVERED
    assert max(most) <= 30_000 + probes


def test_files_to_one_person_have_no_more_on_their_way_than_its_socket_has_room_for() -> None:
    """Each alone would fill what it has been given; together they take turns, and none waits for ever."""
    turns, woken, chunks = Turns(), [False, False, False], 40
    senders = []
    for number in range(3):
        geometry = Geometry(chunks * CHUNK_SIZE)
        memory = Memory(bytes(geometry.size), geometry, secrets_for(1))
        wake = partial(woken.__setitem__, number, True)
        fixed = Fixed(10**9, 1e12)
        senders.append(Sender(geometry, iter(range(chunks)), memory, fixed, RoundTrip(), 3, 800_000, turns, wake))
    gone: List[List[int]] = [[], [], []]
    now = 1.0
    for _ in range(1000):
        for number, sender in enumerate(senders):
            for batch in iter(partial(sender.next_batch, now), None):
                if batch.flight.sent == batch.flight.full:
                    gone[number].append(batch.flight.chunk)
            assert sum(one.in_flight for one in senders) <= turns.room <= 3 * 800_000
        if all(len(one) == chunks for one in gone):
            break
        now += 0.0001
        busiest = max(range(3), key=lambda number: senders[number].in_flight)
        count = len(gone[busiest])
        senders[busiest].on_ack(now, Ack(True, count, count, count, 0, 0, int(now * 1e6), count, 0, 800_000, ()))
    assert gone == [list(range(chunks))] * 3
    assert any(woken)
    senders[0].end()
    assert turns.room <= 2 * 800_000
    senders[1].end()
    senders[2].end()
    assert (turns.room, turns.in_flight, len(turns.queue)) == (0, 0, 0)


def test_a_file_that_nobody_answers_keeps_no_room_from_another_to_the_same_person() -> None:
    """Whose client was killed and is back, while the first file is not given up yet."""
    turns, woken = Turns(), [False, False]
    senders = []
    for number in range(2):
        geometry = Geometry(20 * CHUNK_SIZE)
        memory = Memory(bytes(geometry.size), geometry, secrets_for(1))
        wake = partial(woken.__setitem__, number, True)
        fixed = Fixed(10**9, 1e12)
        senders.append(Sender(geometry, iter(range(20)), memory, fixed, RoundTrip(), 3, 800_000, turns, wake))
    dead, other = senders
    while dead.next_batch(1.0) is not None:
        pass
    assert other.next_batch(1.0) is None
    now = 1.0
    while not woken[1]:
        now = max(now, dead.deadline())
        assert now < 1.0 + SILENCE_MAX
        dead.next_batch(now)
    assert turns.in_flight == 0 < dead.in_flight
    assert other.next_batch(now) is not None
    dead.on_ack(now, Ack(True, 1, 1, 1, 0, 0, int(now * 1e6), 1, 0, 800_000, ()))
    assert turns.in_flight == dead.in_flight + other.in_flight

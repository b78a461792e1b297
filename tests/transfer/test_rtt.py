"""Round trips: the averages of RFC 9002, and the smallest of several windows."""

from __future__ import annotations

import random

import pytest

from messenger.transfer.rtt import ACK_DELAY, BASE_GRAIN, BASE_SECONDS, FIRST_TIMEOUT, RECENT_SAMPLES, RoundTrip


def test_nothing_is_known_before_the_first_sample() -> None:
    trip = RoundTrip()
    assert not trip.has_sample
    assert trip.probe_timeout == FIRST_TIMEOUT
    assert trip.queue(5.0) == 0


def test_averages_are_those_of_rfc_9002() -> None:
    trip = RoundTrip()
    trip.update(1.0, 0.100)
    assert (trip.smoothed, trip.variation, trip.latest, trip.base) == (0.100, 0.050, 0.100, 0.100)
    trip.update(1.1, 0.180)
    assert trip.variation == pytest.approx(0.75 * 0.050 + 0.25 * 0.080)
    assert trip.smoothed == pytest.approx(0.110)
    assert trip.latest == 0.180
    assert trip.base == 0.100
    assert trip.probe_timeout == pytest.approx(trip.smoothed + 4 * trip.variation + ACK_DELAY)


def test_the_timeout_leaves_room_for_the_grain_of_timers() -> None:
    trip = RoundTrip()
    for i in range(1000):
        trip.update(i * 0.001, 0.0001)
    assert trip.probe_timeout == pytest.approx(0.0001 + 0.001 + ACK_DELAY)


def test_the_base_is_forgotten_when_the_route_has_changed() -> None:
    trip = RoundTrip()
    trip.update(0.0, 0.010)
    now = 0.0
    while now < BASE_SECONDS - 0.1:
        now += 0.05
        trip.update(now, 0.050)
        assert trip.base == 0.010
    trip.update(BASE_SECONDS + 0.1, 0.050)
    assert trip.base == 0.050


@pytest.mark.parametrize("seed", range(5))
def test_windows_hold_the_smallest(seed: int) -> None:
    chance = random.Random(seed)
    trip = RoundTrip()
    samples = []
    now = 0.0
    for _ in range(2000):
        now += chance.expovariate(20)
        sample = 0.02 + chance.random() * chance.choice([0.001, 0.1])
        trip.update(now, sample)
        samples.append((now, sample))
        oldest = min(now - max(trip.smoothed / 2, 0.004), samples[-RECENT_SAMPLES:][0][0])
        assert trip.recent(now) == min(value for when, value in samples if when >= oldest)
        least = min(value for when, value in samples if when >= now - BASE_SECONDS - BASE_GRAIN)
        most = min(value for when, value in samples if when >= now - BASE_SECONDS + BASE_GRAIN)
        assert least <= trip.base <= most
        assert trip.base <= min(trip.standing, trip.recent(now))


def test_a_queue_is_what_the_last_half_round_trip_waited_at_least() -> None:
    trip = RoundTrip()
    for i in range(100):
        trip.update(i * 0.001, 0.020)
    for i in range(100, 140):
        trip.update(i * 0.001, 0.030 + (i % 3) * 0.002)
    assert trip.queue(0.140) == pytest.approx(0.010)
    trip.update(0.141, 0.021)
    assert trip.queue(0.141) == pytest.approx(0.001)


def test_a_machine_that_stood_still_is_no_queue() -> None:
    trip = RoundTrip()
    for i in range(100):
        trip.update(i * 0.001, 0.020)
    for late in (0.055, 0.040, 0.025):  # what had waited in the socket meanwhile
        trip.update(0.140, late)
        assert trip.queue(0.140) == 0


def test_memory_is_bounded_at_any_rate() -> None:
    trip = RoundTrip()
    for i in range(100_000):
        trip.update(i * 0.0004, 0.001 + i * 1e-9)  # each above the one before: none can be dropped for a smaller
    assert len(trip._bases) <= BASE_SECONDS / BASE_GRAIN + 2
    assert len(trip._recent) <= 20


def test_steady_samples_have_no_jitter_and_unsteady_ones_have() -> None:
    steady, unsteady = RoundTrip(), RoundTrip()
    chance = random.Random(1)
    for i in range(5000):
        steady.update(i * 0.001, 0.020)
        unsteady.update(i * 0.001, 0.020 + 0.002 * (i // 20 % 3) + 0.0001 * chance.random())
    assert steady.jitter == 0
    assert 0.0005 < unsteady.jitter < 0.004

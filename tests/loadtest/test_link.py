"""The simulated network: what a queue of so many bytes and a wire of that rate do to packets, and weather on top."""

from __future__ import annotations

from math import inf
from typing import Any, List, Sequence, Tuple

import pytest

from loadtest.link import HEADER, Bursts, Conditions, Network, Packets, Path

SIZE = 1000 - HEADER


class Script:
    """Sends so many packets at given times."""

    def __init__(self, *script: Tuple[float, int]) -> None:
        self._script = list(script)
        self.count = 0

    def receive(self, now: float, packets: Sequence[Any]) -> None:
        """Nothing is sent back."""

    def poll(self, now: float) -> Packets:
        packets: Packets = []
        while self._script and self._script[0][0] <= now:
            for _ in range(self._script.pop(0)[1]):
                packets.append((self.count.to_bytes(4, "big"), SIZE))
                self.count += 1
        return packets

    def deadline(self, now: float) -> float:
        return self._script[0][0] if self._script else inf


class Sink:
    """Keeps what arrives, and when."""

    def __init__(self) -> None:
        self.arrived: List[Tuple[float, bytes]] = []

    def receive(self, now: float, packets: Sequence[bytes]) -> None:
        self.arrived.extend((now, packet) for packet in packets)

    def poll(self, now: float) -> Packets:
        return []

    def deadline(self, now: float) -> float:
        return inf

    @property
    def numbers(self) -> List[int]:
        return [int.from_bytes(packet, "big") for _, packet in self.arrived]


def send(path: Path, *script: Tuple[float, int], seed: int = 1) -> Tuple[Sink, Network]:
    network, sink = Network(path, seed), Sink()
    network.add(Script(*script), sink)
    network.run(100.0)
    return sink, network


def many(conditions: Conditions) -> Sink:
    """Send 10,000 packets, ten at a time."""
    path = Path(1e9, 0.01, 1e9, forward=conditions)
    return send(path, *((0.001 * i, 10) for i in range(1000)))[0]


def test_packets_leave_at_the_rate_and_arrive_after_the_delay() -> None:
    sink, _ = send(Path(rate=1e5, delay=0.05, queue=1e6), (1.0, 1), (2.0, 3))
    assert [when for when, _ in sink.arrived] == pytest.approx([1.06, 2.06, 2.07, 2.08])


def test_what_leaves_within_a_millisecond_arrives_together() -> None:
    sink, _ = send(Path(rate=4e6, delay=0.05, queue=1e6), (1.0, 10))
    assert sorted({round(when, 6) for when, _ in sink.arrived}) == [1.051, 1.052, 1.0525]
    assert sink.numbers == list(range(10))


def test_what_does_not_fit_the_queue_is_dropped_from_its_tail() -> None:
    sink, network = send(Path(rate=1e6, delay=0.05, queue=5000), (0.0, 20), (0.003, 20))
    assert sink.numbers == [0, 1, 2, 3, 4, 20, 21, 22]
    assert network.dropped == 32


def test_flows_share_one_queue() -> None:
    network, sinks = Network(Path(rate=1e6, delay=0.05, queue=5000)), [Sink(), Sink()]
    for sink in sinks:
        network.add(Script((0.0, 4)), sink, start=0.0)
    network.run(1.0)
    assert [len(sink.arrived) for sink in sinks] == [4, 1]


def test_the_rate_changes_even_for_what_is_queued() -> None:
    sink, _ = send(Path(rate=1e5, delay=0.0, queue=1e6, changes=((0.1, 1e4), (1.1, 1e5))), (0.0, 30))
    times = [when for when, _ in sink.arrived]
    assert times[9] == pytest.approx(0.1)
    assert times[19] == pytest.approx(1.1)
    assert times[29] == pytest.approx(1.2)


def test_the_queue_is_sampled() -> None:
    _, network = send(Path(rate=1e6, delay=0.0, queue=1e6), (0.0, 100), (0.0501, 0), (0.2, 0))
    assert network.queued[10] == pytest.approx(0.050, abs=0.001)
    assert network.queued[-1] == 0


def test_loss_is_as_frequent_as_told_and_the_same_for_the_same_seed() -> None:
    arrived = many(Conditions(loss=0.05)).numbers
    assert 9350 < len(arrived) < 9650
    assert arrived == many(Conditions(loss=0.05)).numbers == sorted(set(arrived))


def test_bursts_are_as_frequent_and_as_long_as_told() -> None:
    arrived = set(many(Conditions(bursts=Bursts(100, 10))).numbers)
    lost = [number for number in range(10_000) if number not in arrived]
    bursts = sum(number - 1 not in set(lost) for number in lost)
    assert 600 < len(lost) < 1250
    assert 60 < bursts < 130


def test_duplicates_and_late_packets_come_in_other_order() -> None:
    sink = many(Conditions(duplicate=0.1, reorder=0.1))
    assert set(sink.numbers) == set(range(10_000))
    assert 10_800 < len(sink.numbers) < 11_200
    assert sink.numbers != sorted(sink.numbers)


def test_damage_changes_a_byte() -> None:
    sink = many(Conditions(corrupt=0.1))
    assert len(sink.numbers) == 10_000
    assert 850 < sum(number != i for i, number in enumerate(sink.numbers)) < 1150


def test_jitter_keeps_the_order() -> None:
    sink = many(Conditions(jitter=0.01))
    assert sink.numbers == list(range(10_000))
    assert max(when for when, _ in sink.arrived) > 1.02


def test_a_blackhole_swallows_what_is_sent_meanwhile() -> None:
    sink, _ = send(
        Path(1e6, 0.5, 1e6, forward=Conditions(blackholes=((1.0, 2.0),))), *((0.1 * i, 1) for i in range(30))
    )
    assert sink.numbers == [*range(10), *range(20, 30)]

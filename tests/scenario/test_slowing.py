"""Slowed programs run for moments while somebody looks on, and stand otherwise."""

from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import List, Tuple

import pytest

from messenger.scenario import slowing
from messenger.scenario.slowing import Pace

STOP, CONT = int(signal.SIGSTOP), int(signal.SIGCONT)


class Watch:
    """A clock that only sleep moves, and the signals that were sent, each with its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.sent: List[Tuple[int, float]] = []
        monkeypatch.setattr(slowing, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self.sleep))
        self.pace = Pace(lambda number: self.sent.append((int(number), self.now)))

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def ran(self) -> float:
        """For how long it has run, as far as it stands again."""
        return sum(until - since for (_, since), (_, until) in zip(self.sent[1::2], self.sent[2::2]))


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_a_slow_program_stands_unless_somebody_looks_and_then_runs_a_small_part_of_the_time(watch: Watch) -> None:
    watch.pace.change("slow")
    watch.sleep(100)
    assert watch.sent == [(STOP, 0)]
    began = watch.now
    for _ in range(10_000):
        watch.pace.let_run()
        watch.sleep(0.001)
    assert 0.02 < watch.ran() / (watch.now - began) < 0.1
    assert [number for number, _ in watch.sent[1:]] == [CONT, STOP] * (len(watch.sent) // 2)


@pytest.mark.parametrize(("what", "number"), [("pause", STOP), ("resume", CONT)])
def test_it_is_slow_no_longer_once_it_is_to_stand_or_to_run(watch: Watch, what: str, number: int) -> None:
    watch.pace.change("slow")
    watch.pace.change(what)
    watch.sleep(100)
    watch.pace.let_run()
    assert [sent for sent, _ in watch.sent] == [STOP, number]


def test_a_program_that_nobody_slows_is_left_alone(watch: Watch) -> None:
    watch.pace.let_run()
    assert watch.sent == []

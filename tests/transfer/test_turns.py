"""Several files to one person take turns: what the receiver has room for is never exceeded, and nobody is forgotten."""

from __future__ import annotations

import random
from collections import Counter
from math import inf
from typing import Callable, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.transfer.geometry import CHUNK_SIZE
from messenger.transfer.turns import TURN_BYTES, Turn, Turns

ROOM = 6 * TURN_BYTES
TURN = TURN_BYTES // CHUNK_SIZE


class Files:
    """Files that send chunks whenever they may, each with so many left, and are woken as `Turn` says."""

    def __init__(self, room: int, chunks: List[int]) -> None:
        self.turns = Turns()
        self.left = dict(enumerate(chunks))
        self.flying: Dict[int, int] = dict.fromkeys(self.left, 0)
        self.woken: List[int] = []
        self.sent: List[int] = []
        """Which file sent each chunk."""
        self.now = 0.0
        self.files = {number: Turn(self.turns, self._waker(number)) for number in self.left}
        for file in self.files.values():
            file.grant(-(-room // len(chunks)))

    def poll(self, number: int) -> None:
        """Send what may be sent now."""
        while self.left[number]:
            if not self.files[number].may_send(self.now, CHUNK_SIZE):
                return
            assert self.turns.in_flight + CHUNK_SIZE <= max(self.turns.room, CHUNK_SIZE)
            self.left[number] -= 1
            self.sent.append(number)
            self._note(number, 1)
        self.files[number].give_up()

    def acknowledge(self, number: int, chunks: int) -> None:
        """Have chunks arrive, and everybody who is woken send."""
        self.now += 0.001
        self._note(number, -min(chunks, self.flying[number]))
        self.poll(number)
        self.run_woken()

    def run_woken(self) -> None:
        while self.woken:
            number = self.woken.pop()
            assert self.files[number].is_called
            assert self.files[number].deadline(inf) == -inf
            self.poll(number)
            assert not self.files[number].is_called

    def _note(self, number: int, chunks: int) -> None:
        self.flying[number] += chunks
        self.files[number].note(self.flying[number] * CHUNK_SIZE)

    def _waker(self, number: int) -> Callable[[], None]:
        return lambda: self.woken.append(number)


def test_alone_a_file_sends_as_much_as_there_is_room_for() -> None:
    files = Files(10 * CHUNK_SIZE, [100])
    files.poll(0)
    assert len(files.sent) == 10
    files.acknowledge(0, 3)
    assert len(files.sent) == 13


def test_when_nothing_is_on_its_way_anything_may_be_sent() -> None:
    """A room smaller than a batch would stop the file for ever."""
    files = Files(1, [3])
    for number in range(1, 4):
        files.poll(0)
        assert len(files.sent) == number
        files.acknowledge(0, 1)


def test_each_of_a_hundred_sends_whole_turns_one_after_the_other() -> None:
    files = Files(ROOM, [10 * TURN] * 100)
    for number in files.left:
        files.poll(number)
    assert files.sent[: 6 * TURN] == [0] * 6 * TURN, "nobody waited yet"
    for _ in range(6):
        files.acknowledge(0, TURN)
    later = files.sent[6 * TURN :]
    assert later == [number for number in range(6) for _ in range(TURN)]


def test_a_turn_begins_only_when_there_is_room_for_all_of_it() -> None:
    """Or each would send one chunk and wait for one acknowledgement."""
    files = Files(ROOM, [6 * TURN, TURN, TURN])
    for number in files.left:
        files.poll(number)
    files.acknowledge(0, TURN - 1)
    assert set(files.sent) == {0}
    files.acknowledge(0, 1)
    assert files.sent[-TURN:] == [1] * TURN


def test_who_has_nothing_to_send_any_more_keeps_nobody_waiting() -> None:
    files = Files(ROOM, [6 * TURN, TURN, TURN])
    for number in files.left:
        files.poll(number)
    files.left[1] = 0
    files.acknowledge(0, TURN)
    assert files.sent[-TURN:] == [2] * TURN


@pytest.mark.parametrize("is_called", [False, True])
def test_who_leaves_keeps_nobody_waiting_and_its_room_goes_with_it(is_called: bool) -> None:
    files = Files(ROOM, [6 * TURN, TURN, TURN])
    for number in files.left:
        files.poll(number)
    if is_called:
        files._note(0, -TURN)
        assert files.woken == [1]
        files.woken.clear()
    files.files[1].leave()
    assert files.turns.room == ROOM * 2 // 3
    files.acknowledge(0, 4 * TURN)
    assert files.sent[-TURN:] == [2] * TURN
    files.files[1].note(10**9)
    files.files[1].grant(10**9)
    assert files.turns.room == ROOM * 2 // 3, "it is heard no more"


def test_who_had_to_wait_for_others_may_make_good_for_that() -> None:
    turns = Turns()
    first, second = Turn(turns, lambda: None), Turn(turns, lambda: None)
    for turn in (first, second):
        turn.grant(CHUNK_SIZE // 2)
    assert first.may_send(1.0, CHUNK_SIZE)
    assert first.held_since == inf
    first.note(CHUNK_SIZE)
    assert not second.may_send(2.0, CHUNK_SIZE)
    assert not first.may_send(2.5, CHUNK_SIZE)
    first.note(0)
    assert second.may_send(3.0, CHUNK_SIZE)
    assert second.held_since == 2.0
    second.note(CHUNK_SIZE)
    second.note(0)
    assert first.may_send(4.0, CHUNK_SIZE)
    assert first.held_since == inf, "nobody else waits: its own pace is what counts"


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.integers(1, 20 * CHUNK_SIZE),
    st.integers(0, 2**32),
)
def test_whatever_arrives_when_everything_is_sent_and_shares_are_even(chunks: List[int], room: int, seed: int) -> None:
    chance = random.Random(seed)
    files = Files(room, chunks)
    for number in files.left:
        files.poll(number)
        files.run_woken()
    for _ in range(sum(chunks) * 3 + 10):
        flying = [number for number, count in files.flying.items() if count]
        if not flying:
            break
        files.acknowledge(chance.choice(flying), chance.randint(1, 5))
    assert Counter(files.sent) == dict(enumerate(chunks))
    assert files.turns.in_flight == 0
    assert not files.turns.queue

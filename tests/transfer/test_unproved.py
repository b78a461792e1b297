"""Addresses that have not proved themselves: bounds that all transfers with one user share, and no waiting for them
where there is a proof."""

from __future__ import annotations

from collections import Counter
from typing import List

import pytest

from messenger.transfer.outgoing import HELLO_DELAYS, OPENING_SECONDS
from messenger.transfer.unproved import ADDRESSES_MAX, PROVED_SECONDS, UNPROVED_MAX, UNPROVED_SECONDS, Unproved
from tests.transfer.files import content_of
from tests.transfer.world import BEGINNING, DELIVERED, RECEIVER, SENDER, Weather, World

CONTENT = content_of(200_000)
DEAD = Weather(outages=((0.0, 100.0),))


class Asker:
    """A transfer that counts how often it is woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


def worlds(count: int, forward: Weather, addresses: List[int]) -> List[World]:
    """Return transfers that one client sends to one user."""
    account = Unproved()
    made = [World(CONTENT, forward, salt=salt, addresses=addresses) for salt in range(count)]
    for world in made:
        world.sender._unproved = account
    return made


def test_many_transfers_to_an_address_bother_it_as_one_does() -> None:
    made = worlds(20, DEAD, [7, 8])
    for world in made:
        world.run(until=OPENING_SECONDS)
        assert world.sender.failure is not None
        assert world.sender.failure.code == "no_path"
    counts = Counter(sent.target for world in made for sent in world.captured if sent.target in (7, 8))
    assert counts == {7: UNPROVED_MAX, 8: UNPROVED_MAX}


def test_transfers_that_wait_begin_when_the_address_has_proved_itself_to_another() -> None:
    """Only one asks at first; what it hears is enough for all."""
    made = worlds(20, Weather(), [RECEIVER, 7])
    for world in made:
        world.run(until=0.0)
    assert [len(world.captured) > 0 for world in made] == [True] + [False] * 19
    made[0].run(until=0.05)
    for world in made[1:]:
        world.now = made[0].now
        world._poll(1)  # as the engine does when they are woken
        assert world.captured[0].at == pytest.approx(made[0].seconds)
        assert world.run() == DELIVERED
    assert sum(sent.target == 7 for world in made for sent in world.captured) <= UNPROVED_MAX


def test_where_another_has_found_the_receiver_a_file_asks_first() -> None:
    (world,) = worlds(1, Weather(), [7, RECEIVER, 8])
    world.sender._unproved.prove(world.now, RECEIVER)
    assert world.run() == DELIVERED
    assert {sent.target for sent in world.captured if sent.source == SENDER} == {RECEIVER}


def test_when_it_is_not_there_any_more_a_file_asks_everywhere() -> None:
    (world,) = worlds(1, Weather(), [7, RECEIVER, 8])
    world.sender._unproved.prove(world.now, 7)
    assert world.run() == DELIVERED
    asked = [sent.target for sent in world.captured if sent.source == SENDER and sent.at < 0.1]
    assert set(asked) == {7}
    assert world.seconds < HELLO_DELAYS[1] + 0.3


def test_when_the_one_that_asks_ends_another_asks() -> None:
    first, second = worlds(2, Weather(), [RECEIVER])
    first.run(until=0.0)
    second.run(until=0.0)
    first.sender.fail(first.now, "cancelled", "not wanted any more")
    second._poll(1)
    assert second.run() == DELIVERED


def test_one_that_asks_lets_others_answer() -> None:
    """Who sends us a Hello has asked for what it gets."""
    account, asker, other = Unproved(), Asker(), Asker()
    assert account.may_tell(0.0, "a", asker)
    assert not account.may_tell(0.0, "a", other)
    assert account.may_tell(0.0, "a")
    assert account.may_tell(0.0, "a", asker)
    account.leave(asker)
    assert other.woken == 1
    assert account.may_tell(0.0, "a", other)


def test_one_that_waits_for_a_file_does_not_keep_one_that_sends_waiting() -> None:
    """It knocks twice, and its sender may never be heard."""

    class Knocker(Asker):
        """A transfer in the other direction."""

    account = Unproved()
    assert account.may_tell(0.0, "a", Knocker())
    assert account.may_tell(0.0, "a", Asker())
    assert not account.may_tell(0.0, "a", Knocker())


def test_the_bound_holds_for_some_seconds() -> None:
    """Then a path may have been opened: who tries again, half a minute later, must not be told that there is none."""
    account, asker = Unproved(), Asker()
    told = [account.may_tell(BEGINNING + second, "a", asker) for second in range(9) for _ in range(5)]
    assert told == [True] * UNPROVED_MAX + [False] * 35
    assert not account.may_tell(BEGINNING + UNPROVED_SECONDS - 0.01, "a", asker)
    assert account.may_tell(BEGINNING + UNPROVED_SECONDS, "a", asker)


def test_so_many_addresses_are_bothered_and_no_more() -> None:
    account = Unproved()
    assert sum(account.may_tell(0.0, number) for number in range(ADDRESSES_MAX + 9)) == ADDRESSES_MAX
    account.prove(0.0, 0)
    assert account.may_tell(0.0, "one more")
    assert not account.may_tell(0.0, "two more")


def test_a_proof_counts_for_a_minute() -> None:
    account = Unproved()
    account.prove(0.0, "a")
    assert all(account.may_tell(PROVED_SECONDS - 0.01, "a") for _ in range(100))
    assert not account.is_settled(PROVED_SECONDS - 0.01)
    assert account.is_settled(PROVED_SECONDS)
    assert [account.may_tell(PROVED_SECONDS, "a") for _ in range(11)] == [True] * 10 + [False]

"""Accounts that nobody shares, over all workers."""

from __future__ import annotations

import json
import threading
from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.load.accounts import FarPool, Lender, Pool, TooFewAccounts, Wish
from messenger.load.people import Account
from tests.support.waiting import eventually

FOUR = [Account(str(number), "x") for number in range(4)]


class Worker(FarPool):
    """A worker whose master answers at once, by what can be sent."""

    def __init__(self, lender: Lender) -> None:
        super().__init__(self._ask)
        self._lender = lender

    def _ask(self, wish: Wish) -> None:
        answer = self._lender.answer(json.loads(json.dumps(wish)))
        if answer is not None:
            self.take_answer(json.loads(json.dumps(answer)))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5), st.booleans()), max_size=30))
def test_no_two_workers_ever_have_the_same_account(steps: List[Tuple[int, int, bool]]) -> None:
    accounts = [Account(str(number), "x") for number in range(12)]
    lender = Lender(accounts)
    workers = [Worker(lender) for _ in range(3)]
    held: List[List[Account]] = [[], [], []]
    for number, count, gives_back in steps:
        if gives_back:
            workers[number].give_back(held[number])
            held[number] = []
        elif count > len(accounts) - sum(map(len, held)):
            with pytest.raises(TooFewAccounts):
                workers[number].take(count)
        else:
            held[number] += workers[number].take(count)
        taken = [one for part in held for one in part]
        assert len({*taken}) == len(taken)


def test_one_worker_may_need_all_accounts() -> None:
    """Locust deals out users: of one group of a hundred, a single worker has everybody."""
    assert Worker(Lender(FOUR)).take(4) == FOUR


def test_what_a_run_before_gives_back_is_not_given_out_twice() -> None:
    before = Worker(Lender(FOUR))
    held = before.take(4)
    before._lender = lender = Lender(FOUR)
    worker = Worker(lender)
    assert worker.take(4) == FOUR
    before.give_back(held)
    with pytest.raises(TooFewAccounts):
        worker.take(1)


def test_an_answer_that_nobody_waits_for_goes_back() -> None:
    lender = Lender(FOUR)
    sent: List[Wish] = []
    worker = FarPool(sent.append)
    asking = threading.Thread(target=lambda: worker.take(4), daemon=True)
    asking.start()
    eventually(lambda: bool(sent), what="it has asked")
    answer = lender.answer(sent[0])
    assert answer is not None
    worker.take_answer(answer)
    asking.join(5)
    worker.take_answer(answer)  # as if who asked had been stopped
    assert lender.answer(sent[1]) is None
    assert Worker(lender).take(4) == FOUR


def test_an_account_is_given_out_once() -> None:
    pool = Pool([Account("a", "1"), Account("b", "2"), Account("c", "3")])
    first = pool.take(2)
    with pytest.raises(TooFewAccounts, match="2 more accounts are needed, and 1 are left"):
        pool.take(2)
    pool.give_back(first)
    assert [one.name for one in pool.take(3)] == ["c", "a", "b"]

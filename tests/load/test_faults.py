"""Faults, and accounts that nobody shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.errors import ConfigError
from messenger.load.accounts import Pool, TooFewAccounts, slices
from messenger.load.faults import impairment_of, number_of
from messenger.load.people import Account
from messenger.load.relay import Impairment


def test_numbers_have_units() -> None:
    assert [number_of(text) for text in ("10%", "20ms", "3s", "0.5")] == [0.1, 0.02, 3, 0.5]
    for text in ("", "x", "5 %", "-1"):
        with pytest.raises(ConfigError, match="expected a number"):
            number_of(text)


def test_an_impairment_is_read() -> None:
    assert impairment_of("loss=5% delay=20ms reorder=2%") == Impairment(loss=0.05, delay=0.02, reorder=0.02)
    with pytest.raises(ConfigError, match="udp has loss"):
        impairment_of("los=5%")


@given(st.integers(0, 100), st.integers(1, 8))
def test_workers_get_accounts_of_their_own(count: int, workers: int) -> None:
    accounts = [Account(str(number), "x") for number in range(count)]
    given_out = slices(accounts, workers)
    assert len(given_out) == workers
    assert sorted(one for part in given_out for one in part) == sorted(accounts)
    assert max(map(len, given_out)) - min(map(len, given_out)) <= 1


def test_an_account_is_given_out_once() -> None:
    pool = Pool([Account("a", "1"), Account("b", "2"), Account("c", "3")])
    first = pool.take(2)
    with pytest.raises(TooFewAccounts, match="2 more accounts are needed, and 1 are left"):
        pool.take(2)
    pool.give_back(first)
    assert [one.name for one in pool.take(3)] == ["c", "a", "b"]

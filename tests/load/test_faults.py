"""Faults: what may be asked for, looked at before the start."""

from __future__ import annotations

import re

import pytest

from messenger.errors import ConfigError
from messenger.load.faults import impairment_of, seconds_of, share_of
from messenger.load.profiles import Fault, parse_fault
from messenger.load.relay import Impairment


def test_seconds_and_shares_have_units_or_none() -> None:
    assert [seconds_of(text) for text in ("2", "2s", "20ms", "0.5")] == [2, 2, 0.02, 0.5]
    assert [share_of(text) for text in ("10%", "0.1", "1", "100%", "0")] == [0.1, 0.1, 1, 1, 0]
    for text in ("", "x", "5 %", "-1", "10%", "²"):
        with pytest.raises(ConfigError, match="expected seconds"):
            seconds_of(text)
    for text in ("", "x", "2", "101%", "1s", "²"):
        with pytest.raises(ConfigError, match="expected a share"):
            share_of(text)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 pause-server soon", "pause-server: expected seconds, like 3s or 20ms, not 'soon'"),
        ("1 pause-server 10%", "pause-server: expected seconds"),
        ("1 kill-clients ten", "kill-clients: expected a share, like 10%, not 'ten'"),
        ("1 kill-clients 10", "expected a share"),
        ("1 pause-receivers 50%", "pause-receivers: expected seconds"),
        ("1 pause-receivers 3s 50% more", "followed by 2 words at most"),
        ("1 restart-server now", "followed by no words at most"),
        ("1 udp loss=5s", "expected a share"),
        ("1 udp delay=5%", "expected seconds"),
        ("² kill-server", "a fault is SECONDS WHAT"),
    ],
)
def test_a_fault_that_is_not_understood_is_refused_when_it_is_read(line: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(reason)):
        parse_fault(line)


@pytest.mark.parametrize("how", ["", "2", "2s", "500ms"])
def test_a_pause_may_be_written_in_all_ways(how: str) -> None:
    assert parse_fault(f"1.5s pause-server {how}") == Fault(1.5, "pause-server", how)
    assert parse_fault(f"1.5 pause-receivers {how}".rstrip() + (" 10%" if how else "")).what == "pause-receivers"


def test_an_impairment_is_read() -> None:
    assert impairment_of("loss=5% delay=20ms reorder=2%") == Impairment(loss=0.05, delay=0.02, reorder=0.02)
    with pytest.raises(ConfigError, match="udp has loss"):
        impairment_of("los=5%")

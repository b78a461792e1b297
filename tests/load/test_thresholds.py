"""Thresholds: what may be asked for, and how it is judged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Optional, Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.errors import ConfigError
from messenger.load.thresholds import OPERATIONS, Threshold, judge, parse_threshold

REPORT: Dict[str, Any] = {
    "messages": {"all": {"sent": 100, "lost": 0, "duplicated": 2, "corrupted": 0, "misdelivered": 1}},
    "operations": {
        "delivery": {"count": 98, "failures": 0, "rate": 9.8, "p50": 900.0, "p99": 49_000.0, "max": 1e6},
        "ack": {"count": 98, "failures": 2},
        "login": {"count": 0, "failures": 7, "rate": None, "p99": None},
    },
    "files": {"goodput": None},
    "server": {"cpu_max": 0.5, "memory_max": 3e7},
    "generator": {"lag": 4000.0},
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("lost == 0", True),
        ("duplicated == 0", False),
        ("corrupted == 0", True),
        ("misdelivered == 0", False),
        ("sent >= 100", True),
        ("delivery.p99 < 50ms", True),
        ("delivery.p99<=48ms", False),
        ("delivery.p50 < 1000us", True),
        ("delivery.max <= 1s", True),
        ("delivery.count > 97", True),
        ("ack.failures <= 2%", True),
        ("ack.failures < 2%", False),
        ("ack.failures == 2", True),
        ("delivery.rate > 9", True),
        ("login.failures == 0", False),
        ("connection.failures == 0", True),
        ("login.p99 < 1s", False),
        ("files.goodput > 1MB/s", False),
        ("server.cpu < 0.8", True),
        ("server.memory < 100MB", True),
        ("server.memory < 20M", False),
        ("generator.lag < 50ms", True),
    ],
)
def test_a_threshold_is_kept_or_broken(text: str, kept: bool) -> None:
    judged = judge([parse_threshold(text)], REPORT)
    assert [(one.text, one.passed) for one in judged] == [(text, kept)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be like"),
        ("lost", "must be like"),
        ("lost = 0", "must be like"),
        ("delivery.p99 < fast", "must be like"),
        ("delivery.p99 < 50", "is a latency: give us, ms or s"),
        ("lost < 5ms", "is no latency"),
        ("lost < 5%", "only failures may be given in %"),
        ("connection.failures < 5%", "only failures may be given in %"),
        (
            "files.failures == 0",
            "nothing is called files.failures, as in .*: there is sent, acked, .* of connect, .*file,",
        ),
        ("logn.failures == 0", "nothing is called logn.failures"),
        ("failures == 0", "nothing is called failures"),
        ("login.p98 < 1s", "login has mean, p50, p90, p95, p99, p999, max, count, rate, failures"),
        ("delivery.failures == 0", "delivery has mean, .*, rate$"),
    ],
)
def test_what_is_no_threshold_is_told(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_threshold(text)


@given(st.text(max_size=30))
def test_any_text_is_a_threshold_or_refused(text: str) -> None:
    threshold: Optional[Threshold]
    try:
        threshold = parse_threshold(text)
    except ConfigError:
        threshold = None
    if threshold is not None:
        assert judge([threshold], REPORT)[0].text == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("login.p99 < 2s", "no login was measured"),
        ("login.rate < 5", "no login was measured"),
        ("refusal.p99 < 1s", "no refusal was measured"),
        ("refusal.failures <= 1%", "no refusal was measured"),
        ("files.goodput < 1GB/s", "no files.goodput was measured"),
    ],
)
def test_what_was_never_measured_is_not_kept_and_says_so(text: str, reason: str) -> None:
    (judged,) = judge([parse_threshold(text)], REPORT)
    assert (judged.value, judged.passed, judged.reason) == (None, False, reason)


def test_whatever_is_recorded_can_be_asked_for_and_nothing_else() -> None:
    source = "\n".join(path.read_text("utf-8") for path in Path("messenger/load").glob("*.py"))
    taken: Dict[str, Set[str]] = {"latency": set(), "failure": set()}
    for what, operation in re.findall(r"""\.(latency|failure|ask|_attempt)\(\s*"([a-z ]+)\"""", source):
        for one in ("latency", "failure") if what in ("ask", "_attempt") else (what,):
            taken[one].add(operation)
    assert taken["latency"] - {"generator lag"} == {name for name, figures in OPERATIONS.items() if "p99" in figures}
    assert taken["failure"] == {name for name, figures in OPERATIONS.items() if "failures" in figures}

"""Thresholds: what may be asked for, and how it is judged."""

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.errors import ConfigError
from messenger.load.thresholds import Threshold, judge, parse_threshold

REPORT: Dict[str, Any] = {
    "messages": {"all": {"sent": 100, "lost": 0, "duplicated": 2}},
    "operations": {"delivery": {"count": 98, "failures": 2, "rate": 9.8, "p50": 900.0, "p99": 49_000.0, "max": 1e6}},
    "files": {"goodput": None},
    "server": {"cpu_max": 0.5, "memory_max": 3e7},
    "generator": {"lag": 4000.0},
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("lost == 0", True),
        ("duplicated == 0", False),
        ("sent >= 100", True),
        ("delivery.p99 < 50ms", True),
        ("delivery.p99<=48ms", False),
        ("delivery.p50 < 1000us", True),
        ("delivery.max <= 1s", True),
        ("delivery.count > 97", True),
        ("delivery.failures <= 2%", True),
        ("delivery.failures < 2%", False),
        ("delivery.failures == 2", True),
        ("delivery.rate > 9", True),
        ("login.failures == 0", True),
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


def test_what_was_never_measured_is_not_kept() -> None:
    (judged,) = judge([parse_threshold("refusal.p99 < 1s")], REPORT)
    assert judged.value is None
    assert not judged.passed

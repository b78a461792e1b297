"""The generator's lag counts those who should have run while nothing did."""

from __future__ import annotations

from typing import List

import pytest

from messenger.load.lag import TICK_SECONDS, lags
from messenger.load.latencies import Histogram


def test_two_seconds_in_ten_in_which_nothing_ran_are_no_single_slow_tick() -> None:
    histogram = Histogram()
    ticks: List[float] = [2.0, *[0.0005] * round(8 / TICK_SECONDS)]
    for tick in ticks * 6:
        for late in lags(tick):
            histogram.record(late)
    assert histogram.percentile(99) > 1_800_000
    assert 18 < 100 * sum(late > TICK_SECONDS for tick in ticks for late in lags(tick)) / 200 < 22, (
        "a fifth of the time"
    )


def test_who_is_hardly_late_has_missed_nothing() -> None:
    assert [*lags(0.05, 0.05)] == [0.05]
    assert [*lags(0.12, 0.05)] == pytest.approx([0.12, 0.07, 0.02])

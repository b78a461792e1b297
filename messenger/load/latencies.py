"""Latencies in microseconds: exact enough histograms that can be added up, of a whole run and of each second."""

from __future__ import annotations

import math
from typing import Dict, Final, List, Mapping, Sequence

from hdrh.histogram import HdrHistogram

HIGHEST: Final = 3_600_000_000
"""An hour: what is longer counts as that."""

DIGITS: Final = 3
"""Significant digits of a value."""

_STEP: Final = math.log(1.05)


class Histogram:
    """All latencies of one kind (HdrHistogram)."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, HIGHEST, DIGITS)

    def record(self, seconds: float) -> None:
        """Add one."""
        self.record_number(seconds * 1e6)

    def record_number(self, value: float) -> None:
        """Add one that is no latency; percentiles are of the same unit then."""
        self._histogram.record_value(min(max(int(value), 1), HIGHEST))

    def add(self, other: Histogram) -> None:
        """Add those of another histogram."""
        self._histogram.add(other._histogram)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._histogram.get_total_count())

    def percentile(self, share: float) -> float:
        """Return, in microseconds, what so many per cent don't exceed; 0 if there are none."""
        return float(self._histogram.get_value_at_percentile(share)) if self.count else 0.0

    @property
    def mean(self) -> float:
        """Microseconds."""
        return float(self._histogram.get_mean_value()) if self.count else 0.0

    @property
    def highest(self) -> float:
        """Microseconds."""
        return float(self._histogram.get_max_value()) if self.count else 0.0

    def encode(self) -> str:
        """Return it as text, in the format of the HdrHistogram libraries of all languages."""
        return bytes(self._histogram.encode()).decode("ascii")

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """Return what `encode` was called on."""
        histogram = cls()
        histogram._histogram = HdrHistogram.decode(text.encode("ascii"))
        return histogram


class Sketch:
    """The latencies of one second, to 5 %, small enough to have one for each second of a day."""

    def __init__(self, counts: Mapping[int, int] = {}) -> None:
        self.counts: Dict[int, int] = dict(counts)

    def record(self, seconds: float) -> None:
        """Add one."""
        step = round(math.log(max(seconds * 1e6, 1.0)) / _STEP)
        self.counts[step] = self.counts.get(step, 0) + 1

    def add(self, counts: Mapping[int, int]) -> None:
        """Add the counts of another sketch."""
        for step, count in counts.items():
            self.counts[step] = self.counts.get(step, 0) + count

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def percentiles(self, shares: Sequence[float]) -> List[float]:
        """Return, in microseconds, what so many per cent each don't exceed."""
        total, found = self.count, []
        for share in shares:
            rest = max(1, math.ceil(total * share / 100))
            for step in sorted(self.counts):
                rest -= self.counts[step]
                if rest <= 0:
                    found.append(math.exp(step * _STEP))
                    break
            else:
                found.append(0.0)
        return found

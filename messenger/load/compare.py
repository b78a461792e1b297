"""Two runs side by side, pure: what changed, and whether that is more than chance.

Each second of the steady phase is one observation; the rank test of Mann and Whitney tells how likely two runs of the
same thing differ as much as these do. (Single latencies are no observations of their own: neighbours resemble each
other, and of a hundred thousand of them every difference is "significant".)
"""

from __future__ import annotations

import math
from typing import Any, Dict, Final, List, Mapping, NamedTuple, Sequence

LIKELY: Final = 0.01
"""Below this probability a difference is called one."""

_FIGURES: Final = ("count", "p50", "p99")


class Difference(NamedTuple):
    """One figure of both runs."""

    name: str
    before: float
    after: float
    unit: str
    """`µs`, or nothing."""
    probability: float
    """Of such a difference by chance; 1 where it cannot be told."""

    @property
    def is_real(self) -> bool:
        """Whether it is more than chance."""
        return self.probability < LIKELY

    @property
    def change(self) -> float:
        """Relative: 0.1 is 10 % more."""
        return (self.after - self.before) / self.before if self.before else 0.0 if not self.after else math.inf


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> List[Difference]:
    """Compare two reports (`messenger.load.results`): rates and latencies of each operation, and the server's load."""
    found: List[Difference] = []
    for name in before["operations"]:
        if name in after["operations"]:
            for figure in _FIGURES:
                one, two = _steady(before, name, figure), _steady(after, name, figure)
                unit = "" if figure == "count" else "µs"
                title = f"{name}, {'a second' if figure == 'count' else figure}"
                found.append(Difference(title, _median(one), _median(two), unit, rank_test(one, two)))
    for name in ("cpu", "memory"):
        one, two = before["server"].get(name, []), after["server"].get(name, [])
        if one and two:
            found.append(Difference(f"server {name}", _median(one), _median(two), "", rank_test(one, two)))
    fates: Dict[str, Any] = before["messages"]["all"]
    for name in ("lost", "duplicated", "reordered", "unfinished"):
        found.append(Difference(f"messages {name}", fates[name], after["messages"]["all"][name], "", 1.0))
    return found


def rank_test(one: Sequence[float], two: Sequence[float]) -> float:
    """Return the two-sided probability of the U test of Mann and Whitney (1947), by its normal approximation with
    correction for ties; 1 with fewer than five observations on a side."""
    if min(len(one), len(two)) < 5:
        return 1.0
    ranks = _ranks([*one, *two])
    n, m = len(one), len(two)
    total = n + m
    u = sum(ranks[:n]) - n * (n + 1) / 2
    ties = sum(count**3 - count for count in _counts([*one, *two]))
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def _steady(report: Mapping[str, Any], name: str, figure: str) -> List[float]:
    phases, seconds = report["phases"], report["seconds"]
    first, last = math.ceil(phases["ramp"]) + 1, math.floor(phases["ramp"] + phases["steady"])
    series = seconds.get(name, {"count": [], figure: []})
    return [
        value
        for time, count, value in zip(seconds["time"], series["count"], series[figure])
        if first <= time < last and (count or figure == "count")
    ]


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0


def _counts(values: Sequence[float]) -> List[int]:
    counts: Dict[float, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return list(counts.values())


def _ranks(values: Sequence[float]) -> List[float]:
    """Return the rank of each value from 1 on; equal ones share the mean of theirs."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for index in order[start:end]:
            ranks[index] = (start + 1 + end) / 2
        start = end
    return ranks

"""Two runs side by side, pure: what changed, and whether that is more than chance.

The steady phases are cut into blocks of 5 s, and the mean of each block is one observation: neighbouring seconds, let
alone single latencies, resemble each other, and of enough of them every difference is "significant". The rank test of
Mann and Whitney tells how likely blocks of the same thing differ as much as these do. As there are many figures, these
probabilities are corrected (Holm): of twenty comparisons of equals, one marks anything.

What is marked differs between these two runs. Whether that comes of what was changed, or of the hour or a neighbour on
the machine, only more runs of both can tell.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Final, List, Mapping, NamedTuple, Optional, Sequence

LIKELY: Final = 0.05
"""Below this probability, corrected, a difference is called one."""

BLOCK_SECONDS: Final = 5

BLOCKS_MIN: Final = 5
"""Blocks of each run below which nothing is said."""


class Difference(NamedTuple):
    """One figure of both runs."""

    name: str
    before: float
    after: float
    unit: str
    """`µs`, or nothing."""
    probability: Optional[float] = None
    """Of such a difference by chance, corrected; None where it cannot be told."""
    is_too_short: bool = False
    """Whether it cannot because the runs have so few blocks that no difference would be more than chance."""

    @property
    def is_real(self) -> bool:
        """Whether it is more than chance."""
        return self.probability is not None and self.probability < LIKELY

    @property
    def change(self) -> float:
        """Relative: 0.1 is 10 % more."""
        return (self.after - self.before) / self.before if self.before else 0.0 if not self.after else math.inf


class Observed(NamedTuple):
    """One figure of both runs: the means of blocks."""

    name: str
    unit: str
    before: List[float]
    after: List[float]


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> List[Difference]:
    """Compare two reports (`messenger.load.results`): rates and latencies of each operation, files, the server's load,
    and the fates of messages, which are whole numbers of one run and not tested."""
    reports = (before, after)
    observed: List[Observed] = []
    for name in before["operations"]:
        if name in after["operations"]:
            observed.append(Observed(f"{name}, a second", "", *(_seconds(one, name, "count") for one in reports)))
            for figure in ("p50", "p99"):
                observed.append(Observed(f"{name}, {figure}", "µs", *(_seconds(one, name, figure) for one in reports)))
    observed.append(Observed("files, bytes a second", "", *(_seconds(one, "file bytes", "amount") for one in reports)))
    for name in ("cpu", "memory"):
        observed.append(Observed(f"server {name}", "", *(_samples(one, name) for one in reports)))
    found = _judge([one for one in observed if any(one.before) or any(one.after)])
    for name in ("lost", "unfinished", "duplicated", "reordered", "corrupted", "misdelivered"):
        counts = [one["messages"]["all"].get(name, 0) for one in reports]
        found.append(Difference(f"messages {name}", counts[0], counts[1], ""))
    return found


def _judge(observed: Sequence[Observed]) -> List[Difference]:
    tested = sorted(
        (rank_test(one.before, one.after), index)
        for index, one in enumerate(observed)
        if min(len(one.before), len(one.after)) >= BLOCKS_MIN
    )
    corrected: Dict[int, float] = {}
    highest = 0.0
    for position, (probability, index) in enumerate(tested):
        highest = max(highest, min(1.0, probability * (len(tested) - position)))
        corrected[index] = highest
    found = []
    for index, one in enumerate(observed):
        probability = corrected.get(index, 1.0)
        least = rank_test(range(len(one.before)), range(len(one.before), len(one.before) + len(one.after)))
        is_too_short = probability >= LIKELY and (index not in corrected or least * len(tested) >= LIKELY)
        told = None if is_too_short else probability
        found.append(Difference(one.name, _median(one.before), _median(one.after), one.unit, told, is_too_short))
    return found


def rank_test(one: Sequence[float], two: Sequence[float]) -> float:
    """Return the two-sided probability of the U test of Mann and Whitney (1947), by its normal approximation with
    correction for ties; 1 without observations on a side."""
    if not one or not two:
        return 1.0
    ranks = _ranks([*one, *two])
    n, m = len(one), len(two)
    total = n + m
    u = sum(ranks[:n]) - n * (n + 1) / 2
    ties = sum(count**3 - count for count in _ties([*one, *two]))
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def _seconds(report: Mapping[str, Any], name: str, figure: str) -> List[float]:
    seconds = report["seconds"]
    series = seconds.get(name, {"count": [], figure: []})
    is_latency = figure in ("p50", "p99")  # there is none of nothing
    values = [None if is_latency and not count else value for count, value in zip(series["count"], series[figure])]
    return _blocks(report, seconds["time"], values)


def _samples(report: Mapping[str, Any], name: str) -> List[float]:
    server = report["server"]
    return _blocks(report, server.get("time", []), server.get(name, []))


def _blocks(report: Mapping[str, Any], times: Sequence[float], values: Sequence[Optional[float]]) -> List[float]:
    """Return the means of whole blocks of the steady phase, but of those in which nothing is known."""
    first = report["phases"]["ramp"] + 1  # who came last has settled
    whole = int((report["phases"]["ramp"] + report["phases"]["steady"] - first) // BLOCK_SECONDS)
    blocks: List[List[float]] = [[] for _ in range(whole)]
    for time, value in zip(times, values):
        block = math.floor((time - first) / BLOCK_SECONDS)
        if 0 <= block < whole and value is not None:
            blocks[block].append(value)
    return [sum(block) / len(block) for block in blocks if block]


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0


def _ties(values: Sequence[float]) -> List[int]:
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

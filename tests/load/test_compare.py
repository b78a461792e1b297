"""Two runs side by side: what is called a difference, and what is not."""

from __future__ import annotations

import math
import random
from typing import List

import pytest

from messenger.load.compare import compare, rank_test
from messenger.load.results import Report
from messenger.load.summary import table
from tests.load.reports import run


def level(names: List[str], blocks: int, value: float, seed: int = 0) -> Report:
    """A run whose latencies are about this, the same in every 5 s, after a ramp in which they were a thousand."""
    chance = random.Random(seed)
    p50 = [1000.0] * 6 + [one for _ in range(blocks) for one in [value + chance.random()] * 5]
    series = {"count": [1] * len(p50), "p50": p50, "p99": p50}
    return {
        "phases": {"ramp": 5.0, "steady": 5.0 * blocks + 1.5},
        "operations": {name: {} for name in names},
        "seconds": {"time": list(range(len(p50))), **dict.fromkeys(names, series)},
        "server": {"time": list(range(len(p50))), "memory": p50},
        "messages": {"all": {}},
    }


def test_the_same_thing_twice_is_no_difference_and_a_slower_one_is() -> None:
    def found(after: Report) -> List[str]:
        return [one.name for one in compare(run(seconds=60), after) if one.is_real]

    assert found(run(seed=2, seconds=60)) == []
    assert set(found(run(latency=0.002, seconds=60))) == {"ack, p50", "ack, p99", "delivery, p50", "delivery, p99"}


def test_the_table_marks_what_is_more_than_chance_and_what_is_too_short_to_tell() -> None:
    lines = table(compare(run(seconds=60), run(latency=0.002, seconds=60)))
    (line,) = [line for line in lines if line.startswith("ack, p50")]
    assert line.endswith("*")
    assert "ms" in line
    assert "+9" in line or "+10" in line
    assert any(line.startswith("files, bytes a second") for line in lines)
    lines = table(compare(run(), run(latency=0.002)))
    (line,) = [line for line in lines if line.startswith("ack, p50")]
    assert line.endswith("too short to tell"), "it has three blocks of 5 s"
    assert not any(line.endswith("*") for line in lines)


def test_where_nothing_could_be_more_than_chance_the_runs_are_too_short() -> None:
    """Of five blocks each, even all above all others are no more than chance where there are many figures."""
    names = [f"operation {number}" for number in range(20)]
    marks = {
        blocks: {(one.is_real, one.is_too_short) for one in compare(level(names, blocks, 1), level(names, blocks, 9))}
        for blocks in (5, 12)
    }
    assert marks == {5: {(False, True), (False, False)}, 12: {(True, False), (False, False)}}


def test_seconds_that_resemble_their_neighbours_make_no_difference() -> None:
    """A test of single seconds would mark many of these pairs of equals."""
    marked = sum(
        any(one.is_real for one in compare(level(["ack"], 12, 1, seed), level(["ack"], 12, 1, 100 + seed)))
        for seed in range(40)
    )
    assert marked <= 4


def test_ramp_and_drain_are_no_part_of_it() -> None:
    one, other = level(["ack"], 12, 1), level(["ack"], 12, 1)
    for series in (other["server"]["memory"], other["seconds"]["ack"]["p99"]):
        series[:6] = [5.0] * 6
        series += [5000.0] * 40
    other["seconds"]["ack"]["count"] += [1] * 40
    other["seconds"]["time"] += range(66, 106)
    other["server"]["time"] += range(66, 106)
    assert compare(one, other) == compare(one, one)


def test_the_rank_test_gives_the_known_probabilities() -> None:
    """Of two samples without overlap, z = (12.5 - 0.5) / sqrt(5·5·11/12); equal ones are as likely as can be."""
    z = 12 / math.sqrt(25 * 11 / 12)
    assert rank_test([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert rank_test([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]) == 1
    assert rank_test([3] * 9, [3] * 9) == 1
    assert rank_test([], [8, 9]) == 1

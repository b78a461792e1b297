"""What is told of a file on its way where there is no bar: a line from time to time, on both sides."""

from __future__ import annotations

import re

from tests.cli.conftest import People

HASTE = 50
"""So many times as often as usual: each 0.2 s."""


def test_a_line_from_time_to_time_tells_both_how_far_it_is(people: People) -> None:
    options = {"module": "tests.cli.slow", "env": {"RATE": "500000", "HURRY": str(HASTE)}}
    hans, yoda = people.enter("Hans", **options), people.enter("Yoda", **options)  # type: ignore[arg-type]
    people.write("Yoda", "clip.mp4", 800_000)
    yoda.type("/p2pvideo Hans clip.mp4")
    hans.until("received clip.mp4")
    told = {"to Hans": yoda.end(), "from Yoda": hans.end()}
    for direction, ended in told.items():
        assert ended.result == [0, ""]
        row = rf"clip\.mp4 {direction}: (\d+) % of 800\.0 kB, [\d.]+ [kM]?B/s, [\d:]+( m?s)? left(, [\d.]+ % lost)?"
        shares = [int(found[1]) for found in (re.fullmatch(row, line) for line in ended.lines) if found is not None]
        assert len(shares) >= 2, ended.lines
        assert shares == sorted(shares)
        assert 0 < shares[-1] <= 100
        assert len(shares) < 25, "from time to time, not at each moment"


def test_usually_nothing_is_told_of_what_is_done_within_ten_seconds(people: People) -> None:
    hans, yoda = people.enter("Hans"), people.enter("Yoda", rate=500_000)
    people.write("Yoda", "clip.mp4", 700_000)
    yoda.type("/p2pvideo Hans clip.mp4")
    hans.until("received clip.mp4")
    for ended in (yoda.end(), hans.end()):
        assert " % of " not in ended.out

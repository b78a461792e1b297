"""The server's metrics over time, and the holes in them."""

from __future__ import annotations

import re

import pytest

from messenger.load.charts import Line, chart
from messenger.load.scrape import Sample, read_metrics, series_of


def test_metrics_are_summed_over_their_labels() -> None:
    text = (
        "# HELP x\n# TYPE x counter\n"
        'messenger_messages_total{kind="private"} 3.0\nmessenger_messages_total{kind="group"} 4.0\n'
        "messenger_connections 12.0\nother 5\n"
    )
    assert read_metrics(text) == {"messages": 7.0, "connections": 12.0}


def sample(time: float, cpu: float, online: float = 7.0) -> Sample:
    return {"time": time, "cpu": cpu, "messages": 10 * cpu, "online": online}


def test_a_server_that_was_away_leaves_a_hole_and_no_line_through_it() -> None:
    series = series_of([sample(10, 1.0), sample(11, 1.5), sample(15, 0.2), sample(16, 0.3)])
    assert series["time"] == [11, 12, 13, 14, 15, 16]
    assert series["online"] == [7, None, None, None, 7, 7]
    assert series["cpu"] == [0.5, None, None, None, None, pytest.approx(0.1)], "it counts from 0 again"
    (path,) = re.findall(r'class="line c0" d="([^"]*)"', chart("t", "", [*range(6)], [Line("a", series["online"])]))
    assert path.count("M") == 2


def test_a_restart_between_two_looks_leaves_a_hole() -> None:
    series = series_of([sample(10, 1.0), sample(11, 1.5), sample(12, 0.2), sample(13, 0.4)])
    assert series["time"] == [11, 11.5, 12, 13]
    assert series["online"] == [7, None, 7, 7]
    assert series["cpu"] == [0.5, None, None, pytest.approx(0.2)]
    assert series["messages"] == [5, None, None, pytest.approx(2)]
    assert series["lines_waiting"] == [None] * 4, "never told"

"""From the record of a run to its report, its page, and the comparison of two."""

from __future__ import annotations

import json
import math
import random
import re
from typing import Any, Dict, List

import pytest

from messenger.load import results
from messenger.load.charts import Line, chart, short
from messenger.load.compare import compare, rank_test
from messenger.load.page import page
from messenger.load.recorder import Recorder, Total
from messenger.load.results import Report, report_of
from messenger.load.scrape import read_metrics
from messenger.load.summary import knee, summary, table
from messenger.load.thresholds import parse_threshold

ABOUT: Dict[str, Any] = {
    "title": "A <run>",
    "profile": "smoke",
    "plan": {"people": 10, "server": "127.0.0.1:1", "workers": 1, "rate": 10.0},
    "machine": {"cpus": 2, "platform": "x", "python": "3.11"},
}


def run(latency: float = 0.001, lag: float = 0.001, seed: int = 1) -> Report:
    """A run of 20 s: 10 messages a second, of which every seconds' first is lost."""
    chance = random.Random(seed)
    recorder = Recorder()
    stream = recorder.open_stream("messages")
    for second in range(20):
        for message in range(10):
            number, at = stream.send(), 1000 + second + message / 10
            took = latency * chance.uniform(0.5, 1.5)
            recorder.amount("sent", 1, at)
            stream.ack(number)
            recorder.latency("ack", took, at)
            if message:
                stream.deliver(number)
                recorder.latency("delivery", 2 * took, at)
        recorder.latency("generator lag", lag, 1000 + second)
        recorder.amount("generator CPU", 20, 1000 + second)
    recorder.failure("login", "<script>busy</script>", 1003.5)
    recorder.latency("file", 0.5, 1005)
    recorder.amount("file bytes", 5_000_000, 1005)
    total = Total()
    total.add("", recorder.take())
    record = {"began": 1000.0, "spawned": 1002.0, "stopped": 1020.0, "drained": 1020.5, **total.as_piece()}
    server = {"time": [1001.0, 1002.0, 1009.0], "cpu": [0.1, 0.5, 0.2], "memory": [3e7, 3.1e7, 3e7]}
    expect = [parse_threshold("lost == 0"), parse_threshold("delivery.p99 < 1s")]
    return report_of(record, ABOUT, server, [(1010.0, "restart-server")], expect)


def test_the_report_has_every_documented_field() -> None:
    report = json.loads(json.dumps(run()))
    documented = re.findall(r"^    ([a-z]+(?:, [a-z]+)?)  +\S", results.__doc__ or "", re.MULTILINE)
    assert {*report, "search"} == {name for names in documented for name in names.split(", ")}


def test_figures_are_those_of_the_record() -> None:
    report = run()
    assert report["verdict"] == "failed"
    assert [one["passed"] for one in report["thresholds"]] == [False, True]
    assert report["messages"]["all"]["lost"] == 20
    assert report["operations"]["ack"]["count"] == 200
    assert report["operations"]["ack"]["rate"] == 10
    assert report["operations"]["login"]["failures"] == 1
    assert 800 < report["operations"]["ack"]["p50"] < 1200
    assert report["files"] == {"count": 1, "failures": 0, "bytes": 5_000_000, "goodput": 1_250_000, "resent": 0}
    assert report["phases"] == {"ramp": 2.0, "steady": 18.0, "drain": 0.5}
    assert report["seconds"]["time"] == list(range(20))
    assert report["seconds"]["sent"]["amount"] == [10.0] * 20
    assert report["server"]["cpu_max"] == 0.5
    assert report["server"]["time"] == [1.0, 2.0, 9.0]
    assert report["faults"] == [{"at": 10.0, "what": "restart-server"}]
    assert not report["generator"]["is_limit"]


def test_a_generator_that_is_late_is_called_the_limit() -> None:
    report = run(lag=0.08)
    assert report["generator"]["is_limit"]
    assert "80 ms late" in report["generator"]["reason"]
    assert "The generator was the limit" in page(report)
    assert any("generator was the limit" in line for line in summary(report))


def test_a_run_that_measured_nothing_has_a_report() -> None:
    empty = {"began": 1.0, "spawned": 0.0, "stopped": 2.0, "drained": 2.0, **Total().as_piece()}
    report = report_of(empty, ABOUT, {}, [], [parse_threshold("delivery.p99 < 1s")])
    assert report["verdict"] == "failed"
    assert "no delivery was measured" in page(report)
    assert "  BROKEN: delivery.p99 < 1s (no delivery was measured)" in summary(report)


def test_an_operation_that_always_failed_has_no_latency() -> None:
    """Nobody could log in: that is no login within 2 s."""
    recorder, total = Recorder(), Total()
    recorder.failure("login", "busy", 1.0)
    total.add("", recorder.take())
    refused = {"began": 1.0, "spawned": 0.0, "stopped": 2.0, "drained": 2.0, **total.as_piece()}
    report = report_of(refused, ABOUT, {}, [], [parse_threshold("login.p99 < 2s"), parse_threshold("login.max < 2s")])
    assert [one["passed"] for one in report["thresholds"]] == [False, False]
    assert report["operations"]["login"]["p50"] is None
    assert "  login: 0, never, 1 failed" in summary(report)
    assert page(report).count("no login was measured") == 2


def test_the_page_needs_no_network_and_escapes_what_it_shows() -> None:
    text = page(run())
    assert len(text) < 1_000_000
    assert "A &lt;run&gt;" in text
    assert "<script" not in text
    assert not re.search(r"""(?:src|href)=|url\(|https?://|@import""", text)
    for name in ("Messages", "Latency: delivery", "Server: CPU", "Files", "prefers-color-scheme: dark", "@media print"):
        assert name in text
    assert text.count("restart-server") >= 3, "as a note, and in the charts"


def test_a_chart_has_holes_where_nothing_was_measured() -> None:
    drawn = chart("t", "ms", [0, 1, 2, 3], [Line("a", [1.0, None, 2.0, 3.0])])
    (path,) = re.findall(r'class="line c0" d="([^"]*)"', drawn)
    assert path.count("M") == 2
    assert chart("t", "ms", [0, 1], [Line("a", [None, None])]) == ""
    assert chart("t", "ms", [], []) == ""


def test_all_charts_of_a_page_have_one_time_axis() -> None:
    lines = [Line("a", [1.0, 2.0, 3.0])]
    (path,) = re.findall(r'class="line c0" d="([^"]*)"', chart("t", "", [2, 3, 4], lines, span=(0, 8)))
    assert re.findall(r"[ML]([\d.]+)", path) == ["200.5", "271.8", "343.0"], "a quarter to a half of 58 to 628"


def test_a_search_is_told_in_words_on_its_page() -> None:
    report = run()
    assert "The highest rate" not in page(report)
    report["search"] = ["  1,000 messages/s: passed", "highest rate <so far>"]
    assert "<li>1,000 messages/s: passed<li>highest rate &lt;so far&gt;" in page(report)


def test_a_long_run_is_drawn_with_few_points() -> None:
    values = [float(i % 97) for i in range(100_000)]
    assert len(chart("t", "", list(map(float, range(100_000))), [Line("a", list(values))])) < 40_000


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (1500, "1.5 k"), (2e7, "20 M"), (3.25e9, "3.25 G")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_the_same_thing_twice_is_no_difference_and_a_slower_one_is() -> None:
    def found(after: Report) -> List[str]:
        return [one.name for one in compare(run(), after) if one.is_real]

    assert found(run(seed=2)) == []
    assert {"ack, p50", "ack, p99", "delivery, p50", "delivery, p99"} <= set(found(run(latency=0.002)))


def test_the_table_marks_what_is_more_than_chance() -> None:
    lines = table(compare(run(), run(latency=0.002)))
    (line,) = [line for line in lines if line.startswith("ack, p50")]
    assert line.endswith("*")
    assert "ms" in line
    assert "+9" in line or "+10" in line


def test_the_rank_test_gives_the_known_probabilities() -> None:
    """Of two samples without overlap, z = (12.5 - 0.5) / sqrt(5·5·11/12); equal ones are as likely as can be."""
    z = 12 / math.sqrt(25 * 11 / 12)
    assert rank_test([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert rank_test([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]) == 1
    assert rank_test([3] * 9, [3] * 9) == 1
    assert rank_test([1, 2], [8, 9]) == 1, "too few to tell"


def test_the_search_for_the_highest_rate_says_who_was_the_limit() -> None:
    good, broken = run(), run()
    good["verdict"] = "passed"
    assert any("highest rate that kept all thresholds: 10" in line for line in knee([good, broken]))
    broken["server"]["cpu_max"] = 0.99
    assert any("the server was the limit" in line for line in knee([good, broken]))
    assert any("the generator was the limit" in line for line in knee([good, run(lag=0.2)]))
    assert any("already the first" in line for line in knee([broken]))
    assert any("no rate broke" in line for line in knee([good, good]))


def test_metrics_are_summed_over_their_labels() -> None:
    text = (
        "# HELP x\n# TYPE x counter\n"
        'messenger_messages_total{kind="private"} 3.0\nmessenger_messages_total{kind="group"} 4.0\n'
        "messenger_connections 12.0\nother 5\n"
    )
    assert read_metrics(text) == {"messages": 7.0, "connections": 12.0}

"""From the record of a run to its report and its page."""

from __future__ import annotations

import json
import random
import re

import pytest

from messenger.load.charts import Line, chart, short
from messenger.load.page import page, value_of
from messenger.load.recorder import Recorder, Total
from messenger.load.results import report_of
from messenger.load.scrape import SERIES
from messenger.load.summary import knee, summary
from messenger.load.thresholds import OPERATIONS, parse_threshold
from messenger.server import metrics
from tests.load.reports import ABOUT, documented_fields, fields_of, run


def test_the_report_has_every_documented_field_and_no_other() -> None:
    report = json.loads(json.dumps({**run(), "search": ["in words"]}))
    documented, found = documented_fields(), fields_of(report)
    for elsewhere in ("plan", "machine"):  # a whole run is needed for them
        assert documented.pop(elsewhere)
        found.pop(elsewhere)
    assert set(found) == set(documented)
    for name, inner in found.items():
        if inner:
            assert inner == documented[name], name


def test_figures_are_those_of_the_record() -> None:
    report = run()
    assert report["verdict"] == "failed"
    assert [one["passed"] for one in report["thresholds"]] == [False, True]
    assert report["messages"]["all"]["lost"] == 20
    assert report["operations"]["ack"]["count"] == 200
    assert report["operations"]["ack"]["rate"] == 10
    assert report["operations"]["login"]["failures"] == 1
    assert 800 < report["operations"]["ack"]["p50"] < 1200
    assert report["phases"] == {"ramp": 2.0, "steady": 18.0, "drain": 0.5}
    assert report["seconds"]["time"] == list(range(20))
    assert report["seconds"]["sent"]["amount"] == [10.0] * 20
    assert report["server"]["cpu_max"] == 0.5
    assert report["server"]["time"] == [1.0, 2.0, 9.0]
    assert report["faults"] == [{"at": 10.0, "what": "restart-server"}]
    assert not report["generator"]["is_limit"]


def test_files_are_told_all_together_and_one_by_one_with_what_was_lost() -> None:
    report = run()
    files = report["files"]
    assert {name: value for name, value in files.items() if name != "each"} == {
        "count": 1, "failures": 0, "bytes": 5_000_000, "goodput": 1_250_000, "retransmitted": 42, "loss": 0.01,
        "unfinished": 0,
    }  # fmt: skip
    assert files["each"] == dict.fromkeys(("p5", "p50", "p95"), pytest.approx(1e7, rel=0.001))
    (line,) = [line for line in summary(report) if line.startswith("  each file: ")]
    assert "segments sent again: 42 (1.00%)" in line
    text = page(report)
    assert "goodput of each" in text
    assert "1.00%" in text
    assert "Files: segments sent again" in text


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("sent > 0", 1105.0, "1,105"),
        ("delivery.p99 < 1s", 72_400.0, "72.4 ms"),
        ("login.failures <= 1%", 0.012, "1.20%"),
        ("server.memory < 500MB", 3e7, "30 MB"),
        ("files.goodput > 1MB/s", 2.5e6, "2.5 MB/s"),
        ("server.cpu < 1", 0.0625, "0.0625"),
    ],
)
def test_a_value_is_shown_in_the_unit_of_its_threshold(text: str, value: float, shown: str) -> None:
    assert value_of({"text": text, "value": value, "reason": ""}) == shown


def test_a_run_that_begins_within_a_second_has_one_time_axis() -> None:
    """What happened in the second from 1005 is half a second before a sample at 1005.5, wherever the axis begins."""
    report = run(began=1000.75)
    seconds, server = report["seconds"], report["server"]
    assert seconds["time"][:2] == [-0.75, 0.25]
    arrived = seconds["time"][seconds["file bytes"]["amount"].index(5_000_000)]
    assert 1000.75 + arrived == 1005
    assert [1000.75 + time for time in server["time"]] == [1001, 1002, 1009]
    assert 1000.75 + report["faults"][0]["at"] == 1010


def test_a_generator_that_is_late_is_called_the_limit() -> None:
    report = run(lag=0.08)
    assert report["generator"]["is_limit"]
    assert "80 ms late" in report["generator"]["reason"]
    assert "The generator was the limit" in page(report)
    assert any("generator was the limit" in line for line in summary(report))


def test_one_worker_that_can_do_no_more_is_the_limit_whatever_the_others_do() -> None:
    workers, total = {"one": Recorder(), "two": Recorder(), "three": Recorder()}, Total()
    for second in range(10):
        for name, percent in (("one", 10), ("two", 99), ("three", 10)):
            workers[name].amount("generator CPU", percent, 1000 + second)
    for name, recorder in workers.items():
        total.add(name, recorder.take())
    record = {"began": 1000.0, "spawned": 1001.0, "stopped": 1010.0, "drained": 1010.0, **total.as_piece()}
    generator = report_of(json.loads(json.dumps(record)), ABOUT, {}, [], [])["generator"]
    assert generator["is_limit"]
    assert generator["reason"] == "it used 99 % of a core, the busiest of its workers"
    assert (generator["cpu"], sorted(generator["workers"])) == (99, [10, 10, 99])
    assert generator["busiest"] == [99] * 10


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


def test_the_search_for_the_highest_rate_says_who_was_the_limit() -> None:
    good, broken = run(), run()
    good["verdict"] = "passed"
    assert any("highest rate that kept all thresholds: 10" in line for line in knee([good, broken]))
    broken["server"]["cpu_max"] = 0.99
    assert any("the server was the limit" in line for line in knee([good, broken]))
    assert any("the generator was the limit" in line for line in knee([good, run(lag=0.2)]))
    assert any("already the first" in line for line in knee([broken]))
    assert any("no rate broke" in line for line in knee([good, good]))


def test_every_queue_of_the_server_is_on_the_page() -> None:
    told = set(re.findall(r"^    (messenger_\w+)", metrics.__doc__ or "", re.MULTILINE))
    queues = {f"messenger_{name}" for name in ("queued_bytes", "passwords_waiting", "lines_waiting")}
    assert queues <= told & set(SERIES.values())
    text = page(run())
    for name in ("queued", "passwords waiting", "lines waiting"):
        assert f"<title>{name}</title>" in text, "also where nothing ever waited"


def test_the_page_of_an_hour_with_everything_in_it_is_small() -> None:
    chance, recorder, total = random.Random(1), Recorder(), Total()
    for second in range(3600):
        at = 1000.0 + second
        for operation in (*OPERATIONS, "generator lag"):
            recorder.latency(operation, chance.expovariate(100), at)
        for operation in ("login", "ack", "file", "connection", "scenario", "activeuser"):
            recorder.failure(operation, f"reason {chance.randrange(5)}", at)
        for name in ("sent", "file bytes", "file bytes in vain", "file segments sent again", "generator CPU"):
            recorder.amount(name, chance.expovariate(1e-5), at)
        recorder.measure("file goodput", chance.expovariate(1e-7))
    stream = recorder.open_stream("messages")
    stream.ack(stream.send())
    total.add("", recorder.take())
    record = {"began": 1000.25, "spawned": 1030.0, "stopped": 4600.0, "drained": 4605.0, **total.as_piece()}
    server = {name: [chance.expovariate(1e-8) for _ in range(3600)] for name in SERIES}
    server["time"] = [1000.5 + second for second in range(3600)]
    faults = [(1000.0 + 60 * minute, "restart-server") for minute in range(60)]
    expect = [parse_threshold(f"{name}.count > 0") for name, figures in OPERATIONS.items() if "count" in figures]
    text = page(report_of(record, ABOUT, server, faults, expect))
    assert text.count("<svg") == 16, "all charts"
    assert len(text.encode()) < 1_000_000

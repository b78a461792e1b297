"""The report of a run that never was, and what `messenger.load.results` says a report has."""

from __future__ import annotations

import random
import re
from typing import Any, Dict, List, Optional, Set

from messenger.load import results
from messenger.load.recorder import Recorder, Total
from messenger.load.results import Report, report_of
from messenger.load.scrape import SERIES
from messenger.load.thresholds import parse_threshold

ABOUT: Dict[str, Any] = {
    "title": "A <run>",
    "profile": "smoke",
    "plan": {"people": 10, "server": "127.0.0.1:1", "workers": 1, "rate": 10.0},
    "machine": {"cpus": 2, "platform": "x", "python": "3.11"},
}

_BY_NAME = ("operations", "messages", "seconds")
"""Fields of which each operation or kind has the same fields of its own."""


def documented_fields() -> Dict[str, Set[str]]:
    """Return the names of the fields, and of each the names of those in it: `a, b (explained); by kind: c, d`."""
    text = (results.__doc__ or "").partition("report.json`:\n")[2].partition("\n\nOf the")[0]
    found: Dict[str, Set[str]] = {}
    for names, about in re.findall(r"^    (\S+(?:, \S+)*)  +(.*(?:\n {6,}.*)*)", text, re.MULTILINE):
        parts = re.sub(r"\([^)]*\)", "", about).split(";")
        inner = {name.strip() for part in parts for name in part.rpartition(":")[2].split(",")}
        for name in names.split(", "):
            found[name] = {one for one in inner if re.fullmatch("[a-z_0-9]+", one)}
    return found


def fields_of(report: Dict[str, Any]) -> Dict[str, Set[str]]:
    """Return the same of a report; nothing in what has no fields of its own."""
    found: Dict[str, Set[str]] = {}
    for name, value in report.items():
        rows = value if isinstance(value, list) else [value]
        found[name] = {key for row in rows if isinstance(row, dict) for key in row}
        if name in _BY_NAME:
            plain = {key for key, row in value.items() if not isinstance(row, dict)}
            found[name] = plain | {key for row in value.values() if isinstance(row, dict) for key in row}
    return found


def run(latency: float = 0.001, lag: float = 0.001, seed: int = 1, seconds: int = 20, began: float = 1000.0) -> Report:
    """Return the report of a run of 10 messages a second, of which each second's first is lost."""
    chance = random.Random(seed)
    recorder = Recorder()
    stream = recorder.open_stream("messages")
    for second in range(seconds):
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
    recorder.amount("file bytes in vain", 50_000, 1005)
    recorder.amount("file segments sent again", 42, 1005)
    recorder.measure("file goodput", 10_000_000)
    total = Total()
    total.add("", recorder.take())
    ended = 1000.0 + seconds
    record = {"began": began, "spawned": 1002.0, "stopped": ended, "drained": ended + 0.5, **total.as_piece()}
    server: Dict[str, List[Optional[float]]] = {name: [0.0, 0.0, 0.0] for name in SERIES}
    server.update(time=[1001.0, 1002.0, 1009.0], cpu=[0.1, 0.5, None], memory=[3e7, 3.1e7, 3e7])
    expect = [parse_threshold("lost == 0"), parse_threshold("delivery.p99 < 1s")]
    return report_of(record, ABOUT, server, [(1010.0, "restart-server")], expect)

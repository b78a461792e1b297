"""From the record of a run to its report, pure. The fields of `report.json`:

    format           1
    title, profile   what was run
    verdict          "passed" or "failed"
    problems         a list of sentences (what makes the run fail whatever its figures, as a worker that was lost)
    skipped          a list of steps (of a scenario, that are not played under load)
    began            seconds since 1970
    phases           ramp, steady, drain (seconds each)
    plan             people, rate (messages a second of all, 0: closed model), duration, mix (shares of people by role),
                     think (seconds), text_bytes, file_bytes (least, most), group_size, workers, server (address),
                     own_server (whether it was started for this run)
    machine          cpus, platform, python
    operations       by name: count, failures, rate (a second, in the steady phase), mean, p50, p90, p95, p99, p999,
                     max (microseconds, null if there was none), histogram (HdrHistogram, base64)
    failures         a list: operation, reason, count
    messages         by kind, and of all: sent, acked, delivered, lost, refused, unfinished, duplicated, reordered,
                     corrupted, misdelivered (see messenger.load.streams)
    undone           unsent (messages that were due and that nobody could send, a group's being one), plays (of a
                     scenario, that the end of the run broke off)
    files            count, failures, unfinished (that it broke off), bytes, goodput (bytes a second, of all together),
                     each (p5, p50 and p95 of the goodput of single files), retransmitted (segments), loss (share of
                     segments that had to be sent again, on average over all bytes)
    seconds          time (a list: when each second began, in seconds since the first user started, as all times);
                     by operation, lists at these times: count, failures, p50, p99 (microseconds), amount (of bytes, of
                     messages sent)
    server           time; lists at these times, null where the server was away: cpu (cores), memory (bytes), threads,
                     connections, online, queued (bytes), passwords_waiting, lines_waiting, messages (a second);
                     and the greatest value of each: cpu_max, memory_max, threads_max, connections_max, online_max,
                     queued_max, passwords_waiting_max, lines_waiting_max, messages_max
    generator        lag (p99, microseconds), cpu (of the busiest worker, in % of a core, in nine seconds of ten not
                     above), workers (the same of each), busiest (a list at the times of seconds: the most that any
                     worker used), is_limit, reason
    faults           a list: at, what
    thresholds       a list: text, value, passed, reason (why there is no value)
    search           of find-max: a list of sentences about each rate and the limit; the rest is about the last run

Of the operations, `ack` is from when a message was due to its acknowledgement, `delivery` to when its recipient saw it.
"""

from __future__ import annotations

from typing import Any, Dict, Final, List, Mapping, Optional, Sequence, Tuple

from messenger.load.latencies import Histogram, Sketch
from messenger.load.recorder import AMOUNTS, FAILURES, LATENCY
from messenger.load.streams import Fates
from messenger.load.thresholds import Threshold, judge

FORMAT: Final = 1

LAG_LIMIT: Final = 50_000.0
"""Microseconds of lag (p99) from which on the generator is the limit and not the server."""

CPU_LIMIT: Final = 95.0
"""Per cent of a core of one worker from which on it is."""

EACH_FILE: Final = "file goodput"
"""What is measured of each file in bytes a second."""

Report = Dict[str, Any]


def report_of(
    record: Mapping[str, Any],
    about: Mapping[str, Any],
    server: Mapping[str, Any],
    faults: Sequence[Tuple[float, str]],
    thresholds: List[Threshold],
) -> Report:
    """Return the report; `about` holds title, profile, plan and machine, `faults` times since 1970."""
    began = record["began"]
    steady_from = record["spawned"] or record["stopped"]
    failed: Dict[str, int] = {}
    for operation, _, count in record["failures"]:
        failed[operation] = failed.get(operation, 0) + count
    steady = (int(steady_from) + 1, int(record["stopped"]))
    histograms = {name: Histogram.decode(text) for name, text in record["histograms"].items()}
    each = histograms.pop(EACH_FILE, None)
    operations = {
        name: _figures(histograms.get(name, Histogram()), failed.get(name, 0), _rate(record, name, steady))
        for name in sorted({*histograms, *failed})
    }
    lag = operations.pop("generator lag", None)
    report: Report = {
        "format": FORMAT,
        "problems": [],
        "skipped": [],
        **about,
        "began": began,
        "phases": {
            "ramp": max(0.0, steady_from - began),
            "steady": max(0.0, record["stopped"] - steady_from),
            "drain": max(0.0, record["drained"] - record["stopped"]),
        },
        "operations": operations,
        "failures": [
            {"operation": operation, "reason": reason, "count": count}
            for operation, reason, count in record["failures"]
        ],
        "messages": _messages(record["fates"]),
        "undone": {
            "unsent": int(_amount(record, "unsent")),
            "plays": _unfinished(record, "plays started", operations.get("scenario")),
        },
        "files": _files(record, operations.get("file"), each),
        "seconds": _seconds(record["seconds"], began),
        "server": _server(server, began),
        "generator": _generator(record, lag),
        "faults": [{"at": round(at - began, 3), "what": what} for at, what in faults],
    }
    judged = judge(thresholds, report)
    report["thresholds"] = [one._asdict() for one in judged]
    is_kept = all(one.passed for one in judged) and not report["problems"]
    report["verdict"] = "passed" if is_kept else "failed"
    return report


def _figures(histogram: Histogram, failures: int, rate: Optional[float]) -> Dict[str, Any]:
    shares = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
    is_measured = histogram.count > 0  # what never came to an end took no time, not none
    return {
        "count": histogram.count,
        "failures": failures,
        "rate": rate,
        "mean": round(histogram.mean, 1) if is_measured else None,
        **{name: histogram.percentile(share) if is_measured else None for name, share in shares.items()},
        "max": histogram.highest if is_measured else None,
        "histogram": histogram.encode(),
    }


def _rate(record: Mapping[str, Any], operation: str, steady: Tuple[int, int]) -> Optional[float]:
    """Return how many there were a second, in the whole seconds of the steady phase; None if it has none."""
    first, end = steady
    if end <= first:
        return None
    found = 0
    for second, operations in record["seconds"].items():
        if first <= int(second) < end and operation in operations:
            found += sum(operations[operation][LATENCY].values())
    return round(found / (end - first), 3)


def _messages(fates: Mapping[str, Mapping[str, int]]) -> Dict[str, Dict[str, int]]:
    total = Fates()
    for counts in fates.values():
        total.add(Fates(**counts))
    return {**{kind: dict(counts) for kind, counts in sorted(fates.items())}, "all": total.as_dict()}


def _amount(record: Mapping[str, Any], name: str) -> float:
    return float(sum(operations[name][AMOUNTS] for operations in record["seconds"].values() if name in operations))


def _unfinished(record: Mapping[str, Any], started: str, figures: Any) -> int:
    """Return how many of those that were started have come neither to their end nor to a failure."""
    ended = figures["count"] + figures["failures"] if figures else 0
    return max(0, int(_amount(record, started)) - ended)


def _files(record: Mapping[str, Any], figures: Any, each: Optional[Histogram]) -> Dict[str, Any]:
    amounts = {"file bytes": 0.0, "file bytes in vain": 0.0, "file segments sent again": 0.0}
    when = []
    for second, operations in record["seconds"].items():
        for name in amounts:
            amounts[name] += operations[name][AMOUNTS] if name in operations else 0.0
        if "file bytes" in operations:
            when.append(int(second))
    seconds = max(when) - min([int(record["spawned"] or when[0]), *when]) + 1 if when else 0
    size = amounts["file bytes"]
    return {
        "count": figures["count"] if figures else 0,
        "failures": figures["failures"] if figures else 0,
        "unfinished": _unfinished(record, "files started", figures),
        "bytes": int(size),
        "goodput": round(size / seconds) if seconds else None,
        "each": {f"p{share}": each.percentile(share) for share in (5, 50, 95)} if each else None,
        "retransmitted": int(amounts["file segments sent again"]),
        "loss": round(amounts["file bytes in vain"] / size, 6) if size else None,
    }


def _times(seconds: Mapping[str, Any], began: float) -> List[int]:
    return list(range(int(began), max(map(int, seconds)) + 1)) if seconds else []


def _seconds(seconds: Mapping[str, Mapping[str, Mapping[str, Any]]], began: float) -> Dict[str, Any]:
    times = _times(seconds, began)
    names = sorted({name for operations in seconds.values() for name in operations})
    series: Dict[str, Any] = {"time": [round(time - began, 2) for time in times]}
    for name in names:
        rows = [seconds.get(str(time), {}).get(name) for time in times]
        sketches = [
            Sketch({int(step): count for step, count in row[LATENCY].items()}) if row else Sketch() for row in rows
        ]
        percentiles = [sketch.percentiles((50, 99)) for sketch in sketches]
        series[name] = {
            "count": [sketch.count for sketch in sketches],
            "failures": [row[FAILURES] if row else 0 for row in rows],
            "p50": [round(found[0]) for found in percentiles],
            "p99": [round(found[1]) for found in percentiles],
            "amount": [row[AMOUNTS] if row else 0 for row in rows],
        }
    return series


def _server(samples: Mapping[str, Sequence[Optional[float]]], began: float) -> Dict[str, Any]:
    found: Dict[str, Any] = {name: list(values) for name, values in samples.items()}
    for name, values in samples.items():
        known = [value for value in values if value is not None]
        if known and name != "time":
            found[f"{name}_max"] = max(known)
    found["time"] = [round(time - began, 2) for time in samples.get("time", ()) if time is not None]
    return found


def _generator(record: Mapping[str, Any], lag: Any) -> Dict[str, Any]:
    busy: Mapping[str, Mapping[str, float]] = record["busy"]
    workers = [round(sorted(one.values())[int(len(one) * 0.9)], 1) for one in busy.values() if one]
    busiest = max(workers, default=None)
    p99 = lag["p99"] if lag else None
    reason = ""
    if p99 is not None and p99 > LAG_LIMIT:
        reason = f"its clock ran {p99 / 1000:.0f} ms late (p99)"
    elif busiest is not None and busiest > CPU_LIMIT:
        reason = f"it used {busiest:.0f} % of a core" + (", the busiest of its workers" if len(workers) > 1 else "")
    times = map(str, _times(record["seconds"], record["began"]))
    return {
        "lag": p99,
        "cpu": busiest,
        "workers": workers,
        "busiest": [max((one[time] for one in busy.values() if time in one), default=None) for time in times],
        "is_limit": bool(reason),
        "reason": reason,
    }

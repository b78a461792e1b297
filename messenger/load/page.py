"""The report of a run as one HTML page: figures first, then charts. It needs no network, and prints."""

from __future__ import annotations

import time
from html import escape
from typing import Any, Dict, Final, Iterable, List, Mapping, Optional, Sequence, Tuple

from messenger.load.charts import Line, chart, short
from messenger.load.results import Report
from messenger.load.thresholds import FATES

_STYLE: Final = """
:root { color-scheme: light dark; --text: #1b1f24; --dim: #667; --page: #fff; --card: #f5f6f8; --rule: #d8dbe0;
  --good: #12803c; --bad: #c02626; --c0: #2563eb; --c1: #ea580c; --c2: #0d9488; --c3: #9333ea; --c4: #ca8a04; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --dim: #9aa3ad; --page: #14171b; --card: #1d2126;
  --rule: #343a42; --good: #4ade80; --bad: #f87171; --c0: #60a5fa; --c1: #fb923c; --c2: #2dd4bf; --c3: #c084fc;
  --c4: #facc15; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 86rem; padding: 1.5rem; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
.sub { color: var(--dim); margin: .2rem 0 1.2rem; }
.verdict { float: right; font-size: 1.2rem; font-weight: 700; padding: .2rem .9rem; border-radius: .4rem; color: #fff; }
.passed { background: var(--good); } .failed { background: var(--bad); }
@media (prefers-color-scheme: dark) { .verdict { color: #14171b; } }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .7rem; }
.tile { background: var(--card); border-radius: .5rem; padding: .7rem .9rem; }
.tile b { display: block; white-space: nowrap; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.tile span { color: var(--dim); }
.bad { color: var(--bad); } .good { color: var(--good); }
.note { border-left: .3rem solid var(--bad); padding: .5rem .9rem; background: var(--card); margin: 1rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; min-width: 26rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .5rem; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { color: var(--dim); font-weight: 600; }
th:first-child, td:first-child, .reasons :is(th, td):last-child { text-align: left; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border-radius: .5rem; padding: .7rem; break-inside: avoid; }
figcaption { margin-bottom: .3rem; } figcaption small span { margin-left: .8rem; font-weight: 600; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--dim); font-size: 11px; }
svg .left { text-anchor: end; } svg .below { text-anchor: middle; } .grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.mark { stroke: var(--bad); stroke-dasharray: 4 3; }
.line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); }
.line.c3 { stroke: var(--c3); } .line.c4 { stroke: var(--c4); }
span.c0 { color: var(--c0); } span.c1 { color: var(--c1); } span.c2 { color: var(--c2); } span.c3 { color: var(--c3); }
span.c4 { color: var(--c4); }
@media print { body { max-width: none; padding: 0; } .charts { grid-template-columns: 1fr 1fr; } }
"""


def page(report: Report) -> str:
    """Return the page of a report (`messenger.load.results`)."""
    title = escape(report["title"])
    verdict = report["verdict"]
    began = time.strftime("%d %b %Y %H:%M:%S", time.localtime(report["began"]))
    plan, phases = report["plan"], report["phases"]
    sub = (
        f"{began} · profile {escape(report['profile'])} · {plan['people']:,} people on {escape(plan['server'])} · "
        f"ramp {phases['ramp']:.0f} s, steady {phases['steady']:.0f} s, drain {phases['drain']:.1f} s · "
        f"{plan['workers']} worker{'s' if plan['workers'] > 1 else ''}, Python {escape(report['machine']['python'])}, "
        f"{report['machine']['cpus']} CPUs"
    )
    parts = [
        f'<span class="verdict {verdict}">{verdict}</span><h1>{title}</h1><p class="sub">{sub}</p>',
        _warnings(report),
        _search(report),
        f'<div class="tiles">{"".join(_tiles(report))}</div>',
        _thresholds(report),
        _messages(report),
        _files(report),
        _operations(report),
        _failures(report),
        _charts(report),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><body>{"".join(parts)}</body>\n'
    )


def milliseconds(microseconds: Optional[float]) -> str:
    """Return a latency for people."""
    if microseconds is None:
        return "–"
    value = microseconds / 1000
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def _warnings(report: Report) -> str:
    generator = report["generator"]
    notes = [f"Failed: {escape(problem)}." for problem in report["problems"]]
    if report["undone"]["unsent"]:
        notes.append(f"{report['undone']['unsent']:,} messages were due and could not be sent.")
    if report["undone"]["plays"]:
        notes.append(f"{report['undone']['plays']:,} plays were broken off by the end of the run.")
    if generator["is_limit"]:
        notes.append(
            f"The generator was the limit, not the server: {escape(generator['reason'])}. Latencies are its own, too. "
            "More --workers, or more machines, make more load."
        )
    for fault in report["faults"]:
        notes.append(f"{fault['at']:.1f} s: {escape(fault['what'])}, on purpose.")
    notes += [f"Not played under load: {escape(text)}" for text in report["skipped"]]
    return "".join(f'<p class="note">{note}</p>' for note in notes)


def _tiles(report: Report) -> Iterable[str]:
    total, operations, files = report["messages"]["all"], report["operations"], report["files"]
    delivery = operations.get("delivery")
    if delivery:
        yield _tile("–" if delivery["rate"] is None else short(delivery["rate"]), "deliveries a second")
        yield _tile(milliseconds(delivery["p50"]), "delivery, median")
        yield _tile(milliseconds(delivery["p99"]), "delivery, p99")
    if total["sent"]:
        yield _tile(f"{total['sent']:,}", "messages sent")
        for name in ("lost", "unfinished", "duplicated", "reordered", "corrupted", "misdelivered"):
            yield _tile(f"{total[name]:,}", name, is_bad=total[name] > 0)
    if files["count"] or files["failures"] or files["unfinished"]:
        yield _tile(f"{files['count']:,}", "files, all identical" if not files["failures"] else "files")
        yield _tile(f"{files['failures']:,}", "files failed", is_bad=files["failures"] > 0)
        yield _tile(f"{files['unfinished']:,}", "files unfinished", is_bad=files["unfinished"] > 0)
        yield _tile(f"{short(files['goodput'] or 0)}B/s", "of files, all together")
        if files["each"]:
            yield _tile(f"{short(files['each']['p50'])}B/s", "of one file, median")
            yield _tile(f"{files['loss'] or 0:.2%}", "of segments sent again")
    scenario = operations.get("scenario")
    if scenario:
        yield _tile(f"{scenario['count']:,}", "scenarios played")
        yield _tile(f"{scenario['failures']:,}", "scenarios failed", is_bad=scenario["failures"] > 0)
    if "login" in operations:
        yield _tile(f"{operations['login']['count']:,}", "logins")
    if report["server"].get("cpu_max") is not None:
        yield _tile(f"{report['server']['cpu_max']:.0%}", "of a core, server at most")
        yield _tile(f"{short(report['server']['memory_max'])}B", "memory, server at most")


def _tile(value: str, name: str, is_bad: bool = False) -> str:
    return f'<div class="tile"><b{" class=bad" if is_bad else ""}>{escape(value)}</b><span>{escape(name)}</span></div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    return f'<div class="wide"><table><tr>{top}{body}</table></div>'


def _thresholds(report: Report) -> str:
    if not report["thresholds"]:
        return ""
    rows = [
        (
            escape(one["text"]),
            escape(value_of(one)),
            '<b class="good">kept</b>' if one["passed"] else '<b class="bad">broken</b>',
        )
        for one in report["thresholds"]
    ]
    return "<h2>Thresholds</h2>" + _table(("expected", "was", ""), rows)


def value_of(judged: Mapping[str, Any]) -> str:
    """Return the value of a threshold in its unit, for people, or why there is none."""
    text, value = judged["text"].rstrip(), judged["value"]
    if value is None:
        return str(judged["reason"])
    if text.endswith("s") and not text.endswith("B/s"):
        return milliseconds(value)
    if text.endswith("%"):
        return f"{value:.2%}"
    if text.endswith(("B", "B/s")):
        return f"{short(value)}B{'/s' if text.endswith('/s') else ''}"
    return f"{value:,.0f}" if value.is_integer() else short(value)


def _messages(report: Report) -> str:
    if not any(report["messages"]["all"].values()):
        return ""
    rows = [(escape(kind), *(f"{counts[name]:,}" for name in FATES)) for kind, counts in report["messages"].items()]
    return "<h2>Every message</h2>" + _table(("kind", *FATES), rows)


def _files(report: Report) -> str:
    files = report["files"]
    if not files["each"]:
        return ""
    head = ("identical", "failed", "bytes", "all together", "p5", "p50", "p95", "segments sent again", "their share")
    rates = [
        f"{short(rate)}B/s" for rate in (files["goodput"], *(files["each"][name] for name in ("p5", "p50", "p95")))
    ]
    row = (
        f"{files['count']:,}", f"{files['failures']:,}", f"{short(files['bytes'])}B", *rates,
        f"{files['retransmitted']:,}", f"{files['loss'] or 0:.2%}",
    )  # fmt: skip
    return "<h2>Files, and goodput of each</h2>" + _table(head, [row])


def _operations(report: Report) -> str:
    names = ("p50", "p90", "p95", "p99", "p999", "max")
    rows: List[Tuple[str, ...]] = [
        (
            escape(name),
            f"{one['count']:,}",
            f"{one['failures']:,}",
            short(one["rate"]) if one["rate"] is not None else "–",
            *(milliseconds(one[figure]) for figure in names),
        )
        for name, one in report["operations"].items()
    ]
    return "<h2>Latencies</h2>" + _table(("operation", "count", "failed", "a second", *names), rows)


def _failures(report: Report) -> str:
    if not report["failures"]:
        return ""
    rows = [(escape(one["operation"]), f"{one['count']:,}", escape(one["reason"])) for one in report["failures"]]
    return '<h2>Failures</h2><div class="reasons">' + _table(("operation", "count", "reason"), rows) + "</div>"


def _search(report: Report) -> str:
    lines = "".join(f"<li>{escape(line.strip())}" for line in report.get("search", ()))
    return f"<h2>The highest rate</h2><ul>{lines}</ul><p>The rest is about the last of these runs.</p>" if lines else ""


def _charts(report: Report) -> str:
    seconds: Dict[str, Any] = report["seconds"]
    times, marks = seconds["time"], [(fault["at"], fault["what"]) for fault in report["faults"]]
    charts = []
    middle = [max(0.0, time + 0.5) for time in times]  # what happened in a second is drawn in its middle
    server: Mapping[str, Any] = report["server"]
    before = sum(time < 0 for time in server["time"])  # while Locust was starting
    sampled = server["time"][before:]
    span = (0.0, max([*middle[-1:], *sampled[-1:], 1.0]))

    def add(title: str, unit: str, lines: Sequence[Line], at: Sequence[float] = middle) -> None:
        known = [line for line in lines if any(value is not None for value in line.values)]
        charts.append(chart(title, unit, at, known, marks, span))

    def of(name: str, figure: str, scale: float = 1.0) -> Line:
        shown = [value * scale for value in seconds.get(name, {}).get(figure, ())]
        return Line(name, shown if any(shown) else [])

    def latency(name: str, figure: str) -> Line:
        one = seconds.get(name, {"count": (), figure: ()})
        shown = [value / 1000 if count else None for value, count in zip(one[figure], one["count"])]
        return Line(f"{name} {figure}", shown)

    def on_server(name: str, scale: float = 1.0) -> Line:
        shown = [None if value is None else value * scale for value in server.get(name, ())[before:]]
        return Line(name.replace("_", " "), shown)

    add("Messages", "a second", [of("sent", "amount"), of("ack", "count"), of("delivery", "count")])
    for name in ("delivery", "ack", "login", "scenario"):
        add(f"Latency: {name}", "ms", [latency(name, "p50"), latency(name, "p99")])
    failing = [name for name in seconds if name != "time" and any(seconds[name]["failures"])]
    add("Failures", "a second", [of(name, "failures") for name in failing[:5]])
    add("Files", "MB/s arrived", [of("file bytes", "amount", 1e-6)])
    add("Files: segments sent again", "a second", [of("file segments sent again", "amount")])
    add("Server: CPU", "cores", [on_server("cpu")], sampled)
    add("Server: memory", "MB", [on_server("memory", 1e-6)], sampled)
    add("Server: connections", "", [on_server("connections"), on_server("online")], sampled)
    add("Server: threads", "", [on_server("threads")], sampled)
    add("Server: bytes that wait to be sent", "kB", [on_server("queued", 1e-3)], sampled)
    add("Server: work that waits", "", [on_server("passwords_waiting"), on_server("lines_waiting")], sampled)
    add("Generator: how late its clock ran", "ms", [latency("generator lag", "p99")])
    # It tells about once a second: a second without is no hole.
    busy = [(time, value) for time, value in zip(middle, report["generator"]["busiest"]) if value is not None]
    cpu = Line("the busiest worker", [value for _, value in busy])
    add("Generator: CPU", "% of a core", [cpu], [time for time, _ in busy])
    return f'<h2>Over time</h2><div class="charts">{"".join(charts)}</div>'

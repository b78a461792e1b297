"""A run in a few lines for the terminal, pure."""

from __future__ import annotations

from typing import Final, Iterable, List, Sequence

from messenger.load.charts import short
from messenger.load.compare import BLOCK_SECONDS, LIKELY, Difference
from messenger.load.page import milliseconds, value_of
from messenger.load.results import Report

TOO_SHORT: Final = "too short to tell"


def summary(report: Report) -> Iterable[str]:
    """Yield what a run came to."""
    yield f"{report['title']}: {report['verdict']}"
    for name, one in report["operations"].items():
        figures = f"p50 {milliseconds(one['p50'])}, p99 {milliseconds(one['p99'])}" if one["count"] else "never"
        failed = f", {one['failures']:,} failed" if one["failures"] else ""
        rate = f", {one['rate']:,.1f}/s" if one["rate"] is not None else ""
        yield f"  {name}: {one['count']:,}{rate}, {figures}{failed}"
    total = report["messages"]["all"]
    if any(total.values()):
        yield "  messages: " + ", ".join(f"{count:,} {name}" for name, count in total.items())
    files = report["files"]
    if files["count"] or files["failures"] or files["unfinished"]:
        goodput = f"{short(files['goodput'])}B/s" if files["goodput"] else "nothing arrived"
        yield (
            f"  files: {files['count']:,} identical, {files['failures']:,} failed, "
            f"{files['unfinished']:,} unfinished, {goodput}"
        )
    if files["each"]:
        slow, usual, fast = (short(files["each"][name]) for name in ("p5", "p50", "p95"))
        again = f"segments sent again: {files['retransmitted']:,} ({files['loss'] or 0:.2%})"
        yield f"  each file: {usual}B/s (p5 {slow}B/s, p95 {fast}B/s), {again}"
    if report["undone"]["unsent"]:
        yield f"  never sent: {report['undone']['unsent']:,} messages that were due"
    if report["undone"]["plays"]:
        yield f"  plays: {report['undone']['plays']:,} unfinished"
    for failure in report["failures"]:
        yield f"  failed: {failure['operation']}: {failure['reason']} ({failure['count']:,})"
    for fault in report["faults"]:
        yield f"  on purpose, at {fault['at']:.1f} s: {fault['what']}"
    if report["generator"]["is_limit"]:
        yield f"  the generator was the limit, not the server: {report['generator']['reason']}"
    for problem in report["problems"]:
        yield f"  FAILED: {problem}"
    for one in report["thresholds"]:
        if not one["passed"]:
            yield f"  BROKEN: {one['text']} ({'was ' if one['value'] is not None else ''}{value_of(one)})"


def knee(reports: Sequence[Report]) -> Iterable[str]:
    """Yield what a search for the highest rate came to; the last report is the first that broke a threshold."""
    for report in reports:
        delivery = report["operations"].get("delivery", {})
        p99 = milliseconds(delivery.get("p99"))
        yield f"  {report['plan']['rate']:>10,.0f} messages/s: {report['verdict']}, delivery p99 {p99}"
    kept = [report for report in reports if report["verdict"] == "passed"]
    if not kept:
        yield "already the first rate broke a threshold"
    elif len(kept) == len(reports):
        yield "no rate broke a threshold: begin with a higher one"
    else:
        last = reports[-1]
        cpu = last["server"].get("cpu_max")
        if last["generator"]["is_limit"]:
            limit = f"the generator was the limit ({last['generator']['reason']}): more --workers tell more"
        elif cpu is not None and cpu > 0.9:
            limit = f"the server was the limit: it used {cpu:.0%} of a core"
        else:
            limit = "neither server nor generator was busy all the time: look at the charts"
        yield f"highest rate that kept all thresholds: {kept[-1]['plan']['rate']:,.0f} messages/s; then {limit}"


def table(differences: Sequence[Difference]) -> List[str]:
    """Return two runs side by side."""
    lines = [f"{'':24} {'before':>12} {'after':>12} {'change':>9}"]
    for one in differences:
        change = f"{one.change:+.1%}" if one.before else ""
        lines.append(
            f"{one.name:24} {_shown(one.before, one.unit):>12} {_shown(one.after, one.unit):>12} {change:>9} "
            f"{'*' if one.is_real else TOO_SHORT if one.is_too_short else ''}".rstrip()
        )
    lines.append("* these two runs differ by more than chance; why, only more runs of both can tell")
    blocks = f"blocks of {BLOCK_SECONDS} s of the steady phase"
    lines.append(f"  (Mann-Whitney U test over {blocks}, Holm correction, p < {LIKELY})")
    if any(one.is_too_short for one in differences):
        lines.append(f"{TOO_SHORT}: repeat both with a longer --duration")
    return lines


def _shown(value: float, unit: str) -> str:
    return milliseconds(value) if unit else short(value)

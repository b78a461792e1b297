"""What came of many plays: a file for CI (JUnit's XML), and one page to look at (HTML)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import Dict, Final, Iterator, List, Optional, Sequence
from xml.sax.saxutils import quoteattr

from messenger.protocol.text import clean
from messenger.scenario.columns import actors, columns, told
from messenger.scenario.playing import FAILED, PASSED, SKIPPED, Outcome
from messenger.scenario.timeline import Entry

TIMELINE_WIDTH: Final = 140
_COLUMN_REM: Final = 11
"""Narrower columns would hold a word or two: the table is moved sideways before that."""
ROWS_MAX: Final = 400
"""Rows of a timeline on the page: what led to the end is at the end."""

_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass
class Played:
    """A scenario and all its plays so far."""

    name: str
    path: str
    claim: str = ""
    outcomes: List[Outcome] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many plays have failed."""
        return sum(outcome.verdict == FAILED for outcome in self.outcomes)

    @property
    def verdict(self) -> str:
        """`FAILED` if one play has failed."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        return FAILED if FAILED in verdicts else PASSED if PASSED in verdicts else SKIPPED

    @property
    def seconds(self) -> float:
        """How long all plays took."""
        return sum(outcome.seconds for outcome in self.outcomes)

    @property
    def shown(self) -> Optional[Outcome]:
        """The outcome to look at: the first failure, or else the last."""
        failures = (outcome for outcome in self.outcomes if outcome.verdict == FAILED)
        return next(failures, self.outcomes[-1] if self.outcomes else None)

    @property
    def share(self) -> str:
        """How many of its plays failed, in words; nothing if there was one only."""
        plays = len(self.outcomes)
        return "" if plays == 1 else f"{self.failed or 'none'} of {plays} failed"


def summary(played: Sequence[Played], seconds: float) -> str:
    """Return the last line: counts and seconds."""
    counts = [(sum(one.verdict == verdict for one in played), verdict) for verdict in (PASSED, FAILED, SKIPPED)]
    plays = sum(len(one.outcomes) for one in played)
    told_counts = ", ".join(f"{count} {verdict}" for count, verdict in counts if count or verdict == PASSED)
    failed = sum(one.failed for one in played)
    of_plays = f" ({failed} of {plays} plays failed)" if plays > len(played) else ""
    return f"{told_counts}{of_plays} in {seconds:.1f} s"


def safe(text: str) -> str:
    """Return lines without anything that a terminal would obey."""
    return "\n".join(clean(line) for line in text.split("\n"))


def junit(played: Sequence[Played], driver: str, seconds: float, program: str = "messenger replay") -> str:
    """Return a file as CI reads it: a test case for each scenario, whose name is that of its file."""
    verdicts = [one.verdict for one in played]
    counts = (
        f'tests="{len(played)}" failures="{verdicts.count(FAILED)}" errors="0" skipped="{verdicts.count(SKIPPED)}" '
        f'time="{seconds:.3f}"'
    )
    cases = "".join(line for one in played for line in _case(one, driver))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites name={_attribute(program)} {counts}>\n"
        f"<testsuite name={_attribute(f'scenarios by {driver}')} {counts}>\n{cases}</testsuite>\n</testsuites>\n"
    )


def _case(one: Played, driver: str) -> Iterator[str]:
    folder, _, name = one.name.rpartition("/")
    group = ".".join(["scenarios", driver, *folder.split("/")]).rstrip(".")
    head = (
        f"<testcase classname={_attribute(group)} name={_attribute(name)} file={_attribute(one.path)} "
        f'time="{one.seconds:.3f}"'
    )
    outcome = one.shown
    if outcome is None or one.verdict == PASSED:
        yield head + "/>\n"
    elif one.verdict == SKIPPED:
        yield f"{head}><skipped message={_attribute(outcome.message)}/></testcase>\n"
    else:
        message = ": ".join(filter(None, [one.share, outcome.message.split("\n")[0]]))
        yield f'{head}><failure message={_attribute(message)} type="StepFailed">{_text(outcome.message)}</failure>'
        yield f"<system-out>{_text(chr(10).join(columns(outcome.entries, TIMELINE_WIDTH)))}</system-out></testcase>\n"


def _attribute(text: str) -> str:
    return quoteattr(_in_xml(text))


def _text(text: str) -> str:
    return escape(_in_xml(text), quote=False)


def _in_xml(text: str) -> str:
    """XML has no control characters, not even escaped ones."""
    return _NOT_IN_XML.sub("\ufffd", safe(text))


# ---- the page -----------------------------------------------------------------------------------------------

_STYLE: Final = """
:root { color-scheme: light dark; --text: #1b1f24; --dim: #667; --page: #fff; --card: #f5f6f8; --rule: #d8dbe0;
  --good: #12803c; --bad: #c02626; --act: #1d4ed8; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --dim: #9aa3ad; --page: #14171b; --card: #1d2126;
  --rule: #343a42; --good: #4ade80; --bad: #f87171; --act: #93c5fd; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 92rem; padding: 1.5rem; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } .sub { color: var(--dim); margin: .2rem 0 1.2rem; }
details { border-bottom: 1px solid var(--rule); } summary { padding: .35rem .2rem; cursor: pointer; }
summary:hover { background: var(--card); }
summary b { display: inline-block; width: 4.5rem; } summary i { color: var(--dim); font-style: normal; }
summary small { float: right; color: var(--dim); font-variant-numeric: tabular-nums; }
.passed { color: var(--good); } .failed { color: var(--bad); } .skipped { color: var(--dim); }
pre, td, th { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
pre { background: var(--card); border-left: .3rem solid var(--bad); padding: .6rem .9rem; margin: .5rem 0; }
.wide { overflow-x: auto; margin: .5rem 0 1.2rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th { text-align: left; color: var(--dim); position: sticky; top: 0; background: var(--page); }
td, th { padding: .1rem .6rem .1rem 0; vertical-align: top; border-left: 1px solid var(--rule); padding-left: .6rem; }
td:first-child, th:first-child { width: 4.5rem; text-align: right; color: var(--dim); border: 0; }
td.typed { color: var(--act); } td.began, td.ended { color: var(--dim); } td.end { color: var(--bad); }
"""


def page(played: Sequence[Played], driver: str, seconds: float) -> str:
    """Return one page that needs nothing else: every scenario with its claim, failures opened, the plays inside."""
    order = [FAILED, PASSED, SKIPPED]
    ordered = sorted(played, key=lambda one: order.index(one.verdict))
    verdict = FAILED if any(one.verdict == FAILED for one in played) else PASSED
    rows = "\n".join(_details(one) for one in ordered)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Scenarios: {escape(summary(played, seconds))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>Scenarios <span class="{verdict}">{verdict}</span></h1>\n'
        f'<p class="sub">{escape(summary(played, seconds))}, by the {escape(driver)} driver</p>\n'
        f"{rows}\n</body>\n</html>\n"
    )


def _details(one: Played) -> str:
    outcome = one.shown or Outcome(SKIPPED)
    share = f" · {one.share}" if one.share else ""
    is_open = " open" if one.verdict == FAILED else ""
    parts = [
        f'<details{is_open}><summary><small>{one.seconds:.2f} s{share}</small><b class="{one.verdict}">{one.verdict}'
        f"</b> {_html(one.name)} <i>{_html(one.claim)}</i></summary>"
    ]
    if outcome.message:
        parts.append(f"<pre>{_html(outcome.message)}</pre>")
    if outcome.kept:
        parts.append(f"<p>What it left behind is in {_html(outcome.kept)}.</p>")
    if outcome.entries:
        parts.append(_table(outcome.entries))
    return "".join(parts) + "</details>"


def _table(entries: Sequence[Entry]) -> str:
    names = actors(entries)
    at: Dict[str, int] = {name: number for number, name in enumerate(names)}
    head = "".join(f"<th>{_html(name)}</th>" for name in names)
    rows = []
    for entry in entries[-ROWS_MAX:]:
        if entry.who in at:
            cells = "<td></td>" * at[entry.who] + f'<td class="{entry.kind}">{_html(told(entry))}</td>'
            cells += "<td></td>" * (len(names) - at[entry.who] - 1)
        else:
            cells = f'<td class="end" colspan="{max(len(names), 1)}">{_html(told(entry))}</td>'
        rows.append(f"<tr><td>{entry.seconds:.2f}</td>{cells}</tr>")
    left_out = len(entries) - len(rows)
    before = f"<p>{left_out} rows before these are left out.</p>" if left_out else ""
    begin = f'<div class="wide"><table style="min-width: {_COLUMN_REM * len(names)}rem">'
    return f"{before}{begin}<tr><th>s</th>{head}</tr>{''.join(rows)}</table></div>"


def _html(text: str) -> str:
    return escape(_in_xml(text))

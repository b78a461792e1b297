"""What a run has to keep, pure: `delivery.p99 < 50ms`, `lost == 0`, `login.failures <= 1%`."""

from __future__ import annotations

import operator
import re
from dataclasses import fields
from typing import Any, Callable, Dict, Final, List, Mapping, NamedTuple, Optional, Sequence

from messenger.errors import ConfigError
from messenger.load.streams import Fates

_FORM: Final = re.compile(
    r"\s*([a-z][a-z0-9 ._-]*?)\s*(<=|>=|==|<|>)\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|%|[kKMG]?B?(?:/s)?)\s*\Z"
)
_COMPARE: Final[Dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_UNITS: Final = {"us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "%": 0.01, "": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
"""Latencies are microseconds, shares are of 1, the rest plain numbers."""

LATENCIES: Final = ("mean", "p50", "p90", "p95", "p99", "p999", "max")
FATES: Final = tuple(field.name for field in fields(Fates))
_DONE: Final = (*LATENCIES, "count", "rate")
_ALL: Final = (*_DONE, "failures")

OPERATIONS: Final[Dict[str, Sequence[str]]] = {
    "connect": _DONE,
    "connection": ("failures",),
    "accounts": ("failures",),
    "login": _ALL,
    "logout": _ALL,
    "refusal": _ALL,
    "ack": _ALL,
    "delivery": _DONE,
    "activeuser": _ALL,
    "creategroup": _ALL,
    "joingroup": _ALL,
    "file": _ALL,
    "scenario": _ALL,
}
"""Everything that is measured, and the figures of each: who cannot connect has a failed login, a message that does not
arrive is lost or unfinished, connections are only counted when they are lost, and accounts when there is none left."""

_PLACES: Final = {
    "files.goodput": ("files", "goodput"),
    "files.unfinished": ("files", "unfinished"),
    "plays.unfinished": ("undone", "plays"),
    "unsent": ("undone", "unsent"),
    "server.cpu": ("server", "cpu_max"),
    "server.memory": ("server", "memory_max"),
    "generator.lag": ("generator", "lag"),
}
"""Names of which a report has one figure."""


class Threshold(NamedTuple):
    """One of them."""

    text: str
    name: str
    sign: str
    limit: float

    def is_kept(self, value: Optional[float]) -> bool:
        """Tell whether a value keeps it; what was never measured does not."""
        return value is not None and _COMPARE[self.sign](value, self.limit)


class Judged(NamedTuple):
    """A threshold, and how it went."""

    text: str
    value: Optional[float]
    """None: there is none."""
    passed: bool
    reason: str
    """Why there is none."""


def parse_threshold(text: str) -> Threshold:
    """Read `NAME SIGN NUMBER[UNIT]`; raises `ConfigError`.

    NAME is `OPERATION.FIGURE`, one of `OPERATIONS` with a figure of p50, p90, p95, p99, p999, mean, max (a latency: us,
    ms or s), count, rate (a second) or failures (a number, or with % their share); or one of the fates of messages; or
    `files.goodput` (bytes/s: kB/s, MB/s), `files.unfinished`, `plays.unfinished`, `unsent`, `server.cpu` (cores),
    `server.memory` (bytes), `generator.lag` (a latency).
    """
    found = _FORM.match(text)
    if found is None:
        raise ConfigError(f"--expect must be like 'delivery.p99 < 50ms' or 'lost == 0', not {text!r}")
    name, sign, number, unit = found.groups()
    _look_up(name, text)
    scale = _UNITS[unit if unit in _UNITS else unit[:1] if unit[:1] in "kKMG" else ""]
    figure = name.rpartition(".")[2]
    is_latency = figure in LATENCIES or name == "generator.lag"
    if is_latency != (unit in ("us", "µs", "ms", "s")):
        raise ConfigError(f"{name} in {text!r} {'is a latency: give us, ms or s' if is_latency else 'is no latency'}")
    if unit == "%" and (figure != "failures" or name in ("connection.failures", "accounts.failures")):
        raise ConfigError(f"only failures may be given in %, as in 'login.failures <= 1%', not {text!r}")
    return Threshold(text, name + (" share" if unit == "%" else ""), sign, float(number) * scale)


def _look_up(name: str, text: str) -> None:
    """Raise `ConfigError` for what no report has: it would be kept for ever."""
    operation, _, figure = name.rpartition(".")
    if name in FATES or name in _PLACES or figure in OPERATIONS.get(operation, ()):
        return
    if operation in OPERATIONS:
        known = f"{operation} has {', '.join(OPERATIONS[operation])}"
    else:
        known = f"there is {', '.join((*FATES, *_PLACES))}, and OPERATION.FIGURE of {', '.join(OPERATIONS)}"
    raise ConfigError(f"nothing is called {name}, as in {text!r}: {known}")


def judge(thresholds: List[Threshold], report: Mapping[str, Any]) -> List[Judged]:
    """Look at the report of a run (see `messenger.load.results`)."""
    judged = []
    for threshold in thresholds:
        value = _value(threshold.name, report)
        subject = threshold.name if threshold.name in _PLACES else threshold.name.rpartition(".")[0]
        reason = f"no {subject} was measured" if value is None else ""
        judged.append(Judged(threshold.text, value, threshold.is_kept(value), reason))
    return judged


def _value(name: str, report: Mapping[str, Any]) -> Optional[float]:
    """Return a figure; None for one that has no measurement, which is no zero."""
    if name in FATES:
        return float(report["messages"]["all"][name])
    if name in _PLACES:
        part, field = _PLACES[name]
        return _number(report[part].get(field))
    operation, _, figure = name.rpartition(".")
    figures = report["operations"].get(operation, {"count": 0, "failures": 0})
    if figure == "failures share":
        tried = figures["failures"] + figures["count"]
        return figures["failures"] / tried if tried else None
    return _number(figures.get(figure))


def _number(value: Optional[float]) -> Optional[float]:
    return None if value is None else float(value)

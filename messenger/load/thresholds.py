"""What a run has to keep, pure: `delivery.p99 < 50ms`, `lost == 0`, `login.failures <= 1%`."""

from __future__ import annotations

import operator
import re
from typing import Any, Callable, Dict, Final, List, Mapping, NamedTuple, Optional

from messenger.errors import ConfigError

_FORM: Final = re.compile(
    r"\s*([a-z][a-z0-9 ._-]*?)\s*(<=|>=|==|<|>)\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|%|[kKMG]?B?(?:/s)?)\s*\Z"
)
_COMPARE: Final[Dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_UNITS: Final = {"us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "%": 0.01, "": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
"""Latencies are microseconds, shares are of 1, the rest plain numbers."""

LATENCIES: Final = ("mean", "p50", "p90", "p95", "p99", "p999", "max")
FATES: Final = ("sent", "acked", "delivered", "lost", "refused", "unfinished", "duplicated", "reordered")


_PLACES: Final = {
    "files.goodput": ("files", "goodput"),
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
    passed: bool


def parse_threshold(text: str) -> Threshold:
    """Read `NAME SIGN NUMBER[UNIT]`; raises `ConfigError`.

    NAME is `OPERATION.FIGURE` with a figure of p50, p90, p95, p99, p999, mean, max (a latency: us, ms or s), count,
    rate (a second) or failures (a number, or with % their share); or one of the fates of messages; or `files.goodput`
    (bytes/s: kB/s, MB/s), `server.cpu` (cores), `server.memory` (bytes), `generator.lag` (a latency).
    """
    found = _FORM.match(text)
    if found is None:
        raise ConfigError(f"--expect must be like 'delivery.p99 < 50ms' or 'lost == 0', not {text!r}")
    name, sign, number, unit = found.groups()
    scale = _UNITS[unit if unit in _UNITS else unit[:1] if unit[:1] in "kKMG" else ""]
    figure = name.rpartition(".")[2]
    is_latency = figure in LATENCIES or name == "generator.lag"
    if is_latency != (unit in ("us", "µs", "ms", "s")):
        raise ConfigError(f"{name} in {text!r} {'is a latency: give us, ms or s' if is_latency else 'is no latency'}")
    if unit == "%" and figure != "failures":
        raise ConfigError(f"only failures may be given in %, as in 'login.failures <= 1%', not {text!r}")
    return Threshold(text, name + (" share" if unit == "%" else ""), sign, float(number) * scale)


def judge(thresholds: List[Threshold], report: Mapping[str, Any]) -> List[Judged]:
    """Look at the report of a run (see `messenger.load.results`)."""
    judged = []
    for threshold in thresholds:
        value = _value(threshold.name, report)
        judged.append(Judged(threshold.text, value, threshold.is_kept(value)))
    return judged


def _value(name: str, report: Mapping[str, Any]) -> Optional[float]:
    if name in FATES:
        return float(report["messages"]["all"][name])
    operation, _, figure = name.rpartition(".")
    if name in _PLACES:
        part, field = _PLACES[name]
        value = report[part].get(field)
        return None if value is None else float(value)
    figures = report["operations"].get(operation)
    if figures is None:
        return 0.0 if figure in ("count", "failures", "failures share", "rate") else None
    if figure == "failures share":
        return float(figures["failures"] / max(1, figures["failures"] + figures["count"]))
    return float(figures[figure]) if figure in figures else None

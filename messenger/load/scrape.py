"""The server's metrics, taken once a second and kept as lists on one time axis."""

from __future__ import annotations

import threading
import time
import urllib.request
from typing import Dict, Final, List, Mapping, Optional, Sequence

TIMEOUT_SECONDS: Final = 2.0

EVERY_SECONDS: Final = 1.0

OLD_SECONDS: Final = 3.0
"""Age from which on a sample says nothing about now."""

SERIES: Final[Mapping[str, str]] = {
    "cpu": "messenger_cpu_seconds_total",
    "memory": "messenger_memory_bytes",
    "threads": "messenger_threads",
    "connections": "messenger_connections",
    "online": "messenger_users_online",
    "queued": "messenger_queued_bytes",
    "passwords_waiting": "messenger_passwords_waiting",
    "lines_waiting": "messenger_lines_waiting",
    "messages": "messenger_messages_total",
}
"""What a report shows, and the metric that it is the sum of; `cpu` and `messages` become a rate."""

_RATES: Final = ("cpu", "messages")

Sample = Dict[str, float]
"""`time`, and of `SERIES` what the server told."""

Row = Dict[str, Optional[float]]
"""`time` and each of `SERIES`, None being a hole."""


class Scraper:
    """Looks at a server's metrics from `start` to `stop`."""

    def __init__(self, address: str) -> None:
        """`address` is a URL; what cannot be reached is tried again."""
        self.address = address
        self._samples: List[Sample] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scraper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> Dict[str, List[Optional[float]]]:
        """End, and return `time` (seconds since 1970) and a list for each of `SERIES`."""
        self._stopping.set()
        self._thread.join(2 * TIMEOUT_SECONDS)
        return series_of(self._samples)

    @property
    def latest(self) -> Row:
        """What was seen last, rates being those since the time before; nothing if that is too long ago."""
        rows = rows_of(self._samples[-2:])
        return rows[-1] if rows and time.time() < self._samples[-1]["time"] + OLD_SECONDS else {}

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            try:
                with urllib.request.urlopen(self.address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - our URL
                    text = answer.read(1 << 20).decode()
                self._samples.append({"time": time.time(), **read_metrics(text)})
            except OSError:
                pass  # it is being restarted, or gone: the chart has a hole there
            # What a server that hung has missed is not made up for: rates over no time would be nonsense.
            due = max(due + EVERY_SECONDS, time.monotonic())


def series_of(samples: Sequence[Sample]) -> Dict[str, List[Optional[float]]]:
    """Return samples as `time` and a list for each of `SERIES`."""
    rows = rows_of(samples)
    return {name: [row[name] for row in rows] for name in ("time", *SERIES)}


def rows_of(samples: Sequence[Sample]) -> List[Row]:
    """Return each sample but the first with rates, and holes where a server was away or has been started again."""
    rows: List[Row] = []
    for before, after in zip(samples, samples[1:]):
        elapsed = after["time"] - before["time"]
        is_new = any(after.get(name, 0.0) < before.get(name, 0.0) for name in _RATES)  # it counts from 0 again
        missed = max(round(elapsed / EVERY_SECONDS) - 1, 1 if is_new else 0)
        for number in range(1, missed + 1):
            rows.append({"time": before["time"] + elapsed * number / (missed + 1), **dict.fromkeys(SERIES)})
        row: Row = {"time": after["time"], **{name: after.get(name) for name in SERIES}}
        for name in _RATES:
            value = None if is_new or name not in before or name not in after else after[name] - before[name]
            row[name] = None if value is None else round(value / max(elapsed, 1e-3), 4)
        rows.append(row)
    return rows


def read_metrics(text: str) -> Sample:
    """Return the `SERIES` of a Prometheus page, each the sum over its labels."""
    sums: Dict[str, float] = {}
    for line in text.split("\n"):
        name, _, value = line.rpartition(" ")
        if line and not line.startswith("#"):
            metric = name.partition("{")[0]
            sums[metric] = sums.get(metric, 0.0) + float(value)
    return {name: sums[metric] for name, metric in SERIES.items() if metric in sums}

"""The server's metrics, taken once a second and kept as lists on one time axis."""

from __future__ import annotations

import threading
import time
import urllib.request
from typing import Dict, Final, List, Mapping

TIMEOUT_SECONDS: Final = 2.0

SERIES: Final[Mapping[str, str]] = {
    "cpu": "messenger_cpu_seconds_total",
    "memory": "messenger_memory_bytes",
    "threads": "messenger_threads",
    "connections": "messenger_connections",
    "online": "messenger_users_online",
    "queued": "messenger_queued_bytes",
    "messages": "messenger_messages_total",
}
"""What a report shows, and the metric that it is the sum of; `cpu` and `messages` become a rate."""

_RATES: Final = ("cpu", "messages")


class Scraper:
    """Looks at a server's metrics from `start` to `stop`."""

    def __init__(self, address: str) -> None:
        """`address` is a URL; what cannot be reached is tried again."""
        self.address = address
        self._samples: List[Dict[str, float]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scraper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> Dict[str, List[float]]:
        """End, and return `time` (seconds since 1970) and a list for each of `SERIES`."""
        self._stopping.set()
        self._thread.join(2 * TIMEOUT_SECONDS)
        return self.series()

    @property
    def latest(self) -> Dict[str, float]:
        """What was seen last; nothing if nothing was."""
        return dict(self._samples[-1]) if self._samples else {}

    def series(self) -> Dict[str, List[float]]:
        """Return what was seen so far."""
        found: Dict[str, List[float]] = {name: [] for name in ("time", *SERIES)}
        for before, after in zip(self._samples, self._samples[1:]):
            elapsed = after["time"] - before["time"]
            found["time"].append(after["time"])
            for name in SERIES:
                value = after.get(name, 0.0)
                if name in _RATES:  # a server that was started again counts from 0
                    value = max(0.0, value - before.get(name, 0.0)) / elapsed if elapsed else 0.0
                found[name].append(round(value, 4))
        return found

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due += 1.0
            try:
                with urllib.request.urlopen(self.address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - our URL
                    text = answer.read(1 << 20).decode()
            except OSError:
                continue  # it is being restarted, or gone: the chart has a hole there
            self._samples.append({"time": time.time(), **read_metrics(text)})


def read_metrics(text: str) -> Dict[str, float]:
    """Return the `SERIES` of a Prometheus page, each the sum over its labels."""
    sums: Dict[str, float] = {}
    for line in text.split("\n"):
        name, _, value = line.rpartition(" ")
        if line and not line.startswith("#"):
            metric = name.partition("{")[0]
            sums[metric] = sums.get(metric, 0.0) + float(value)
    return {name: sums[metric] for name, metric in SERIES.items() if metric in sums}

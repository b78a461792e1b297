"""How late the process that makes the load is, and how much of a core it uses. Works under gevent and with threads."""

from __future__ import annotations

import time
from typing import Final, Iterator

import psutil

from messenger.load.recorder import CPU, Recorder

TICK_SECONDS: Final = 0.05
"""How often it is looked at."""

LAG: Final = "generator lag"


def lags(late: float, tick: float = TICK_SECONDS) -> Iterator[float]:
    """Yield how late whoever wakes so late is, and how late those would have been who should have woken meanwhile.

    Without these, two seconds in which nothing ran would be one slow tick among hundreds of quick ones.
    """
    yield late
    while late > tick:
        late -= tick
        yield late


def measure(recorder: Recorder) -> None:
    """Measure until this is killed."""
    process, next_second = psutil.Process(), 0.0
    while True:
        due = time.monotonic() + TICK_SECONDS
        time.sleep(TICK_SECONDS)
        now = time.time()
        for late in lags(max(0.0, time.monotonic() - due)):
            recorder.latency(LAG, late, now)
        if now >= next_second:
            next_second = now + 1
            recorder.amount(CPU, process.cpu_percent(), now)

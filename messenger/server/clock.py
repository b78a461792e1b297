"""The time as logs and messages write it, formatted once a second."""

from __future__ import annotations

import time
from typing import Final

from messenger.chat.state import Moment

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_time(seconds: float) -> str:
    """Return `01 Jun 2022 21:30:04` in local time, in English whatever the locale; `seconds` since the epoch."""
    t = time.localtime(seconds)
    month = _MONTHS[t.tm_mon - 1]
    return f"{t.tm_mday:02d} {month} {t.tm_year} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}"


class Clock:
    """Reads both clocks; one I/O thread has one of these."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def moment(self) -> Moment:
        """Return what time it is now."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = format_time(now)
        return Moment(time.monotonic(), self._text)

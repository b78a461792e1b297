"""What the server shows while it runs: the console lines on stdout, diagnostics on stderr.

Both go through a thread of their own and straight to the file descriptors, so that a terminal that is paused,
closed or full never holds up anything else. When more comes than can be shown, the rest is counted.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from typing import Any, Deque, Final, List, Tuple

BACKLOG_MAX: Final = 1000
"""Lines that wait to be shown at once."""

_PAUSE_SECONDS: Final = 0.02
"""Between two writes: lines that come together are shown together."""

_FLOOD_LINES: Final = 100
_FLOOD_PAUSE_SECONDS: Final = 0.25
"""After so many lines at once: nobody reads 4,000 lines a second, and formatting more takes time from the chat."""

Told = Tuple[Any, ...]
"""A template and what fills it; formatted by the console's thread, not by whoever tells it."""


def line_of(moment: str, told: Told) -> str:
    """Return what is told as a line; without a moment, it has no time in front."""
    template, *fields = told
    return f"{moment}  {template.format(*fields)}" if moment else str(template.format(*fields))


class Console(logging.Handler):
    """Shows lines from any thread; no call of it ever waits. As a logging handler it takes the diagnostics."""

    def __init__(self, out: int = 1, err: int = 2) -> None:
        super().__init__()
        self._out = out
        self._err = err
        self._told: Deque[Tuple[str, Told]] = deque()
        self._diagnostics: Deque[str] = deque(maxlen=BACKLOG_MAX)
        self._left_out = 0
        self._wake = threading.Event()
        self._stopping = False
        self._stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, name="console", daemon=True)

    def start(self) -> None:
        """Begin to show."""
        self.thread.start()

    def tell(self, moment: str, lines: List[Told]) -> None:
        """Show these lines, all of one moment (the time as text); those over the backlog are only counted."""
        room = BACKLOG_MAX - len(self._told)
        if len(lines) > room:
            self._left_out += len(lines) - max(room, 0)
            lines = lines[: max(room, 0)]
        for line in lines:
            self._told.append((moment, line))
        if not self._wake.is_set():
            self._wake.set()

    def emit(self, record: logging.LogRecord) -> None:
        """Show one line of diagnostics."""
        self._diagnostics.append(self.format(record))
        self._wake.set()

    def stop(self, timeout: float = 0.5) -> None:
        """Show what waits, for at most `timeout` seconds: a paused terminal is left alone."""
        self._stopping = True
        self._wake.set()
        self._stopped.wait(timeout)

    def _run(self) -> None:
        while True:
            stopping = self._stopping
            self._wake.clear()
            shown = self._show_told()
            self._show_diagnostics()
            if stopping:
                self._stopped.set()
                return
            time.sleep(_FLOOD_PAUSE_SECONDS if shown > _FLOOD_LINES else _PAUSE_SECONDS)
            self._wake.wait()

    def _show_told(self) -> int:
        shown = []
        while self._told:
            shown.append(line_of(*self._told.popleft()))
        left_out, self._left_out = self._left_out, 0
        if left_out:
            shown.append(f"… {left_out} more lines not shown")
        self._write(self._out, shown)
        return len(shown)

    def _show_diagnostics(self) -> None:
        shown = []
        while self._diagnostics:
            shown.append(self._diagnostics.popleft())
        self._write(self._err, shown)

    @staticmethod
    def _write(fd: int, lines: List[str]) -> None:
        data = "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(fd, data) :]
        except OSError:
            pass  # closed: there is nobody to show it to

"""A thread that does one thing after the other, for a thread that must not wait."""

from __future__ import annotations

import logging
import queue
import threading
from typing import Callable, Final, Optional

_log: Final = logging.getLogger(__name__)


class Worker:
    """Calls functions in the order in which it is given them. One thread gives them; it never waits."""

    def __init__(self, name: str) -> None:
        """`name` is that of the thread, which is started when there is something to do."""
        self._name = name
        self._functions: queue.SimpleQueue[Optional[Callable[[], None]]] = queue.SimpleQueue()
        self._thread: Optional[threading.Thread] = None

    def call(self, function: Callable[[], None]) -> None:
        """Have a function called after those before it. What it raises is logged. Nothing happens after `end`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._functions.put(function)

    def end(self) -> None:
        """Let the thread end after what it was given so far."""
        self._functions.put(None)

    def join(self, timeout: float) -> None:
        """Return when the thread has ended, or after `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            function = self._functions.get()
            if function is None:
                return
            try:
                function()
            except Exception:  # noqa: BLE001 - the next ones must go on
                _log.exception("work of the transfers failed")

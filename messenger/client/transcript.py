"""What was seen so far, and waiting for what is not seen yet."""

from __future__ import annotations

import threading
import time
from typing import Callable, Final, List, Optional, Pattern

from messenger.errors import MessengerError

TRANSCRIPT_MAX: Final = 4 * 1024 * 1024
"""Characters kept for a later `wait`; of more, the oldest are forgotten."""


class Transcript:
    """Everything shown, as one text; `wait` searches on from where the last match ended."""

    def __init__(self) -> None:
        self._text = ""
        self._fresh: List[str] = []
        self._fresh_length = 0
        self._changed = threading.Condition()
        self._error: Optional[MessengerError] = None

    def add(self, lines: List[str]) -> None:
        """Append lines. Any thread may call."""
        with self._changed:
            self._fresh += lines
            self._fresh_length += sum(map(len, lines)) + len(lines)
            if self._fresh_length > TRANSCRIPT_MAX:
                self._join()
            self._changed.notify_all()

    def end(self, error: MessengerError) -> None:
        """Nothing more will come, because of `error`. Any thread may call."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def wait(self, pattern: Pattern[str], seconds: float) -> bool:
        """Return whether `pattern` was seen within that time; raises what ended the conversation."""
        return self._wait_until(lambda: self._match(pattern), seconds)

    def sleep(self, seconds: float) -> None:
        """Return after that time; raises what ended the conversation."""
        self._wait_until(lambda: False, seconds)

    def _wait_until(self, is_met: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        with self._changed:
            while not is_met():
                if self._error is not None:
                    raise self._error
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
        return True

    def _match(self, pattern: Pattern[str]) -> bool:
        self._join()
        found = pattern.search(self._text)
        if found:
            self._text = self._text[found.end() :]
        return found is not None

    def _join(self) -> None:
        if self._fresh:
            self._text = (self._text + "\n".join(self._fresh) + "\n")[-TRANSCRIPT_MAX:]
            self._fresh = []
            self._fresh_length = 0

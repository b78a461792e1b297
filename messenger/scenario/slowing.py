"""Programs that are slowed down: what would be over in a moment can then be met in its middle."""

from __future__ import annotations

import signal
import time
from typing import Callable, Final

_RUN_SECONDS: Final = 0.003
_STAND_SECONDS: Final = 0.05


class Pace:
    """Whether a program runs, stands still, or mostly stands still: it runs for moments, while somebody looks on.

    Who does not come to look, on a busy machine, lets it stand: it never gets further than it should.
    """

    def __init__(self, send: Callable[[int], None]) -> None:
        """`send` sends a signal to the program."""
        self._send = send
        self._is_slow = False
        self._next_at = 0.0

    def change(self, what: str) -> None:
        """`pause`, `slow` or `resume` it."""
        self._is_slow = what == "slow"
        self._send(signal.SIGCONT if what == "resume" else signal.SIGSTOP)

    def let_run(self) -> None:
        """Let it run for a moment, if it is slow and it is time."""
        if self._is_slow and time.monotonic() >= self._next_at:
            self._send(signal.SIGCONT)
            time.sleep(_RUN_SECONDS)
            self._send(signal.SIGSTOP)
            self._next_at = time.monotonic() + _STAND_SECONDS

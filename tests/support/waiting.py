"""Waiting for what gives no signal. Whoever can wait for a line, a barrier or a process does that instead."""

from __future__ import annotations

import time
from typing import Callable


def eventually(claim: Callable[[], bool], within: float = 5.0, what: str = "") -> None:
    """Return as soon as `claim()` is true; fails when it is not within so many seconds."""
    deadline = time.monotonic() + within
    while not claim():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {within} s: {what or claim}")
        time.sleep(0.005)

"""Threads that hash passwords, so that a slow hash never holds up the connections."""

from __future__ import annotations

import os
import queue
import threading
from typing import Callable, Final, List, Optional, Tuple

WAITING_MAX: Final = 64
"""Passwords that may wait for a worker; at 0.2 s each on two cores, the last has waited six seconds."""

Job = Tuple[Callable[[], bool], Callable[[bool], None]]


class LoginWorkers:
    """At most one thread a core; scrypt releases the interpreter while it works."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Optional[Job]] = queue.Queue(WAITING_MAX)
        self.threads: List[threading.Thread] = []

    def submit(self, check: Callable[[], bool], done: Callable[[bool], None]) -> bool:
        """Have `done(check())` called on another thread; False if too many wait already."""
        if len(self.threads) < (os.cpu_count() or 1):
            thread = threading.Thread(target=self._run, name="login", daemon=True)
            self.threads.append(thread)
            thread.start()
        try:
            self._jobs.put_nowait((check, done))
        except queue.Full:
            return False
        return True

    @property
    def waiting(self) -> int:
        """How many passwords wait for a thread. Any thread may ask."""
        return self._jobs.qsize()

    def stop(self) -> None:
        """Let the threads end after what they are at; what still waits is dropped."""
        while True:
            try:
                self._jobs.get_nowait()
            except queue.Empty:
                break
        for _ in self.threads:
            self._jobs.put(None)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            check, done = job
            done(check())

"""`messenger chat` as a process with pipes: input by and by, output waited for, never for time."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Final, List, Mapping, Optional, Union

from tests.support.processes import environment

PATIENCE: Final = 15.0
"""Seconds after which anything that a test waits for has failed."""


class Ended:
    """How a program ended and what it wrote."""

    def __init__(self, status: int, out: bytes, err: bytes) -> None:
        self.status = status
        self.raw = out
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")

    @property
    def lines(self) -> List[str]:
        """The lines on stdout."""
        return self.out.split("\n")[:-1]

    @property
    def result(self) -> List[Any]:
        """Status and stderr, which tell together how it ended."""
        return [self.status, self.err]


class Program:
    """A running `python -m messenger …`."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        env: Optional[Mapping[str, str]] = None,
        module: str = "messenger",
        **options: Any,
    ) -> None:
        pipe = subprocess.PIPE
        streams: Dict[str, Any] = {"stdin": pipe, "stdout": pipe, "stderr": pipe, **options}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], cwd=cwd, env={**environment(), **(env or {})}, **streams
        )
        self._out = b""
        self._err = b""
        self._searched = 0

    def type(self, *lines: Union[str, bytes]) -> None:
        """Write lines to its input."""
        self.write(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))

    def write(self, data: bytes) -> None:
        """Write bytes to its input."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def until(self, text: str) -> None:
        """Return when it has written this to stdout, after what was waited for before."""
        deadline = time.monotonic() + PATIENCE
        while self._out.find(text.encode(), self._searched) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} never came:\n{self._out.decode()}\n--- stderr\n{self._err.decode()}")
        self._searched = self._out.index(text.encode(), self._searched) + len(text.encode())

    def end(self, within: float = PATIENCE) -> Ended:
        """Close its input, wait for its end and return how it was; fails when that takes too long."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass  # it has ended already
        return self.wait(within)

    def wait(self, within: float = PATIENCE) -> Ended:
        """Return how it ended, by itself."""
        deadline = time.monotonic() + within
        while self._read(deadline):
            pass
        status = self.process.wait(max(0.01, deadline - time.monotonic()))
        return Ended(status, self._out, self._err)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it and close its pipes."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass  # what was written last was not read

    def _read(self, deadline: float) -> bool:
        """Take what comes next; False at the end of both streams or after the deadline."""
        streams = {s.fileno(): s for s in (self.process.stdout, self.process.stderr) if s is not None and not s.closed}
        if not streams:
            return False
        ready, _, _ = select.select(list(streams), [], [], max(0.0, deadline - time.monotonic()))
        for fd in ready:
            data = os.read(fd, 65536)
            if streams[fd] is self.process.stdout:
                self._out += data
            else:
                self._err += data
            if not data:
                streams[fd].close()
        return bool(ready)


def login_lines(name: str, *commands: str) -> str:
    """Return a script: the login of an account of `tests.support.files`, then these commands."""
    from tests.support.files import ACCOUNTS

    return "".join(line + "\n" for line in (name, ACCOUNTS[name], *commands))

"""Where lines come from and go to: what a conversation needs of a screen, and the one of pipes and scripts.

A screen is told to `show` lines by any thread while the main thread reads from it. `wake` makes that reading
return early, with `Woken`, because something ended meanwhile.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import threading
from pathlib import Path
from typing import Callable, Final, List, Optional, Protocol

from messenger import wording
from messenger.client.commands import CommandError
from messenger.errors import ConfigError

READ_BYTES: Final = 64 * 1024


class Woken(Exception):
    """Reading was given up because something ended meanwhile."""


class Screen(Protocol):
    """What a conversation needs of the place where it is held."""

    @property
    def is_interactive(self) -> bool:
        """Whether a person sits there, who sees a refusal and goes on."""

    @property
    def is_broken(self) -> bool:
        """Whether nobody can see anything any more, because the pipe downstream was closed."""

    @property
    def fault(self) -> str:
        """Why the output could not be written, or nothing."""

    @property
    def shows_progress(self) -> bool:
        """Whether it shows by itself how far transfers are, so that no lines need tell of it."""

    def ask(self, question: str, hidden: bool = False) -> str:
        """Return the answer to a question; raises EOFError or `Woken`."""

    def read_command(self) -> str:
        """Return the next line; raises EOFError, `Woken`, or `CommandError` for a line that is no text."""

    def show(self, lines: List[str], kind: str = "") -> None:
        """Show whole lines; `kind` is the type of the event that they tell of. Any thread may call."""

    def wake(self) -> None:
        """Make `ask` or `read_command` raise `Woken`. Any thread may call."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


class Output:
    """Whole lines to a descriptor, each call in one write where the kernel allows it."""

    def __init__(self, fd: int, encoding: str = "utf-8") -> None:
        self._fd = fd
        self._encoding = encoding
        self._lock = threading.Lock()
        self.is_broken = False
        self.fault = ""
        """Why nothing can be written, unless it is only that nobody reads any more."""

    def write(self, text: str) -> None:
        """Write all of it; after the other end has closed, nothing."""
        data = text.encode(self._encoding, "backslashreplace")
        with self._lock:
            try:
                while data and not self.is_broken:
                    data = data[os.write(self._fd, data) :]
            except BrokenPipeError:
                self.is_broken = True
            except OSError as error:
                self.is_broken = True
                self.fault = error.strerror or str(error)


class Waker:
    """Pipes that make `select` return: one for `wake`, one for signals.

    The kernel may give a signal to another thread; then only its number in the pipe interrupts the main thread.
    """

    def __init__(self, on_signal: Callable[[], None] = lambda: None) -> None:
        """`on_signal` is called by who waits, after the handlers: what they may not do, as they interrupt anything."""
        self._on_signal = on_signal
        self._read, self._write = os.pipe()
        self._signals, self._signalled = os.pipe()
        for end in (self._signals, self._signalled):
            os.set_blocking(end, False)
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)

    def wait_readable(self, fd: int) -> None:
        """Return when `fd` can be read; raises `Woken` once woken."""
        while True:
            ready, _, _ = select.select([fd, self._read, self._signals], [], [])
            if self._read in ready:
                os.read(self._read, 512)  # once: who reads on after that has its reasons
                raise Woken
            if fd in ready:
                return
            os.read(self._signals, 512)  # the handlers have run by now
            self._on_signal()

    def wake(self) -> None:
        """Make `wait_readable` raise. Any thread may call."""
        os.write(self._write, b"\0")

    def close(self) -> None:
        """Close the pipes, and let signals go their usual way."""
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(-1)
        for end in (self._read, self._write, self._signals, self._signalled):
            os.close(end)


class LineSource:
    """Lines from a descriptor, undecoded and without their ends."""

    def __init__(self, fd: int, waker: Waker) -> None:
        self._fd = fd
        self._waker = waker
        self._buffer = b""
        self._lines: List[bytes] = []
        self._ended = False

    def next(self) -> bytes:
        """Return the next line; raises EOFError or `Woken`."""
        while not self._lines:
            if self._ended:
                raise EOFError
            self._waker.wait_readable(self._fd)
            data = os.read(self._fd, READ_BYTES)
            self._buffer += data
            *lines, self._buffer = self._buffer.split(b"\n")
            if not data:
                self._ended = True
                if self._buffer:
                    lines.append(self._buffer)
            self._lines = lines[::-1]
        line = self._lines.pop()
        return line[:-1] if line.endswith(b"\r") else line


class PipeScreen:
    """Lines from a pipe or a script file, no prompts. In a script, `#` begins a comment once the login is over."""

    is_interactive = False
    shows_progress = False

    def __init__(
        self, script: Optional[Path] = None, encoding: str = "utf-8", *, stdin: int = 0, stdout: int = 1
    ) -> None:
        self._waker = Waker()
        self._comments = script is not None
        self._source = LineSource(stdin if script is None else _open_script(script), self._waker)
        self._output = Output(stdout, encoding)
        self._number = 0

    @property
    def is_broken(self) -> bool:
        """Whether the pipe downstream is closed."""
        return self._output.is_broken

    @property
    def fault(self) -> str:
        """Why the output could not be written, or nothing."""
        return self._output.fault

    def ask(self, question: str, hidden: bool = False) -> str:
        """Take the next line as the answer; the question is not shown."""
        return self._next().decode("utf-8", "surrogateescape")

    def read_command(self) -> str:
        """Return the next line that is no comment."""
        line = self._next()
        while self._comments and line.startswith(b"#"):
            line = self._next()
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise CommandError("usage", wording.NOT_UTF8.format(number=self._number)) from None

    def show(self, lines: List[str], kind: str = "") -> None:
        """Write lines."""
        self._output.write("".join(line + "\n" for line in lines))
        if self._output.is_broken:
            self.wake()

    def wake(self) -> None:
        """Make reading raise `Woken`."""
        self._waker.wake()

    def close(self) -> None:
        """Nothing to leave behind."""
        self._waker.close()

    def _next(self) -> bytes:
        self._number += 1
        return self._source.next()


def _open_script(script: Path) -> int:
    try:
        fd = os.open(script, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"cannot read the script {script}: {error.strerror}") from error
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        os.close(fd)
        raise ConfigError(f"cannot read the script {script}: it is a folder")
    return fd

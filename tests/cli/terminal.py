"""`messenger chat` in a real terminal: pexpect holds the keyboard, pyte draws what a person would see.

No thread is needed, so that starting a program forks no process with threads.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios
import time
from pathlib import Path
from typing import Any, Callable, Dict, Final, List, Mapping, Optional

import pexpect
import pyte

from tests.support.processes import environment

PATIENCE: Final = 15.0
"""Seconds after which anything that a test waits for has failed."""

TERMINAL_HOLDS: Final = 4095
"""Bytes that nobody has read yet, after which the kernel has who writes to a terminal wait."""

COMMANDS: Final = ["/msgto", "/activeuser", "/creategroup", "/joingroup", "/groupmsg", "/p2pvideo", "/logout"]


class _Answering(pyte.Screen):
    """A screen that answers when it is asked where its cursor is, as terminals do."""

    answer: Callable[[str], object] = staticmethod(lambda data: None)

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Terminal:
    """One program in one terminal."""

    def __init__(
        self,
        command: List[str],
        cwd: Path,
        *,
        columns: int = 80,
        rows: int = 30,
        term: str = "xterm-256color",
        env: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.screen = _Answering(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.raw = ""
        """Everything that the program has sent to its terminal."""
        inherited = environment()
        clean = {name: inherited[name] for name in ("PATH", "PYTHONPATH")}
        self._child: Any = pexpect.spawn(
            command[0],
            command[1:],
            cwd=str(cwd),
            env={**clean, "HOME": str(cwd), "LANG": "C.UTF-8", "TERM": term, **(env or {})},
            dimensions=(rows, columns),
            encoding="utf-8",
            codec_errors="replace",
        )
        self._child.delaybeforesend = None
        self._child.ptyproc.delayafterclose = self._child.ptyproc.delayafterterminate = 0.01
        self.screen.answer = self._child.send
        self.settings = self._settings()
        """The terminal's settings at the start."""

    @property
    def rows(self) -> List[str]:
        """What the screen shows, row by row, without blanks at the ends."""
        return [row.rstrip() for row in self.screen.display]

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(self.rows).rstrip()

    @property
    def typing(self) -> str:
        """The row of the cursor."""
        return self.rows[self.screen.cursor.y]

    def type(self, text: str) -> None:
        """Press keys."""
        self._child.send(text)

    def enter(self, line: str) -> None:
        """Type a line and press Return."""
        self._child.send(line + "\r")

    def resize(self, columns: int, rows: int = 30) -> None:
        """Change the size of the window."""
        self.screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def until(self, claim: Callable[[], bool], what: str = "") -> None:
        """Return as soon as this is true of the screen."""
        deadline = time.monotonic() + PATIENCE
        while not claim():
            if not self._read(deadline):
                raise AssertionError(f"never seen: {what}\n{self.text}\n--- status {self._child.exitstatus}")

    def until_shown(self, text: str) -> None:
        """Return as soon as the screen shows this."""
        self.until(lambda: text in self.text, text)

    def until_typing(self, row: str) -> None:
        """Return as soon as the cursor's row is this."""
        self.until(lambda: self.typing == row, f"cursor in {row!r}")

    def until_prompt(self, typed: str = "") -> None:
        """Return as soon as the prompt stands there with this typed after it."""
        self.until_typing(f"> {typed}".rstrip())

    def log_in(self, name: str, password: str) -> None:
        """Answer the questions and wait for the prompt."""
        self.until_typing("Username:")
        self.enter(name)
        self.until_typing("Password:")
        self.enter(password)
        self.until_shown("Welcome to the messenger")
        self.until_prompt()

    def end(self, within: float = PATIENCE) -> int:
        """Wait for the end of the program and return its exit status; fails when that takes too long."""
        deadline = time.monotonic() + within
        while self._read(deadline):
            pass
        assert time.monotonic() < deadline, f"has not ended within {within} s:\n{self.text}"
        self._settings_at_end = self._settings()
        self._child.wait()
        assert self._child.signalstatus is None, f"killed by signal {self._child.signalstatus}"
        return int(self._child.exitstatus)

    @property
    def is_restored(self) -> bool:
        """Whether the terminal's settings after the end are those of the start."""
        return self._settings_at_end == self.settings

    def is_blocked(self) -> bool:
        """Whether the program waits for somebody to read what it writes."""
        unread = fcntl.ioctl(self._child.child_fd, termios.FIONREAD, bytes(4))
        return int.from_bytes(unread, sys.byteorder) >= TERMINAL_HOLDS

    def tell_that_it_continues(self) -> None:
        """Send the signal of a shell's `fg`."""
        self._child.kill(signal.SIGCONT)

    def suspend_and_resume(self) -> None:
        """Stop the program, give its terminal the settings that a shell likes, and let it go on."""
        self._child.kill(signal.SIGSTOP)
        os.waitpid(self._child.pid, os.WUNTRACED)
        termios.tcsetattr(self._child.child_fd, termios.TCSANOW, self.settings)
        self._child.kill(signal.SIGCONT)

    def close(self) -> None:
        """End the program, whatever it does."""
        try:
            self._child.close(force=True)
        except pexpect.ExceptionPexpect:
            self._child.wait()  # it was killed, and a busy machine takes longer than pexpect waits

    def _settings(self) -> List[Any]:
        return termios.tcgetattr(self._child.child_fd)

    def _read(self, deadline: float) -> bool:
        try:
            data = self._child.read_nonblocking(65536, max(0.0, deadline - time.monotonic()))
        except (pexpect.EOF, pexpect.TIMEOUT):
            return False
        self.raw += data
        self._stream.feed(data)
        return True


def chat_command(port: int, *options: str, module: str = "messenger") -> List[str]:
    """Return the command line of a client on any UDP port."""
    return [sys.executable, "-m", module, "chat", "127.0.0.1", str(port), "0", *options]


MODES: Final[Dict[str, Dict[str, Any]]] = {
    "full": {},
    "plain": {"options": ("--plain",)},
    "dumb": {"term": "dumb"},
}
"""The two interfaces, and the other way to ask for the second."""

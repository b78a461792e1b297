"""A terminal without an editor: what stands on the screen is sent as text and line ends only."""

from __future__ import annotations

import codecs
import os
import shutil
import signal
import termios
import threading
import tty
from typing import Any, List

from messenger.client.commands import prompt_lines
from messenger.client.screen import READ_BYTES, Output, Waker, Woken


class BareTerminal:
    """A terminal without an editor: nothing is sent to it but text and line ends, whatever it is.

    The line discipline is switched off while a line is typed, because only who holds the typed text can show it
    again after an incoming line (and because it would cut a line at 4,095 bytes).
    """

    is_interactive = True
    is_broken = False
    fault = ""
    shows_progress = False

    def __init__(self, encoding: str = "utf-8", *, stdout: int = 1) -> None:
        self._results = Output(stdout, encoding)
        self._dialogue = self._results if os.isatty(stdout) else Output(2, encoding)
        self._waker = Waker(self._redraw_if_continued)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.RLock()
        self._prompt = ""
        self._typed = ""
        self._is_reading = False
        self._hidden = False
        self._ahead = ""
        self._has_continued = False
        self._saved: List[Any] = termios.tcgetattr(0)
        tty.setcbreak(0)
        signal.signal(signal.SIGCONT, self._on_continue)

    def ask(self, question: str, hidden: bool = False) -> str:
        """Ask a login question; a hidden answer shows nothing."""
        return self._read(question, hidden)

    def read_command(self) -> str:
        """Return the next line."""
        return self._read(prompt_lines(shutil.get_terminal_size().columns) + "\n> ", False)

    def show(self, lines: List[str], kind: str = "") -> None:
        """Show lines on rows of their own, then prompt and typed text again."""
        with self._lock:
            if self._is_reading:
                self._dialogue.write("\n")
            self._results.write("".join(line + "\n" for line in lines))
            if self._is_reading:
                self._dialogue.write(self._prompt + ("" if self._hidden else self._typed))

    def wake(self) -> None:
        """Make reading raise `Woken`."""
        self._waker.wake()

    def close(self) -> None:
        """Give the terminal its settings back."""
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        self._waker.close()
        termios.tcsetattr(0, termios.TCSADRAIN, self._saved)

    def _read(self, prompt: str, hidden: bool) -> str:
        with self._lock:
            self._prompt, self._typed, self._hidden, self._is_reading = prompt, "", hidden, True
            self._dialogue.write(prompt)
        try:
            while True:
                key = self._next_key()
                with self._lock:
                    if key in "\r\n":
                        self._dialogue.write("\n")
                        self._is_reading = False
                        return self._typed
                    if key == "\x04" and not self._typed:
                        self._dialogue.write("\n")
                        raise EOFError
                    self._edit(key)
        except (Woken, KeyboardInterrupt):
            self._dialogue.write("\n")
            raise
        finally:
            with self._lock:
                self._is_reading = False

    def _next_key(self) -> str:
        while not self._ahead:
            self._waker.wait_readable(0)
            data = os.read(0, READ_BYTES)
            self._ahead = self._decoder.decode(data, final=not data)
            if not data and not self._ahead:
                return "\x04"
        key, self._ahead = self._ahead[0], self._ahead[1:]
        return key

    def _edit(self, key: str) -> None:
        if key in "\x7f\b":
            self._erase(1)
        elif key == "\x15":
            self._erase(len(self._typed))
        elif key == "\x1b":
            self._skip_sequence()
        elif key == "\t" or key.isprintable():
            self._typed += key
            if not self._hidden:
                self._dialogue.write(key)

    def _erase(self, count: int) -> None:
        for _ in range(min(count, len(self._typed))):
            gone, self._typed = self._typed[-1], self._typed[:-1]
            if not self._hidden:
                self._dialogue.write("\b \b" * _columns(gone))

    def _skip_sequence(self) -> None:
        """Pass over an arrow key and its like, as far as it has arrived."""
        if self._ahead[:1] in ("[", "O"):
            end = 1
            while end < len(self._ahead) and not "@" <= self._ahead[end] <= "~":
                end += 1
            self._ahead = self._ahead[end + 1 :]

    def _on_continue(self, number: int, frame: object) -> None:
        self._has_continued = True  # no more: it may have interrupted what holds a lock

    def _redraw_if_continued(self) -> None:
        """Back from the shell, which has set the terminal its own way."""
        if self._has_continued:
            self._has_continued = False
            tty.setcbreak(0)
            with self._lock:
                self._dialogue.write(self._prompt + ("" if self._hidden else self._typed))


def _columns(character: str) -> int:
    from wcwidth import wcwidth  # a part of prompt_toolkit's installation

    return max(wcwidth(character), 0)

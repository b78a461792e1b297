"""The terminal driver: `messenger serve` and `messenger chat` as programs of their own, clients in real terminals."""

from __future__ import annotations

import codecs
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Final, List, NamedTuple, Optional, Union

import pexpect

from messenger.client.commands import prompt_lines
from messenger.scenario.editor import PROMPT, EditorRows
from messenger.scenario.model import SERVER, Client, ServerSetup
from messenger.scenario.programs import CannotPlay
from messenger.scenario.seen import Seen
from messenger.scenario.slowing import Pace


class Size(NamedTuple):
    """How large a terminal is."""

    rows: int
    columns: int


SIZE: Final = Size(24, 100)

_ENDING_SECONDS: Final = 5.0
_PACES: Final = ("pause", "slow", "resume")
_SIGNALS: Final = {
    "kill": signal.SIGKILL,
    "stop": signal.SIGTERM,
    "pause": signal.SIGSTOP,
    "resume": signal.SIGCONT,
    "interrupt": signal.SIGINT,
    "tell": signal.SIGUSR1,
}


class Lines:
    """Bytes of a program to what it has shown; the rows of prompts, which hold only what was typed, are left out."""

    def __init__(self, seen: Seen, columns: int = SIZE.columns) -> None:
        self._seen = seen
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._prompt = set(prompt_lines(columns).split("\n"))
        self._row = ""

    def feed(self, data: bytes) -> None:
        """Take in what has come."""
        *rows, self._row = (self._row + self._decoder.decode(data)).split("\n")
        for row in rows:
            row = row.rstrip("\r")
            if self._is_text(row):
                self._seen.add(row)
            else:
                self._seen.set_partial("")
        self._seen.set_partial(self._row if self._is_text(self._row) else "")

    def end(self) -> None:
        """Nothing more comes."""
        if self._row:
            self.feed(b"\n")

    def _is_text(self, row: str) -> bool:
        return bool(row) and row not in self._prompt and not row.startswith(PROMPT) and row != PROMPT.strip()


class TerminalProgram:
    """A client in a terminal of its own, under pexpect."""

    def __init__(
        self, command: List[str], folder: Path, environment: Dict[str, str], size: Size, is_editor: bool = False
    ) -> None:
        """`is_editor`: with the full interface, of which counts what is on its screen."""
        self.seen = Seen()
        self.output = bytearray()
        self._child = pexpect.spawn(
            command[0], command[1:], cwd=str(folder), env=environment, dimensions=size, timeout=None
        )
        self._child.delaybeforesend = None
        self._lines: Union[Lines, EditorRows] = (
            EditorRows(self.seen, size.columns, size.rows, self.press) if is_editor else Lines(self.seen, size.columns)
        )
        self._ended = False

    @property
    def fd(self) -> Optional[int]:
        """What to wait for; None once it has ended."""
        fd: int = int(self._child.child_fd)
        return None if self._ended else fd

    @property
    def status(self) -> Optional[int]:
        """See `Program`."""
        if not self._ended:
            return None
        killed, status = self._child.signalstatus, self._child.exitstatus
        return 128 + int(killed) if killed else int(status)

    @property
    def is_ready(self) -> bool:
        """Whether it has taken over its terminal: what is typed before is lost."""
        return bool(self.output)

    def read(self) -> None:
        """Take in what there is."""
        try:
            data = self._child.read_nonblocking(65536, 0)
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF:
            self._lines.end()
            self._child.wait()
            self._ended = True
            return
        self.output += data
        self._lines.feed(data)

    def type(self, line: str) -> None:
        """See `Program`."""
        self.seen.answer()
        self.press(line + "\r")

    def press(self, keys: str) -> None:
        """Type without Enter."""
        self._child.send(keys.encode("utf-8", "surrogateescape"))

    def control(self, what: str) -> None:
        """See `Program`."""
        if what == "eof":
            self._child.send(b"\x04")
        elif what == "slow":
            raise CannotPlay("only a client with a pipe can be slowed down: others write a prompt at each stop")
        elif not self._ended:
            self._child.kill(_SIGNALS[what])

    def close(self) -> None:
        """End it."""
        # Not pexpect's own way, which sleeps a tenth of a second or more for each terminal.
        if not self._ended:
            self._child.kill(signal.SIGKILL)
            self._child.wait()
            self._ended = True
        self._child.ptyproc.delayafterclose = 0
        self._child.close()


class PipeProgram:
    """The server, or a client whose input is a pipe."""

    def __init__(self, command: List[str], folder: Path, environment: Dict[str, str]) -> None:
        self.seen = Seen()
        self.output = bytearray()
        self._lines = Lines(self.seen)
        self._process = subprocess.Popen(  # noqa: S603 - this package, or the program that is to be graded
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._ended = False
        self.pace = Pace(self._process.send_signal)

    @property
    def fd(self) -> Optional[int]:
        """See `TerminalProgram`."""
        assert self._process.stdout is not None
        return None if self._ended else self._process.stdout.fileno()

    @property
    def status(self) -> Optional[int]:
        """See `Program`."""
        code = self._process.returncode if self._ended else None
        return 128 - code if code is not None and code < 0 else code

    @property
    def is_ready(self) -> bool:
        """A pipe keeps what is typed early."""
        return True

    def read(self) -> None:
        """Take in what there is."""
        assert self._process.stdout is not None
        data = os.read(self._process.stdout.fileno(), 65536)
        self.output += data
        self._lines.feed(data)
        if not data:
            self._lines.end()
            self._process.wait()
            self._ended = True

    def type(self, line: str) -> None:
        """See `Program`."""
        self.press(line + "\n")

    def press(self, keys: str) -> None:
        """Type without Enter."""
        stdin = self._process.stdin
        if stdin is None or stdin.closed:
            raise CannotPlay("its input has ended")
        try:
            stdin.write(keys.encode("utf-8", "surrogateescape"))
            stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and what it has shown tells why

    def control(self, what: str) -> None:
        """See `Program`."""
        if what == "eof":
            if self._process.stdin is not None:
                self._process.stdin.close()
        elif what == "hold":
            raise CannotPlay("only a server that is graded has a terminal, which could be paused")
        elif self._process.returncode is None and what in _PACES:
            self.pace.change(what)
        elif self._process.returncode is None:
            self._process.send_signal(_SIGNALS[what])

    def close(self) -> None:
        """End it: politely, because the server then leaves whole logs behind."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass  # it has ended already
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(_ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._ended = True


class TerminalDriver:
    """Plays with real programs."""

    name = "terminal"

    def __init__(
        self,
        on_output: Callable[[str, bytes], None] = lambda name, data: None,
        size: Size = SIZE,
        shows_editors: bool = False,
    ) -> None:
        """`on_output` is called with what a program has written, byte for byte, and a line end before its successor.

        `shows_editors`: who would have a plain terminal has the full interface.
        """
        self._on_output = on_output
        self._size = size
        self._shows_editors = shows_editors
        self._programs: Dict[str, Any] = {}
        self._environment = _environment()

    def start_server(self, folder: Path, setup: ServerSetup, port: int) -> PipeProgram:
        """See `Driver`."""
        command = [*_messenger(), "serve", str(port), str(setup.attempts), *setup.options]
        server = PipeProgram(command, folder, self._environment)
        self._keep(SERVER, server)
        return server

    def start_client(self, client: Client, folder: Path, host: str, port: int) -> Any:
        """See `Driver`."""
        command = [*_messenger(), "chat", host, str(port), "0", *client.options]
        if client.screen == "pipe":
            return self._keep(client.name, PipeProgram(command, folder, self._environment))
        if client.screen == "editor" or (self._shows_editors and "--plain" not in client.options):
            environment = {**self._environment, "TERM": "xterm-256color"}
            del environment["NO_COLOR"]
            return self._keep(client.name, TerminalProgram(command, folder, environment, self._size, is_editor=True))
        return self._keep(client.name, TerminalProgram([*command, "--plain"], folder, self._environment, self._size))

    def pump(self, seconds: float) -> None:
        """See `Driver`."""
        waiting = {one.fd: (name, one) for name, one in self._programs.items() if one.fd is not None}
        for _, one in waiting.values():
            if isinstance(one, PipeProgram):
                one.pace.let_run()
        ready, _, _ = select.select(list(waiting), [], [], seconds)
        for fd in ready:
            name, program = waiting[fd]
            before = len(program.output)
            program.read()
            self._on_output(name, bytes(program.output[before:]))

    def close(self) -> None:
        """See `Driver`."""
        for name, program in reversed(list(self._programs.items())):
            if name != SERVER:
                program.close()
        if SERVER in self._programs:
            self._programs[SERVER].close()

    def _keep(self, name: str, program: Any) -> Any:
        if name in self._programs:
            self._programs[name].close()
            self._on_output(name, b"\r\n")
        self._programs[name] = program
        return program


def _messenger() -> List[str]:
    return [sys.executable, "-m", "messenger"]


def _environment() -> Dict[str, str]:
    """Nothing of the one who plays but what programs need to run; the package is found where this one is."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "SYSTEMROOT", "TMPDIR")}
    package = str(Path(__file__).parent.parent.parent)
    return {**kept, "PYTHONPATH": package, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb", "NO_COLOR": "1"}

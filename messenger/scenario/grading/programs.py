"""The driver of somebody else's program: its server and clients are started by commands and driven in terminals."""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Final, List, Optional, Tuple

from messenger.scenario.grading.commands import Command, fill_command
from messenger.scenario.grading.dialect import BARRIER, LISTENING, ForeignDialect
from messenger.scenario.grading.noticing import Notices
from messenger.scenario.grading.ports import Ports, is_listening
from messenger.scenario.grading.processes import InTerminal, Offspring, Process, read_available
from messenger.scenario.model import SERVER, Client, ServerSetup
from messenger.scenario.programs import CannotPlay, Guests
from messenger.scenario.seen import Seen

OUTPUT_MAX: Final = 4_000_000
"""Bytes that a program may write in one play: one that writes without end is killed."""

_TICK_SECONDS: Final = 0.01
_PROBE_SECONDS: Final = (0.02, 0.3)
"""How often it is looked whether the server listens: first, and at most."""

_SIGNALS: Final = {
    "kill": signal.SIGKILL,
    "stop": signal.SIGTERM,
    "pause": signal.SIGSTOP,
    "resume": signal.SIGCONT,
    "interrupt": signal.SIGINT,
}


class ForeignProgram:
    """A server or a client of which only the behaviour is known."""

    def __init__(self, process: Process, dialect: ForeignDialect, line_end: str) -> None:
        self._process = process
        self._dialect = dialect
        self._line_end = line_end
        self._notices = Notices(dialect, time.monotonic())
        self._to_write = b""
        self._written = 0
        self._has_hung_up = False
        self._is_held = False
        """Whether its terminal is paused."""
        self._is_in_line = False
        """Whether the beginning of a line has been typed."""
        self._is_barrier_due = False
        """Whether the barrier is typed once nothing more comes: what comes before that is no answer to it."""
        self.status: Optional[int] = None

    @property
    def seen(self) -> Seen:
        """See `Program`."""
        return self._notices.seen

    @property
    def is_ready(self) -> bool:
        """Whether it has shown something: until then it has the time that a program may take to start."""
        return self._written > 0 or self.status is not None

    @property
    def fd(self) -> Optional[int]:
        """What to wait for; None if nothing more comes."""
        return None if self._has_hung_up or self.status is not None else self._process.fd

    def type(self, line: str) -> None:
        """See `Program`."""
        if line == BARRIER:
            self._is_barrier_due = True
            return
        line = self._in_its_words(line)
        self._notices.typed(line, time.monotonic())
        self._is_in_line = False
        self._send(line + self._line_end)

    def press(self, keys: str) -> None:
        """See `Program`."""
        keys = self._in_its_words(keys)
        self._is_in_line = True
        self._send(keys)

    def control(self, what: str) -> None:
        """See `Program`."""
        if what == "eof":
            self._process.end_input()
        elif what == "hold":
            self._is_held = True
            self._process.hold(True)
        elif what not in _SIGNALS:
            raise CannotPlay(f"nobody can {what} a program that is graded")
        else:
            if what == "resume" and self._is_held:
                self._is_held = False
                self._process.hold(False)
            self._process.signal(_SIGNALS[what])

    def read(self) -> bytes:
        """Take in what there is, and return it."""
        data = read_available(self._process.fd)
        if data is None:
            self._has_hung_up = True
            return b""
        self._written += len(data)
        self._notices.feed(data, time.monotonic())
        if self._written > OUTPUT_MAX:
            self._process.signal(signal.SIGKILL)
            self.seen.add(f"«it has written more than {OUTPUT_MAX:,} bytes and was killed»")
        return data

    def tick(self) -> bytes:
        """Do what is due, and notice what has come true; returns what it wrote before it ended, if it has."""
        if self.status is not None:
            return b""
        now = time.monotonic()
        status = self._process.poll()
        if status is not None:
            last = b"" if self._has_hung_up else b"".join(iter(self.read, b""))
            self._notices.end(now)
            self.status = status
            return last
        self._write()
        if self._notices.wants_first(now):
            self._notices.is_first_due = False
            self.type(self._dialect.first)
        self._notices.tick(now)
        if self._is_barrier_due and self._notices.seen.is_quiet:
            self._is_barrier_due = False
            self._notices.typed_barrier(self._dialect.barrier, now)
            self._send(self._dialect.barrier + self._line_end)
        return b""

    def close(self) -> None:
        """End it."""
        self._process.close()
        self.status = 128 + signal.SIGKILL if self.status is None else self.status

    def _in_its_words(self, typed: str) -> str:
        """Return a line, or the beginning of one, with its own word for the command; what goes on has none."""
        is_command = self._notices.seen.is_logged_in and not self._is_in_line
        return self._dialect.command(typed) if is_command else typed

    def _send(self, keys: str) -> None:
        self._to_write += keys.encode("utf-8", "surrogateescape")
        self._write()

    def _write(self) -> None:
        if self._to_write:
            self._to_write = self._to_write[self._process.write(self._to_write) :]


class ForeignServer(ForeignProgram):
    """A server, which is ready once it listens on its port, or says so."""

    def __init__(self, process: Process, dialect: ForeignDialect, host: str, port: int) -> None:
        super().__init__(process, dialect, "\n")
        self._address = host, port
        self._listens = False
        self._pause, self._longest_pause = _PROBE_SECONDS
        self._probe_at = time.monotonic() + self._pause

    def tick(self) -> bytes:
        """See `ForeignProgram`."""
        last = super().tick()
        if not self._listens and self.status is None and time.monotonic() >= self._probe_at:
            self._pause = min(2 * self._pause, self._longest_pause)
            self._probe_at = time.monotonic() + self._pause
            self._listens = self._notices.says_ready() and is_listening(*self._address)
            if self._listens:
                self.seen.add(LISTENING.format(self._address[1]))
        return last


class ForeignDriver:
    """Plays with somebody else's program."""

    name = "terminal"

    def __init__(
        self,
        commands: Tuple[Command, Command],
        dialect: ForeignDialect,
        ports: Ports,
        on_output: Callable[[str, bytes], None],
    ) -> None:
        """`commands` are those of the server and of the client; `on_output` is called with what a program writes."""
        self._server_command, self._client_command = commands
        self._dialect = dialect
        self._ports = ports
        self._on_output = on_output
        self._programs: Dict[str, ForeignProgram] = {}
        self._offspring = Offspring()
        self._environment = _environment()
        self.udp_ports: Dict[str, int] = {}
        """Those of the clients, by the names of actors."""

    def start_server(self, folder: Path, setup: ServerSetup, port: int) -> ForeignProgram:
        """See `Driver`."""
        if setup.options:
            raise CannotPlay("a program that is graded has no options")
        if self._dialect.credentials != "credentials.txt":
            shutil.copyfile(folder / "credentials.txt", folder / self._dialect.credentials)
        port = port or self._ports.take()
        command = fill_command(self._server_command, {"port": str(port), "attempts": str(setup.attempts)})
        process = InTerminal(command, folder, self._environment)
        return self._keep(SERVER, ForeignServer(process, self._dialect, "127.0.0.1", port))

    def start_client(self, client: Client, folder: Path, host: str, port: int) -> ForeignProgram:
        """See `Driver`."""
        if client.options or client.screen != "plain":
            raise CannotPlay("clients of a program that is graded have a plain terminal and no options")
        udp_port = self.udp_ports[client.name] = self._ports.take()
        values = {"host": host, "port": str(port), "udp_port": str(udp_port)}
        process = InTerminal(fill_command(self._client_command, values), folder, self._environment)
        return self._keep(client.name, ForeignProgram(process, self._dialect, self._dialect.line_end))

    def pump(self, seconds: float) -> None:
        """See `Driver`."""
        waiting = {program.fd: (name, program) for name, program in self._programs.items() if program.fd is not None}
        ready, _, _ = select.select(list(waiting), [], [], min(seconds, _TICK_SECONDS))
        for fd in ready:
            name, program = waiting[fd]
            self._tell(name, program.read())
        for name, program in self._programs.items():
            self._tell(name, program.tick())

    def close(self) -> None:
        """See `Driver`."""
        for program in reversed(list(self._programs.values())):
            program.close()
        self._offspring.end()

    def _keep(self, name: str, program: ForeignProgram) -> ForeignProgram:
        if name in self._programs:
            self._programs[name].close()
        self._programs[name] = program
        return program

    def _tell(self, name: str, data: bytes) -> None:
        if data:
            self._on_output(name, data)


@dataclass(frozen=True)
class Graded:
    """The program that is graded, for one of several plays that share the ports."""

    commands: Tuple[Command, Command]
    dialect: ForeignDialect
    play: int
    plays: int

    def begin(self, on_output: Callable[[str, bytes], None]) -> Guests:
        """Return what a play needs of it."""
        driver = ForeignDriver(
            self.commands, self.dialect, Ports(*self.dialect.ports, self.play, self.plays), on_output
        )
        return Guests(driver, self.dialect.for_player(), driver.udp_ports)


def _environment() -> Dict[str, str]:
    """What the one who grades has, but nothing that colours or folds what programs show, or keeps it back."""
    unwanted: List[str] = ["COLUMNS", "LINES", "LANGUAGE"]
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    settings = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    return {**kept, **settings}

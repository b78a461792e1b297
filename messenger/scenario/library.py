"""The library driver: the same conversations without terminals and programs, on screens in memory, in milliseconds.

The server is the real one, on a port of its own, in a thread of this process unless the scenario does something to it.
"""

from __future__ import annotations

import os
import queue
import shlex
import threading
from pathlib import Path
from typing import Callable, Dict, Final, List, NamedTuple, Optional, Sequence, Tuple, Union

from messenger.client.chat import Conversation
from messenger.client.screen import Woken
from messenger.config import ChatConfig, ServerConfig
from messenger.errors import ConfigError
from messenger.protocol.text import clean
from messenger.scenario.model import SERVER, Client, ServerSetup
from messenger.scenario.programs import CannotPlay
from messenger.scenario.recorder import ClientRecorder
from messenger.scenario.seen import Seen
from messenger.scenario.terminal import PipeProgram, TerminalDriver
from messenger.server.console import Console, Told, line_of
from messenger.server.lifecycle import Server

Configure = Callable[[Sequence[str], Path], Tuple[ChatConfig, Optional[Path]]]
"""Reads the arguments of `messenger chat`, with relative names from a folder, into what they ask for and the script
that they name; raises `ConfigError`."""

_KILLED: Final = 137
_ENDING_SECONDS: Final = 5.0


class _Signal(NamedTuple):
    """Something other than a line that comes to whoever reads."""

    error: type[BaseException]


_Input = Union[str, _Signal]


class _MemoryScreen:
    """A screen (see `messenger.client.screen.Screen`) whose lines go to the driver and come from it."""

    is_broken = False
    fault = ""
    shows_progress = False

    def __init__(self, is_interactive: bool, is_script: bool, tell: Callable[[Sequence[str], str], None]) -> None:
        self.is_interactive = is_interactive
        self._is_script = is_script
        self._tell = tell
        self._input: queue.SimpleQueue[_Input] = queue.SimpleQueue()
        self._woken = threading.Event()
        self._has_ended = False
        self._question = ""
        """What stands on the screen and waits for its answer."""

    def ask(self, question: str, hidden: bool = False) -> str:
        """See `Screen`. Question and answer stay on the screen, as one line of it."""
        if not self.is_interactive:
            return self._next()
        self._question = question
        self._tell((), question)
        answer = ""
        try:
            answer = self._next()
            return answer
        finally:
            self._question = ""
            self._tell([question if hidden else question + answer], "")

    def read_command(self) -> str:
        """See `Screen`. Comments in scripts are left out."""
        line = self._next()
        while self._is_script and line.startswith("#"):
            line = self._next()
        return line

    def show(self, lines: List[str], kind: str = "") -> None:
        """See `Screen`. A question that waits is interrupted, and asked again."""
        question = self._question
        self._tell([question, *lines] if question else lines, question)

    def wake(self) -> None:
        """See `Screen`."""
        self._woken.set()
        self._input.put(_Signal(Woken))

    def close(self) -> None:
        """Nothing to leave behind."""

    def put(self, given: _Input) -> None:
        """Give what is typed."""
        self._input.put(given)

    def _next(self) -> str:
        if self._woken.is_set():
            self._woken.clear()
            raise Woken
        given = _Signal(EOFError) if self._has_ended else self._input.get()
        if isinstance(given, str):
            return given
        self._has_ended = self._has_ended or given.error is EOFError
        if given.error is Woken:
            self._woken.clear()
        raise given.error


class LibraryProgram:
    """A client that is a conversation in a thread."""

    is_ready = True

    def __init__(
        self, config: ChatConfig, script: Optional[Path], folder: Path, is_interactive: bool, wake: Callable[[], None]
    ) -> None:
        self.seen = Seen()
        self._here = f"{folder}{os.sep}"
        """What a program that runs in this folder has no need to say of its files."""
        self.status: Optional[int] = None
        self._wake = wake
        self._told: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._is_killed = False
        self._screen = _MemoryScreen(is_interactive and script is None, script is not None, self._tell)
        witness = None if config.record is None else ClientRecorder(config)
        self._conversation = Conversation(config, self._screen, self._complain, witness)
        if script is not None:
            for line in script.read_text(encoding="utf-8").removesuffix("\n").split("\n"):
                self.type(line)
            self.control("eof")
        self._thread = threading.Thread(target=self._run, name="scenario-client", daemon=True)
        self._thread.start()

    def take_in(self) -> None:
        """Take over what the conversation has shown; called by the player's thread."""
        while True:
            try:
                self._told.get_nowait()()
            except queue.Empty:
                return

    def type(self, line: str) -> None:
        """See `Program`."""
        self.seen.answer()
        self._screen.put(line)

    def press(self, keys: str) -> None:
        """See `Program`."""
        raise CannotPlay("the library driver has no keyboard: say '@only terminal: …'")

    def control(self, what: str) -> None:
        """See `Program`."""
        if what == "eof":
            self._screen.put(_Signal(EOFError))
        elif what == "interrupt":
            self._screen.put(_Signal(KeyboardInterrupt))
        elif what in ("kill", "stop"):
            self._is_killed = what == "kill"
            try:
                self._conversation.client.close()
            except AssertionError:
                pass  # not connected yet
            self._screen.put(_Signal(EOFError))
        else:
            raise CannotPlay(f"the library driver cannot {what} a client: say '@only terminal: …'")

    def close(self) -> None:
        """End it."""
        if self.status is None:
            self.control("kill")
        self._thread.join(_ENDING_SECONDS)

    def _run(self) -> None:
        status = int(self._conversation.run())

        def end() -> None:
            self.seen.set_partial("")
            self.status = _KILLED if self._is_killed else status

        self._told.put(end)
        self._wake()

    def _tell(self, lines: Sequence[str], partial: str) -> None:
        if self._is_killed:
            return

        def show() -> None:
            for line in lines:
                self.seen.add(line.replace(self._here, ""))
            self.seen.set_partial(partial)

        self._told.put(show)
        self._wake()

    def _complain(self, message: str) -> None:
        self._tell([f"messenger: {clean(line)}" for line in message.split("\n")], "")


class _MemoryConsole(Console):
    """A console whose lines are shown to the driver at once."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def start(self) -> None:
        """Nothing to start: there is no thread, as nothing here ever waits."""

    def tell(self, moment: str, lines: List[Told]) -> None:
        """See `Console`."""
        for line in lines:
            self._show(line_of(moment, line))

    def stop(self, timeout: float = 0) -> None:
        """Nothing is left to be shown."""


class _ServerThread:
    """The server in this process."""

    is_ready = True

    def __init__(self, config: ServerConfig, wake: Callable[[], None]) -> None:
        """Raises `ConfigError`."""
        self.seen = Seen()
        self.status: Optional[int] = None
        self._wake = wake
        self._told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._server = Server(config, _MemoryConsole(self._tell))
        self._server.start()

    def take_in(self) -> None:
        """Take over what the console has shown."""
        while not self._told.empty():
            self.seen.add(self._told.get())

    def type(self, line: str) -> None:
        """See `Program`."""
        raise CannotPlay("nothing can be typed to the server")

    def press(self, keys: str) -> None:
        """See `Program`."""
        raise CannotPlay("nothing can be typed to the server")

    def control(self, what: str) -> None:
        """See `Program`."""
        if what != "tell":
            raise CannotPlay(f"this server is a thread: it cannot be told to {what}")
        self._server.tell_online()

    def close(self) -> None:
        """End it."""
        self._server.stop()

    def _tell(self, line: str) -> None:
        self._told.put(line)
        self._wake()


class LibraryDriver:
    """Plays through the client library."""

    name = "library"

    def __init__(self, configure: Configure) -> None:
        self._configure = configure
        self._processes = TerminalDriver()
        self._programs: Dict[str, Union[LibraryProgram, _ServerThread]] = {}
        self._woken = threading.Event()

    def start_server(self, folder: Path, setup: ServerSetup, port: int) -> Union[PipeProgram, _ServerThread]:
        """See `Driver`."""
        if setup.is_controlled or setup.options:
            return self._processes.start_server(folder, setup, port)
        try:
            config = ServerConfig(port, int(setup.attempts), (), folder / "credentials.txt", folder)
            server = _ServerThread(config, self._woken.set)
        except ConfigError as error:
            raise CannotPlay(str(error)) from None
        self._programs[SERVER] = server
        return server

    def start_client(self, client: Client, folder: Path, host: str, port: int) -> LibraryProgram:
        """See `Driver`."""
        if client.screen == "editor":
            raise CannotPlay("the full interface needs a terminal: say '@only terminal: …'")
        try:
            config, script = self._configure([host, str(port), "0", *client.options], folder)
        except ConfigError as error:
            raise CannotPlay(f"messenger chat {shlex.join(client.options)}: {error}") from None
        program = LibraryProgram(config, script, folder, client.screen == "plain", self._woken.set)
        self._programs[client.name] = program
        return program

    def pump(self, seconds: float) -> None:
        """See `Driver`."""
        self._processes.pump(0)
        # A process doesn't wake anybody, nor a file that grows; they are looked at from time to time.
        self._woken.wait(min(seconds, 0.01))
        self._woken.clear()
        for program in self._programs.values():
            program.take_in()

    def close(self) -> None:
        """See `Driver`."""
        for name, program in reversed(list(self._programs.items())):
            if name != SERVER:
                program.close()
        if SERVER in self._programs:
            self._programs[SERVER].close()
        self._processes.close()

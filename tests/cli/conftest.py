"""Fixtures of the tests of the programs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Callable, Iterator, List, Union

import pytest

from messenger.server import Server
from tests.cli.programs import Ended, Program
from tests.cli.terminal import MODES, Terminal, chat_command
from tests.client.fakes import FakeServer
from tests.conftest import ServeProcess
from tests.support.files import ACCOUNTS
from tests.support.processes import Serve

Open = Callable[..., Terminal]
EnterYoda = Callable[..., Terminal]
StartProgram = Callable[..., Program]
Run = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The working directory of the programs of this test."""
    place = tmp_path / "work"
    place.mkdir()
    return place


@pytest.fixture
def start(folder: Path) -> Iterator[StartProgram]:
    """Start programs; all are killed at the end."""
    started: List[Program] = []

    def start_one(*arguments: str, **options: Any) -> Program:
        program = Program(*arguments, cwd=folder, **options)
        started.append(program)
        return program

    yield start_one
    for program in started:
        program.kill()


@pytest.fixture
def chat(start: StartProgram, server: Server) -> StartProgram:
    """Start `messenger chat` with the server of this test."""

    def start_one(*arguments: str, port: int = 0, **options: Any) -> Program:
        return start("chat", "127.0.0.1", str(port or server.port), "0", *arguments, **options)

    return start_one


@pytest.fixture
def run(chat: StartProgram) -> Run:
    """Run `messenger chat` on the whole of its input; returns how it ended."""

    def run_one(text: Union[str, bytes], *arguments: str, **options: Any) -> Ended:
        program = chat(*arguments, **options)
        program.write(text if isinstance(text, bytes) else text.encode())
        return program.end()

    return run_one


class People:
    """Users of one server, each a program in a folder of their own, logged in."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self._folder = folder
        self._started: List[Program] = []

    def home(self, name: str) -> Path:
        """Return the folder of this user."""
        place = self._folder / name
        place.mkdir(exist_ok=True)
        return place

    def enter(self, name: str, *options: str, rate: int = 0, **settings: Any) -> Program:
        """Start a client, which sends files at `rate` bytes a second, and log in."""
        slow = {"module": "tests.cli.slow", "env": {"RATE": str(rate)}} if rate else {}
        arguments = ("chat", "127.0.0.1", str(self.port), "0", *options)
        program = Program(*arguments, cwd=self.home(name), **{**slow, **settings})
        self._started.append(program)
        program.type(name, ACCOUNTS[name])
        program.until('"welcome"' if "--json" in options else "Welcome")
        return program

    def push(self, name: str, *arguments: str, rate: int = 0, **settings: Any) -> Program:
        """Start `messenger push` as this user, who has to be asked for the password."""
        slow = {"module": "tests.cli.slow", "env": {"RATE": str(rate)}} if rate else {}
        server = ("--server", f"127.0.0.1:{self.port}", "--username", name)
        program = Program("push", *arguments, *server, cwd=self.home(name), **{**slow, **settings})
        self._started.append(program)
        return program

    def write(self, name: str, file: str, size: int) -> bytes:
        """Make a file in the folder of this user and return its content."""
        content = random.Random(size).randbytes(size) if size else b""
        (self.home(name) / file).write_bytes(content)
        return content

    def files(self, name: str) -> List[str]:
        """Return what is in the folder of this user."""
        return sorted(path.name for path in self.home(name).iterdir())

    def close(self) -> None:
        """End all programs."""
        for program in self._started:
            program.kill()


@pytest.fixture
def people(server: Server, folder: Path) -> Iterator[People]:
    """Let users log in to the server of this test."""
    everybody = People(server.port, folder)
    yield everybody
    everybody.close()


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A server that says what the test tells it to."""
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def served(serve_process: ServeProcess) -> Serve:
    """A server in a process of its own, so that this one has no threads when a terminal is opened."""
    return serve_process()


@pytest.fixture
def open_terminal(folder: Path) -> Iterator[Open]:
    """Open terminals with a client in them; all are closed at the end."""
    opened: List[Terminal] = []

    def open_one(port: int, mode: str = "full", *options: str, module: str = "messenger", **settings: Any) -> Terminal:
        chosen = dict(MODES[mode])
        command = chat_command(port, *chosen.pop("options", ()), *options, module=module)
        terminal = Terminal(command, folder, **{**chosen, **settings})
        opened.append(terminal)
        return terminal

    yield open_one
    for terminal in opened:
        terminal.close()


@pytest.fixture
def yoda(served: Serve, open_terminal: Open) -> EnterYoda:
    """Open a terminal in which Yoda is logged in."""

    def enter(mode: str = "full", *options: str, **settings: Any) -> Terminal:
        terminal = open_terminal(served.port, mode, *options, **settings)
        terminal.log_in("Yoda", ACCOUNTS["Yoda"])
        return terminal

    return enter

"""Programs that are not there: a driver of scenarios that keeps its own time, so that plays take none."""

from __future__ import annotations

import heapq
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Callable, Dict, List, Optional, Tuple

import pytest

from messenger import wording
from messenger.scenario.model import SERVER, Client, ServerSetup
from messenger.scenario.parser import parse
from messenger.scenario.player import Play, Result
from messenger.scenario.seen import Seen
from messenger.scenario.setting import Setting

PASSWORD = "secret-of-all"
PORT = 12000
LATENCY = 0.01
"""Seconds from what is typed to what comes of it."""
CONSOLE_LATENCY = 0.3
"""Seconds until the server's console tells of it, or of anything after it."""


class FakeDriver:
    """A server and clients in memory. They know `/ping`, `/msgto NAME TEXT`, `/logout` and `/slow SECONDS TEXT`."""

    name = "fake"

    def __init__(self) -> None:
        self.now = 0.0
        self.programs: Dict[str, FakeProgram] = {}
        self.typed: List[Tuple[str, str]] = []
        """Who typed what, in order; the barrier, too."""
        self.setups: List[ServerSetup] = []
        self.is_closed = False
        self._count = itertools.count()
        self._due: List[Tuple[float, int, Callable[[], None]]] = []

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Let something happen in a while."""
        heapq.heappush(self._due, (self.now + seconds, next(self._count), what))

    def start_server(self, folder: Path, setup: ServerSetup, port: int) -> FakeProgram:
        """A server that is ready soon, unless its attempts are wrong."""
        self.setups.append(setup)
        server = self.programs[SERVER] = FakeProgram(self, SERVER)
        if isinstance(setup.attempts, int):
            self.later(LATENCY, lambda: server.seen.add(f"ready on 127.0.0.1 port {port or PORT}"))
        elif setup.attempts == "accepted":
            server.seen.add("ready on 127.0.0.1 port 1")
        else:
            server.fail(setup.attempts)
        return server

    def start_client(self, client: Client, folder: Path, host: str, port: int) -> FakeProgram:
        """A client that asks for its login."""
        program = self.programs[client.name] = FakeProgram(self, client.name)
        program.is_ready = False
        self.later(LATENCY, program.ask)
        return program

    def pump(self, seconds: float) -> None:
        """Let that much time pass, or less if something happens."""
        if self._due and self._due[0][0] <= self.now + seconds:
            self.now = max(self.now, self._due[0][0])
            heapq.heappop(self._due)[2]()
        else:
            self.now += seconds

    def close(self) -> None:
        """Nothing is left of it."""
        self.is_closed = True


class FakeProgram:
    """A client or the server."""

    def __init__(self, driver: FakeDriver, name: str) -> None:
        self.name, self.seen = name, Seen()
        self.status: Optional[int] = None
        self.is_ready = True
        self.controls: List[str] = []
        self._driver = driver
        self._half = ""
        self._wrong = 0

    def ask(self) -> None:
        """Ask for the user name."""
        self.is_ready = True
        self.seen.set_partial(wording.ASK_USERNAME)

    def fail(self, how: str) -> None:
        """End as a server does that was started wrongly."""
        for line in {"traceback": ["Traceback (most recent call last):"], "mute": []}.get(how, [f"not {how}"]):
            self.seen.add(line)
        self.status = None if how == "hangs" else 2

    def type(self, line: str) -> None:
        """Take a line in; what comes of it comes a little later."""
        line, self._half = self._half + line, ""
        self._driver.typed.append((self.name, line))
        question = self.seen.partial
        self.seen.answer()
        self._driver.later(LATENCY, lambda: self._act(question, line))

    def press(self, keys: str) -> None:
        """Take a part of a line in."""
        self._half += keys

    def control(self, what: str) -> None:
        """Note what was done; `kill` ends it, `eof` a little later."""
        self.controls.append(what)
        if what == "kill":
            self.status = 137
        elif what == "eof":
            self._driver.later(LATENCY, lambda: self._end(0))
        elif what == "tell":
            self._driver.later(CONSOLE_LATENCY, lambda: self.seen.add(wording.NOW_ONLINE.format(1)))

    def _act(self, question: str, line: str) -> None:
        if question:
            self.seen.add(question)
            self._go_on_with_login(question, line)
            return
        command, _, rest = line.partition(" ")
        to, _, text = rest.partition(" ")
        if command == "/ping":
            self.seen.add(wording.PONG)
        elif command == "/msgto":
            self.seen.add(f"sent to {to}")
            self._driver.programs[to].seen.add(f"{self.name}: {text}")
            self._driver.later(CONSOLE_LATENCY, lambda: self._driver.programs[SERVER].seen.add(f"{self.name} wrote"))
        elif command == "/slow":
            self._driver.later(float(to), lambda: self.seen.add(text))
        elif command == "/logout":
            self._end(0)

    def _go_on_with_login(self, question: str, line: str) -> None:
        if question == wording.ASK_USERNAME:
            self.seen.set_partial(wording.ASK_PASSWORD)
        elif line == PASSWORD:
            self.seen.add(wording.WELCOME.format(self.name))
        else:
            self._wrong += 1
            self.seen.add("wrong password")
            self.seen.set_partial(wording.ASK_PASSWORD)
            if self._wrong == 3:
                self._end(4)

    def _end(self, status: int) -> None:
        self.status = status


class Theatre:
    """Plays scenarios with a driver in memory; what happened is in `driver`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.driver = FakeDriver()
        self._folder = folder
        clock = SimpleNamespace(monotonic=lambda: self.driver.now)
        for module in ("player", "stage"):
            monkeypatch.setattr(f"messenger.scenario.{module}.time", clock)

    def play(self, text: str, factor: float = 1.0, server: Optional[Tuple[str, int]] = None) -> Result:
        """Play a scenario in which everybody has the same password; `server` is one that runs already."""
        scenario = parse(text, "a.scenario")
        accounts = dict.fromkeys(["Yoda", "Hans", "Rey"], PASSWORD)
        return Play(scenario, self.driver, Setting(self._folder, accounts, server, factor)).run()

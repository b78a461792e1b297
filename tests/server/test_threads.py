"""Threads: connections are spread over them, a failing one ends the server, none outlives it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from messenger.chat.rules import Rules
from messenger.server import Server
from tests.conftest import Connect, MakeConfig, StartServer
from tests.support.files import hashed, log_rows, open_descriptors
from tests.support.waiting import eventually
from tests.support.wire import Wire, logged_in

ACCOUNTS = {f"user{n}": "p" for n in range(9)}


def test_connections_are_spread_over_the_io_threads(start_server: StartServer, connect: Connect) -> None:
    server = start_server(ACCOUNTS, io_threads=3)
    for number in range(9):
        assert connect(server.port).login(f"user{number}", "p")["type"] == "welcome"
    assert server.connections_by_thread() == [3, 3, 3]
    names = {thread.name for thread in threading.enumerate()}
    assert {"io-0", "io-1", "io-2"} <= names


@pytest.mark.parametrize("durable", [False, True])
def test_messages_between_threads_keep_each_senders_order(
    start_server: StartServer, connect: Connect, data_dir: Path, durable: bool
) -> None:
    """Every sender writes to everybody, all at once; the receivers are on all threads."""
    server = start_server(ACCOUNTS, io_threads=3, durable=durable)
    wires = {name: connect(server.port) for name in ACCOUNTS}
    for name, wire in wires.items():
        assert wire.login(name, "p")["type"] == "welcome"
    for turn in range(40):
        for sender, wire in wires.items():
            for receiver in wires:
                if receiver != sender:
                    wire.send("msgto", user=receiver, text=f"{turn}")
    for wire in wires.values():
        wire.send("ping", id=0)
    received: List[Any] = []
    for wire in wires.values():
        events = [wire.read()]
        while len([e for e in events if e["type"] == "message"]) < 320 or not [
            e for e in events if e["type"] == "pong"
        ]:
            events.append(wire.read())
        messages = [event for event in events if event["type"] == "message"]
        for sender in wires:
            mine = [event for event in messages if event["from"] == sender]
            assert [event["text"] for event in mine] == [str(turn) for turn in range(40)][: len(mine)]
            assert [event["number"] for event in mine] == sorted(event["number"] for event in mine)
        received += messages
    assert sorted(event["number"] for event in received) == list(range(1, 9 * 8 * 40 + 1))
    assert len(log_rows(data_dir / "messagelog.txt")) == 9 * 8 * 40


@pytest.fixture
def _hook() -> Iterator[None]:
    """Put back what a server that is not stopped by a fixture has set."""
    hook = threading.excepthook
    yield
    threading.excepthook = hook


@pytest.mark.usefixtures("_hook")
@pytest.mark.parametrize("settings", [{}, {"io_threads": 2}])
def test_a_failing_thread_ends_the_server(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, data_dir: Path, settings: Any
) -> None:
    """It would be half a server otherwise."""

    def broken(*_: object) -> None:
        raise RuntimeError("a fault in the rules")

    server = Server(make_config(**settings))
    server.start()
    yoda = logged_in(server.port, "Yoda")
    monkeypatch.setattr(Rules, "handle", broken)
    yoda.send("ping")
    assert server.wait() is False
    server.stop()
    assert (data_dir / "userlog.txt").read_bytes() == b""
    yoda.close()


@pytest.mark.usefixtures("_hook")
@pytest.mark.parametrize("settings", [{}, {"io_threads": 3, "durable": True}, {"accounts": hashed()}])
def test_neither_threads_nor_descriptors_outlive_the_server(make_config: MakeConfig, settings: Any) -> None:
    threads, descriptors = set(threading.enumerate()), open_descriptors()
    with Server(make_config(**settings)) as server:
        for name in ("Yoda", "Hans"):
            with logged_in(server.port, name) as wire:
                wire.ask("creategroup", group="club", users=["Leia"])
    eventually(lambda: not set(threading.enumerate()) - threads, 2)
    eventually(lambda: open_descriptors() <= descriptors, 2, "descriptors are closed")


@pytest.mark.usefixtures("_hook")
def test_everybody_gets_last_replies_and_closing_from_every_thread(make_config: MakeConfig) -> None:
    server = Server(make_config(ACCOUNTS, io_threads=3, durable=True))
    server.start()
    wires = [Wire(server.port) for _ in range(6)]
    for number, wire in enumerate(wires):
        assert wire.login(f"user{number}", "p")["type"] == "welcome"
    for wire in wires:
        wire.send("ping", id=77)
    server.stop()
    for wire in wires:
        events = wire.read_to_end()
        assert events[-1]["type"] == "closing"
        wire.close()

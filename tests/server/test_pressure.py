"""Clients that don't read, connections without descriptors, and connections on which nothing comes."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import List

import pytest

from messenger.protocol import limits
from messenger.server import Server, loop
from tests.conftest import Connect, ServeProcess
from tests.support.files import presence_rows
from tests.support.waiting import eventually
from tests.support.wire import Json, Wire


def test_a_client_that_does_not_read_is_cut_off_while_others_go_on(
    serve_process: ServeProcess, connect: Connect
) -> None:
    """And the server's memory grows by less than 10 MB for it."""
    served = serve_process()
    connect(served.port, "Hans", receive_buffer=4096)
    leia, yoda = connect(served.port, "Leia"), connect(served.port, "Yoda")
    before = most = served.rss_kib
    text = "x" * 4000
    sent = 0
    while "Hans" in [user["name"] for user in yoda.ask("activeuser")["users"]]:
        lines = [{"type": "msgto", "id": n, "user": "Hans", "text": text} for n in range(100)]
        yoda.send_bytes(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        assert {event.get("code", "sent") for event in yoda.barrier()} <= {"sent", "offline"}
        assert yoda.ask("msgto", user="Leia", text="still here")["type"] == "sent"
        assert [event["text"] for event in leia.barrier()] == ["still here"]
        most = max(most, served.rss_kib)
        sent += 100 * len(text)
        assert sent < 100_000_000, "it was never cut off"
    assert most - before < 10_000, "KiB"
    assert presence_rows(served.data_dir / "activitylog.txt")[-1][1::3] == ["Hans", "lost"]
    assert served.end() == 0
    assert "Hans does not read: cut off" in served.diagnostics


def test_a_client_that_asks_and_does_not_read_is_not_read_any_more(server: Server, connect: Connect) -> None:
    """Its own replies cannot fill the server's memory: requests wait in the kernel until it reads."""
    greedy = connect(server.port, "Yoda", receive_buffer=4096)
    greedy.sock.settimeout(0.3)
    with pytest.raises(socket.timeout):
        while True:
            greedy.sock.sendall(b'{"type":"become_root_%s"}\n' % (b"x" * 1000) * 1000)
    assert connect(server.port, "Hans").barrier() == []


def test_without_descriptors_it_refuses_politely_and_recovers(serve_process: ServeProcess) -> None:
    served = serve_process(nofile=40)
    yoda = Wire(served.port)
    yoda.login("Yoda")
    wires: List[Wire] = []
    busy: Json = {}
    while not busy:
        wire = Wire(served.port, hello=False)
        wires.append(wire)
        first = wire.read()
        if first["type"] != "hello":
            busy = first
            assert wire.read_to_end() == []
        assert len(wires) < 60
    assert (busy["type"], busy["code"]) == ("error", "busy")
    assert yoda.barrier() == [], "who is there is served"
    assert yoda.ask("msgto", user="Hans", text="x")["code"] == "offline"
    for wire in wires:
        wire.close()

    def room_again() -> bool:
        with Wire(served.port, hello=False) as late:
            return bool(late.read()["type"] == "hello")

    eventually(room_again, 5)
    assert served.end() == 0
    yoda.close()


@pytest.fixture
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """All deadlines a hundred times shorter."""
    for name in ("LOGIN_SECONDS", "PING_SECONDS", "DEAD_SECONDS"):
        monkeypatch.setattr(loop, name, getattr(limits, name) / 100)
    monkeypatch.setattr(loop, "TICK_SECONDS", 0.02)


@pytest.mark.usefixtures("_hurry")
def test_a_connection_without_a_login_is_closed(server: Server, connect: Connect) -> None:
    """Also one that sends bytes, but never a whole line."""
    silent, dripping = connect(server.port), connect(server.port)
    dripping.send_bytes(b'{"type":"lo')
    for wire in (silent, dripping):
        (closing,) = wire.read_to_end()
        assert (closing["type"], closing["code"]) == ("closing", "idle")


@pytest.mark.usefixtures("_hurry")
def test_a_silent_client_is_asked_and_stays_while_it_answers(server: Server, connect: Connect) -> None:
    yoda = connect(server.port, "Yoda")
    for _ in range(5):
        assert yoda.read() == {"type": "check"}
        yoda.send_bytes(b'{"type":"alive"}\n')
    assert yoda.barrier() == []


@pytest.mark.usefixtures("_hurry")
def test_a_client_that_does_not_answer_is_logged_out(server: Server, connect: Connect, data_dir: Path) -> None:
    events = connect(server.port, "Yoda").read_to_end()
    assert events[0] == {"type": "check"}
    assert events[-1]["code"] == "idle"
    eventually(lambda: (data_dir / "userlog.txt").read_bytes() == b"", 1)
    assert presence_rows(data_dir / "activitylog.txt")[-1][1::3] == ["Yoda", "lost"]


def test_the_limits_of_silence_are_those_that_the_protocol_promises() -> None:
    assert (limits.LOGIN_SECONDS, limits.PING_SECONDS, limits.DEAD_SECONDS) == (20, 15, 40)
    assert limits.DEAD_SECONDS + 2 * loop.TICK_SECONDS < 45

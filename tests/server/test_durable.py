"""`--durable`: nothing is acknowledged or delivered before its log line is on the disk."""

from __future__ import annotations

import errno
import os
import re
import select
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.conftest import Connect, ServeProcess, StartServer
from tests.support.files import log_rows, name_of
from tests.support.wire import Json


class Gate:
    """Stands in for `os.fdatasync`: counts, waits while `open` is not set, and fails while `broken`."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.open.set()
        self.broken = False
        self.synced: List[str] = []

    def fdatasync(self, fd: int) -> None:
        self.synced.append(name_of(fd))
        self.entered.release()
        assert self.open.wait(20)
        if self.broken:
            raise OSError(errno.EIO, "Input/output error")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    stand_in = Gate()
    monkeypatch.setattr(os, "fdatasync", stand_in.fdatasync)
    yield stand_in
    stand_in.broken = False
    stand_in.open.set()


def test_no_acknowledgement_and_no_message_before_the_sync(
    start_server: StartServer, connect: Connect, gate: Gate, data_dir: Path
) -> None:
    server = start_server(durable=True)
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    gate.open.clear()
    yoda.send("msgto", user="Hans", text="safe")
    assert gate.entered.acquire(timeout=5)
    assert gate.synced == ["messagelog.txt"]
    assert log_rows(data_dir / "messagelog.txt") == [["1", "Hans", "safe"]]
    assert select.select([hans.sock, yoda.sock], [], [], 0.2)[0] == []
    gate.open.set()
    assert (yoda.read()["type"], hans.read()["text"]) == ("sent", "safe")


def test_messages_that_come_during_a_sync_share_the_next_one(
    start_server: StartServer, connect: Connect, gate: Gate, data_dir: Path
) -> None:
    server = start_server(durable=True)
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    gate.open.clear()
    for number in range(20):
        yoda.send("msgto", user="Hans", text=str(number))
        assert number or gate.entered.acquire(timeout=5)
    wanted = yoda.send("ping")
    assert select.select([yoda.sock], [], [], 0.1)[0] == [], "replies keep their order"
    gate.open.set()
    events: List[Json] = []
    while not events or events[-1] != {"type": "pong", "id": wanted}:
        events.append(yoda.read())
    assert sum(event.get("count", 1) for event in events[:-1]) == 20
    assert [event["text"] for event in hans.barrier()] == [str(number) for number in range(20)]
    assert len(gate.synced) <= 5, "one sync for many"


def test_a_group_message_waits_for_both_logs(start_server: StartServer, connect: Connect, gate: Gate) -> None:
    server = start_server(durable=True)
    connect(server.port, "Hans")
    yoda = connect(server.port, "Yoda")
    yoda.ask("creategroup", group="club", users=["Hans"])
    assert yoda.ask("groupmsg", group="club", text="x")["type"] == "sent"
    assert sorted(gate.synced) == ["club_messagelog.txt", "messagelog.txt"]


def test_what_cannot_be_synced_is_refused_and_not_delivered(
    start_server: StartServer, connect: Connect, gate: Gate
) -> None:
    server = start_server(durable=True)
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    gate.broken = True
    assert yoda.ask("msgto", user="Hans", text="lost")["code"] == "not_stored"
    gate.broken = False
    assert yoda.ask("msgto", user="Hans", text="kept")["type"] == "sent"
    assert [event["text"] for event in hans.barrier()] == ["kept"]


def test_without_durable_nothing_waits_for_the_disk(start_server: StartServer, connect: Connect, gate: Gate) -> None:
    server = start_server()
    connect(server.port, "Hans")
    assert connect(server.port, "Yoda").ask("msgto", user="Hans", text="x")["type"] == "sent"
    assert gate.synced == []


def can_trace() -> bool:
    strace = shutil.which("strace")
    return bool(strace) and subprocess.run([str(strace), "-o", "/dev/null", "true"], check=False).returncode == 0


@pytest.mark.skipif(not can_trace(), reason="needs strace and the permission to trace")
def test_the_system_calls_are_write_then_fdatasync_then_send(
    serve_process: ServeProcess, connect: Connect, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    wrapper = ["strace", "-D", "-f", "-s", "200", "-e", "trace=write,fdatasync,sendto", "-o", str(trace)]
    served = serve_process("--durable", wrapper=wrapper)
    connect(served.port, "Hans")
    assert connect(served.port, "Yoda").ask("msgto", user="Hans", text="safe")["type"] == "sent"
    assert served.end() == 0
    calls = [line.split(" ", 1)[1].strip() for line in trace.read_text().splitlines()]
    written = next(n for n, call in enumerate(calls) if re.match(r'write\(\d+, "1; .*; Hans; safe', call))
    descriptor = re.findall(r"\d+", calls[written])[0]
    sent = next(n for n, call in enumerate(calls) if call.startswith("sendto(") and '\\"sent\\"' in call)
    assert [call for call in calls[written:sent] if call.startswith(f"fdatasync({descriptor}")]

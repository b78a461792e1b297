"""How a connection begins and ends: nobody there, somebody else there, killed, silent, closed."""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List

import pytest

from messenger.client import Client
from messenger.client import connection as module
from messenger.errors import ConnectFailed, ConnectionLost, MessengerError, ReplyTimeout
from messenger.protocol.messages import MsgTo
from messenger.server import Server
from tests.client.conftest import reading_threads
from tests.client.fakes import PATIENCE, TIME, FakeServer
from tests.conftest import ServeProcess
from tests.support.files import ACCOUNTS
from tests.support.waiting import eventually


def test_nobody_listening_is_told_at_once() -> None:
    with socket.socket() as sock:  # bound, but not listening
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        with pytest.raises(ConnectFailed, match=f"127.0.0.1:{port}"):
            Client.connect("127.0.0.1", port, timeout=5)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "..", "a..b", "x" * 64 + ".example", "", "300.1.1.1"])
def test_a_host_that_does_not_exist_is_a_failed_connection(host: str) -> None:
    with pytest.raises(ConnectFailed):
        Client.connect(host, 9, timeout=5)


@pytest.mark.parametrize(
    "banner",
    [
        b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example ESMTP\r\n",
        b'{"type":"welcome","id":1}\n',
        b"[1, 2]\n",
        b"\x00\xff\xfe\n",
    ],
)
def test_what_is_no_messenger_server_is_named(fake: FakeServer, banner: bytes) -> None:
    with pytest.raises(ConnectFailed, match=f"127.0.0.1:{fake.port} is no messenger server"):
        fake.meet(banner, timeout=2)
    assert not reading_threads()


def test_a_connection_that_never_was_is_not_reported_as_lost(fake: FakeServer) -> None:
    """`connect` raises, and that is all."""
    lost: List[MessengerError] = []
    with pytest.raises(ConnectFailed):
        fake.meet(b"HTTP/1.1 400 Bad Request\r\n", timeout=2, on_lost=lost.append)
    assert lost == []


def test_a_socket_that_stays_silent_is_no_messenger_server(fake: FakeServer) -> None:
    start = time.monotonic()
    with pytest.raises(ConnectFailed, match="no messenger server"):
        fake.meet(b"", timeout=0.2)
    assert time.monotonic() - start < 2
    assert not reading_threads()


def test_a_socket_that_closes_at_once_is_no_messenger_server(fake: FakeServer) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: fake.accept().close())
        with pytest.raises(ConnectFailed, match="no messenger server"):
            Client.connect("127.0.0.1", fake.port, timeout=5)


def test_a_server_of_another_protocol_is_named(fake: FakeServer) -> None:
    with pytest.raises(ConnectFailed, match="protocol 2"):
        fake.meet(b'{"type":"hello","protocol":2,"server":"later"}\n', timeout=5)
    assert not reading_threads()


def test_a_server_without_room_says_so(fake: FakeServer) -> None:
    with pytest.raises(ConnectFailed, match="too busy"):
        fake.meet(b'{"type":"error","code":"busy","message":"the server is too busy"}\n', timeout=5)


def test_a_killed_server_is_noticed_by_everyone_who_waits(serve_process: ServeProcess) -> None:
    served = serve_process()
    lost: queue.Queue[MessengerError] = queue.Queue()
    client = Client.connect("127.0.0.1", served.port, on_lost=lost.put)
    client.login("Yoda", ACCOUNTS["Yoda"])
    served.process.send_signal(signal.SIGSTOP)
    os.waitpid(served.process.pid, os.WUNTRACED)  # from here on it answers nothing
    pending = [client.submit(MsgTo, user="Hans", text=str(number)) for number in range(5)]
    start = time.monotonic()
    served.kill()
    for one in pending:
        with pytest.raises(ConnectionLost, match="broke"):
            one.result(2)
    assert isinstance(lost.get(timeout=2), ConnectionLost)
    assert time.monotonic() - start < 2
    assert isinstance(client.error, ConnectionLost)
    with pytest.raises(ConnectionLost, match="broke"):
        client.send("Hans", "too late")
    assert lost.empty(), "told once"


def test_a_server_that_shuts_down_says_why(serve_process: ServeProcess) -> None:
    served = serve_process()
    lost: queue.Queue[MessengerError] = queue.Queue()
    client = Client.connect("127.0.0.1", served.port, on_lost=lost.put)
    served.process.send_signal(signal.SIGTERM)
    assert "shutting down" in str(lost.get(timeout=2))
    assert client.error is not None


def test_a_silent_server_is_asked_and_then_given_up(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.1)
    monkeypatch.setattr(module, "DEAD_SECONDS", 0.7)
    monkeypatch.setattr(module, "_LOOK_UP_SECONDS", 0.05)
    lost: queue.Queue[MessengerError] = queue.Queue()
    client, peer = fake.meet(on_lost=lost.put)
    pending = client.submit(MsgTo, user="Hans", text="hi")
    assert [peer.expect(kind) for kind in ("msgto", "ping")] == [1, 2]
    assert "silent" in str(lost.get(timeout=5))
    with pytest.raises(ConnectionLost, match="silent"):
        pending.result(5)


def test_a_server_that_answers_pings_is_not_given_up(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.05)
    monkeypatch.setattr(module, "DEAD_SECONDS", 0.6)
    monkeypatch.setattr(module, "_LOOK_UP_SECONDS", 0.02)
    client, peer = fake.meet()
    start = time.monotonic()
    while time.monotonic() < start + 0.8:
        peer.send({"type": "pong", "id": peer.expect("ping")})
    assert client.error is None
    client.close()


def test_a_check_is_answered(fake: FakeServer) -> None:
    client, peer = fake.meet()
    peer.send({"type": "check"})
    assert peer.read() == {"type": "alive"}
    client.close()


def test_a_reply_that_does_not_come_is_a_timeout_and_may_come_later(fake: FakeServer) -> None:
    client, peer = fake.meet()
    with pytest.raises(ReplyTimeout, match=r"0\.05"):
        client.send("Hans", "hi", timeout=0.05)
    assert not issubclass(ReplyTimeout, ConnectionLost)
    late = peer.expect("msgto")
    pending = client.submit(MsgTo, user="Hans", text="next")
    peer.send({"type": "sent", "id": late, "time": TIME, "number": 1})
    peer.send({"type": "sent", "id": peer.expect("msgto"), "time": TIME, "number": 2})
    assert getattr(pending.result(5), "number", None) == 2
    client.close()


def test_close_may_be_called_by_many_threads_at_once_while_others_wait(fake: FakeServer) -> None:
    lost: List[MessengerError] = []
    client, _ = fake.meet(on_lost=lost.append)
    pending = [client.submit(MsgTo, user="Hans", text="hi") for _ in range(20)]
    start = threading.Barrier(8)

    def close() -> None:
        start.wait()
        client.close()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(close) for _ in range(8)]:
            done.result(PATIENCE)
    for one in pending:
        with pytest.raises(ConnectionLost, match="closed"):
            one.result(2)
    assert (lost, client.error) == ([], None), "our own end is no loss"
    eventually(lambda: not reading_threads())


def test_a_client_may_be_closed_by_its_own_callback(fake: FakeServer) -> None:
    closed = threading.Event()

    def end(_: object) -> None:
        client.close()
        closed.set()

    client, peer = fake.meet(on_event=end)
    peer.send({"type": "message", "from": "Hans", "text": "go", "time": TIME, "number": 1})
    assert closed.wait(5)
    with pytest.raises(EOFError):
        peer.read()
    eventually(lambda: not reading_threads())
    with pytest.raises(ConnectionLost):
        client.ping()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_thread_and_no_descriptor_is_left_behind(server: Server) -> None:
    before = set(threading.enumerate())
    count = open_descriptors()
    for _ in range(20):
        with Client.connect("127.0.0.1", server.port) as client:
            client.ping()
    assert set(threading.enumerate()) == before
    eventually(lambda: open_descriptors() == count)


def test_waiting_for_an_event_ends_with_the_connection(fake: FakeServer) -> None:
    """What had come before is still there; after it, everybody who asks is told, again and again."""
    client, peer = fake.meet()
    peer.send({"type": "invited", "group": "club", "by": "Hans"})
    peer.close()
    assert client.next_event(5) is not None
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            client.next_event()
    client.close()

"""What may come over a socket: commands in any packets, and lines that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from messenger.server import Server
from tests.conftest import Connect
from tests.support.files import log_lines, log_rows


def requests(*fields: Any) -> bytes:
    return b"".join(json.dumps(request).encode() + b"\n" for request in fields)


def twenty_messages() -> List[Any]:
    return [{"type": "msgto", "id": n, "user": "Hans", "text": f"text {n}"} for n in range(1, 21)]


def test_hello_is_the_first_line(server: Server, connect: Connect) -> None:
    hello = connect(server.port, hello=False).read()
    assert hello["type"] == "hello"
    assert hello["protocol"] == 1
    assert hello["server"].startswith("messenger ")


def test_twenty_commands_in_one_packet_are_carried_out_in_order(
    server: Server, connect: Connect, data_dir: Path
) -> None:
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    yoda.send_bytes(requests(*twenty_messages()))
    acknowledged = [
        n for event in yoda.barrier() for n in range(event["id"] - event.get("count", 1) + 1, event["id"] + 1)
    ]
    assert acknowledged == list(range(1, 21))
    assert [event["text"] for event in hans.barrier()] == [f"text {n}" for n in range(1, 21)]
    assert log_rows(data_dir / "messagelog.txt") == [[str(n), "Hans", f"text {n}"] for n in range(1, 21)]


def test_login_and_commands_in_one_packet(server: Server, connect: Connect) -> None:
    yoda = connect(server.port)
    login = {"type": "login", "id": 1, "username": "Yoda", "password": "comp9331"}
    yoda.send_bytes(
        requests(login, {"type": "activeuser", "id": 2}, {"type": "logout", "id": 3}, {"type": "ping", "id": 4})
    )
    assert [event["type"] for event in yoda.read_to_end()] == ["welcome", "active", "goodbye"]


def test_one_byte_at_a_time(server: Server, connect: Connect) -> None:
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    for byte in '{"type":"msgto","id":1,"user":"Hans","text":"Grüße 👋"}\r\n'.encode():
        yoda.send_bytes(bytes([byte]))
    assert yoda.read()["type"] == "sent"
    assert hans.read()["text"] == "Grüße 👋"


def test_the_last_line_counts_although_the_client_has_closed_its_side(
    server: Server, connect: Connect, data_dir: Path
) -> None:
    connect(server.port, "Hans")
    yoda = connect(server.port, "Yoda")
    yoda.send_bytes(requests({"type": "msgto", "id": 1, "user": "Hans", "text": "bye"}))
    yoda.sock.shutdown(1)
    yoda.read_to_end()
    assert log_rows(data_dir / "messagelog.txt") == [["1", "Hans", "bye"]]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"/msgto Hans hi", "malformed"),
        (b"\x00\xff\x1b[2J", "malformed"),
        (b"GET / HTTP/1.1\r", "malformed"),
        (b'{"type":"msgto","id":1,"user":"Hans","text":"\xff\xfe"}', "malformed"),
        (b'{"type":"msgto","id":1,"user":"Hans","text":"\\ud800"}', "malformed"),
        (b'{"type":"msgto","id":1,"user":"Hans","text":"hi\\n2; 01 Jun 2022 21:30:04; Hans; forged"}', "bad_text"),
        (b'{"type":"msgto","id":1,"user":"Hans","text":"hi\\u0085forged"}', "bad_text"),
        (b'{"type":"msgto","id":1,"user":"Hans","text":"\\u0000"}', "bad_text"),
        (b'{"type":"msgto","id":1,"user":"Hans","text":"' + b"x" * 4097 + b'"}', "bad_text"),
        (b'{"type":"msgto","id":1,"user":"Hans\\n7; x","text":"hi"}', "unknown_user"),
        (b'{"type":"groupmsg","id":1,"group":"../messagelog","text":"hi"}', "unknown_group"),
        (b'{"type":"creategroup","id":1,"group":"../../x","users":["Hans"]}', "bad_group_name"),
        (b'{"type":"ping","id":-99999999999999999999999999}', "malformed"),
        (b'{"type":"msgto","id":1,"user":"Hans","text":"a"' + b" " * 60000, "malformed"),
        (b"[" * 60000, "malformed"),
    ],
)
def test_a_bad_line_gets_an_error_forges_nothing_and_the_session_goes_on(
    server: Server, connect: Connect, data_dir: Path, line: bytes, code: str
) -> None:
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    files = {path.name for path in data_dir.iterdir()}
    yoda.send_bytes(line + b"\n")
    error = yoda.read()
    assert (error["type"], error["code"]) == ("error", code)
    assert yoda.ask("msgto", user="Hans", text="after")["number"] == 1
    assert [event["text"] for event in hans.barrier()] == ["after"]
    assert log_rows(data_dir / "messagelog.txt") == [["1", "Hans", "after"]]
    assert {path.name for path in data_dir.iterdir()} == files


@pytest.mark.parametrize("name", ["", "Yoda"])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_that_is_too_long_or_never_ends_closes_its_connection_only(
    server: Server, connect: Connect, name: str, end: bytes
) -> None:
    hans, other = connect(server.port, "Hans"), connect(server.port, name)
    try:
        other.send_bytes(b"A" * 100_000 + end)
    except OSError:
        pass  # the server need not have waited for all of it
    assert [event.get("code") for event in other.read_to_end()] == ["line_too_long"]
    assert hans.barrier() == []
    assert name not in [user["name"] for user in hans.ask("activeuser")["users"]]


def test_a_message_to_somebody_whose_line_was_too_long_harms_nobody(server: Server, connect: Connect) -> None:
    """It may come in the same wake-up: the connection ends and the message is refused, or it was sent before."""
    hans, leia, clumsy = connect(server.port, "Hans"), connect(server.port, "Leia"), connect(server.port, "Yoda")
    message = requests({"type": "msgto", "id": 1, "user": "Yoda", "text": "hi"})
    clumsy.send_bytes(b"A" * 65_000)
    for _ in range(8):
        hans.barrier()  # each is a wake-up that reads some of it
    with server._core.lock:  # holds the server up until everything below has arrived, so that it comes together
        hans.send_bytes(requests({"type": "ping", "id": 1}))
        clumsy.send_bytes(b"A" * 1000)
        leia.send_bytes(message)
        hans.send_bytes(message)
    clumsy.read_to_end()
    assert hans.read() == {"type": "pong", "id": 1}
    for sender in (hans, leia):
        assert sender.read().get("code", "sent") in ("offline", "sent")
        assert sender.barrier() == []


def test_no_command_works_before_the_login(server: Server, connect: Connect, data_dir: Path) -> None:
    hans, stranger = connect(server.port, "Hans"), connect(server.port)
    commands: List[Tuple[str, Dict[str, Any]]] = [
        ("msgto", {"user": "Hans", "text": "hi"}),
        ("activeuser", {}),
        ("creategroup", {"group": "g", "users": ["Hans"]}),
        ("joingroup", {"group": "g"}),
        ("groupmsg", {"group": "g", "text": "hi"}),
        ("offer", {"user": "Hans", "transfer": "0" * 32, "name": "a", "size": 1, "key": "A" * 43 + "=", "udp_port": 1}),
        ("answer", {"user": "Hans", "transfer": "0" * 32, "accepted": False}),
        ("outcome", {"user": "Hans", "transfer": "0" * 32, "code": "done"}),
        ("logout", {}),
    ]
    for kind, fields in commands:
        assert stranger.ask(kind, **fields)["code"] == "login_first"
    assert hans.barrier() == []
    assert log_lines(data_dir / "messagelog.txt") == []
    assert not list(data_dir.glob("g_*"))


def test_a_reply_comes_for_its_own_request_and_not_one_late(server: Server, connect: Connect) -> None:
    yoda = connect(server.port, "Yoda")
    for number in range(50):
        assert yoda.ask("ping", id=1000 + number)["id"] == 1000 + number
        assert yoda.ask("msgto", id=2000 + number, user="Yoda", text="x")["code"] == "yourself"

"""No server, a server that dies, a server that is none, and one that is hostile."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

import pytest

from tests.cli.conftest import StartProgram
from tests.cli.programs import login_lines
from tests.client.fakes import HELLO, TIME, FakeServer
from tests.conftest import ServeProcess
from tests.support.files import log_rows

HOSTILE = "a\x00\x07\x1b[2J\x1b]0;title\x07\r\n\x7f\x9b\u0085\u2028\u202e\u2066z"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What never stands in output: controls but tab and line end, and what reorders a line."""


@pytest.fixture
def nobody() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_server_is_status_3_and_one_line(start: StartProgram, nobody: int) -> None:
    ended = start("chat", "127.0.0.1", str(nobody), "0").end()
    assert ended.result == [3, f"messenger: cannot connect to 127.0.0.1:{nobody}: Connection refused\n"]
    assert ended.out == ""


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64 + ".example"])
def test_a_host_that_does_not_exist_is_status_3(start: StartProgram, host: str) -> None:
    ended = start("chat", host, "12000", "0").end()
    assert ended.status == 3
    assert ended.err.startswith("messenger: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("banner", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_what_is_no_messenger_server_is_status_3(start: StartProgram, fake: FakeServer, banner: bytes) -> None:
    program = start("chat", "127.0.0.1", str(fake.port), "0", "--connect-timeout", "0.5")
    fake.accept().send_bytes(banner)
    assert program.end(5).result == [3, f"messenger: what answers at 127.0.0.1:{fake.port} is no messenger server\n"]


@pytest.mark.parametrize("command", ["", "/wait --timeout 60 what never comes", "/sleep 60"])
def test_a_server_killed_in_the_middle_is_told_within_2_seconds(
    serve_process: ServeProcess, start: StartProgram, command: str
) -> None:
    served = serve_process()
    program = start("chat", "127.0.0.1", str(served.port), "0")
    program.write(login_lines("Yoda", "/activeuser", command).encode())
    program.until("no other active user")
    served.kill()
    ended = program.wait(2)
    assert ended.result == [3, "messenger: connection lost: the connection to the server broke\n"]


def test_a_server_that_shuts_down_says_so(serve_process: ServeProcess, start: StartProgram) -> None:
    served = serve_process()
    program = start("chat", "127.0.0.1", str(served.port), "0")
    program.type("Yoda", "comp9331")
    program.until("Welcome")
    assert served.end() == 0
    assert program.wait(2).result == [3, "messenger: connection lost: the server is shutting down\n"]


def test_a_server_killed_while_a_reply_is_due_is_told(fake: FakeServer, chat_with_fake: StartProgram) -> None:
    program = chat_with_fake()
    peer = fake.accept()
    program.type("Yoda", "comp9331", "/msgto Hans hi")
    peer.let_in()
    peer.expect("msgto")
    start = time.monotonic()
    peer.close()
    assert program.wait(2).status == 3
    assert time.monotonic() - start < 2


def test_commands_after_the_loss_are_not_carried_out(
    serve_process: ServeProcess, start: StartProgram, data_dir: Path
) -> None:
    served = serve_process(folder=data_dir)
    program = start("chat", "127.0.0.1", str(served.port), "0")
    program.type("Yoda", "comp9331")
    program.until("Welcome")
    served.kill()
    ended = program.wait(2)
    assert ended.status == 3
    assert ended.lines == ["Welcome to the messenger, Yoda!"]
    assert log_rows(data_dir / "messagelog.txt") == []


@pytest.fixture
def chat_with_fake(start: StartProgram, fake: FakeServer) -> StartProgram:
    """Start a client of the server that says what the test tells it to."""
    return lambda *arguments: start("chat", "127.0.0.1", str(fake.port), "0", *arguments)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_hostile_text_is_never_shown_raw(fake: FakeServer, chat_with_fake: StartProgram, options: list[str]) -> None:
    program = chat_with_fake(*options)
    peer = fake.accept()
    peer.send({**HELLO, "server": HOSTILE})
    program.type("Yoda", "wrong", "comp9331")
    peer.send({"type": "error", "id": peer.expect("login"), "code": "login_failed", "message": HOSTILE})
    login = {"username": HOSTILE, "time": HOSTILE, "groups": [HOSTILE], "invitations": [HOSTILE]}
    peer.send({"type": "welcome", "id": peer.expect("login"), **login})
    peer.send({"type": "message", "from": HOSTILE, "text": HOSTILE, "time": HOSTILE, "number": 1})
    peer.send({"type": "group_message", "group": HOSTILE, "from": HOSTILE, "text": HOSTILE, "time": TIME, "number": 1})
    peer.send({"type": "invited", "group": HOSTILE, "by": HOSTILE})
    program.type("/activeuser", "/creategroup club Hans", "/joingroup club", "/msgto Hans hi", "/msgto Hans again")
    user = {"name": HOSTILE, "address": HOSTILE, "udp_port": 1, "since": HOSTILE}
    peer.send({"type": "active", "id": peer.expect("activeuser"), "users": [user]})
    peer.send({"type": "created", "id": peer.expect("creategroup"), "group": HOSTILE, "members": [HOSTILE]})
    peer.send({"type": "joined", "id": peer.expect("joingroup"), "group": HOSTILE})
    peer.send({"type": "sent", "id": peer.expect("msgto"), "time": HOSTILE, "number": 1})
    peer.send({"type": "error", "id": peer.expect("msgto"), "code": "offline", "message": HOSTILE})
    program.type("/wait --timeout 0 never")
    peer.send({"type": "closing", "code": "shutdown", "message": HOSTILE})
    peer.close()
    ended = program.end()
    assert len(ended.lines) >= 11
    assert not RAW.search(ended.out)
    assert not RAW.search(ended.err)
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("line", [b"garbage", b"[" * 100_000, b" " * (1024 * 1024 + 1), b"\xff\x1b[2J"], ids=range(4))
def test_garbage_from_the_server_ends_with_one_clean_line(
    fake: FakeServer, chat_with_fake: StartProgram, line: bytes
) -> None:
    program = chat_with_fake()
    program.type("Yoda", "comp9331")
    peer = fake.accept()
    peer.let_in()
    program.until("Welcome")
    peer.push(line + b"\n")
    ended = program.wait(3)
    assert ended.status == 3
    assert ended.err.startswith("messenger: connection lost: the server sent ")
    assert ended.err.count("\n") == 1
    assert not RAW.search(ended.err)

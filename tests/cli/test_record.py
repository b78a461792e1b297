"""`--record`: what a client and a server write, also when they are killed, and what is told when they cannot."""

from __future__ import annotations

import resource
import signal
import socket
from pathlib import Path
from typing import List

import pytest

from messenger import Client
from messenger.scenario.model import Type
from messenger.scenario.parser import parse
from messenger.server import Server
from tests.cli.conftest import Run, StartProgram
from tests.cli.programs import login_lines
from tests.conftest import ServeProcess
from tests.support.files import ACCOUNTS, write_credentials
from tests.support.processes import run_messenger
from tests.support.waiting import eventually


def typed(text: str) -> List[str]:
    """Return what is typed in a scenario."""
    return [step.line for step in parse(text, "recorded.scenario").steps if isinstance(step, Type)]


def test_a_client_records_what_is_typed_and_no_password(run: Run, folder: Path) -> None:
    session = f"Yoda\nnot it\n{ACCOUNTS['Yoda']}\n/activeuser\n{ACCOUNTS['Yoda']}\n/logout\n"
    assert run(session, "--record", "yoda.scenario").status == 1
    text = (folder / "yoda.scenario").read_text()
    password = "${password:Yoda}"
    assert typed(text) == ["Yoda", "wrong password", password, "/activeuser", password, "/logout"]
    assert ACCOUNTS["Yoda"] not in text
    assert "not it" not in text


def test_a_server_records_everybody(serve_process: ServeProcess, tmp_path: Path) -> None:
    server = serve_process("--record", str(tmp_path / "all.scenario"))
    with Client.connect("127.0.0.1", server.port) as yoda, Client.connect("127.0.0.1", server.port) as hans:
        yoda.login("Yoda", ACCOUNTS["Yoda"])
        hans.login("Hans", ACCOUNTS["Hans"])
        yoda.send("Hans", f"mine is {ACCOUNTS['Yoda']}")
    assert server.end() == 0
    text = (tmp_path / "all.scenario").read_text()
    assert typed(text) == ["/msgto Hans mine is ${password:Yoda}"]
    assert ACCOUNTS["Yoda"] not in text


def test_a_killed_client_leaves_a_scenario_of_what_happened_until_then(chat: StartProgram, folder: Path) -> None:
    client = chat("--record", "yoda.scenario")
    client.type(*login_lines("Yoda", "/activeuser").splitlines())
    client.until("no other active user")
    client.kill()
    assert typed((folder / "yoda.scenario").read_text()) == ["/activeuser"]


def test_a_killed_server_leaves_a_scenario_of_what_happened_until_then(
    serve_process: ServeProcess, tmp_path: Path
) -> None:
    server = serve_process("--record", str(tmp_path / "all.scenario"))
    with Client.connect("127.0.0.1", server.port) as yoda:
        yoda.login("Yoda", ACCOUNTS["Yoda"])
        yoda.active_users()
        eventually(lambda: "no other active user\n" in (tmp_path / "all.scenario").read_text(), 10, "it is written")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(5)
    assert typed((tmp_path / "all.scenario").read_text()) == ["/activeuser"]


def test_a_full_disk_is_told_once_and_the_chat_goes_on(run: Run, folder: Path) -> None:
    limit = 120
    ended = run(
        login_lines("Yoda", "/activeuser", "/activeuser", "/logout"),
        *("--record", "yoda.scenario"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert ended.err == "messenger: the recording ends here: cannot write yoda.scenario: File too large\n"
    assert (ended.status, ended.lines[-1]) == (0, "Goodbye, Yoda!")
    parse((folder / "yoda.scenario").read_text(), "yoda.scenario")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("there.scenario", "there.scenario exists already: name a new file to record to, or move that one away"),
        ("nowhere/a.scenario", "cannot record to nowhere/a.scenario: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_made_is_an_error_at_the_start(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "there.scenario").write_text("mine")
    write_credentials(tmp_path / "credentials.txt")
    for command in (["chat", "127.0.0.1", "1", "0"], ["serve", "0", "3"]):
        ran = run_messenger(*command, "--record", name, cwd=tmp_path)
        assert (ran.returncode, ran.stdout, ran.stderr.rstrip("\n")) == (2, "", f"messenger: {why}")
    assert (tmp_path / "there.scenario").read_text() == "mine"


def test_who_could_not_start_leaves_no_recording(tmp_path: Path, server: Server) -> None:
    write_credentials(tmp_path / "credentials.txt")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        serve = run_messenger("serve", port, "3", "--bind", "127.0.0.1", "--record", "a.scenario", cwd=tmp_path)
    chat = run_messenger("chat", "127.0.0.1", port, "0", "--record", "a.scenario", cwd=tmp_path)
    script = run_messenger(
        *("chat", "127.0.0.1", str(server.port), "0", "--record", "a.scenario", "--script", "missing"), cwd=tmp_path
    )
    assert [serve.returncode, chat.returncode, script.returncode] == [1, 3, 2]
    assert not (tmp_path / "a.scenario").exists()

"""Logging in without a terminal, and all the ways in which that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from messenger.server import Server
from tests.cli.conftest import Run, StartProgram
from tests.cli.programs import login_lines
from tests.conftest import Connect, StartServer
from tests.support.files import presence_rows
from tests.support.processes import environment


def test_the_line_after_a_wrong_password_is_the_next_try(run: Run) -> None:
    ended = run("Yoda\nwrong\ncomp9331\n/activeuser\n")
    assert ended.lines == [
        "error: wrong user name or password",
        "Welcome to the messenger, Yoda!",
        "no other active user",
        "Goodbye, Yoda!",
    ]
    assert ended.result == [0, ""]


def test_the_last_try_blocks_and_ends_the_program(run: Run, data_dir: Path) -> None:
    ended = run("Yoda\none\ntwo\nthree\ncomp9331\n/activeuser\n")
    assert ended.lines[:2] == ["error: wrong user name or password"] * 2
    assert "blocked" in ended.lines[2]
    assert (ended.status, len(ended.lines)) == (4, 3)
    assert [row[-1] for row in presence_rows(data_dir / "activitylog.txt")] == ["refused", "refused", "blocked"]
    again = run(login_lines("Yoda"))
    assert "blocked" in again.lines[0], "even the right password"
    assert again.status == 4


def test_an_unknown_name_gets_the_same_answers(run: Run) -> None:
    known, unknown = (run(f"{name}\none\ntwo\nthree\n") for name in ("Yoda", "Nobody"))
    assert known.lines == unknown.lines
    assert known.result == unknown.result


def test_username_and_password_file_log_in_without_lines(run: Run, folder: Path) -> None:
    (folder / "secret").write_text("naboo queen\nignored\n")
    ended = run("/activeuser\n", "--username", "Padme", "--password-file", "secret")
    assert ended.lines == ["Welcome to the messenger, Padme!", "no other active user", "Goodbye, Padme!"]
    assert ended.result == [0, ""]


@pytest.mark.parametrize("text", ["comp9331", "comp9331\n", "comp9331\r\n", "comp9331\r\nmore\r\n"])
def test_the_first_line_of_a_password_file_is_the_password(run: Run, folder: Path, text: str) -> None:
    (folder / "secret").write_bytes(text.encode())
    assert run("Yoda\n/logout\n", "--password-file", "secret").result == [0, ""]


def test_an_option_replaces_its_own_line_only(run: Run) -> None:
    assert run("comp9331\n/logout\n", "--username", "Yoda").result == [0, ""]


def test_a_wrong_password_file_is_one_attempt(run: Run, folder: Path, data_dir: Path) -> None:
    (folder / "secret").write_text("wrong\n")
    ended = run("comp9331\n/activeuser\n", "--username", "Yoda", "--password-file", "secret")
    assert ended.lines == ["error: wrong user name or password"]
    assert ended.status == 4
    assert len(presence_rows(data_dir / "activitylog.txt")) == 1


@pytest.mark.parametrize("missing", ["nowhere", "."])
def test_a_password_file_that_cannot_be_read_is_a_usage_error(run: Run, missing: str) -> None:
    ended = run("", "--username", "Yoda", "--password-file", missing)
    assert ended.status == 2
    assert ended.err.startswith(f"messenger: cannot read the password file {missing}: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "Yoda", "Yoda\n", "Yoda\nwrong\n"])
def test_the_end_of_the_input_in_the_middle_of_the_login_is_status_4(run: Run, text: str) -> None:
    assert run(text).result == [4, "messenger: the input ended before the login was complete\n"]


def test_a_last_line_without_end_may_be_the_password(run: Run) -> None:
    assert run("Yoda\ncomp9331").result == [0, ""]


def test_a_user_who_is_online_is_refused_and_goes_on_undisturbed(
    server: Server, run: Run, connect: Connect, data_dir: Path
) -> None:
    first = connect(server.port, "Yoda")
    ended = run(login_lines("Yoda", "/activeuser"))
    assert ended.lines == ["error: Yoda is logged in already, on another terminal"]
    assert ended.status == 4
    assert first.ask("activeuser")["users"] == []
    assert len(presence_rows(data_dir / "userlog.txt")) == 1


@pytest.mark.parametrize("line", [b"\xff\xfe", b"", b"Yoda\x1b[2J", b"x" * 2000])
def test_odd_names_and_passwords_are_wrong_and_no_accident(run: Run, line: bytes) -> None:
    for text in (line + b"\npassword\n", b"Yoda\n" + line + b"\n"):
        ended = run(text)
        assert ended.lines[0].startswith("error: ")
        assert ended.lines[0].isprintable()
        assert ended.status == 4
        assert "Traceback" not in ended.err


def test_ipv6_is_spoken_and_shown(start_server: StartServer, start: StartProgram, connect: Connect) -> None:
    server = start_server(bind=("::1",))
    yoda = start("chat", "::1", str(server.port), "0")
    yoda.type("Yoda", "comp9331")
    yoda.until("Welcome")
    (user,) = connect(server.port, "Hans", host="::1").ask("activeuser")["users"]
    assert user["address"] == "::1"


def test_the_udp_port_given_is_the_one_that_others_see(server: Server, start: StartProgram, connect: Connect) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yoda = start("chat", "127.0.0.1", str(server.port), str(port))
    yoda.type("Yoda", "comp9331")
    yoda.until("Welcome")
    (user,) = connect(server.port, "Hans").ask("activeuser")["users"]
    assert user["udp_port"] == port


def test_port_0_is_any_free_udp_port(server: Server, chat: StartProgram, connect: Connect) -> None:
    yoda = chat()
    yoda.type("Yoda", "comp9331")
    yoda.until("Welcome")
    (user,) = connect(server.port, "Hans").ask("activeuser")["users"]
    assert user["udp_port"] > 0


@pytest.mark.parametrize("password", ["naboo queen", " Ünï ☕ "])
def test_a_line_of_credentials_hash_is_good_for_a_login(
    start_server: StartServer, tmp_path: Path, start: StartProgram, password: str
) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "messenger", "credentials", "hash", "Padme"],
        cwd=tmp_path,
        env=environment(),
        input=password + "\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=20,
        check=True,
    )
    name, _, secret = made.stdout.rstrip("\n").partition(" ")
    assert name == "Padme"
    assert secret.startswith("$scrypt$")
    assert password not in made.stdout + made.stderr
    server = start_server({"Padme": secret})
    program = start("chat", "127.0.0.1", str(server.port), "0")
    program.type("Padme", "wrong", password, "/logout")
    assert program.end().lines[1] == "Welcome to the messenger, Padme!"


@pytest.mark.parametrize(("name", "password"), [("no blanks", "x"), ("Padme", ""), ("", "x"), ("Padme", "a\x07b")])
def test_credentials_hash_refuses_what_a_credentials_file_would(start: StartProgram, name: str, password: str) -> None:
    program = start("credentials", "hash", name)
    program.type(password)
    ended = program.end()
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("messenger: ")
    assert ended.err.count("\n") == 1

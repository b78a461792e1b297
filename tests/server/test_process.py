"""The server as a process: arguments, readiness, signals, a terminal that is paused or closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Connect, ServeProcess
from tests.support.files import log_rows, presence_rows, write_credentials
from tests.support.processes import PROJECT, environment, run_messenger
from tests.support.waiting import eventually


def assert_one_line(result: subprocess.CompletedProcess[str], status: int, *named: str) -> None:
    """The program ended with this status and one line on stderr that names these."""
    assert result.returncode == status, result.stderr
    (line,) = result.stderr.splitlines()
    assert [part for part in named if part not in line] == [], line
    assert result.stdout == ""


@pytest.mark.parametrize("attempts", ["0", "6", "-1", "2.5", "abc", "", "٣"])
def test_attempts_must_be_a_number_from_1_to_5(tmp_path: Path, attempts: str) -> None:
    write_credentials(tmp_path / "credentials.txt")
    (tmp_path / "userlog.txt").write_text("1; 01 Jun 2022 21:30:04; Yoda; 127.0.0.1; 1\n")
    result = run_messenger("serve", "0", attempts, cwd=tmp_path)
    assert_one_line(result, 2, repr(attempts), "1 to 5")
    assert {path.name for path in tmp_path.iterdir()} == {"credentials.txt", "userlog.txt"}
    assert (tmp_path / "userlog.txt").stat().st_size > 0, "existing logs are untouched"


@pytest.mark.parametrize("port", ["70000", "-1", "http", "1e3"])
def test_the_port_must_be_one(tmp_path: Path, port: str) -> None:
    assert_one_line(run_messenger("serve", port, "3", cwd=tmp_path), 2, "SERVER_PORT", repr(port), "65535")


@pytest.mark.parametrize("arguments", [[], ["12000"], ["12000", "3", "4"]])
def test_a_wrong_count_of_arguments_shows_the_usage(tmp_path: Path, arguments: list[str]) -> None:
    result = run_messenger("serve", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Usage: messenger serve" in result.stderr
    assert "Traceback" not in result.stderr


def test_server_py_is_the_same_program(tmp_path: Path) -> None:
    command = [sys.executable, str(PROJECT / "Server.py"), "0", "6"]
    result = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert_one_line(result, 2, "ATTEMPTS", "'6'")


def test_missing_or_broken_credentials_are_one_clear_line(tmp_path: Path) -> None:
    assert_one_line(run_messenger("serve", "0", "3", cwd=tmp_path), 1, "credentials.txt", "No such file")
    (tmp_path / "bad.txt").write_text("Yoda a\nYoda b\n")
    result = run_messenger("serve", "0", "3", "--credentials", "bad.txt", cwd=tmp_path)
    assert_one_line(result, 1, "bad.txt", "line 2", "Yoda")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.txt"]


def test_a_port_in_use_and_a_foreign_address_are_one_clear_line(serve_process: ServeProcess, tmp_path: Path) -> None:
    served = serve_process()
    write_credentials(tmp_path / "credentials.txt")
    result = run_messenger("serve", str(served.port), "3", "--bind", "127.0.0.1", cwd=tmp_path)
    assert_one_line(result, 1, str(served.port), "in use")
    assert_one_line(run_messenger("serve", "0", "3", "--bind", "192.0.2.1", cwd=tmp_path), 1, "192.0.2.1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_clients_told_and_logs_complete(
    serve_process: ServeProcess, connect: Connect, number: int
) -> None:
    served = serve_process()
    stranger, hans, yoda = connect(served.port), connect(served.port, "Hans"), connect(served.port, "Yoda")
    hans.ask("msgto", user="Yoda", text="last words")
    assert served.end(number) == 0
    for wire in (stranger, hans, yoda):
        closing = wire.read_to_end()[-1]
        assert (closing["type"], closing["code"]) == ("closing", "shutdown")
    assert (served.data_dir / "userlog.txt").read_bytes() == b""
    assert sorted(row[1::3] for row in presence_rows(served.data_dir / "activitylog.txt")) == [
        ["Hans", "login"], ["Hans", "lost"], ["Yoda", "login"], ["Yoda", "lost"],
    ]  # fmt: skip
    assert log_rows(served.data_dir / "messagelog.txt") == [["1", "Yoda", "last words"]]
    assert served.diagnostics == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_while_it_is_stopped_ends_it_when_it_goes_on(
    serve_process: ServeProcess, connect: Connect, number: int
) -> None:
    """The system may then hand the signal to any of its threads."""
    served = serve_process("--io-threads", "4")
    yoda = connect(served.port, "Yoda")
    served.process.send_signal(signal.SIGSTOP)
    served.process.send_signal(number)
    assert served.end(signal.SIGCONT) == 0
    assert yoda.read_to_end()[-1]["code"] == "shutdown"


def test_a_signal_under_load_loses_no_acknowledged_message(serve_process: ServeProcess, connect: Connect) -> None:
    served = serve_process()
    yoda = connect(served.port, "Yoda")
    connect(served.port, "Hans")
    for _ in range(2000):
        yoda.send("msgto", user="Hans", text="x")
    first = yoda.read()
    assert served.end() == 0
    acknowledged = [first, *(event for event in yoda.read_to_end() if event["type"] == "sent")]
    rows = log_rows(served.data_dir / "messagelog.txt")
    assert acknowledged[-1]["number"] <= len(rows)
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))


def test_the_console_tells_what_happens_and_shows_no_text(serve_process: ServeProcess, connect: Connect) -> None:
    served = serve_process()
    yoda = connect(served.port, "Yoda", source="127.0.0.7")
    connect(served.port).login("comp9331", "Yoda")
    connect(served.port, "Hans")
    yoda.ask("msgto", user="Hans", text="private words")
    yoda.ask("creategroup", group="club", users=["Hans"])
    yoda.ask("groupmsg", group="club", text="private words")
    yoda.ask("logout")
    assert served.end() == 0
    ready, *told = served.console.splitlines()
    assert ready == f"messenger server ready on 127.0.0.1, port {served.port}"
    assert [line[22:] for line in told][:-1] == [
        "Yoda logged in from 127.0.0.7, UDP port 13000 (1 online)",
        "login as an unknown name refused, from 127.0.0.1: wrong name or password",
        "Hans logged in from 127.0.0.1, UDP port 13000 (2 online)",
        "Yoda wrote to Hans (message 1)",
        "Yoda made the group club with Hans",
        "Yoda wrote to the group club (message 2)",
        "Yoda logged out",
    ]


def test_asked_by_a_signal_the_console_tells_how_many_are_online_after_all_that_has_happened(
    serve_process: ServeProcess, connect: Connect
) -> None:
    served = serve_process()
    yoda, _ = connect(served.port, "Yoda"), connect(served.port, "Hans")
    for _ in range(300):
        yoda.ask("msgto", user="Hans", text="x")
    served.process.send_signal(signal.SIGUSR1)
    eventually(lambda: "messenger server: 2 online\n" in served.console, 20, "the console has told it")
    assert [line[22:] for line in served.console.splitlines()[-3:-1]] == [
        "Yoda wrote to Hans (message 299)",
        "Yoda wrote to Hans (message 300)",
    ]
    assert served.end() == 0


def test_a_paused_terminal_holds_nothing_up(serve_process: ServeProcess, connect: Connect) -> None:
    """A pipe that is full before the server starts, and never read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, b"x" * 65536):
            pass
    except BlockingIOError:
        os.set_blocking(writing, True)
    served = serve_process(stdout=writing)
    yoda, hans = connect(served.port, "Yoda"), connect(served.port, "Hans")
    for _ in range(20):
        for _ in range(100):
            yoda.send("msgto", user="Hans", text="x")
        assert yoda.barrier()[-1]["type"] == "sent"
    assert len(hans.barrier()) == 2000
    assert served.end() == 0
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("closed", ["reader gone", "no descriptor"])
def test_a_closed_terminal_holds_nothing_up_and_ends_in_no_log(
    serve_process: ServeProcess, connect: Connect, closed: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    wrapper = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"] if closed == "no descriptor" else []
    served = serve_process("--log-level", "debug", stdout=writing, wrapper=wrapper)
    os.close(writing)
    yoda, _ = connect(served.port, "Yoda"), connect(served.port, "Hans")
    for number in range(1, 4):
        assert yoda.ask("msgto", user="Hans", text=str(number))["number"] == number
    assert served.end() == 0
    rows = [[str(n), "Hans", str(n)] for n in range(1, 4)]
    assert log_rows(served.data_dir / "messagelog.txt") == rows
    assert len(presence_rows(served.data_dir / "activitylog.txt")) == 4
    assert (served.data_dir / "userlog.txt").read_bytes() == b""
    assert (served.data_dir / ".messenger.lock").read_bytes() == b""

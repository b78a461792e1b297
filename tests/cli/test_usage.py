"""Wrong arguments: one clear line or the usage, status 2, nothing opened, no traceback."""

from __future__ import annotations

import socket
from typing import List, Tuple

import pytest
from click.testing import CliRunner

from messenger.cli import main
from messenger.config import parse_server, parse_size
from messenger.server import Server
from tests.cli.conftest import StartProgram
from tests.cli.programs import login_lines


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["127.0.0.1"],
        ["127.0.0.1", "12000"],
        ["127.0.0.1", "12000", "13000", "more"],
        ["127.0.0.1", "12000", "13000", "--unknown"],
    ],
)
def test_wrong_arguments_show_the_usage(arguments: List[str]) -> None:
    result = CliRunner().invoke(main, ["chat", *arguments])
    assert result.exit_code == 2
    assert "Usage: " in result.output
    assert "SERVER_IP SERVER_PORT UDP_PORT" in result.output


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e30", "0", "-1", "soon"])
def test_a_timeout_that_no_clock_can_measure_is_a_usage_error(start: StartProgram, seconds: str) -> None:
    ended = start("chat", "127.0.0.1", "9", "0", "--connect-timeout", seconds).end()
    assert (ended.status, ended.out) == (2, "")
    assert "Traceback" not in ended.err


def test_the_usage_of_a_program_goes_to_stderr(start: StartProgram) -> None:
    ended = start("chat", "127.0.0.1").end()
    assert (ended.status, ended.out) == (2, "")
    assert "SERVER_IP SERVER_PORT UDP_PORT" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("port", ["70000", "65536", "-1", "abc", "", "12.5", "1e3", "１２", "0x10", " 12", "9" * 50])
@pytest.mark.parametrize("place", ["SERVER_PORT", "UDP_PORT"])
def test_a_port_that_is_none_is_named_with_the_range(place: str, port: str) -> None:
    ports = {"SERVER_PORT": "12000", "UDP_PORT": "13000", place: port}
    result = CliRunner().invoke(main, ["chat", "127.0.0.1", *ports.values()])
    assert result.exit_code == 2
    free = " (0: any free port)" if place == "UDP_PORT" else ""
    assert result.output == f"messenger: {place} must be a whole number from 1 to 65535{free}, not {port!r}\n"


def test_a_mistyped_option_is_named_with_the_one_that_was_meant() -> None:
    """Although negative numbers have to be let through as arguments."""
    result = CliRunner().invoke(main, ["serve", "--durabel", "0", "3"])
    assert result.exit_code == 2
    assert "--durabel" in result.output
    assert "--durable" in result.output
    assert CliRunner().invoke(main, ["chat", "127.0.0.1", "0", "0"]).exit_code == 2


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "::"])
def test_a_udp_port_that_is_taken_is_named(chat_port: int, start: StartProgram, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as taken:
        taken.bind((address, 0))
        port = taken.getsockname()[1]
        program = start("chat", "127.0.0.1", str(chat_port), str(port))
        program.write(login_lines("Yoda").encode())
        ended = program.end()
    assert ended.result == [2, f"messenger: cannot use UDP port {port}: Address already in use; 0 is any free one\n"]
    assert ended.out == ""


@pytest.fixture
def chat_port(server: Server) -> int:
    """The port of this test's server."""
    return server.port


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["chat", "--help"], ["chat", "-h"], ["serve", "--help"]])
def test_help_is_shown_with_status_0(start: StartProgram, arguments: List[str]) -> None:
    ended = start(*arguments).end()
    assert ended.result == [0, ""]
    assert "Usage: " in ended.out


def test_the_help_of_chat_tells_the_exit_statuses(start: StartProgram) -> None:
    text = " ".join(start("chat", "--help").end().out.split())
    for status in ("0 ok", "1 a command", "2 usage", "3 cannot connect", "4 login", "130 interrupted"):
        assert status in text
    for option in ("--script", "--username", "--password-file", "--json", "--plain", "--download-dir", "--fail-fast"):
        assert option in text
    for option in ("--accept", "--max-receive-size", "--congestion-control", "--no-offload"):
        assert option in text


def test_an_unknown_command_of_the_program_is_a_usage_error(start: StartProgram) -> None:
    ended = start("talk").end()
    assert (ended.status, ended.out) == (2, "")
    assert "talk" in ended.err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--accept", "", "--accept must be all, ask, none, or names of users with commas between them, not ''"),
        ("--accept", "Yoda,,Hans", "not 'Yoda,,Hans'"),
        ("--accept", "Yoda, Hans", "not 'Yoda, Hans'"),
        ("--accept", "ask,Yoda", "not 'ask,Yoda'"),
        ("--max-receive-size", "much", "--max-receive-size must be a size like 500000, 10M"),
        ("--max-receive-size", "-1", "not '-1'"),
        ("--max-receive-size", "1.5G", "not '1.5G'"),
        ("--download-dir", "nowhere", "the download folder nowhere does not exist"),
        ("--congestion-control", "hope", "'hope'"),
    ],
)
def test_a_wrong_value_of_an_option_about_files_is_named(option: str, value: str, said: str) -> None:
    result = CliRunner().invoke(main, ["chat", "127.0.0.1", "9", "0", option, value])
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("500000", 500_000),
        ("10k", 10_000),
        ("10K", 10_000),
        ("10kB", 10_000),
        ("10 MB", 10_000_000),
        ("2G", 2_000_000_000),
        ("1T", 10**12),
        ("1Ki", 1024),
        ("3MiB", 3 * 1024**2),
        ("2Gi", 2 * 1024**3),
    ],
)
def test_sizes_have_decimal_and_binary_units(text: str, size: int) -> None:
    assert parse_size(text, "SIZE") == size


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("localhost:9", ("localhost", 9)),
        ("10.0.0.1", ("10.0.0.1", 12000)),
        ("[::1]:9", ("::1", 9)),
        ("[::1]", ("::1", 12000)),
    ],
)
def test_a_server_is_a_host_and_a_port(text: str, server: Tuple[str, int]) -> None:
    assert parse_server(text, "--server") == server

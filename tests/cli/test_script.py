"""Commands from a script file: comments, waiting, sleeping, and lines however they end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Union

import pytest

from messenger.server import Server
from tests.cli.conftest import StartProgram
from tests.cli.programs import Ended, Program, login_lines
from tests.conftest import Connect, StartServer
from tests.support.files import log_rows

RunScript = Callable[..., Ended]


@pytest.fixture
def begin(chat: StartProgram, tmp_path: Path) -> StartProgram:
    """Start a client on a script; its stdin is nobody's business."""

    def begin_one(text: Union[str, bytes], *arguments: str) -> Program:
        path = tmp_path / "script.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return chat("--script", str(path), *arguments)

    return begin_one


@pytest.fixture
def run_script(begin: StartProgram) -> RunScript:
    """Run a script to its end."""
    return lambda *arguments: begin(*arguments).wait()


def test_a_script_is_carried_out_to_its_end(run_script: RunScript) -> None:
    ended = run_script(login_lines("Yoda", "/activeuser"))
    assert ended.lines == ["Welcome to the messenger, Yoda!", "no other active user", "Goodbye, Yoda!"]
    assert ended.result == [0, ""]


def test_a_logout_in_the_middle_ends_the_script(run_script: RunScript) -> None:
    ended = run_script(login_lines("Yoda", "/logout", "/activeuser", "/xyzzy"))
    assert ended.lines[1:] == ["Goodbye, Yoda!"]
    assert ended.result == [0, ""]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\r\n"])
def test_lines_end_in_lf_or_crlf_and_the_last_in_nothing(
    server: Server, run_script: RunScript, connect: Connect, data_dir: Path, end: str, last: str
) -> None:
    connect(server.port, "Hans")
    lines = login_lines("Yoda", "", "/msgto Hans one ", "/msgto Hans two").rstrip("\n").split("\n")
    ended = run_script(end.join(lines) + last)
    assert ended.result == [0, ""]
    assert [row[2] for row in log_rows(data_dir / "messagelog.txt")] == ["one ", "two"]


def test_a_number_sign_begins_a_comment_in_a_script(run_script: RunScript) -> None:
    ended = run_script(login_lines("Yoda", "# a comment", "#/activeuser", "/activeuser", "#"))
    assert ended.lines[1:-1] == ["no other active user"]
    assert ended.result == [0, ""]


def test_the_login_lines_of_a_script_are_taken_as_they_are(
    start_server: StartServer, start: StartProgram, folder: Path
) -> None:
    """Also a password that looks like a comment and ends in a blank."""
    server = start_server({"Yoda": "#pass word "})
    (folder / "script.txt").write_text("Yoda\n#pass word \n# now a comment\n/activeuser\n")
    ended = start("chat", "127.0.0.1", str(server.port), "0", "--script", "script.txt").wait()
    assert ended.lines == ["Welcome to the messenger, Yoda!", "no other active user", "Goodbye, Yoda!"]
    assert ended.result == [0, ""]


def test_in_a_pipe_a_number_sign_is_no_comment(chat: StartProgram) -> None:
    program = chat()
    program.type("Yoda", "comp9331", "# hello")
    ended = program.end()
    assert ended.lines[1].startswith("error: ")
    assert ended.status == 1


def test_a_wait_is_met_by_a_message_that_comes_later(server: Server, begin: StartProgram, connect: Connect) -> None:
    hans = connect(server.port, "Hans")
    program = begin(login_lines("Yoda", "/wait Hans: go", "/msgto Hans gone"))
    program.until("Welcome")
    hans.ask("msgto", user="Yoda", text="ready, steady")
    hans.ask("msgto", user="Yoda", text="go")
    assert hans.read()["text"] == "gone"
    assert program.wait().result == [0, ""]


def test_waits_search_on_from_the_last_match(server: Server, begin: StartProgram, connect: Connect) -> None:
    """What came before a match is passed; what came after it is found, also if it came before the command."""
    hans = connect(server.port, "Hans")
    waits = ["/wait three", "/wait four", "/wait --timeout 0 three", "/msgto Hans not reached"]
    program = begin(login_lines("Yoda", "/wait one", *waits))
    program.until("Welcome")
    for text in ("one", "three", "four"):
        hans.ask("msgto", user="Yoda", text=text)
    ended = program.wait()
    assert ended.result == [1, "messenger: waited 0 s in vain for three\n"]
    assert len(ended.lines) == 4


def test_a_wait_may_be_a_regex(server: Server, begin: StartProgram, connect: Connect) -> None:
    hans = connect(server.port, "Hans")
    program = begin(login_lines("Yoda", r"/wait --timeout 5 /Hans: \d+ (apples|pears)$/", "/wait a.b", "/wait /a.b/"))
    program.until("Welcome")
    for text in ("seven apples", "7 pears", "axb", "a.b", "axb"):
        hans.ask("msgto", user="Yoda", text=text)
    assert program.wait().result == [0, ""]


def test_a_wait_that_is_not_met_stops_the_run_with_one_line_and_status_1(run_script: RunScript, data_dir: Path) -> None:
    ended = run_script(login_lines("Yoda", "/wait --timeout 0.1 what  never comes", "/activeuser"))
    assert ended.result == [1, "messenger: waited 0.1 s in vain for what  never comes\n"]
    assert ended.lines == ["Welcome to the messenger, Yoda!"]
    assert (data_dir / "userlog.txt").read_text() == ""


def test_a_wait_sees_what_the_client_says_itself(run_script: RunScript) -> None:
    ended = run_script(login_lines("Yoda", "/wait Welcome", "/activeuser", "/wait no other", "/xyzzy", "/wait unknown"))
    assert ended.result == [1, ""], "1 for the unknown command"


@pytest.mark.parametrize("command", ["/wait /[/", "/wait", "/wait --timeout x y", "/sleep", "/sleep soon"])
def test_a_broken_wait_is_a_refused_command(run_script: RunScript, command: str) -> None:
    ended = run_script(login_lines("Yoda", command, "/activeuser"))
    assert ended.lines[1].startswith("error: ")
    assert ended.lines[2] == "no other active user"
    assert ended.result == [1, ""]


def test_a_sleep_passes_the_time_and_messages_arrive_meanwhile(
    server: Server, begin: StartProgram, connect: Connect
) -> None:
    hans = connect(server.port, "Hans")
    start = time.monotonic()
    program = begin(login_lines("Yoda", "/sleep 0.5", "/sleep 0.2", "/msgto Hans awake"))
    program.until("Welcome")
    hans.ask("msgto", user="Yoda", text="psst")
    program.until("psst")
    assert hans.read()["text"] == "awake"
    assert time.monotonic() - start > 0.7
    assert program.wait().result == [0, ""]


def test_a_script_that_is_not_there_is_a_usage_error(chat: StartProgram, tmp_path: Path) -> None:
    ended = chat("--script", str(tmp_path / "nowhere.txt")).wait()
    assert ended.status == 2
    assert ended.err == f"messenger: cannot read the script {tmp_path}/nowhere.txt: No such file or directory\n"


def test_a_folder_as_script_is_a_usage_error(chat: StartProgram, tmp_path: Path) -> None:
    ended = chat("--script", str(tmp_path)).wait()
    assert ended.status == 2
    assert ended.err.startswith("messenger: cannot read the script ")
    assert ended.err.count("\n") == 1

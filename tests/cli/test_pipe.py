"""Commands from a pipe: no prompts, each waits for its reply, the exit status tells how it went."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from messenger.server import Server
from tests.cli.conftest import Run, StartProgram
from tests.cli.programs import login_lines
from tests.client.fakes import HELLO, FakeServer
from tests.client.fakes import TIME as TIME_NOW
from tests.conftest import Connect
from tests.support.files import TIME, log_rows, presence_rows
from tests.support.processes import environment


def test_the_first_lines_log_in_and_the_first_line_shown_is_the_welcome(run: Run, data_dir: Path) -> None:
    ended = run(login_lines("Yoda", "/activeuser", "/logout"))
    assert ended.lines == ["Welcome to the messenger, Yoda!", "no other active user", "Goodbye, Yoda!"]
    assert ended.result == [0, ""]
    assert presence_rows(data_dir / "activitylog.txt")[1][-1] == "logout"


def test_the_end_of_the_input_logs_out(run: Run, data_dir: Path) -> None:
    ended = run(login_lines("Yoda", "/activeuser").rstrip("\n"))
    assert ended.lines[1:] == ["no other active user", "Goodbye, Yoda!"], "the last line needs no end"
    assert ended.result == [0, ""]
    assert (data_dir / "userlog.txt").read_text() == ""


def test_no_prompt_is_written_anywhere(run: Run) -> None:
    ended = run(login_lines("Yoda", "", "", "/help"))
    assert "Username" not in ended.out + ended.err
    assert "Enter one of" not in ended.out + ended.err
    assert ">" not in ended.out
    assert len(ended.lines) == 1 + 15 + 1, "welcome, one line of help for each command, goodbye"


def test_each_command_waits_for_its_reply_and_none_is_lost_at_the_end(
    server: Server, run: Run, connect: Connect, data_dir: Path
) -> None:
    hans = connect(server.port, "Hans")
    ended = run(login_lines("Yoda", *(f"/msgto Hans number {number}" for number in range(300))))
    assert ended.result == [0, ""]
    assert [TIME.sub("TIME", line) for line in ended.lines[1:-1]] == ["message sent at TIME"] * 300
    texts = [event["text"] for event in hans.barrier() if event["type"] == "message"]
    assert texts == [f"number {number}" for number in range(300)]
    assert len(log_rows(data_dir / "messagelog.txt")) == 300


def test_a_reply_comes_before_the_next_command_is_sent(run: Run) -> None:
    ended = run(login_lines("Yoda", "/joingroup nowhere", "/activeuser", "/msgto Nobody hi", "/activeuser"))
    assert ended.lines[1:-1] == [
        "error: there is no group nowhere",
        "no other active user",
        "error: there is no user Nobody",
        "no other active user",
    ]


def test_every_command_shows_what_it_did_and_what_others_did(
    server: Server, chat: StartProgram, connect: Connect
) -> None:
    yoda = chat()
    yoda.type("Yoda", "comp9331")
    yoda.until("Welcome")
    hans = connect(server.port, "Hans")
    yoda.type("/activeuser")
    yoda.until("Hans, 127.0.0.1, 13000, active since ")
    yoda.type("/creategroup club Hans")
    yoda.until("group club created, members: Yoda, Hans\n")
    assert [event["type"] for event in hans.barrier()] == ["invited"]
    hans.send("msgto", user="Yoda", text="two  blanks")
    yoda.until(", Hans: two  blanks\n")
    hans.send("joingroup", group="club")
    hans.send("groupmsg", group="club", text="hi all")
    yoda.until(", club, Hans: hi all\n")
    yoda.type("/groupmsg club hi Hans")
    yoda.until("message sent at ")
    hans.send("creategroup", group="tea", users=["Yoda"])
    yoda.until("Hans invited you to the group tea: /joingroup tea\n")
    yoda.type("/joingroup tea")
    yoda.until("you joined the group tea\n")
    yoda.type("/logout")
    assert yoda.wait(2).result == [0, ""]


def test_sender_and_receiver_see_the_same_time(server: Server, chat: StartProgram, connect: Connect) -> None:
    hans = connect(server.port, "Hans")
    yoda = chat()
    yoda.type("Yoda", "comp9331", "/msgto Hans hi")
    yoda.until("sent at ")
    ended = yoda.end()
    shown = TIME.search(ended.out)
    assert shown
    assert hans.read()["time"] == shown[0]


REFUSED = {
    "/msgto Hans hi": "error: Hans is not online",
    "/msgto Nobody hi": "error: there is no user Nobody",
    "/msgto Yoda hi": "error: Yoda is you: name another user",
    "/msgto Hans": "error: usage: /msgto USER TEXT",
    "/activeuser now": "error: usage: /activeuser",
    "/creategroup": "error: usage: /creategroup NAME USER…",
    "/creategroup club": "error: a group needs at least one more active user",
    "/creategroup Ünï Hans": "error: a group name is 1 to 32 letters and digits (A-Z, a-z, 0-9), not Ünï",
    "/joingroup club": "error: there is no group club",
    "/groupmsg club hi": "error: there is no group club",
    "/p2pvideo Hans": "error: usage: /p2pvideo USER FILE",
    "/p2pvideo Hans .": "error: Hans is not online",
    "/p2pvideo Nobody .": "error: there is no user Nobody",
    "/p2pvideo Yoda .": "error: Yoda is you: name another user",
    "/cancel 1": "error: there is no transfer 1",
    "/accept one": "error: 'one' is not the number of a transfer: /accept ID",
    "/xyzzy": "error: unknown command /xyzzy",
    "/LOGOUT": "error: unknown command /LOGOUT: did you mean /logout?",
    "/logout now": "error: usage: /logout",
    "hello": "error: commands begin with /: try /help",
}


def test_every_refusal_is_told_in_its_place_and_stops_nothing(run: Run) -> None:
    lines = [line for command in REFUSED for line in (command, "/activeuser")]
    shown = [line for error in REFUSED.values() for line in (error, "no other active user")]
    ended = run(login_lines("Yoda", *lines))
    assert ended.lines[1:] == [*shown, "Goodbye, Yoda!"]
    assert ended.result == [1, ""]


@pytest.mark.parametrize("command", ["/msgto Hans hi", "/xyzzy", "/activeuser now"])
def test_one_refused_command_makes_the_status_1(run: Run, command: str) -> None:
    """Whether the server refused it or the client."""
    assert run(login_lines("Yoda", "/activeuser", command, "/activeuser", "/logout")).result == [1, ""]


@pytest.mark.parametrize("command", ["/msgto Hans hi", "/xyzzy", "/activeuser now"])
def test_fail_fast_stops_at_the_first_refusal_and_logs_out(run: Run, data_dir: Path, command: str) -> None:
    ended = run(login_lines("Yoda", "/activeuser", command, "/activeuser"), "--fail-fast")
    assert [line.startswith("error: ") for line in ended.lines[1:]] == [False, True]
    assert ended.result == [1, ""]
    assert presence_rows(data_dir / "activitylog.txt")[-1][-1] == "logout"


def test_a_line_that_is_no_utf_8_is_refused_and_numbered(run: Run) -> None:
    ended = run(login_lines("Yoda").encode() + b"/msgto Hans \xff\xfe\n/activeuser\n")
    assert ended.lines[1:3] == ["error: line 3 of the input is not valid UTF-8", "no other active user"]
    assert ended.status == 1


def test_texts_that_are_no_text_are_refused(server: Server, run: Run, connect: Connect) -> None:
    hans = connect(server.port, "Hans")
    texts = ["a\x1b[2Jb", "a\x00b", "a\u202eb", "a\rb", "a\x85b", "a\u2028b", "x" * 4097, "é" * 2049]
    ended = run(login_lines("Yoda", *(f"/msgto Hans {text}" for text in texts)))
    assert [line[: len("error: the text ")] for line in ended.lines[1:-1]] == ["error: the text "] * len(texts)
    assert all(line.isprintable() for line in ended.lines)
    assert ended.status == 1
    assert hans.barrier() == []


def test_a_request_beyond_the_longest_line_is_refused_by_the_client(run: Run) -> None:
    ended = run(login_lines("Yoda", "/msgto Hans " + "x" * 70_000, "/activeuser"))
    assert "65536 bytes" in ended.lines[1]
    assert ended.lines[2] == "no other active user"


def test_a_closed_pipe_downstream_ends_quietly(server: Server, tmp_path: Path, data_dir: Path) -> None:
    script = tmp_path / "script"
    script.write_text(login_lines("Yoda", *["/activeuser"] * 2000))
    chat = f"{sys.executable} -m messenger chat 127.0.0.1 {server.port} 0 --script {script}"
    ended = subprocess.run(
        ["bash", "-c", f'{chat} | head -1; echo "${{PIPESTATUS[0]}}"'],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.stdout.split("\n")[0] == "Welcome to the messenger, Yoda!"
    assert re.fullmatch(r"0|1|141", ended.stdout.split("\n")[1])
    assert (data_dir / "userlog.txt").read_text() == "", "logged out"


@pytest.mark.parametrize("lines", ["Yoda\nwrong\ncomp9331\n/activeuser\n", "Yoda\nwrong\n"])
def test_a_pipe_that_was_closed_before_the_login_ends_quietly(chat: StartProgram, lines: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    program = chat(stdout=theirs)
    os.close(theirs)
    program.write(lines.encode())
    assert "Traceback" not in program.end().err


@pytest.mark.parametrize("stage", ["connecting", "asked for a name", "logging in", "logged in", "in a command"])
def test_ctrl_c_ends_with_130_and_one_line(fake: FakeServer, chat: StartProgram, stage: str) -> None:
    program = chat(port=fake.port)
    peer = fake.accept()
    if stage != "connecting":
        peer.send(HELLO)
    if stage in ("logging in", "logged in", "in a command"):
        program.type("Yoda", "comp9331")
        ident = peer.expect("login")
    if stage in ("logged in", "in a command"):
        peer.send({"type": "welcome", "id": ident, "username": "Yoda", "time": TIME_NOW})
        program.until("Welcome")
    if stage == "in a command":
        program.type("/activeuser")
        peer.expect("activeuser")
    program.interrupt()
    assert program.wait(2).result == [130, "messenger: interrupted\n"]


def test_ctrl_c_ends_a_wait_and_a_sleep(chat: StartProgram) -> None:
    for command in ("/wait --timeout 60 what never comes", "/sleep 60"):
        program = chat()
        program.type("Yoda", "comp9331", "/xyzzy", command)
        program.until("/xyzzy")
        program.interrupt()
        assert program.wait(2).result == [130, "messenger: interrupted\n"]


def test_closed_standard_streams_are_no_traceback(server: Server, tmp_path: Path) -> None:
    """As programs started by a careless daemon have them."""
    chat = f"{sys.executable} -m messenger chat 127.0.0.1 {server.port} 0"
    for streams in ("<&-", ">&- </dev/null"):
        ended = subprocess.run(
            ["sh", "-c", f"exec {chat} {streams}"],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert "Traceback" not in ended.stderr
        assert ended.returncode == 4, "the input ended before the login"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_output_that_cannot_be_written_is_told(server: Server, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "messenger", "chat", "127.0.0.1", str(server.port), "0"],
            input=login_lines("Yoda", "/activeuser"),
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == "messenger: cannot write the output: No space left on device\n"

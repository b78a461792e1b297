"""`messenger push`: one file, one user, and a status that says how it went."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import List

import pytest
from click.testing import CliRunner

from messenger.cli import main
from messenger.server import Server
from tests.cli.conftest import People, StartProgram
from tests.cli.terminal import Terminal
from tests.conftest import ServeProcess
from tests.support.files import ACCOUNTS, presence_rows


def test_a_file_is_delivered_with_status_0(people: People, data_dir: Path) -> None:
    hans = people.enter("Hans")
    content = people.write("Yoda", "my film.mp4", 300_000)
    push = people.push("Yoda", "Hans", "my film.mp4")
    push.type("comp9331")
    ended = push.end()
    assert re.fullmatch(r"delivered my film\.mp4 to Hans: 300\.0 kB in .*\n", ended.out)
    assert ended.result == [0, ""]
    hans.until("received my film.mp4 from Yoda")
    assert (people.home("Hans") / "Yoda_my film.mp4").read_bytes() == content
    assert [row[1:] for row in presence_rows(data_dir / "activitylog.txt")][-1][-1] == "logout"


def test_quiet_says_nothing_and_the_password_may_stand_in_a_file(people: People) -> None:
    people.enter("Hans")
    people.write("Yoda", "clip.mp4", 10)
    (people.home("Yoda") / "secret").write_text("comp9331\n")
    ended = people.push("Yoda", "Hans", "clip.mp4", "--quiet", "--password-file", "secret").end()
    assert (ended.out, ended.result) == ("", [0, ""])


def test_json_tells_the_events(people: People) -> None:
    people.enter("Hans")
    people.write("Yoda", "clip.mp4", 10)
    push = people.push("Yoda", "Hans", "clip.mp4", "--json")
    push.type("comp9331")
    events = [json.loads(line) for line in push.end().lines]
    assert [event["type"] for event in events] == ["transfer_started", "transfer_done"]
    push = people.push("Yoda", "Leia", "clip.mp4", "--json")
    push.type("comp9331")
    ended = push.end()
    assert json.loads(ended.out) == {"type": "error", "code": "offline", "message": "Leia is not online"}
    assert ended.status == 1


@pytest.mark.parametrize(
    ("user", "options", "reason"),
    [
        ("Yoda", [], "Yoda is you: name another user"),
        ("Hans", ["--accept", "none"], "clip.mp4 was not delivered to Hans: Hans does not accept files"),
    ],
)
def test_what_is_refused_is_status_1(people: People, user: str, options: List[str], reason: str) -> None:
    people.enter("Hans", *options)
    people.write("Yoda", "clip.mp4", 10)
    push = people.push("Yoda", user, "clip.mp4")
    push.type("comp9331")
    ended = push.end()
    assert (ended.out, ended.result) == ("", [1, f"messenger: {reason}\n"])


def test_what_the_other_side_ends_is_status_1(people: People) -> None:
    hans = people.enter("Hans")
    people.write("Yoda", "clip.mp4", 5_000_000)
    push = people.push("Yoda", "Hans", "clip.mp4", rate=100_000)
    push.type("comp9331")
    hans.until("Yoda sends you")
    hans.type("/cancel 1")
    assert push.wait().result == [1, "messenger: clip.mp4 was not delivered to Hans: Hans cancelled it\n"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Hans", "clip.mp4", "--server", "::1"], "--server must be HOST:PORT, or [ADDRESS]:PORT for IPv6"),
        (["Hans", "clip.mp4", "--server", "localhost:x"], "the port of --server must be a whole number"),
        (["Hans", "clip.mp4", "--password-file", "nothing"], "cannot read the password file nothing"),
        (["Hans"], "Missing argument 'FILE'"),
        (["Hans", "clip.mp4", "--congestion-control", "hope"], "hope"),
    ],
)
def test_wrong_arguments_are_status_2(arguments: List[str], said: str) -> None:
    result = CliRunner().invoke(main, ["push", *arguments, "--username", "Yoda"])
    assert result.exit_code == 2
    assert said in result.output


def test_a_file_that_cannot_be_read_is_status_2(start: StartProgram) -> None:
    ended = start("push", "Hans", "nothing.mp4", "--username", "Yoda").end()
    assert (ended.out, ended.result) == ("", [2, "messenger: cannot read nothing.mp4: No such file or directory\n"])


def test_no_server_is_status_3_and_a_refused_login_4(people: People, server: Server) -> None:
    people.write("Yoda", "clip.mp4", 10)
    push = people.push("Yoda", "Hans", "clip.mp4")
    push.type("wrong")
    assert push.end().result == [4, "messenger: wrong user name or password\n"]
    people.port = 1
    push = people.push("Yoda", "Hans", "clip.mp4")
    push.type("comp9331")
    assert push.end().result == [3, "messenger: cannot connect to 127.0.0.1:1: Connection refused\n"]


def test_a_server_lost_before_the_answer_is_status_3(serve_process: ServeProcess, folder: Path) -> None:
    served = serve_process()
    people = People(served.port, folder)
    try:
        hans = people.enter("Hans", "--accept", "ask")
        people.write("Yoda", "clip.mp4", 10)
        push = people.push("Yoda", "Hans", "clip.mp4")
        push.type("comp9331")
        hans.until("wants to send you")
        served.kill()
        ended = push.wait()
        assert ended.status == 3
        assert ended.err.startswith("messenger: clip.mp4 was not delivered to Hans: the connection")
    finally:
        people.close()


def test_ctrl_c_is_status_130_and_the_receiver_keeps_what_it_has(people: People) -> None:
    hans = people.enter("Hans", "--json")
    people.write("Yoda", "clip.mp4", 5_000_000)
    push = people.push("Yoda", "Hans", "clip.mp4", rate=1_000_000)
    push.type("comp9331")
    hans.until('"transfer_progress"')
    push.interrupt()
    assert push.wait().result == [130, "messenger: interrupted\n"]
    hans.until('"code":"closed"')
    assert people.files("Hans") == ["Yoda_clip.mp4.part", "Yoda_clip.mp4.part.map"]


@pytest.mark.filterwarnings("error:.*forkpty")
def test_a_terminal_is_asked_for_the_password_and_shows_a_bar(serve_process: ServeProcess, folder: Path) -> None:
    served = serve_process()
    people = People(served.port, folder)
    people.write("Hans", "clip.mp4", 400_000)
    command = [sys.executable, "-m", "tests.cli.slow", "push", "Leia", "clip.mp4"]
    arguments = ["--server", f"127.0.0.1:{served.port}", "--username", "Hans"]
    terminal = Terminal([*command, *arguments], people.home("Hans"), env={"RATE": "600000"})
    try:
        terminal.until_typing("Password:")
        leia = people.enter("Leia")
        terminal.enter(ACCOUNTS["Hans"])
        terminal.until(lambda: re.search(r"clip.mp4 to Leia.*\d+/400.0 kB", terminal.text) is not None, "a bar")
        leia.until("received clip.mp4 from Hans")
        assert terminal.end() == 0
    finally:
        terminal.close()
        people.close()
    assert re.fullmatch(r"Password:\s+delivered clip.mp4 to Leia: 400.0 kB in .*", terminal.text, re.DOTALL)
    assert "━" not in terminal.text, "the bar is gone"
    assert ACCOUNTS["Hans"] not in terminal.raw


@pytest.mark.filterwarnings("error:.*forkpty")
def test_events_in_a_terminal_have_no_bar_among_them(serve_process: ServeProcess, folder: Path) -> None:
    served = serve_process()
    people = People(served.port, folder)
    people.write("Hans", "clip.mp4", 400_000)
    command = [sys.executable, "-m", "tests.cli.slow", "push", "Leia", "clip.mp4", "--json"]
    arguments = ["--server", f"127.0.0.1:{served.port}", "--username", "Hans"]
    terminal = Terminal([*command, *arguments], people.home("Hans"), env={"RATE": "600000"}, columns=1000)
    try:
        terminal.until_typing("Password:")
        people.enter("Leia")
        terminal.enter(ACCOUNTS["Hans"])
        assert terminal.end() == 0
    finally:
        terminal.close()
        people.close()
    lines = terminal.raw.split("Password:")[1].split()
    assert json.loads(lines[-1])["type"] == "transfer_done"
    assert all(line.startswith('{"type":"transfer_') for line in lines), "nothing is drawn between events"


def test_the_help_of_push_tells_the_exit_statuses() -> None:
    text = " ".join(CliRunner().invoke(main, ["push", "--help"]).output.split())
    for status in ("0 delivered", "1 refused", "2 usage", "3 cannot connect", "4 login", "130 interrupted"):
        assert status in text

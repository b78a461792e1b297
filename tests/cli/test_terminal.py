"""What a person sees in a terminal, in the full interface and in the plain one."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import EnterYoda, Open
from tests.cli.terminal import COMMANDS, MODES
from tests.client.fakes import HELLO, TIME, FakeServer
from tests.conftest import Connect
from tests.support.files import ACCOUNTS, presence_rows
from tests.support.processes import Serve

pytestmark = pytest.mark.filterwarnings("error:.*forkpty")

both = pytest.mark.parametrize("mode", ["full", "plain"])


@pytest.mark.parametrize("mode", MODES)
def test_a_conversation_from_login_to_goodbye(served: Serve, yoda: EnterYoda, connect: Connect, mode: str) -> None:
    terminal = yoda(mode)
    hans = connect(served.port, "Hans")
    terminal.enter("/activeuser")
    terminal.until_shown("Hans, 127.0.0.1, 13000, active since ")
    terminal.until_prompt()
    terminal.enter("/msgto Hans two  blanks, Ünï ☕")
    terminal.until_shown("message sent at ")
    assert hans.read()["text"] == "two  blanks, Ünï ☕"
    terminal.until_prompt()
    hans.ask("msgto", user="Yoda", text="well met")
    terminal.until_shown(", Hans: well met")
    terminal.until_prompt()
    terminal.enter("/logout")
    assert terminal.end(within=1) == 0
    assert "Goodbye, Yoda!" in terminal.text
    assert terminal.is_restored
    left = presence_rows(served.data_dir / "activitylog.txt")[-1]
    assert (left[1], left[-1]) == ("Yoda", "logout")


@both
@pytest.mark.parametrize("columns", [80, 40])
def test_the_prompt_lists_all_seven_commands_in_any_width(yoda: EnterYoda, mode: str, columns: int) -> None:
    """At the first prompt and at every later one, and no command is cut in two by the editor."""
    terminal = yoda(mode, columns=columns)
    for turn in range(2):
        prompt = terminal.text[terminal.text.rindex("Enter one") :]
        joined = prompt.replace("\n", "") if mode == "plain" else prompt
        assert re.findall(r"/[a-z0-9]+", joined) == COMMANDS, turn
        terminal.enter("/activeuser")
        terminal.until_shown("no other active user")
        terminal.until_prompt()


@both
def test_half_typed_text_survives_an_incoming_message(
    served: Serve, yoda: EnterYoda, connect: Connect, mode: str
) -> None:
    terminal = yoda(mode)
    hans = connect(served.port, "Hans")
    terminal.type("/msgto Hans half ")
    terminal.until_prompt("/msgto Hans half ")
    for number in (1, 2):
        hans.ask("msgto", user="Yoda", text=f"interrupting {number}")
        terminal.until(lambda: f"interrupting {number}" in terminal.text and terminal.typing.endswith("half"))  # noqa: B023 - called before the loop goes on
        message = next(y for y, row in enumerate(terminal.rows) if f"interrupting {number}" in row)
        prompt = max(y for y, row in enumerate(terminal.rows) if row.startswith("Enter one"))
        assert message < prompt < terminal.screen.cursor.y
        assert re.fullmatch(rf"\d\d \w+ \d+ [\d:]+, Hans: interrupting {number}", terminal.rows[message])
        assert terminal.typing == "> /msgto Hans half"
        assert terminal.screen.cursor.x == len("> /msgto Hans half ")
    terminal.enter(" way")
    terminal.until_shown("message sent at ")
    assert hans.read()["text"] == "half  way", "exactly what was typed"


@both
def test_an_unknown_command_gets_a_hint_and_an_empty_line_just_the_prompt(yoda: EnterYoda, mode: str) -> None:
    terminal = yoda(mode)
    terminal.enter("/msgt Hans hi")
    terminal.until_shown("error: unknown command /msgt: did you mean /msgto?")
    terminal.until_prompt()
    terminal.enter("/msgto Hans")
    terminal.until_shown("error: usage: /msgto USER TEXT")
    terminal.until_prompt()
    for count in (4, 5):
        terminal.enter("")
        terminal.until(lambda: terminal.text.count("Enter one of") == count)  # noqa: B023 - called before the loop goes on
        terminal.until_prompt()
    assert terminal.text.count("error: ") == 2
    terminal.enter("/logout")
    assert terminal.end() == 0, "a person has seen the refusals"


@both
def test_a_lost_connection_is_told_in_one_line_while_somebody_types(served: Serve, yoda: EnterYoda, mode: str) -> None:
    terminal = yoda(mode)
    terminal.type("/msgto Hans half")
    terminal.until_prompt("/msgto Hans half")
    served.kill()
    assert terminal.end(within=2) == 3
    assert terminal.text.count("connection lost") == 1
    assert terminal.rows[terminal.screen.cursor.y - 1].startswith("messenger: connection lost: ")
    assert terminal.is_restored


@both
@pytest.mark.parametrize("stage", ["Username:", "Password:", ">"])
def test_ctrl_c_ends_with_130(served: Serve, open_terminal: Open, mode: str, stage: str) -> None:
    terminal = open_terminal(served.port, mode)
    terminal.until_typing("Username:")
    if stage != "Username:":
        terminal.enter("Yoda")
        terminal.until_typing("Password:")
    if stage == ">":
        terminal.enter(ACCOUNTS["Yoda"])
        terminal.until_prompt()
    terminal.type("\x03")
    assert terminal.end(within=2) == 130
    assert terminal.text.endswith("messenger: interrupted")
    assert "Traceback" not in terminal.text
    assert terminal.is_restored


@both
def test_ctrl_d_logs_out(served: Serve, yoda: EnterYoda, mode: str) -> None:
    terminal = yoda(mode)
    terminal.type("\x04")
    assert terminal.end(within=2) == 0
    assert "Goodbye, Yoda!" in terminal.text
    assert terminal.is_restored
    assert presence_rows(served.data_dir / "activitylog.txt")[1][-1] == "logout"


@both
def test_hostile_text_never_reaches_the_terminal(fake: FakeServer, open_terminal: Open, mode: str) -> None:
    hostile = "\x1b]0;owned\x07\x1b[5;31mX\x9b2J\r\n\b\x00\u202eevil\u2066"
    terminal = open_terminal(fake.port, mode)
    peer = fake.accept()
    peer.send({**HELLO, "server": hostile})
    terminal.until_typing("Username:")
    terminal.enter("Yoda")
    terminal.until_typing("Password:")
    terminal.enter("x")
    peer.send({"type": "error", "id": peer.expect("login"), "code": "login_failed", "message": hostile})
    terminal.until_shown("error: ␛]0;owned␇")
    terminal.until_typing("Password:")
    terminal.enter("y")
    welcome = {"type": "welcome", "username": hostile, "time": TIME, "groups": [hostile], "invitations": [hostile]}
    peer.send({**welcome, "id": peer.expect("login")})
    peer.send({"type": "message", "from": hostile, "text": hostile, "time": hostile, "number": 1})
    terminal.until_prompt()
    terminal.type("half")
    peer.send({"type": "invited", "group": hostile, "by": "Hans"})
    terminal.until_shown("Hans invited you")
    peer.send({"type": "closing", "code": "shutdown", "message": hostile})
    peer.close()
    assert terminal.end(within=2) == 3
    for piece in ("\x1b]0;", "\x07", "\x1b[5;31m", "\x9b", "\u202e", "\u2066", "\x00"):
        assert piece not in terminal.raw, repr(piece)


@both
def test_lines_pasted_at_once_are_carried_out_one_by_one(
    served: Serve, yoda: EnterYoda, connect: Connect, mode: str
) -> None:
    hans = connect(served.port, "Hans")
    terminal = yoda(mode, rows=80)
    terminal.type("".join(f"/msgto Hans line {number}\r" for number in range(5)) + "/logout\r")
    assert [hans.read()["text"] for _ in range(5)] == [f"line {number}" for number in range(5)]
    assert terminal.end() == 0
    assert terminal.text.count("message sent at") == 5


@both
def test_text_typed_while_a_command_runs_is_not_mixed_with_what_arrives(
    served: Serve, yoda: EnterYoda, connect: Connect, mode: str
) -> None:
    """It stands at the next prompt."""
    terminal = yoda(mode)
    hans = connect(served.port, "Hans")
    terminal.enter("/wait go")
    terminal.until_shown("> /wait go")
    hans.ask("msgto", user="Yoda", text="ready")
    terminal.until(lambda: -1 < terminal.text.find("/wait go") < terminal.text.find("Hans: ready"))
    terminal.type("half")
    for text in ("steady", "go"):
        hans.ask("msgto", user="Yoda", text=text)
    terminal.until(lambda: "Hans: go" in terminal.text and terminal.typing == "> half")
    shown = [row for row in terminal.rows if "Hans: " in row]
    assert [re.sub(r"^\d\d \w{3} \d{4} \d\d:\d\d:\d\d, ", "", row) for row in shown] == [
        "Hans: ready",
        "Hans: steady",
        "Hans: go",
    ]


def test_a_paste_that_the_terminal_marks_is_carried_out_line_by_line(
    served: Serve, yoda: EnterYoda, connect: Connect
) -> None:
    hans = connect(served.port, "Hans")
    terminal = yoda("full", rows=80)
    terminal.type("\x1b[200~/msgto Hans one\n/msgto Hans two\n/msgto Hans three\x1b[201~\r")
    assert [hans.read()["text"] for _ in range(3)] == ["one", "two", "three"]
    terminal.until_prompt()


@both
def test_each_reply_stands_above_the_next_prompt(served: Serve, yoda: EnterYoda, mode: str) -> None:
    """However fast the lines come: no reply is shown one command late."""
    terminal = yoda(mode, rows=120)
    names = [f"nobody{number}" for number in range(12)]
    terminal.type("".join(f"/msgto {name} hi\r" for name in names))
    terminal.until(lambda: f"error: there is no user {names[-1]}" in terminal.text)
    terminal.until_prompt()
    told = re.findall(r"> /msgto (nobody\d+) hi|no user (nobody\d+)", terminal.text)
    assert [typed or refused for typed, refused in told] == [name for name in names for _ in range(2)]

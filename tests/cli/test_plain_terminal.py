"""The plain interface: nothing but text and line ends, whatever the terminal is."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import EnterYoda, Open
from tests.cli.terminal import COMMANDS, Terminal, chat_command
from tests.conftest import Connect
from tests.support.files import ACCOUNTS
from tests.support.processes import Serve
from tests.support.waiting import eventually

pytestmark = pytest.mark.filterwarnings("error:.*forkpty")


def test_no_escape_sequence_is_ever_sent(served: Serve, yoda: EnterYoda, connect: Connect) -> None:
    terminal = yoda("plain")
    connect(served.port, "Hans").ask("msgto", user="Yoda", text="well met")
    terminal.until_shown("well met")
    terminal.type("\x1b[A\x1b[1;5D\x1bOHab\t\x7f\x7f\x7f")
    terminal.enter("/xyzzy")
    terminal.until_shown("error: unknown command /xyzzy")
    terminal.enter("/logout")
    assert terminal.end() == 0
    assert "\x1b" not in terminal.raw


@pytest.mark.parametrize("length", [4000, 4096])
def test_a_long_message_arrives_whole(served: Serve, yoda: EnterYoda, connect: Connect, length: int) -> None:
    """A terminal's own line discipline would cut the line at 4,095 bytes."""
    hans = connect(served.port, "Hans")
    terminal = yoda("plain")
    text = "".join(f"{number:07d} " for number in range(length // 8))
    terminal.enter(f"/msgto Hans {text[:-1]}.")
    assert hans.read()["text"] == text[:-1] + "."
    terminal.until_shown("message sent at ")


def test_a_text_over_the_limit_is_refused_whole(served: Serve, yoda: EnterYoda, connect: Connect) -> None:
    hans = connect(served.port, "Hans")
    terminal = yoda("plain")
    terminal.enter("/msgto Hans " + "x" * 4097)
    terminal.until_shown("error: the text is longer than 4096 bytes")
    assert hans.barrier() == []


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("helo\x7flo", "hello"),
        ("helo\blo", "hello"),
        ("漢字\x7f\x7fab", "ab"),
        ("ü☕\x7f\x7fab", "ab"),
        ("a\x1b[D\x1b[3~\x1bOHb", "ab"),
        ("a\x07\x01b", "ab"),
        ("a\tb", "a\tb"),
    ],
)
def test_keys_that_edit_and_keys_that_do_nothing(
    served: Serve, yoda: EnterYoda, connect: Connect, keys: str, text: str
) -> None:
    hans = connect(served.port, "Hans")
    terminal = yoda("plain")
    terminal.enter("/msgto Hans " + keys)
    assert hans.read()["text"] == text
    if text.isprintable():
        terminal.until_shown("> /msgto Hans " + text)


def test_backspace_stops_at_the_prompt_and_ctrl_u_clears(yoda: EnterYoda) -> None:
    terminal = yoda("plain")
    terminal.type("abc" + "\x7f" * 10)
    terminal.until_prompt()
    assert terminal.screen.cursor.x == 2
    terminal.type("/msgto Hans 漢字\x15")
    terminal.until_prompt()
    terminal.enter("/activeuser")
    terminal.until_shown("no other active user")


def test_typed_text_stands_there_again_after_a_suspension(served: Serve, yoda: EnterYoda, connect: Connect) -> None:
    """Though the shell has set the terminal its own way meanwhile, and keys pressed for it were echoed."""
    hans = connect(served.port, "Hans")
    terminal = yoda("plain")
    terminal.type("/msgto Hans half")
    terminal.until_prompt("/msgto Hans half")
    terminal.suspend_and_resume()
    terminal.until(lambda: terminal.text.count("> /msgto Hans half") == 2)
    terminal.enter("way")
    assert hans.read()["text"] == "halfway"
    terminal.until_shown("message sent at")
    terminal.until_prompt()
    terminal.enter("/logout")
    assert terminal.end() == 0
    assert terminal.is_restored


def test_who_is_continued_while_nothing_more_can_be_written_goes_on(yoda: EnterYoda) -> None:
    """A signal's handler runs in the middle of what waits, and must not wait for that."""
    terminal = yoda("plain")
    terminal.type("/help\n" * 80)
    eventually(terminal.is_blocked)
    terminal.tell_that_it_continues()
    terminal.enter("/activeuser")
    terminal.until_shown("no other active user")


def test_ctrl_d_in_a_line_is_no_end(yoda: EnterYoda) -> None:
    terminal = yoda("plain")
    terminal.type("/active\x04")
    terminal.enter("user")
    terminal.until_shown("no other active user")


def test_a_hidden_answer_can_be_corrected_and_stays_hidden(served: Serve, open_terminal: Open) -> None:
    terminal = open_terminal(served.port, "plain")
    terminal.until_typing("Username:")
    terminal.enter("Yoda")
    terminal.until_typing("Password:")
    terminal.type(ACCOUNTS["Yoda"] + "xx\x7f\x7f")
    terminal.enter("")
    terminal.until_prompt()
    assert ACCOUNTS["Yoda"][:4] not in terminal.raw


def test_results_go_to_a_redirected_stdout_and_the_dialogue_to_the_terminal(
    served: Serve, folder: Path, connect: Connect
) -> None:
    command = " ".join(chat_command(served.port))
    terminal = Terminal(["/bin/sh", "-c", f"exec {command} > results.txt"], folder)
    try:
        terminal.until_typing("Username:")
        terminal.enter("Yoda")
        terminal.until_typing("Password:")
        terminal.enter(ACCOUNTS["Yoda"])
        terminal.until_prompt()
        terminal.enter("/activeuser")
        terminal.until(lambda: terminal.text.count("Enter one of") == 2)
        terminal.enter("/logout")
        assert terminal.end() == 0
    finally:
        terminal.close()
    results = (folder / "results.txt").read_text()
    assert results == "Welcome to the messenger, Yoda!\nno other active user\nGoodbye, Yoda!\n"


def test_json_in_a_terminal_is_plain_too(served: Serve, open_terminal: Open) -> None:
    terminal = open_terminal(served.port, "full", "--json")
    terminal.until_typing("Username:")
    terminal.enter("Yoda")
    terminal.until_typing("Password:")
    terminal.enter(ACCOUNTS["Yoda"])
    terminal.until_prompt()
    (welcome,) = [row for row in terminal.rows if row.startswith("{")]
    assert json.loads(welcome)["username"] == "Yoda"
    assert "\x1b" not in terminal.raw


def test_a_wait_at_a_terminal_that_is_not_met_is_an_error_and_no_end(yoda: EnterYoda) -> None:
    terminal = yoda("plain")
    terminal.enter("/wait --timeout 0 what never comes")
    terminal.until_shown("error: waited 0 s in vain for what never comes")
    terminal.until_prompt()
    terminal.enter("/logout")
    assert terminal.end() == 0


def test_the_help_lists_every_command(yoda: EnterYoda) -> None:
    terminal = yoda("plain", columns=120)
    terminal.enter("/help")
    terminal.until_shown("/sleep SECONDS")
    listed = re.findall(r"^(/\w+) ", terminal.text, re.MULTILINE)
    assert listed == [*COMMANDS, "/help", "/transfers", "/accept", "/refuse", "/cancel", "/ping", "/wait", "/sleep"]


def test_a_script_in_a_terminal_asks_nothing(served: Serve, folder: Path, open_terminal: Open) -> None:
    (folder / "script.txt").write_text("Yoda\ncomp9331\n/activeuser\n")
    terminal = open_terminal(served.port, "full", "--script", "script.txt")
    assert terminal.end() == 0
    assert terminal.text == "Welcome to the messenger, Yoda!\nno other active user\nGoodbye, Yoda!"
    assert sys.executable not in terminal.raw

"""What the full interface has and the plain one has not: completion, history, colours, resizing."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import EnterYoda
from tests.cli.terminal import COMMANDS
from tests.conftest import Connect
from tests.support.processes import Serve

pytestmark = pytest.mark.filterwarnings("error:.*forkpty")

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m")
TAB, UP, LEFT, HOME = "\t", "\x1b[A", "\x1b[D", "\x1b[H"


def test_tab_completes_commands_users_and_groups(served: Serve, yoda: EnterYoda, connect: Connect) -> None:
    terminal = yoda()
    hans = connect(served.port, "Hans")
    terminal.type("/msg" + TAB)
    terminal.until_prompt("/msgto")
    terminal.type(" Ha" + TAB)
    terminal.until_prompt("/msgto Hans")
    terminal.enter(" hi")
    assert hans.read()["text"] == "hi"
    terminal.until_shown("message sent at")
    hans.ask("creategroup", group="FORCE", users=["Yoda"])
    terminal.until_shown("invited you")
    terminal.type("/joingroup f" + TAB)
    terminal.until_prompt("/joingroup FORCE")


def test_tab_offers_what_fits_with_its_meaning(yoda: EnterYoda) -> None:
    terminal = yoda()
    terminal.type("/" + TAB)
    terminal.until_shown("Send a private message to a user who is online.")
    terminal.until(lambda: all(command in terminal.text.split("> /")[1] for command in COMMANDS), "the menu")


def test_tab_after_the_server_has_no_answer_is_harmless(served: Serve, yoda: EnterYoda) -> None:
    terminal = yoda()
    terminal.type("/xyz " + TAB + TAB)
    terminal.until_prompt("/xyz")
    terminal.type("ab" + TAB)
    terminal.until_prompt("/xyz ab")


def test_up_brings_back_earlier_lines_but_never_the_password(yoda: EnterYoda) -> None:
    terminal = yoda()
    terminal.enter("/activeuser")
    terminal.until_shown("no other active user")
    terminal.until_prompt()
    terminal.type(UP)
    terminal.until_prompt("/activeuser")
    terminal.type(UP + UP)
    terminal.until_prompt("/activeuser")
    terminal.enter("")
    terminal.until(lambda: terminal.text.count("no other active user") == 2)


def test_the_line_can_be_edited_in_its_middle(served: Serve, yoda: EnterYoda, connect: Connect) -> None:
    terminal = yoda()
    hans = connect(served.port, "Hans")
    terminal.type("/msgto Hans helo" + LEFT + "l" + HOME)
    terminal.until(lambda: terminal.typing == "> /msgto Hans hello" and terminal.screen.cursor.x == 2)
    hans.ask("msgto", user="Yoda", text="interrupting")
    terminal.until(lambda: "interrupting" in terminal.text and terminal.typing == "> /msgto Hans hello")
    assert terminal.screen.cursor.x == 2, "the cursor stays where it was"
    terminal.enter("")
    assert hans.read()["text"] == "hello"


def test_events_have_colours(served: Serve, yoda: EnterYoda, connect: Connect) -> None:
    terminal = yoda()
    connect(served.port, "Hans").ask("msgto", user="Yoda", text="well met")
    terminal.until_shown("well met")
    row = next(y for y, text in enumerate(terminal.rows) if "well met" in text)
    assert terminal.screen.buffer[row][0].fg == "cyan"
    assert COLOUR.search(terminal.raw)


def test_no_color_is_respected(served: Serve, yoda: EnterYoda, connect: Connect) -> None:
    terminal = yoda(env={"NO_COLOR": "1"})
    connect(served.port, "Hans").ask("msgto", user="Yoda", text="well met")
    terminal.until_shown("well met")
    terminal.until_prompt()
    terminal.enter("/xyzzy")
    terminal.until_shown("error: ")
    terminal.type("/" + TAB)
    terminal.until_shown("Send a private message")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert not COLOUR.search(terminal.raw)


def test_the_prompt_follows_the_width_of_the_window(yoda: EnterYoda) -> None:
    terminal = yoda()
    terminal.type("half")
    terminal.until_prompt("half")
    terminal.resize(40)
    terminal.until(lambda: terminal.typing == "> half" and terminal.text.count("/logout") == 1)
    terminal.type("\x15")
    terminal.enter("/activeuser")
    terminal.until_shown("no other active user")
    terminal.until_prompt()
    prompt = terminal.text[terminal.text.rindex("Enter one") :]
    assert re.findall(r"/[a-z0-9]+", prompt) == COMMANDS


def test_a_flood_of_messages_leaves_the_typed_text_alone(served: Serve, yoda: EnterYoda, connect: Connect) -> None:
    terminal = yoda()
    hans = connect(served.port, "Hans")
    terminal.type("/msgto Hans still ")
    terminal.until_prompt("/msgto Hans still ")
    for number in range(200):
        hans.send("msgto", user="Yoda", text=f"flood {number}.")
    terminal.type("here")
    terminal.until(lambda: "flood 199." in terminal.text and terminal.typing == "> /msgto Hans still here")
    shown = [int(number) for number in re.findall(r"flood (\d+)\.", terminal.raw)]
    assert shown == list(range(200)), "each once, in order"
    hans.barrier()
    terminal.enter("")
    assert hans.read()["text"] == "still here"

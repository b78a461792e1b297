"""Logging in at a terminal, in the full interface and in the plain one."""

from __future__ import annotations

import sys
import time

import pytest

from tests.cli.conftest import EnterYoda, Open
from tests.cli.terminal import MODES
from tests.conftest import Connect, ServeProcess
from tests.support.files import ACCOUNTS
from tests.support.processes import Serve

pytestmark = pytest.mark.filterwarnings("error:.*forkpty")

both = pytest.mark.parametrize("mode", ["full", "plain"])


@pytest.mark.parametrize("mode", MODES)
def test_the_password_is_never_shown(yoda: EnterYoda, mode: str) -> None:
    terminal = yoda(mode)
    assert ACCOUNTS["Yoda"] not in terminal.raw
    assert "Username: Yoda" in terminal.text
    terminal.enter("/logout")
    assert terminal.end() == 0
    assert ACCOUNTS["Yoda"] not in terminal.raw


@both
def test_too_many_wrong_passwords_block_and_end_the_program(served: Serve, open_terminal: Open, mode: str) -> None:
    terminal = open_terminal(served.port, mode)
    terminal.until_typing("Username:")
    terminal.enter("Yoda")
    for number in (1, 2, 3):
        terminal.until(lambda: terminal.typing == "Password:" and terminal.text.count("Password:") == number)  # noqa: B023 - called before the loop goes on
        terminal.enter(f"wrong{number}")
    assert terminal.end() == 4
    assert terminal.text.count("error: wrong user name or password") == 2
    assert "blocked" in terminal.text
    assert terminal.text.count("Username:") == 1, "only the password is asked for again"
    assert "wrong1" not in terminal.raw


@both
def test_ctrl_d_in_the_login_is_status_4(served: Serve, open_terminal: Open, mode: str) -> None:
    terminal = open_terminal(served.port, mode)
    terminal.until_typing("Username:")
    terminal.type("\x04")
    assert terminal.end(within=2) == 4
    assert "the input ended before the login was complete" in terminal.text


@both
def test_a_person_slower_than_the_login_deadline_still_gets_in(
    serve_process: ServeProcess, open_terminal: Open, connect: Connect, mode: str
) -> None:
    """The server hangs up at each question; the client connects again by itself and says nothing of it."""
    served = serve_process(wrapper=(sys.executable, "-m", "tests.cli.impatient"))
    terminal = open_terminal(served.port, mode)

    def outlast_the_deadline() -> None:
        later = connect(served.port)  # the client's connection is older
        assert later.read_to_end() == [
            {"type": "closing", "code": "idle", "message": "the server heard nothing from this client for too long"}
        ]

    terminal.until_typing("Username:")
    outlast_the_deadline()
    terminal.enter("Yoda")
    terminal.until_typing("Password:")
    outlast_the_deadline()
    terminal.enter("wrong")
    terminal.until_shown("error: wrong user name or password")
    terminal.until_typing("Password:")
    outlast_the_deadline()
    terminal.enter(ACCOUNTS["Yoda"])
    terminal.until_prompt()
    assert "lost" not in terminal.text
    terminal.enter("/logout")
    assert terminal.end() == 0


@both
def test_a_server_that_died_during_the_login_is_told_at_the_next_answer(
    served: Serve, open_terminal: Open, mode: str
) -> None:
    terminal = open_terminal(served.port, mode)
    terminal.until_typing("Username:")
    served.kill()
    terminal.enter("Yoda")
    terminal.until(lambda: "Password:" in terminal.text)
    terminal.enter("comp9331")
    start = time.monotonic()
    assert terminal.end(within=2) == 3
    assert time.monotonic() - start < 2
    assert "messenger: cannot connect to " in terminal.text

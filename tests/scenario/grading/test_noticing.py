"""What is noticed of a program of which nobody knows the words: questions, logins, blocks, and when all is done."""

from __future__ import annotations

from typing import List

import pytest

from messenger.scenario.grading.dialect import LOGGED_IN, NOT_LET_IN, SETTLED, ForeignDialect
from messenger.scenario.grading.noticing import Notices
from messenger.scenario.pattern import Pattern

A_WHILE = 0.3
"""Seconds after which a program has said what it had to say, and before which it has not."""


class Watched:
    """Notices, and a clock that is moved by hand."""

    def __init__(self, dialect: ForeignDialect = ForeignDialect()) -> None:  # noqa: B008 - it cannot be changed
        self.now = 100.0
        self.dialect = dialect
        self.notices = Notices(dialect, self.now)

    def shows(self, text: str, seconds: float = A_WHILE) -> None:
        self.notices.feed(text.encode(), self.now)
        self.passes(seconds)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.notices.tick(self.now)

    def types(self, line: str) -> None:
        self.notices.typed(line, self.now)

    @property
    def asked_for(self) -> List[str]:
        names = {"name": self.dialect.username, "password": self.dialect.password}
        return [name for name, question in names.items() if self.notices.seen.asks(question)]

    def logs_in(self) -> None:
        self.shows("Username: ")
        self.types("Yoda")
        self.shows("Password: ")
        self.types("secret")
        self.shows("Welcome to the chat\r\nEnter one of /msgto, /logout: ")


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        ("Username: ", ["name"]),
        ("Please enter your username:", ["name"]),
        ("Please log in\r\nName> ", ["name"]),
        ("User ID? ", ["name"]),
        ("login: ", ["name"]),
        ("> Username: > ", ["name"]),
        ("Please enter your user name\r\n", ["name"]),
        ("Please enter your user name\r\n> ", ["name"]),
        ("Password: ", ["password"]),
        ("Enter password for Yoda: ", ["password"]),
        ("Invalid password. Please try again.\r\nPassword: ", ["password"]),
        ("Enter your user name and password below\r\nPassword: ", ["password"]),
        ("Welcome to the server\r\n", []),
        ("You are invited to: FORCE (/joingroup NAME)\r\n", []),
        ("Invalid username.\r\n", []),
    ],
)
def test_usual_questions_are_understood_and_nothing_else_is_one(shown: str, asked: List[str]) -> None:
    program = Watched()
    program.shows(shown)
    assert program.asked_for == asked


def test_a_question_on_a_line_of_its_own_is_one_only_once_nothing_follows() -> None:
    program = Watched()
    program.shows("Please enter your username\r\n", 0.05)
    assert program.asked_for == []
    program.passes(A_WHILE)
    assert program.asked_for == ["name"]


@pytest.mark.parametrize(
    "shown",
    ["Please login\r\nUsername: ", "Welcome user\r\n\r\nEnter your login:", "Enter your login\r\nname> ", "User ID? "],
)
def test_a_greeting_is_no_question_wherever_its_bytes_are_cut(shown: str) -> None:
    asked_at = [at for at in range(len(shown) + 1) if asked_for_after(shown[:at]) == ["name"]]
    assert asked_at == list(range(len(shown.rstrip()), len(shown) + 1))
    for at in range(len(shown)):
        program = Watched()
        program.shows(shown[:at], 0.01)
        program.shows(shown[at:], 0.01)
        assert program.asked_for == ["name"]


def asked_for_after(shown: str) -> List[str]:
    """What is asked for at the moment at which this has come."""
    program = Watched()
    program.shows(shown, 0.01)
    return program.asked_for


@pytest.mark.parametrize("shown", ["Username: Password: ", "Enter user name: enter password:", "login: pass code? "])
def test_of_two_questions_on_a_row_the_last_one_waits_for_its_answer(shown: str) -> None:
    program = Watched()
    program.shows(shown)
    assert program.asked_for == ["password"]


def test_who_answers_both_questions_and_is_welcome_is_logged_in() -> None:
    program = Watched()
    program.logs_in()
    assert program.notices.seen.lines[-1] == LOGGED_IN
    program.shows("Hans: what is your username?\r\n")
    assert program.asked_for == []


@pytest.mark.parametrize(
    "shown",
    [
        "Invalid password, login not successful\r\nPassword: ",
        "Welcome to the chat\r\nUsername: ",
        "you are logged in already, denied\r\n",
        "",
    ],
)
def test_nobody_else_is(shown: str) -> None:
    program = Watched()
    program.shows("Username: ")
    program.types("Yoda")
    program.shows("Password: ")
    program.types("wrong")
    program.shows(shown)
    assert LOGGED_IN not in program.notices.seen.lines


def test_who_is_told_of_a_block_is_not_let_in_even_if_the_program_goes_on() -> None:
    program = Watched()
    program.shows("Username: ")
    program.types("Yoda")
    program.shows("Your account is blocked. Please try again later.\r\n")
    program.passes(A_WHILE)
    assert program.notices.seen.lines.count(NOT_LET_IN) == 1


def test_the_barrier_is_answered_by_what_looks_like_its_answer_and_a_pause() -> None:
    program = Watched()
    program.logs_in()
    program.notices.typed_barrier("/activeuser", program.now)
    program.shows("no other active user\r\n", 0.05)
    assert SETTLED not in program.notices.seen.lines
    program.passes(A_WHILE)
    assert program.notices.seen.lines[-1] == SETTLED


def test_the_answer_to_the_barrier_is_no_answer_to_a_step_and_nothing_that_nobody_was_to_see() -> None:
    program = Watched()
    program.logs_in()
    program.types("/creategroup")
    program.notices.typed_barrier("/activeuser", program.now)
    program.shows("Hans, 127.0.0.1, 13000, active since now\r\nLeia, 127.0.0.1, 13001, active since now\r\n", 0.05)
    program.shows("Hans: a message\r\n")
    seen = program.notices.seen
    assert seen.find(Pattern("127.0.0.1"), {}) is None
    assert seen.take_answer(Pattern(SETTLED))
    assert [seen.take_new(), seen.take_new()] == ["Hans: a message", None]


@pytest.mark.parametrize(("shown", "seconds"), [("Gnothi seauton\r\n", 1.1), ("", 3.1)])
def test_what_is_not_understood_takes_longer_and_silence_longest(shown: str, seconds: float) -> None:
    program = Watched()
    program.logs_in()
    program.notices.typed_barrier("/activeuser", program.now)
    program.shows(shown, seconds - 0.2)
    assert SETTLED not in program.notices.seen.lines
    program.passes(0.2)
    assert program.notices.seen.lines[-1] == SETTLED


def test_an_echo_or_a_prompt_is_no_answer() -> None:
    program = Watched()
    program.logs_in()
    program.types("/msgto")
    program.shows("/msgto\r\nEnter one of /msgto, /logout: ")
    assert program.notices.seen.take_new() is None
    program.shows("usage: /msgto USER TEXT\r\n")
    assert program.notices.seen.take_new() == "usage: /msgto USER TEXT"


def test_a_first_word_is_due_when_the_program_has_spoken_or_is_not_going_to() -> None:
    program = Watched(ForeignDialect(first="login"))
    assert not program.notices.wants_first(program.now)
    program.shows("type login to begin\r\n")
    assert program.notices.wants_first(program.now)
    silent = Watched(ForeignDialect(first="login"))
    silent.passes(1.1)
    assert silent.notices.wants_first(silent.now)


def test_a_server_that_says_when_it_is_ready_is_not_before() -> None:
    program = Watched(ForeignDialect(ready="open for business"))
    program.shows("starting\r\n")
    assert not program.notices.says_ready()
    program.shows("Open for business ")
    assert program.notices.says_ready()
    assert Watched().notices.says_ready()


def test_a_usual_client_that_shows_its_prompt_again_and_again_has_shown_messages_and_nothing_else() -> None:
    prompt = "Enter one of the following commands (/msgto, /activeuser, /logout): "
    program = Watched()
    program.shows("Please Login\r\nUsername: ")
    program.types("Yoda")
    program.shows("Yoda\r\nPassword: ")
    program.types("wrong")
    program.shows("wrong\r\nInvalid Password. Please try again\r\nUsername: ")
    assert program.asked_for == ["name"]
    program.types("Yoda")
    program.shows("Yoda\r\nPassword: ")
    program.types("secret")
    program.shows("secret\r\nWelcome to Tessenger!\r\n" + prompt)
    before = len(program.notices.seen.lines)
    assert program.notices.seen.lines[-1] == LOGGED_IN
    program.shows("\r\n24 Nov 2026 21:30:04, Hans: hi\r\n" + prompt)
    program.types("/msgto Hans hello")
    program.shows("/msgto Hans hello\r\nmessage sent at 24 Nov 2026 21:30:05.\r\n" + prompt)
    assert program.notices.seen.lines[before:] == [
        "24 Nov 2026 21:30:04, Hans: hi",
        "message sent at 24 Nov 2026 21:30:05.",
    ]
    assert program.notices.seen.partial == ""

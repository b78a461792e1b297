"""A program that is graded, as its player has it: what it is typed, and from when on."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Iterator, Optional

import pytest

from messenger.scenario.grading.dialect import BARRIER, ForeignDialect
from messenger.scenario.grading.programs import ForeignProgram
from messenger.scenario.pattern import Pattern

TERSE = ForeignDialect(barrier="who", commands={"/msgto": "send"})


class Process:
    """A program that is not there: the test writes what it says."""

    def __init__(self) -> None:
        self.fd, self.output = os.pipe()
        os.set_blocking(self.fd, False)
        self.typed = b""
        self.status: Optional[int] = None

    def poll(self) -> Optional[int]:
        return self.status

    def write(self, data: bytes) -> int:
        self.typed += data
        return len(data)

    def end_input(self) -> None:
        """Nothing comes of it."""

    def hold(self, is_held: bool) -> None:
        """Nothing comes of it."""

    def signal(self, number: int) -> None:
        """Nothing comes of it."""

    def close(self) -> None:
        os.close(self.output)
        os.close(self.fd)


class Rehearsal:
    """A process, the program that it is to a player, and a clock that is moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("messenger.scenario.grading.programs.time", SimpleNamespace(monotonic=lambda: self.now))
        self.process = Process()
        self.program = ForeignProgram(self.process, TERSE, "\n")

    def shows(self, text: str) -> None:
        os.write(self.process.output, text.encode())
        self.program.read()
        self.passes(1)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.program.tick()

    def logs_in(self) -> None:
        self.shows("Username: ")
        self.program.type("Yoda")
        self.shows("Password: ")
        self.program.type("secret")
        self.shows("Welcome to the chat\r\n> ")
        self.process.typed = b""


@pytest.fixture
def rehearsal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    """Begin with a program that has shown nothing."""
    one = Rehearsal(monkeypatch)
    yield one
    one.program.close()


def test_a_program_is_ready_once_it_has_shown_something_or_has_ended(rehearsal: Rehearsal) -> None:
    assert not rehearsal.program.is_ready
    rehearsal.shows("a")
    assert rehearsal.program.is_ready


def test_one_that_ends_without_a_word_is_not_waited_for(rehearsal: Rehearsal) -> None:
    rehearsal.process.status = 1
    rehearsal.program.tick()
    assert rehearsal.program.is_ready


def test_commands_are_typed_in_its_own_words(rehearsal: Rehearsal) -> None:
    rehearsal.logs_in()
    rehearsal.program.type("/msgto Hans /msgto")
    rehearsal.program.type(BARRIER)
    rehearsal.passes(1)
    assert rehearsal.process.typed == b"send Hans /msgto\nwho\n"


def test_a_command_that_is_half_typed_is_so_too_and_what_goes_on_is_none(rehearsal: Rehearsal) -> None:
    rehearsal.logs_in()
    rehearsal.program.press("/msgto Hans ")
    rehearsal.program.press("/msgto ")
    rehearsal.program.type("/msgto it is")
    rehearsal.program.type("/msgto Hans done")
    assert rehearsal.process.typed == b"send Hans /msgto /msgto it is\nsend Hans done\n"


def test_what_comes_late_is_not_taken_for_an_answer_to_the_barrier(rehearsal: Rehearsal) -> None:
    rehearsal.logs_in()
    rehearsal.program.type("/activeuser")
    rehearsal.program.type(BARRIER)
    rehearsal.passes(0.1)
    assert rehearsal.process.typed == b"/activeuser\n"
    rehearsal.shows("Yoda, 127.0.0.1\r\n> ")
    rehearsal.shows("Hans, 127.0.0.1\r\n> ")
    assert rehearsal.process.typed == b"/activeuser\nwho\n"
    seen = rehearsal.program.seen
    assert (seen.find(Pattern("Yoda"), {}), seen.find(Pattern("Hans"), {})) == ("Yoda, 127.0.0.1", None)


def test_before_the_login_nothing_is_a_command(rehearsal: Rehearsal) -> None:
    rehearsal.shows("Username: ")
    rehearsal.program.press("/msgto ")
    rehearsal.program.type("/msgto")
    assert rehearsal.process.typed == b"/msgto /msgto\n"

"""Files while a person types: bars, lines in between, and the question before leaving."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import pytest

from tests.cli.conftest import EnterYoda, Open, People
from tests.support.files import ACCOUNTS
from tests.support.processes import Serve

pytestmark = pytest.mark.filterwarnings("error:.*forkpty")

both = pytest.mark.parametrize("mode", ["full", "plain"])
BAR = re.compile(r"^ +(\d) ([━─]{10,20}) +(\d+) % +([\d.]+ \w+/s) +(\d+ s|\d+:\d\d min|\?) (.*)$", re.MULTILINE)
TAB = "\t"
SLOW = {"module": "tests.cli.slow", "env": {"RATE": "100000"}}


@pytest.fixture
def people(served: Serve, folder: Path) -> Iterator[People]:
    """Let users without a terminal log in to the server of this test."""
    everybody = People(served.port, folder)
    yield everybody
    everybody.close()


@both
def test_half_typed_text_survives_a_file(yoda: EnterYoda, people: People, folder: Path, mode: str) -> None:
    terminal = yoda(mode)
    content = people.write("Hans", "my film.mp4", 300_000)
    hans = people.enter("Hans", rate=300_000 if mode == "full" else 0)
    terminal.type("/msgto Hans half ")
    terminal.until_prompt("/msgto Hans half ")
    hans.type("/p2pvideo Yoda my film.mp4")
    terminal.until_shown("Hans sends you my film.mp4 (300.0 kB): transfer 1")
    if mode == "full":
        terminal.until(lambda: BAR.search(terminal.text) is not None, "a bar")
        assert terminal.typing == "> /msgto Hans half"
        terminal.until(lambda: any(0 < int(row[2]) < 100 for row in BAR.findall(terminal.text)), "that moves")
        assert BAR.findall(terminal.text)[0][-1] == "my film.mp4 from Hans"
    terminal.type("wa")
    terminal.until_shown("received my film.mp4 from Hans: Hans_my film.mp4 (300.0 kB in ")
    terminal.until_prompt("/msgto Hans half wa")
    terminal.until(lambda: not BAR.search(terminal.text), "the bar is gone")
    terminal.enter("y")
    hans.until("Yoda: half way")
    assert (folder / "Hans_my film.mp4").read_bytes() == content
    if mode == "plain":
        assert "\x1b" not in terminal.raw


@both
def test_the_prompt_is_there_while_a_file_is_offered_and_sent(
    yoda: EnterYoda, people: People, folder: Path, mode: str
) -> None:
    terminal = yoda(mode)
    hans = people.enter("Hans", "--accept", "ask")
    (folder / "clip.mp4").write_bytes(b"clip")
    terminal.enter("/p2pvideo Hans nothing.mp4")
    terminal.until_shown("error: cannot read nothing.mp4: No such file or directory")
    terminal.until_prompt()
    terminal.enter("/p2pvideo Nobody nothing.mp4")
    terminal.until_shown("error: there is no user Nobody")
    terminal.until_prompt()
    terminal.enter("/p2pvideo Hans clip.mp4")
    terminal.until_shown("offered clip.mp4 (4 bytes) to Hans: transfer 1")
    terminal.until_prompt()
    if mode == "full":
        terminal.until_shown("waiting for Hans  clip.mp4 to Hans")
    terminal.type("half")
    hans.until("/accept 1 or /refuse 1")
    hans.type("/accept 1")
    terminal.until_shown("Hans accepted clip.mp4 (4 bytes): transfer 1")
    terminal.until_shown("delivered clip.mp4 to Hans: 4 bytes in ")
    terminal.until_prompt("half")


@both
def test_a_question_leaves_the_typed_text_alone(yoda: EnterYoda, people: People, folder: Path, mode: str) -> None:
    """And may be answered in between."""
    terminal = yoda(mode, "--accept", "ask")
    people.write("Hans", "clip.mp4", 1000)
    hans = people.enter("Hans")
    terminal.type("/accept ")
    terminal.until_prompt("/accept")
    hans.type("/p2pvideo Yoda clip.mp4", "/p2pvideo Yoda clip.mp4")
    terminal.until_shown("Hans wants to send you clip.mp4 (1.0 kB): /accept 1 or /refuse 1")
    terminal.until_prompt("/accept")
    terminal.type(TAB if mode == "full" else "1")
    terminal.until_prompt("/accept 1")
    terminal.enter("")
    terminal.until_shown("received clip.mp4 from Hans: Hans_clip.mp4")
    terminal.until_shown("/accept 2 or /refuse 2")
    terminal.until_prompt()
    terminal.enter("/refuse 2")
    terminal.until_shown("error: clip.mp4 from Hans was not received: Yoda does not want it")
    terminal.until_prompt()
    terminal.enter("/transfers")
    terminal.until_shown("2  from Hans  1.0 kB  failed")
    hans.until("was not delivered to Yoda: Yoda does not want it")
    assert (folder / "Hans_clip.mp4").stat().st_size == 1000


@both
def test_a_logout_asks_what_becomes_of_running_transfers(
    yoda: EnterYoda, people: People, folder: Path, mode: str
) -> None:
    terminal = yoda(mode, columns=100, **SLOW)
    hans = people.enter("Hans")
    (folder / "clip.mp4").write_bytes(bytes(10_000_000))
    question = "1 transfer still running: wait (w), cancel (c), or stay (s)?"
    terminal.enter("/p2pvideo Hans clip.mp4")
    terminal.until_shown("Hans accepted clip.mp4")
    terminal.until_prompt()
    terminal.enter("/logout")
    terminal.until_typing(question)
    for answer in ("", "what?", "x"):
        terminal.enter(answer)
    terminal.until(lambda: terminal.text.count(question) == 4 and terminal.typing == question)
    terminal.enter("s")
    terminal.until_prompt()
    terminal.enter("/activeuser")
    terminal.until_shown("Hans, 127.0.0.1")
    terminal.until_prompt()
    terminal.enter("/logout")
    terminal.until(lambda: terminal.text.count(question) == 5 and terminal.typing == question)
    terminal.enter("Wait")
    terminal.until_typing("waiting for 1 transfer: cancel (c), or stay (s)?")
    terminal.enter("c")
    terminal.until_shown("error: clip.mp4 was not delivered to Hans: Yoda cancelled it")
    assert terminal.end() == 0
    assert "Goodbye, Yoda!" in terminal.text
    hans.until("error: clip.mp4 from Yoda was not received: Yoda cancelled it")
    assert terminal.is_restored


@both
def test_whoever_waits_is_let_go_when_all_is_delivered(
    yoda: EnterYoda, people: People, folder: Path, mode: str
) -> None:
    terminal = yoda(mode)
    hans = people.enter("Hans", "--accept", "ask")
    (folder / "clip.mp4").write_bytes(b"clip")
    terminal.enter("/p2pvideo Hans clip.mp4")
    hans.until("wants to send you")
    terminal.type("\x04")
    terminal.until_typing("1 transfer still running: wait (w), cancel (c), or stay (s)?")
    terminal.enter("w")
    terminal.until_typing("waiting for 1 transfer: cancel (c), or stay (s)?")
    hans.type("/accept 1")
    assert terminal.end() == 0
    assert re.search(r"delivered clip.mp4 to Hans.*Goodbye, Yoda!", terminal.text, re.DOTALL)


@pytest.mark.parametrize(("mode", "end"), [("full", "ctrl-c"), ("plain", "delivered")])
def test_a_lost_connection_lets_transfers_go_on(
    served: Serve, yoda: EnterYoda, people: People, folder: Path, mode: str, end: str
) -> None:
    rate = "100000" if end == "ctrl-c" else "1000000"
    terminal = yoda(mode, columns=100, module="tests.cli.slow", env={"RATE": rate})
    hans = people.enter("Hans")
    (folder / "clip.mp4").write_bytes(bytes(500_000))
    terminal.enter("/p2pvideo Hans clip.mp4")
    hans.until("Yoda sends you clip.mp4")
    terminal.until_shown("Hans accepted clip.mp4")
    served.kill()
    terminal.until_shown("messenger: connection lost: the connection to the server broke")
    terminal.until_shown("1 transfer still running, which needs no server: waiting for the end")
    if end == "ctrl-c":
        terminal.until_typing("waiting for 1 transfer (Ctrl-C cancels):")
        terminal.type("\x03")
        assert terminal.end() == 130
        hans.until("was not received: Yoda has left")
    else:
        hans.until("received clip.mp4 from Yoda")
        assert terminal.end() == 3
        assert "delivered clip.mp4 to Hans" in terminal.text
    assert terminal.is_restored


def test_only_some_bars_are_shown_and_a_number_for_the_rest(yoda: EnterYoda, people: People) -> None:
    terminal = yoda(rows=30)
    people.write("Hans", "clip.mp4", 10_000_000)
    hans = people.enter("Hans", rate=50_000)
    hans.type(*["/p2pvideo Yoda clip.mp4"] * 7)
    terminal.until(lambda: len(BAR.findall(terminal.text)) == 5 and terminal.text.endswith("… and 2 more"))
    assert [row[0] for row in BAR.findall(terminal.text)] == list("12345")


def test_file_names_with_blanks_are_completed(yoda: EnterYoda, people: People, folder: Path) -> None:
    terminal = yoda()
    hans = people.enter("Hans")
    (folder / "my holiday film.mp4").write_bytes(b"film")
    terminal.type("/p2pvideo Ha" + TAB)
    terminal.until_prompt("/p2pvideo Hans")
    terminal.type(" my h" + TAB)
    terminal.until_prompt("/p2pvideo Hans my holiday film.mp4")
    terminal.enter("")
    hans.until("received my holiday film.mp4 from Yoda")


def test_no_ctrl_c_leaves_the_receiver_waiting(open_terminal: Open, served: Serve, people: People) -> None:
    """As when a transfer runs and its sender presses Ctrl-C at the prompt."""
    terminal = open_terminal(served.port, "full", **SLOW)
    terminal.log_in("Yoda", ACCOUNTS["Yoda"])
    hans = people.enter("Hans")
    (people.home("Hans").parent / "clip.mp4").write_bytes(bytes(1_000_000))
    terminal.enter("/p2pvideo Hans clip.mp4")
    hans.until("Yoda sends you clip.mp4")
    terminal.type("\x03")
    assert terminal.end(within=2) == 130
    assert terminal.text.endswith("messenger: interrupted")
    hans.until("error: clip.mp4 from Yoda was not received: Yoda has left")

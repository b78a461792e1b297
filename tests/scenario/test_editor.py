"""What of the full interface's bytes somebody has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Final, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.client.commands import prompt_lines
from messenger.scenario.editor import EditorRows
from messenger.scenario.emulator import Emulator
from messenger.scenario.parser import parse
from messenger.scenario.player import Play
from messenger.scenario.seen import Seen
from messenger.scenario.setting import Setting
from messenger.scenario.terminal import SIZE, TerminalDriver
from tests.support.files import ACCOUNTS

COLUMNS, ROWS = 60, 12

# What prompt_toolkit writes: the editor drawn, erased to make room for a line above it, left when Enter was pressed.
PROMPT: Final = prompt_lines(COLUMNS).replace("\n", "\r\n") + "\r\n> "
HEIGHT: Final = PROMPT.count("\n")
BEGIN, HIDE, SHOW, LEAVE = "\x1b[6n\x1b[?2004h", "\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h", "\x1b[?2004l"


def draw(text: str) -> str:
    return BEGIN + HIDE + text + SHOW


def erase(height: int = HEIGHT) -> str:
    return f"\r\x1b[{height}A\x1b[J" + LEAVE


ENTER: Final = HIDE + "\r\n\x1b[J" + SHOW + LEAVE


def seen(*written: str) -> Seen:
    given_to = Seen()
    rows = EditorRows(given_to, COLUMNS, ROWS, lambda data: None)
    for text in written:
        rows.feed(text.encode())
    return given_to


def test_a_line_counts_once_the_editor_is_drawn_below_it() -> None:
    written = [draw(PROMPT + "/msgto Ha"), erase(), "Hans: hi\r\n"]
    assert seen(*written).lines == []
    assert seen(*written, draw(PROMPT + "/msgto Ha")).lines == ["Hans: hi"]


def test_a_line_that_the_redrawing_damages_is_not_seen() -> None:
    too_high = draw("\x1b[A\r" + PROMPT)
    assert "Hans: hi" not in seen(draw(PROMPT), erase(), "Hans: hi\r\n", too_high).lines


def test_the_prompt_what_is_typed_menus_and_bars_are_no_lines() -> None:
    bar, menu = "lecture.mp4 [####    ] 50 %", " /msgto   Send a private message "
    drawn = draw(f"{PROMPT}/ms\r\n{menu}\r\n{bar}\x1b[2A")
    typed_over_two_rows = HIDE + "\r> " + "x" * (COLUMNS - 2) + "\r\nyyy" + SHOW
    shown = seen(drawn, typed_over_two_rows, ENTER, "message sent\r\n", draw(PROMPT))
    assert (shown.lines, shown.partial) == (["message sent"], "")


def test_a_question_is_the_line_that_has_begun_and_stays_with_its_answer() -> None:
    asked = [draw("Username: ")]
    assert seen(*asked).asks("Username: ")
    answered = [*asked, HIDE + "\r\x1b[JUsername: Yoda" + ENTER[len(HIDE) :]]
    assert (seen(*answered).lines, seen(*answered).partial) == (["Username: Yoda"], "")
    assert seen(*answered, draw("Password: ")).asks("Password:")
    assert seen(*answered, draw("Password: "), HIDE + "****" + SHOW).partial == "Password: ****"


def test_a_question_that_makes_room_for_a_line_is_still_asked() -> None:
    shown = seen(draw("Username: "), erase(0), "the server stops\r\n", draw("Username: "))
    assert shown.lines == ["the server stops"]
    assert shown.asks("Username:")


@pytest.mark.parametrize(
    "text",
    [
        "x" * COLUMNS,
        "x" * (COLUMNS + 1),
        "many words " * 30 + "end",
        "漢字" * COLUMNS,
        "x" + "漢" * COLUMNS,
        "e\u0301te\u0301 " * COLUMNS + ".",
        "☕\ufe0f and 👩\u200d🚀 " * 20 + ".",
    ],
)
def test_a_line_longer_than_the_screen_is_wide_is_one_line(text: str) -> None:
    shown = seen(draw(PROMPT), erase(), f"{text}\r\nnext\r\n", draw(PROMPT))
    assert [line.replace("é", "e\u0301") for line in shown.lines] == [text, "next"]


def test_each_line_of_a_flood_is_seen_once_though_most_scroll_off_at_once() -> None:
    lines = [f"flood {number}" for number in range(500)]
    flood = "".join(line + "\r\n" for line in lines)
    assert seen(draw(PROMPT), erase(), flood, draw(PROMPT), erase(), "last\r\n", draw(PROMPT)).lines == [*lines, "last"]


def test_what_comes_without_an_editor_is_seen_at_once() -> None:
    shown = seen(draw(PROMPT), ENTER, "Goodbye, Yoda!\r\nmessenger: lost")
    assert (shown.lines, shown.partial) == (["Goodbye, Yoda!"], "messenger: lost")


def test_at_the_end_nothing_is_left_half() -> None:
    shown = Seen()
    rows = EditorRows(shown, COLUMNS, ROWS, lambda data: None)
    rows.feed((draw(PROMPT) + erase() + "one\r\nKilled").encode())
    rows.end()
    assert (shown.lines, shown.partial) == (["one", "Killed"], "")


def test_a_cleared_screen_takes_nothing_back_and_hides_nothing_new() -> None:
    clear = erase() + "\x1b[2J\x1b[H"
    shown = seen(
        draw(PROMPT), erase(), "before\r\n", draw(PROMPT), clear, draw(PROMPT), erase(), "after\r\n" * 2, draw(PROMPT)
    )
    assert shown.lines == ["before", "after", "after"]


def test_the_terminal_tells_where_its_cursor_is() -> None:
    answers: List[str] = []
    Emulator(COLUMNS, ROWS, answers.append).feed(b"one\r\ntwo\x1b[6n")
    assert answers == ["\x1b[2;4R"]


def test_commands_that_no_terminal_knows_disturb_nothing() -> None:
    screen = Emulator(COLUMNS, ROWS)
    screen.feed(b"a\x1b[?5Ab\x1b[?6nc\x1b[1;2;3;4;5;6;7;8Hd\x1b[38;5;999me\x1b[99;99rf")
    assert "".join(screen.text(row) for row in range(ROWS)).split()


SESSION: Final = "".join(
    [
        draw("Username: "),
        HIDE + "\r\x1b[JUsername: Yoda" + ENTER[len(HIDE) :],
        draw(PROMPT),
        erase(),
        "\x1b[36mHans: ☕ 漢字\x1b[0m\r\n" + "long " * 50 + "\r\n",
        draw(PROMPT + "/logout"),
        ENTER,
        "Goodbye, Yoda!\r\n",
    ]
)


@given(st.lists(st.integers(0, len(SESSION.encode())), max_size=20))
def test_what_is_seen_does_not_depend_on_how_the_bytes_are_cut(cuts: List[int]) -> None:
    data, whole = SESSION.encode(), Seen()
    rows = EditorRows(whole, COLUMNS, ROWS, lambda text: None)
    edges = [0, *sorted(cuts), len(data)]
    for start, end in zip(edges, edges[1:]):
        rows.feed(data[start:end])
    assert whole.lines == ["Username: Yoda", "Hans: ☕ 漢字", ("long " * 50).rstrip(), "Goodbye, Yoda!"]


HALF_TYPED: Final = r"""
@server attempts=3
@actor Yoda editor
@actor Hans
Yoda > /msgto Hans half of \
Hans > /msgto Yoda first
Hans > /msgto Yoda second
Yoda < Hans: first
Yoda << Hans: second
"""


@pytest.mark.filterwarnings("error:.*forkpty")
def test_half_a_line_stands_whole_below_what_came_in_and_is_sent_whole(tmp_path: Path) -> None:
    """In a real terminal, through the real client."""
    screen = Emulator(SIZE.columns, SIZE.rows)
    driver = TerminalDriver(lambda name, data: screen.feed(data) if name == "Yoda" else None)
    text = HALF_TYPED + "Yoda > a sentence\nHans < Yoda: half of a sentence\n"
    result = Play(parse(text, "half.scenario"), driver, Setting(tmp_path, ACCOUNTS)).run()
    assert result.failure is None
    rows = [row for row in screen.display if row.strip()]
    at = next(index for index, row in enumerate(rows) if "Hans: second" in row)
    assert "Hans: first" in rows[at - 1]
    prompt = len(prompt_lines(SIZE.columns).split("\n"))
    assert rows[at + prompt + 1].rstrip() == "> /msgto Hans half of a sentence"

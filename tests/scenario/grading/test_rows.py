"""Rows of a program's terminal: what it says, without prompts, colours and echoes."""

from __future__ import annotations

from typing import List

from hypothesis import given
from hypothesis import strategies as st

from messenger.scenario.grading.rows import Rows

OUTPUT = "\x1b[1mWelcome\x1b[0m!\r\nÜnï 漢字\r\n\r\n> \x1b[K\rYoda: hi\nlast\n".encode()
ROWS = ["Welcome!", "Ünï 漢字", ">", "Yoda: hi", "last"]


def fed(rows: Rows, *pieces: bytes) -> List[str]:
    return [row for piece in pieces for row in rows.feed(piece)]


@given(st.lists(st.integers(0, len(OUTPUT)), max_size=6))
def test_rows_are_the_same_however_the_bytes_are_cut(cuts: List[int]) -> None:
    ends = [0, *sorted(cuts), len(OUTPUT)]
    assert fed(Rows(), *(OUTPUT[start:end] for start, end in zip(ends, ends[1:]))) == ROWS


@given(st.binary(max_size=60), st.text(max_size=10))
def test_whatever_a_program_writes_is_taken_in(data: bytes, line: str) -> None:
    rows = Rows()
    rows.feed(data)
    rows.enter(line)
    rows.learn([])
    assert "\n" not in rows.partial


def test_what_is_typed_and_echoed_is_no_row_but_what_says_the_same_later_is() -> None:
    rows = Rows()
    rows.enter("/msgto Hans hello")
    assert fed(rows, b"/msgto Hans hello\r\nsent\r\n/msgto Hans hello\r\n") == ["sent", "/msgto Hans hello"]


def test_a_prompt_is_learnt_and_taken_from_the_rows_that_begin_with_it() -> None:
    rows = Rows()
    fed(rows, b"Welcome\r\ncommands: /msgto\r\n> ")
    rows.learn(["Welcome", "commands: /msgto"])
    assert rows.partial == ""
    assert fed(rows, b"hello\r\ncommands: /msgto\r\n> > again\r\n") == ["hello", "again"]


def test_a_prompt_of_the_dialect_may_differ_each_time() -> None:
    rows = Rows(prompt=r"\d+ so far; what now\?")
    assert fed(rows, b"1 so far; what now? hello\r\n12 so far; what now?\r\n") == ["hello"]


def test_lines_of_the_dialect_say_nothing_or_go_on_in_the_next_one() -> None:
    rows = Rows(ignore=r"^-+$", joins=r"whispers:$")
    assert fed(rows, b"-----\r\nHans whispers:\r\n  hello\r\nbye\r\n") == ["Hans whispers:   hello", "bye"]

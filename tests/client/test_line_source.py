"""Lines from a descriptor, however its bytes are cut."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.client.screen import LineSource, Waker, Woken

DATA = "Yoda\r\ncomp9331\n\n/msgto Hans ☕\r ☕\r\nlast".encode()
LINES = [b"Yoda", b"comp9331", b"", "/msgto Hans ☕\r ☕".encode(), b"last"]


@contextmanager
def source() -> Iterator[Tuple[LineSource, int]]:
    """A source and the descriptor to write what it reads."""
    ours, theirs = os.pipe()
    waker = Waker()
    try:
        yield LineSource(ours, waker), theirs
    finally:
        for fd in (ours, waker._read, waker._write):
            os.close(fd)
        try:
            os.close(theirs)
        except OSError:
            pass  # the test did


def rest(lines: LineSource) -> List[bytes]:
    found = []
    try:
        while True:
            found.append(lines.next())
    except EOFError:
        return found


@given(cuts=st.lists(st.integers(0, len(DATA)), max_size=8))
def test_any_cutting_gives_the_same_lines(cuts: List[int]) -> None:
    """Each piece is read by itself: the lines that it completes are taken before the next is written."""
    with source() as (lines, out):
        found = []
        places = [0, *sorted(cuts), len(DATA)]
        for start, end in zip(places, places[1:]):
            os.write(out, DATA[start:end])
            for _ in range(DATA[start:end].count(b"\n")):
                found.append(lines.next())
        os.close(out)
        assert found + rest(lines) == LINES


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\r\n", [b"a"]),
        (b"a\r", [b"a"]),
        (b"a\rb\n", [b"a\rb"]),
        (b"a\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8b\n", [b"a\x0b\x0c\x1c\xc2\x85\xe2\x80\xa8b"]),
        (b"\xff\xfe\n", [b"\xff\xfe"]),
    ],
)
def test_only_a_line_feed_ends_a_line_and_the_last_needs_none(data: bytes, expected: List[bytes]) -> None:
    with source() as (lines, out):
        os.write(out, data)
        os.close(out)
        assert rest(lines) == expected


def test_the_end_stays_the_end() -> None:
    with source() as (lines, out):
        os.close(out)
        for _ in range(2):
            with pytest.raises(EOFError):
                lines.next()


def test_waking_ends_the_wait_for_a_line_but_takes_none_away() -> None:
    ours, theirs = os.pipe()
    waker = Waker()
    lines = LineSource(ours, waker)
    os.write(theirs, b"one\ntwo\n")
    assert lines.next() == b"one"
    waker.wake()
    assert lines.next() == b"two"
    with pytest.raises(Woken):
        lines.next()
    for fd in (ours, theirs, waker._read, waker._write):
        os.close(fd)

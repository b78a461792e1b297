"""The timeline of a play, side by side: everybody has a column, nothing is wider than the terminal."""

from __future__ import annotations

from typing import List

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from messenger.scenario.columns import WIDTH_MIN, actors, columns, told
from messenger.scenario.timeline import Entry

PLAY = [
    Entry(0.25, "server", "seen", "ready on port 50000"),
    Entry(0.5, "Yoda", "typed", "/msgto Hans Hello there!"),
    Entry(0.75, "Hans", "seen", "Yoda: Hello there!"),
    Entry(1.0, "Hans", "ended", "0"),
    Entry(12.5, "", "failed", "a.scenario:4: Hans < Bye\n  Hans did not see this"),
]
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.floats(0, 999),
        st.sampled_from(["Yoda", "Hans", "Obi-Wan", "server", ""]),
        st.sampled_from(["typed", "seen", "began", "ended", "failed"]),
        st.text(max_size=60),
    ),
    max_size=12,
)


def test_everybody_has_a_column_and_the_server_the_last_one() -> None:
    assert columns(PLAY, 94) == [
        "       │ Yoda                       │ Hans                       │ server",
        "       ┼ ────────────────────────── ┼ ────────────────────────── ┼ ──────────────────────────",
        "  0.25 │                            │                            │ ready on port 50000",
        "  0.50 │ > /msgto Hans Hello there! │                            │",
        "  0.75 │                            │ Yoda: Hello there!         │",
        "  1.00 │                            │ · ends with status 0       │",
        " 12.50  ✗ a.scenario:4: Hans < Bye",
    ]


def test_a_narrow_terminal_has_a_line_for_each_instead() -> None:
    assert columns(PLAY, 42)[:3] == [
        "  0.25  server        ready on port 50000",
        "  0.50  Yoda          > /msgto Hans Hello",
        "                      there!",
    ]


def test_of_a_long_play_the_end_is_shown_and_how_much_is_not() -> None:
    many = [Entry(float(number), "Yoda", "seen", f"line {number}") for number in range(100)]
    rows = columns(many, 80, rows_max=10)
    assert rows[2] == "        … 90 rows before"
    assert [row.split("│ ")[1] for row in rows[3:]] == [f"line {number}" for number in range(90, 100)]
    assert len(columns(many, 80, rows_max=0)) == 102


def test_where_nobody_did_anything_there_is_no_table() -> None:
    assert columns([], 80) == []
    assert actors([Entry(0.0, "", "failed", "x")]) == []


def test_what_would_move_a_terminals_cursor_is_shown_and_not_sent() -> None:
    assert "\x1b" not in told(Entry(0.0, "Yoda", "seen", "\x1b[2J gone"))


@given(ENTRIES, st.integers(WIDTH_MIN, 200))
def test_no_row_is_wider_than_the_terminal(entries: List[Entry], width: int) -> None:
    assert all(cell_len(row) <= width for row in columns(entries, width))

"""Numbers as people read them, and bars."""

from __future__ import annotations

import pytest

from messenger.client.figures import (
    count_text,
    done_text,
    duration_text,
    left_text,
    progress_lines,
    rate_text,
    share_text,
    size_text,
)
from messenger.peer.handle import Progress, Transfer


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (3_400_000_000, "3.4 GB"),
        (2**53, "9.0 PB"),
    ],
)
def test_sizes_are_decimal(size: int, text: str) -> None:
    assert size_text(size) == text
    assert rate_text(size) == f"{text}/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.254, "0.25 s"),
        (9.99, "9.99 s"),
        (9.996, "10 s"),
        (59.4, "59 s"),
        (59.6, "1:00 min"),
        (200, "3:20 min"),
        (3600, "1:00:00 h"),
        (3723, "1:02:03 h"),
    ],
)
def test_times_get_coarser_as_they_get_longer(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_only_the_whole_is_a_hundred_per_cent() -> None:
    assert [done_text(done, 1000) for done in (0, 9, 10, 999, 1000)] == ["0 %", "0 %", "1 %", "99 %", "100 %"]
    assert done_text(0, 0) == "100 %"
    assert share_text(0.0012) == "0.1 %"


def test_the_time_left_follows_from_the_rate() -> None:
    assert left_text(500, 1000, 100) == "5 s"
    assert left_text(999, 1000, 1e9) == "1 s"
    assert left_text(0, 1000, 0) == "?"
    assert left_text(1000, 1000, 0) == "0 s"
    assert (count_text(1), count_text(2)) == ("1 transfer", "2 transfers")


def transfer(number: int, *, is_outgoing: bool = True, is_started: bool = True, name: str = "clip.mp4") -> Transfer:
    handle = Transfer(number, "0" * 32, is_outgoing, "Hans", name, 1000)
    if is_started:
        handle.start()
    return handle


def test_a_bar_shows_how_far_a_transfer_is() -> None:
    half = Progress(500, 1_200_000.0, 0.01, 0, 0.0, 1.0)
    (line,) = progress_lines([(transfer(1), half)], 80, 5)
    assert line == "  1 ━━━━━━━━━━──────────  50 %   1.2 MB/s      1 s clip.mp4 to Hans"
    (line,) = progress_lines([(transfer(1, is_outgoing=False), half)], 40, 5)
    assert line == "  1 ━━━━━─────  50 %   1.2 MB/s      1 s clip.mp4 from Hans"
    (line,) = progress_lines([(transfer(1), half._replace(repeated=3, loss=0.012))], 80, 5)
    assert line.endswith("clip.mp4 to Hans, 1.2 % lost")


def test_what_waits_for_an_answer_says_for_whose() -> None:
    nothing = Progress(0, 0.0, 0.0, 0, 0.0, 0.0)
    offered = transfer(1, is_started=False)
    asked = transfer(2, is_outgoing=False, is_started=False, name="a\x1b[2J")
    assert progress_lines([(offered, nothing), (asked, nothing)], 80, 5) == [
        "  1 ──────────────────── waiting for Hans  clip.mp4 to Hans",
        "  2 ──────────────────── /accept 2 or /refuse 2  a␛[2J from Hans",
    ]


def test_bars_beyond_the_most_are_counted() -> None:
    running = [(transfer(number), Progress(0, 0.0, 0.0, 0, 0.0, 0.0)) for number in range(1, 13)]
    lines = progress_lines(running, 80, 5)
    assert len(lines) == 6
    assert lines[-1] == "… and 7 more"

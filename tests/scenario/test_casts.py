"""Casts: what is kept of what programs wrote, and the pictures that are made of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Final, Iterator, List, Sequence, Tuple
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.scenario import frames
from messenger.scenario.casts import Recorder, asciicast, write_casts
from messenger.scenario.frames import Moment, Recording, Run, Style, moments
from messenger.scenario.svg import (
    LAST_SECONDS,
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    WHOLE_SECONDS,
    animated,
    schedule,
    still,
)
from messenger.scenario.terminal import Size

SVG: Final = "{http://www.w3.org/2000/svg}"
Output = List[Tuple[float, bytes]]


def taken(output: Sequence[bytes], secrets: Sequence[str] = ()) -> bytes:
    recorder = Recorder(Size(5, 40))
    for data in output:
        recorder.take("Yoda", data)
    (recording,) = recorder.recordings(secrets=secrets)
    assert len(recording.output) == len(output)
    return b"".join(data for _, data in recording.output)


def cast(output: Output) -> Tuple[Dict[str, Any], List[List[Any]]]:
    header, *events = map(json.loads, asciicast(Recording("Yoda", 5, 40, output), "A title").splitlines())
    return header, events


def play(*outputs: Output) -> List[Moment]:
    return moments([Recording(f"actor{number}", 5, 40, output) for number, output in enumerate(outputs)])


def texts(moment: Moment, at: int = 0) -> List[str]:
    return [" ".join(run.text for run in row) for row in moment.pictures[at].rows if row]


# ---- recordings ---------------------------------------------------------------------------------------------


def test_times_begin_with_the_recorder() -> None:
    times = iter([100.0, 100.5, 102.0])
    recorder = Recorder(Size(5, 40), lambda: next(times))
    recorder.take("Yoda", b"a")
    recorder.take("Hans", b"b")
    assert [one.output for one in recorder.recordings(["Yoda", "Hans"])] == [[(0.5, b"a")], [(2.0, b"b")]]


def test_actors_come_in_their_order_and_the_server_last() -> None:
    recorder = Recorder()
    for name in ("server", "Luke", "Hans", "Yoda"):
        recorder.take(name, b"x")
    assert [one.name for one in recorder.recordings(["Yoda", "Hans", "Leia"])] == ["Yoda", "Hans", "Luke", "server"]


def test_a_secret_that_was_echoed_is_hidden_even_in_pieces() -> None:
    output = [b"Password: com", b"p93", b"31\r\n", b"other"]
    assert taken(output, ["comp9331", ""]) == b"Password: ********\r\nother"


@pytest.mark.parametrize(
    "output, kept",
    [
        ([b"a\nb\n"], b"a\r\nb\r\n"),
        ([b"a\r\nb\r\n"], b"a\r\nb\r\n"),
        ([b"a\r", b"\nb"], b"a\r\nb"),
        ([b"a\r", b"", b"\nb"], b"a\r\nb"),
        ([b"a", b"\n\nb"], b"a\r\n\r\nb"),
        ([b"a\r", b"\n\nb"], b"a\r\n\r\nb"),
    ],
)
def test_lines_end_as_terminals_want_it(output: List[bytes], kept: bytes) -> None:
    assert taken(output) == kept


# ---- asciicast ----------------------------------------------------------------------------------------------


def test_an_asciicast_is_a_header_and_an_event_a_line() -> None:
    header, events = cast([(0.25, b"Hello\r\n"), (1.5, b"\x1b[31mred")])
    assert header == {"version": 2, "width": 40, "height": 5, "title": "A title"}
    assert events == [[0.25, "o", "Hello\r\n"], [1.5, "o", "\x1b[31mred"]]


@given(st.text(alphabet="a☕漢\n👩", max_size=30), st.lists(st.integers(0, 100), max_size=8))
def test_characters_that_come_in_pieces_are_whole_in_an_asciicast(text: str, cuts: List[int]) -> None:
    data = text.encode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    _, events = cast([(float(start), data[start:end]) for start, end in zip(edges, edges[1:])])
    assert "".join(event[2] for event in events) == text


# ---- moments ------------------------------------------------------------------------------------------------


def test_a_picture_has_text_colours_and_cursor_where_they_are() -> None:
    (moment,) = play([(0.0, b"ab \x1b[1;36mcyan\x1b[0m\r\n  \x1b[41m  \x1b[0m\xe6\xbc\xa2!")])
    (picture,) = moment.pictures
    assert picture.rows[0] == (Run(0, 2, "ab", Style()), Run(3, 4, "cyan", Style("cyan", is_bold=True)))
    assert picture.rows[1] == (Run(2, 2, "  ", Style(ground="red")), Run(4, 3, "漢!", Style()))
    assert (picture.columns, picture.cursor) == (40, (1, 7))


def test_reversed_text_shows_its_ground() -> None:
    (moment,) = play([(0.0, b"\x1b[7mdark\x1b[0m \x1b[7;32mgreen\x1b[0m\x1b[?25l")])
    looks = [(run.style.colour, run.style.ground) for run in moment.pictures[0].rows[0]]
    assert looks == [("ground", "text"), ("default", "green")]


def test_what_changes_nothing_is_no_moment_and_what_comes_together_is_one() -> None:
    shown = play([(0.0, b"a"), (0.001, b"b"), (1.0, b"\x1b[0m"), (2.0, b"c")], [(0.002, b"x")])
    assert [(moment.seconds, texts(moment), texts(moment, 1)) for moment in shown] == [
        (0.002, ["ab"], ["x"]),
        (2.0, ["abc"], ["x"]),
    ]


def test_an_editor_that_is_away_for_an_instant_is_not_shown_away() -> None:
    draw = b"\x1b[?2004h\x1b[?25l> half\x1b[?25h"
    shown = play([(0.0, draw), (1.0, b"\r\x1b[J\x1b[?2004l"), (1.1, b"Hans: hi\r\n"), (1.2, draw)])
    assert [texts(moment) for moment in shown] == [["> half"], ["Hans: hi", "> half"]]


def test_the_last_moment_shows_all_even_of_an_editor_that_was_killed() -> None:
    shown = play([(0.0, b"\x1b[?2004h\x1b[?25l> half")], [(0.0, b"x")])
    assert texts(shown[-1]) == ["> half"]


def test_a_long_play_has_a_bounded_number_of_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MOMENTS_MAX", 20)
    shown = play([(number / 10, f"{number}\r\n".encode()) for number in range(300)])
    assert 5 <= len(shown) <= 20
    assert texts(shown[-1])[-1] == "299"


# ---- pictures -----------------------------------------------------------------------------------------------


def test_the_pace_is_that_of_somebody_who_reads() -> None:
    shown = [Moment(seconds, ()) for seconds in (0.0, 0.01, 0.9, 60.0)]
    starts, seconds = schedule(shown)
    gaps = [after - before for before, after in zip(starts, starts[1:])]
    assert gaps == pytest.approx([SHORTEST_SECONDS, 0.89, LONGEST_SECONDS])
    assert seconds == pytest.approx(sum(gaps) + LAST_SECONDS)


def test_a_long_play_is_shown_faster() -> None:
    starts, seconds = schedule([Moment(float(number), ()) for number in range(1000)])
    assert seconds == pytest.approx(WHOLE_SECONDS)
    assert len(set(starts)) == 1000


PLAY: Final = play(
    [(0.0, b"one\r\n"), (1.0, b"\x1b[32mtwo  words <&>\x1b[0m\r\n"), (3.0, b"three")],
    [(2.0, b"other\x1b[1;4m\xe2\x98\x95 bold\x1b[0m\x1b[48;5;52mx")],
    [(0.0, b"ready\r\n")],
)
NAMES: Final = ["Yoda", "Obi-Wan", "server"]


def drawn_texts(element: ElementTree.Element) -> List[str]:
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


def rows_of(tile: ElementTree.Element, root: ElementTree.Element) -> Iterator[Tuple[float, List[str]]]:
    shapes = {shape.get("id"): shape for shape in root.findall(f"{SVG}defs/{SVG}g")}
    for use in tile.iter(f"{SVG}use"):
        yield float(use.get("y", "0")), drawn_texts(shapes[use.get("href", "")[1:]])


def test_a_still_picture_shows_every_terminal_with_its_name_and_what_stands_there() -> None:
    root = ElementTree.fromstring(still(NAMES, PLAY[-1], "A <play>"))
    assert root.findtext(f"{SVG}title") == "A <play>"
    tiles = root.findall(f"{SVG}g")
    assert [drawn_texts(tile)[0] for tile in tiles] == NAMES
    assert [row for _, row in rows_of(tiles[0], root)] == [["one"], ["two  words <&>"], ["three"]]
    assert [row for _, row in rows_of(tiles[1], root)] == [["other", "☕ bold", "x"]]
    places = {tile.get("transform") for tile in tiles}
    assert len(places) == 3, "side by side"


def test_an_animated_picture_shows_every_moment_of_every_terminal_in_its_time() -> None:
    text = animated(NAMES, PLAY, "A play")
    root = ElementTree.fromstring(text)
    strip = next(group for group in root.iter(f"{SVG}g") if group.get("class") == "s s0")
    window = next(one for one in root.iter(f"{SVG}svg") if one is not root)
    assert [row for _, row in rows_of(strip, root)] == [
        ["one"],
        *(["one"], ["two  words <&>"]),
        *(["one"], ["two  words <&>"], ["three"]),
    ]
    shifts = re.findall(
        r"([\d.]+)%\{transform:translateY\(-(\d+)px\)\}", text.partition("@keyframes k0")[2].partition("@")[0]
    )
    total = schedule(PLAY).seconds
    assert [float(percent) for percent, _ in shifts] == [
        pytest.approx(100 * start / total, abs=0.01)
        for moment, start in zip(PLAY, schedule(PLAY).starts)
        if moment.seconds in (0.0, 1.0, 3.0)
    ]
    offsets = [int(offset) for _, offset in shifts]
    assert offsets == [0, offsets[1], 2 * offsets[1]]
    assert strip.get("transform") == f"translate(0 -{offsets[-1]})", "where nothing moves, the last one"
    assert offsets[1] == int(window.get("height", "0")), "one at a time can be seen"
    assert "@keyframes k2" not in text, "a terminal that never changes does not move"


@pytest.mark.parametrize("text", [animated(NAMES, PLAY, "A play"), still(NAMES, PLAY[-1], "A play")])
def test_pictures_need_nothing_but_themselves(text: str) -> None:
    assert re.findall(r"(?:https?:|//)[^\"<]*", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<foreignObject|@import|url\(|\bon\w+=", text)
    root = ElementTree.fromstring(text)
    targets = {use.get("href") for use in root.iter(f"{SVG}use")}
    assert targets <= {f"#{shape.get('id')}" for shape in root.iter(f"{SVG}g") if shape.get("id")}


def test_who_wants_no_motion_gets_none() -> None:
    assert "@media (prefers-reduced-motion:reduce){.s{animation:none!important}}" in animated(NAMES, PLAY, "A play")
    assert "animation" not in still(NAMES, PLAY[-1], "A play")


WRITTEN: Final = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([b"\x1b", b"\x1b[", b"\x9b", b"\x1b]", b"?", b";", b"1", b"25", b"2004", b"9999", b" ", b"x"]),
    st.sampled_from([bytes([letter]) for letter in b"@ABCDGHJKLMPXacdfghlmnr\r\n\t\x08\x00"]),
)


@given(st.lists(WRITTEN, max_size=60).map(b"".join))
def test_whatever_a_program_writes_becomes_a_picture_that_can_be_read(data: bytes) -> None:
    shown = play([(0.0, b"\x1b]0;title\x07" + data), (1.0, data)])
    for moment in shown:
        ElementTree.fromstring(still(["Yoda"], moment, data.decode("utf-8", "replace")))
    if shown:
        ElementTree.fromstring(animated(["Yoda"], shown, ""))


# ---- files --------------------------------------------------------------------------------------------------


def test_a_play_becomes_a_cast_for_each_terminal_and_two_pictures_of_all(tmp_path: Path) -> None:
    recordings = [Recording("Yoda", 5, 40, [(0.0, b"hi")]), Recording("server", 5, 40, [(0.0, b"ready")])]
    written = write_casts(tmp_path / "new" / "casts", "groups/message", recordings, "What it claims")
    assert [path.name for path in written] == [
        "groups-message.Yoda.cast",
        "groups-message.server.cast",
        "groups-message.svg",
        "groups-message.end.svg",
    ]
    assert json.loads(written[0].read_text().split("\n")[0])["title"] == "Yoda: What it claims"
    assert "What it claims" in written[2].read_text()


def test_a_play_in_which_nothing_was_written_leaves_nothing(tmp_path: Path) -> None:
    assert write_casts(tmp_path, "empty", []) == []
    assert list(tmp_path.iterdir()) == []

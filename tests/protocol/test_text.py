"""What may stand in a text: one log line for every reader, and nothing that a terminal obeys."""

from __future__ import annotations

import io
import unicodedata

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from messenger.protocol.framing import encode
from messenger.protocol.messages import MsgTo
from messenger.protocol.text import GROUP_NAME, USER_NAME, clean, fault_in_text, is_plain

SEPARATORS = ["\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
EVERYTHING = [chr(code) for code in range(0x110000)]
CONTROLS = [character for character in EVERYTHING if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs")]
BIDI_CLASSES = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
BIDI = ["\u061c", "\u200e", "\u200f", *(c for c in EVERYTHING if unicodedata.bidirectional(c) in BIDI_CLASSES)]
TEXTS = st.text(st.characters() | st.sampled_from([*SEPARATORS, *BIDI, *CONTROLS[:70], ";", " "]), max_size=60)


@pytest.mark.parametrize(
    "character", [*SEPARATORS, *BIDI, *CONTROLS[:9], *CONTROLS[10:65], "\ud800", "\udfff"], ids=ascii
)
def test_a_forbidden_character_is_named(character: str) -> None:
    assert fault_in_text(f"a{character}b") == f"holds the character U+{ord(character):04X}, which is not allowed"


def test_nothing_else_is_forbidden() -> None:
    forbidden = {*BIDI, *CONTROLS} - {"\t"}
    assert {character for character in EVERYTHING if fault_in_text(character)} == forbidden


@pytest.mark.parametrize(
    "text", ["", "\t", " ", "Grüße", "👩‍👩‍👧", "می‌خواهم", "\u00ad", "\ufeff", "\U0010ffff", "x" * 4096, "é" * 2048]
)
def test_any_other_text_up_to_4096_bytes_is_taken(text: str) -> None:
    assert fault_in_text(text) is None


@pytest.mark.parametrize("text", ["x" * 4097, "é" * 2049, "👋" * 1025, "x" * 100_000])
def test_a_longer_text_is_refused(text: str) -> None:
    assert fault_in_text(text) == "is longer than 4096 bytes"


@given(TEXTS)
@example("1; 01 Jun 2022 21:30:04; Yoda; forged")
def test_what_is_accepted_is_one_log_line_for_every_reader_and_parses_back(text: str) -> None:
    if fault_in_text(text):
        return
    line = f"7; 01 Jun 2022 21:30:04; Obi-Wan; {text}\n"
    data = line.encode("utf-8")
    assert data.split(b"\n") == [data[:-1], b""]
    assert len(line.splitlines()) == 1
    assert list(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")) == [line]
    assert line[:-1].split("; ", 3) == ["7", "01 Jun 2022 21:30:04", "Obi-Wan", text]


@given(TEXTS)
@example("\x1b]52;c;eA==\x07")
@example("\ud800")
def test_cleaned_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    cleaned = clean(text)
    assert not set(cleaned) & {*BIDI, *CONTROLS} - {"\t"}
    assert clean(cleaned) == cleaned
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode("utf-8")


@given(TEXTS)
def test_what_needs_no_cleaning_is_shown_unchanged(text: str) -> None:
    if not set(text) & {*BIDI, *CONTROLS}:
        assert clean(text) == text


def test_every_forbidden_character_is_made_visible() -> None:
    assert clean("\x1b[2J\x00\x7f\x9b\u202e\u2028\ud800\t.") == "␛[2J␀<U+007F><U+009B><U+202E><U+2028><U+D800>\t."


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@example("\x7f")
@example("\x1b")
@example("\\u202e")
def test_lines_that_look_plain_hold_printable_ascii_only(text: str) -> None:
    """So the reader of requests may leave out the check of each text in them."""
    if is_plain(encode(MsgTo(1, "Hans", text))):
        assert fault_in_text(text) is None
        assert text.isascii()


@pytest.mark.parametrize("name", ["Yoda", "Obi-Wan", "r2D2", "3.P_O", "x" * 32, "a"])
def test_user_names(name: str) -> None:
    assert USER_NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "-a", ".a", "_a", "a b", "a;b", "a/b", "é", "٣", "a\n", "x" * 33])
def test_what_is_no_user_name(name: str) -> None:
    assert not USER_NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "-", "a-b", "a.b", "a_b", "..", "a/b", "Ünï", "٣", "a\n", "a\0", "x" * 33, "ſ"])
def test_what_is_no_group_name(name: str) -> None:
    assert not GROUP_NAME.fullmatch(name)

r"""What an actor is expected to see: text with kinds, captures and values, or a regular expression."""

from __future__ import annotations

import re
from typing import Dict, Optional

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from messenger.scenario.pattern import KINDS, BadPattern, Pattern, Unknown, fill

TIME = "01 Jun 2022 21:30:04"
LINES = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=40)
PLAIN = LINES.filter(lambda text: text.strip() and "{" not in text and "/" not in text)
"""Texts that mean nothing but themselves."""

MATCHES = [
    ("Hello", "Yoda: Hello there!", {}),
    ("Hello", "Yoda: hello there!", None),
    ("two  blanks", "two blanks", None),
    ("a.c (*)? [x]", "says a.c (*)? [x].", {}),
    ("a.c", "abc", None),
    (r"a\d", r"a\d", {}),
    (r"a\d", "a1", None),
    ("{time}, Yoda", f"{TIME}, Yoda", {}),
    ("{time}, Yoda", "1 Jun 2022 21:30:04, Yoda", None),
    ("sent at {t:time}", f"sent at {TIME}.", {"t": TIME}),
    ("{a:address}, {p:port}, {n:number}", "::1, 13001, 7", {"a": "::1", "p": "13001", "n": "7"}),
    ("from {who:word} {rest:text}", "from Obi-Wan all of it", {"who": "Obi-Wan", "rest": "all of it"}),
    ("{}", "{}", {}),
    ("{Time}", "{Time}", {}),
    ("${run}", "group a1b2c3", {}),
    ("${odd}", "costs 1.5 (*)", {}),
    ("${odd}", "costs 1x5 (*)", None),
    ("x${run}y", "xa1b2c3y", {}),
    ("/^[0-9]+ users?$/", "12 users", {}),
    ("/^[0-9]+ users?$/", "12 users or so", None),
    ("/(?P<n>[0-9]+) of (?P<m>[0-9]+)/", "3 of 7 parts", {"n": "3", "m": "7"}),
    ("/(?P<n>[0-9]+)|none/", "none", {}),
    ("/${odd}$/", "1.5 (*)", {}),
    ("//", "a // b", {}),
    ("/msgto", "/msgto USER TEXT", {}),
]  # fmt: skip
VALUES = {"run": "a1b2c3", "odd": "1.5 (*)"}


@pytest.mark.parametrize(("pattern", "line", "captured"), MATCHES)
def test_a_pattern_matches_and_keeps(pattern: str, line: str, captured: Optional[Dict[str, str]]) -> None:
    assert Pattern(pattern).match(line, VALUES) == captured


def test_a_whole_line_is_no_part_of_one() -> None:
    assert Pattern("{time}; Yoda").match(f"{TIME}; Yoda", {}, whole=True) == {}
    assert Pattern("{time}; Yoda").match(f"1; {TIME}; Yoda", {}, whole=True) is None
    assert Pattern("/a|ab/").match("ab", {}, whole=True) == {}


@given(PLAIN, LINES)
def test_a_plain_text_matches_what_it_occurs_in_and_nothing_else(text: str, line: str) -> None:
    pattern = Pattern(text)
    assert pattern.match(text, {}, whole=True) == {}
    assert (pattern.match(line, {}) is not None) == (text in line)
    assert (pattern.match(line, {}, whole=True) is not None) == (text == line)
    assert pattern.match(line + text + line, {}) == {}


@given(LINES, LINES)
def test_a_value_means_itself_whatever_it_holds(value: str, line: str) -> None:
    pattern = Pattern("${value}")
    assert (pattern.match(line, {"value": value}) is not None) == (value in line)
    assert Pattern("/^${value}$/").match(value, {"value": value}) == {}


@given(st.text())
def test_any_text_is_a_pattern_or_told_what_is_wrong(text: str) -> None:
    try:
        pattern = Pattern(text)
    except BadPattern as error:
        assert str(error)
    else:
        pattern.matching(_Any())


@given(st.sampled_from(sorted(KINDS)), LINES)
def test_what_is_kept_of_a_line_is_found_in_it_again(kind: str, line: str) -> None:
    captured = Pattern(f"{{kept:{kind}}}").match(line, {})
    assume(captured is not None)
    assert captured is not None
    assert re.fullmatch(KINDS[kind], captured["kept"])
    assert Pattern("${kept}").match(line, captured) == {}


def test_a_value_that_nobody_knows_is_told_with_those_that_are_known() -> None:
    with pytest.raises(Unknown) as failure:
        Pattern("${rnu}").match("", VALUES)
    assert str(failure.value) == "${rnu} is not known here; known are odd, run"


def test_a_regular_expression_that_python_warns_of_is_refused() -> None:
    with pytest.raises(BadPattern, match="is not a regular expression"):
        Pattern("/[[a]/")


def test_a_pattern_names_what_it_keeps() -> None:
    assert Pattern("{t:time} {number} {who:word}").captures == ("t", "who")
    assert Pattern("/(?P<n>.)/").captures == ("n",)


def test_values_are_put_in_their_places_once() -> None:
    assert fill("${a}, ${b}: {time} $c {d}", {"a": "${b}", "b": "2"}) == "${b}, 2: {time} $c {d}"


class _Any(Dict[str, str]):
    """Knows every value."""

    def __missing__(self, name: str) -> str:
        return "x"

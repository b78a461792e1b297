"""Which line is most like the one that was expected, and that no secret is told with it."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.scenario.near import compared, expected, hint, is_secret, nearest
from messenger.scenario.pattern import Pattern

NEAREST = [
    ("Hello there!", ["goodbye", "hello there", "other"], "hello there"),
    ("{time}, Yoda: Hello there!", ["Yoda: hi", "01 Jun 2022 21:30:04, Yoda: Hello there"],
     "01 Jun 2022 21:30:04, Yoda: Hello there"),
    ("Hello", ["completely", "other"], ""),
    ("Hello", [], ""),
    ("same", ["same", "between", "same"], "same"),
    ("line 3", ["line 1", "line 2"], "line 2"),  # the newest of equals
    ("not known", ["a long line that ends with: the user Rey is not known on this server, try again"],
     "a long line that ends with: the user Rey is not known on this server, try again"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines", "line"), NEAREST)
def test_the_line_that_is_most_like_it_is_told(text: str, lines: List[str], line: str) -> None:
    assert nearest(text, lines) == line


@given(st.text(), st.lists(st.text(), max_size=5))
def test_the_nearest_is_one_of_the_lines_or_none(text: str, lines: List[str]) -> None:
    assert nearest(text, lines) in [*lines, ""]


@given(st.text(min_size=1), st.lists(st.text(), max_size=5))
def test_nothing_is_nearer_than_the_same(text: str, lines: List[str]) -> None:
    assert nearest(text, [*lines, text]) == text


def test_a_thousand_long_lines_are_no_reason_to_wait() -> None:
    lines = [f"{number} " + "x" * 4000 for number in range(1000)]
    assert nearest("999 xxx", lines, like=0.0) in lines


def test_expected_is_told_with_the_values_that_are_known_and_no_password() -> None:
    values = {"run": "a1b2", "password:Yoda": "comp9331"}
    text = "${run} {time} ${other} ${password:Yoda}"
    assert expected(text, values) == "a1b2 {time} ${other} ${password:Yoda}"


def test_only_passwords_are_secrets() -> None:
    assert is_secret("password:Yoda")
    assert not is_secret("run")
    assert not is_secret("udp:Yoda")


def test_both_stand_one_above_the_other() -> None:
    assert compared("abc", "abd") == "    expected  abc\n    nearest   abd"
    assert compared("abc", "") == "    expected  abc"


def test_what_reads_the_same_and_is_not_is_explained() -> None:
    told = hint("write {t:time}", "write {t:time}", "write {t:time}")
    assert told == r"    they differ, as {t:time} stands for what differs: as text it is written /\{t:time\}/"
    assert Pattern(r"/\{t:time\}/").match("write {t:time}", {}) is not None
    assert (
        hint("a", "a", "a", is_next=True)
        == "    it stands before the line that was seen last, and << looks behind that"
    )
    assert hint("a", "a", "a") == hint("{time}", "{time}", "now") == hint("/{time}/", "/{time}/", "/{time}/") == ""

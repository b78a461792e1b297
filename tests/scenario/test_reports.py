"""What is written of many plays: XML that any CI reads, and a page that needs nothing else."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Dict, List, Optional, Tuple
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.scenario.playing import FAILED, PASSED, SKIPPED, Outcome
from messenger.scenario.reports import ROWS_MAX, Played, junit, page, summary
from messenger.scenario.timeline import Entry

ENTRIES = [
    Entry(0.25, "server", "seen", "ready"),
    Entry(0.5, "Yoda", "typed", "/msgto Hans <b>Hello</b>"),
    Entry(0.75, "Hans", "seen", "Yoda: <b>Hello</b>"),
    Entry(1.0, "", "failed", "a.scenario:4: Hans < Bye"),
]
GOOD = Outcome(PASSED, 0.5)
BAD = Outcome(FAILED, 2.0, "a.scenario:4: Hans < Bye\n  Hans did not see this\x1b[31m", ENTRIES, "kept/a")
LEFT_OUT = Outcome(SKIPPED, 0.0, "only in terminals: it types half a line")
PLAYED = [
    Played("groups/a", "s/groups/a.scenario", "It <claims> & proves", [GOOD]),
    Played("b", "s/b.scenario", "Something", [GOOD, BAD, GOOD]),
    Played("c", "s/c.scenario", "More", [LEFT_OUT]),
]


class Page(HTMLParser):
    """Reads a page, and fails where an element is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._open: List[str] = []
        self.tags: List[Tuple[str, Dict[str, Optional[str]]]] = []
        self.texts: List[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def test_a_scenario_has_failed_if_one_of_its_plays_has_and_shows_the_first_that_did() -> None:
    assert [one.verdict for one in PLAYED] == [PASSED, FAILED, SKIPPED]
    assert [one.share for one in PLAYED] == ["", "1 of 3 failed", ""]
    assert [one.seconds for one in PLAYED] == [0.5, 3.0, 0.0]
    assert PLAYED[1].shown is BAD
    assert Played("x", "x").shown is None


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([], "0 passed in 1.2 s"),
        ([[GOOD]], "1 passed in 1.2 s"),
        ([[GOOD], [BAD], [LEFT_OUT]], "1 passed, 1 failed, 1 skipped in 1.2 s"),
        ([[GOOD, GOOD], [GOOD, BAD]], "1 passed, 1 failed (1 of 4 plays failed) in 1.2 s"),
    ],
)
def test_the_last_line_counts(outcomes: List[List[Outcome]], said: str) -> None:
    played = [Played(str(number), "", "", some) for number, some in enumerate(outcomes)]
    assert summary(played, 1.23) == said


def test_ci_reads_counts_groups_times_messages_and_the_timeline() -> None:
    root = ElementTree.fromstring(junit(PLAYED, "library", 3.5))
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    for element in (root, suite):
        counts = {name: element.attrib[name] for name in ("tests", "failures", "errors", "skipped", "time")}
        assert counts == {"tests": "3", "failures": "1", "errors": "0", "skipped": "1", "time": "3.500"}
    good, bad, left_out = suite
    assert good.attrib == {
        "classname": "scenarios.library.groups",
        "name": "a",
        "file": "s/groups/a.scenario",
        "time": "0.500",
    }
    assert list(good) == []
    assert bad.attrib["classname"] == "scenarios.library"
    assert bad.find("failure").attrib["message"] == "1 of 3 failed: a.scenario:4: Hans < Bye"  # type: ignore[union-attr]  # else it fails
    assert "Hans did not see this" in (bad.findtext("failure") or "")
    assert "> /msgto Hans <b>Hello</b>" in (bad.findtext("system-out") or "")
    assert [child.attrib["message"] for child in left_out] == ["only in terminals: it types half a line"]


def test_the_page_shows_failures_first_and_opened_with_everybodys_column() -> None:
    read = Page(page(PLAYED, "terminal", 3.5))
    details = [attributes for tag, attributes in read.tags if tag == "details"]
    assert ["open" in attributes for attributes in details] == [True, False, False]
    assert [text for text in read.texts if text in (PASSED, FAILED, SKIPPED)] == [FAILED, FAILED, PASSED, SKIPPED]
    heads = read.texts[read.texts.index("s") :][:4]
    assert heads == ["s", "Yoda", "Hans", "server"]
    assert read.count("tr") == 1 + len(ENTRIES)
    for text in ("It <claims> & proves", "Yoda: <b>Hello</b>", "What it left behind is in kept/a."):
        assert text in read.texts
    assert "b" not in [tag for tag, attributes in read.tags if not attributes]


def test_a_page_shows_the_end_of_a_very_long_play() -> None:
    entries = [Entry(number, "Yoda", "seen", f"line {number}") for number in range(ROWS_MAX + 5)]
    read = Page(page([Played("a", "a", "", [Outcome(FAILED, 1.0, "x", entries)])], "terminal", 1.0))
    assert "5 rows before these are left out." in read.texts
    assert "line 4" not in read.texts
    assert "line 5" in read.texts
    assert f"line {ROWS_MAX + 4}" in read.texts


def test_nothing_is_a_report_too() -> None:
    assert ElementTree.fromstring(junit([], "library", 0.0)).attrib["tests"] == "0"
    assert "0 passed in 0.0 s, by the library driver" in Page(page([], "library", 0.0)).texts


@given(st.text(), st.text())
def test_whatever_programs_show_the_reports_can_be_read(text: str, name: str) -> None:
    entries = [Entry(0.5, name, "seen", text), Entry(1.0, "", "failed", text)]
    played = [Played(name, name, text, [Outcome(FAILED, 1.0, text, entries, text)]), Played(name, text)]
    written = junit(played, "terminal", 1.0)
    ElementTree.fromstring(written)
    Page(page(played, "terminal", 1.0))
    assert "\x1b" not in written + page(played, "terminal", 1.0)

"""What `--update` makes of an expectation: the words that were seen, with what is kept or taken from before."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Dict, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.errors import ConfigError
from messenger.scenario.hiding import HIDDEN
from messenger.scenario.mending import Change, changed, mended, rewrite
from messenger.scenario.model import See
from messenger.scenario.parser import check, parse
from messenger.scenario.setting import StepFailed

HEAD = "# It claims something.\n@actor Yoda\n"
TIME = "01 Jun 2022 21:30:04"


def mend(line: str, seen: str, values: Optional[Dict[str, str]] = None) -> Optional[str]:
    """Return what becomes of the last line of a scenario, whose step has failed because of what was seen instead."""
    text = f"{HEAD}{line}"
    step = parse(text, "a.scenario").steps[-1]
    change = mended(text, StepFailed(step, "", seen), values or {})
    if change is None:
        return None
    assert (change.line, change.old) == (3, line)
    return change.new


@pytest.mark.parametrize(
    ("line", "seen", "new"),
    [
        ("Yoda < Hans is not here", "error: Hans is not online", "Yoda < error: Hans is not online"),
        ("Yoda  <30 no such user Rey", "there is no user Rey", "Yoda  <30 there is no user Rey"),
        ("Yoda << no such user Rey", "there is no user Rey", "Yoda << there is no user Rey"),
        ("Yoda < sent on {time}", f"sent at {TIME}", "Yoda < sent at {time}"),
        ("Yoda < sent on {t:time}", f"sent at {TIME}", "Yoda < sent at {t:time}"),
        ("Yoda < {time}, Hans: Bye", f"{TIME}, Hans: By", "Yoda < {time}, Hans: By"),
        ("Yoda < Hans, 127.0.0.1, {p:port} up", "Hans, 127.0.0.1, 50123, up", "Yoda < Hans, 127.0.0.1, {p:port}, up"),
        ("@file a has 1; {time}; Hans; Hallo", f"1; {TIME}; Hans; Hello", "@file a has 1; {time}; Hans; Hello"),
    ],
)
def test_words_become_those_that_were_seen_and_what_differs_in_every_play_stays(line: str, seen: str, new: str) -> None:
    assert mend(line, seen) == new


def test_values_of_this_play_become_names_again() -> None:
    values = {"t": TIME, "run": "k3x9"}
    assert mend("Yoda < ${t}, Hans: Hallo", f"{TIME}, Hans: Hello", values) == "Yoda < ${t}, Hans: Hello"
    assert mend("Yoda < Hans: Hallo ${run}", "Hans: Hello k3x9", values) == "Yoda < Hans: Hello ${run}"
    assert mend("Yoda < Hans: Hallo there", "Hans: Hello there k3x9", values) == "Yoda < Hans: Hello there ${run}"


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("Yoda < Goodbye, Yoda!", "Hans is not online"),  # something else altogether
        ("Yoda < Goodbye, Yoda!", ""),  # nothing at all
        ("Yoda < /Goodbye, \\w+/", "Goodby, Yoda"),  # a regular expression says more than words
        ("Yoda < sent by {w:word} now", "sent by Hans then"),  # where the kept part is, nobody can tell
        ("Yoda < at {t:time} it was sent", "it was sent, at last"),  # what later steps need is not there
        ("Yoda < Hans wrote ${t}", "Hans wrote nothing"),  # what it takes from earlier is not there
        ("Yoda ! Goodbye, Yoda!", "Goodbye, Yoda!"),  # it is wrong that this is seen
        ("Yoda < my password is x", f"my password is {HIDDEN}"),
        ("@ends Yoda 0", "1"),
    ],
)
def test_nothing_is_changed_if_more_is_wrong_than_words(line: str, seen: str) -> None:
    assert mend(line, seen, {"t": TIME}) is None


def test_a_line_that_would_be_read_as_something_else_is_not_written() -> None:
    assert mend("Yoda < {number} is a kind", "{foo:bar} is a kind") is None
    assert mend("Yoda < say ${x} now", "say ${y} now", {"x": "z"}) is None


@given(st.text(st.sampled_from("${}:/\\<!>#|\"' at=run"), max_size=12), st.text(max_size=3))
def test_what_is_mended_is_a_scenario_whose_step_is_met_by_what_was_seen(signs: str, more: str) -> None:
    seen = f"{signs} message was sent {more}".replace("\n", " ")
    new = mend("Yoda < message was send", seen, {"run": "k3x9"})
    if new is None:
        return
    scenario, faults = check(f"{HEAD}{new}", "a.scenario")
    (step,) = scenario.steps[1:]
    assert not faults
    assert isinstance(step, See)
    assert step.pattern.match(seen, {"run": "k3x9"}) is not None


def test_lines_change_and_others_stay() -> None:
    changes = [Change(3, "c", "C"), Change(1, "a", "A")]
    assert changed("a\nb\nc\n", changes) == "A\nb\nC\n"


def test_a_file_keeps_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.scenario"
    path.write_bytes(codecs.BOM_UTF8 + b"one\ntwo\n")
    rewrite(path, "one\ntwo\n", [Change(2, "two", "2 \xe9")])
    assert path.read_bytes() == codecs.BOM_UTF8 + b"one\n2 \xc3\xa9\n"


def test_a_file_that_somebody_else_has_changed_meanwhile_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.scenario"
    path.write_text("mine\n")
    with pytest.raises(ConfigError, match=r"a\.scenario has been changed meanwhile: play it again"):
        rewrite(path, "theirs\n", [Change(1, "theirs", "new")])
    assert path.read_text() == "mine\n"

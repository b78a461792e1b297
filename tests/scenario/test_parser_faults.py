r"""The grammar of scenarios as data: what is said of each line that is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import messenger.scenario
from messenger.scenario.directives import DIRECTIVES
from messenger.scenario.model import Scenario
from messenger.scenario.parser import BadScenario, check, parse

CAST = "@actor Yoda, Obi-Wan\n"
UNITS = "bytes, byte, kB, MB, GB, KiB, MiB, GiB"
NO_STEP = (
    "expected NAME > LINE, NAME < TEXT, NAME << TEXT or NAME ! TEXT, with blanks around the sign, or a word with @"
)
NO_MAKE = f"expected @make FILE NUMBER UNIT [random|zeros|text], where UNIT is one of {UNITS}"
NO_SIZE = f"expected a NUMBER in {NO_MAKE[len('expected ') :]}, from 0 to 1000000000000"
NO_FILE = (
    "expected @file NAME and one of: has LINE, lacks LINE, same as NAME, lines NUMBER, over NUMBER UNIT, exists, "
    f"missing; UNIT is one of {UNITS}"
)
NO_ACTOR = "expected one or more names, then as=USER, in=FOLDER, editor, pipe, or --options"
NO_SERVER = "expected the name of an actor; the server takes no part in this"
NO_ESCAPE = r"expected \\, \xHH or \uHHHH: a backslash begins a character's number"
ONE_LINE: List[Tuple[str, str]] = [
    ("nonsense", NO_STEP),
    ("Yoda>no blanks", "expected a blank before and after the sign: Yoda > no blanks"),
    ("Yoda> one", "expected a blank before and after the sign: Yoda > one"),
    ("Obi-Wan <hi", "expected a blank before and after the sign: Obi-Wan < hi"),
    ("Yoda <<hi", "expected a blank before and after the sign: Yoda << hi"),
    ("Yoda !hi there", "expected a blank before and after the sign: Yoda ! hi there"),
    (" Yoda > a blank in front", NO_STEP),
    ("Yoda >> twice", NO_STEP),
    ("| nobody writes this", NO_STEP + "; a line with | belongs under @write"),
    ("Hans > hi", "no @actor or @client has the name Hans; known so far: Yoda, Obi-Wan"),
    ("@kill Hans", "no @actor or @client has the name Hans; known so far: Yoda, Obi-Wan"),
    ("server > /stop", NO_SERVER),
    ("@login server x", NO_SERVER),
    ("@answered server", NO_SERVER),
    ("@eof server", NO_SERVER),
    ("Yoda !5 late", "only < and << may have seconds"),
    ("Yoda >5 late", "only < and << may have seconds"),
    ("Yoda <1e9 late", "expected seconds after <, up to 86400"),
    ("Yoda <<86401 late", "expected seconds after <<, up to 86400"),
    ("Yoda <", "what is to be seen is missing"),
    ("Yoda !  ", "what is to be seen is missing"),
    ("Yoda < {tiem}", "there is no kind {tiem}; there are {time}, {port}, {number}, {address}, {word}, {text}"),
    ("Yoda < {t:time} {t:time}", "a name can be kept once in a text, and one stands there twice"),
    ("Yoda < /(/", "/(/ is not a regular expression: missing ), unterminated subpattern at position 0"),
    (r"Yoda > \n", NO_ESCAPE),
    (r"Yoda > \x1", NO_ESCAPE),
    (r"Yoda > \ud800", r"\ud800 is no character; \uDC80 to \uDCFF are the bytes 80 to FF"),
    ("@write a\n| ok\n| \\q", NO_ESCAPE),
    ("@write", "expected @write FILE, and lines that begin with |"),
    ("@filee a exists", "there is no @filee: did you mean @file?"),
    ("@xyzzy", "there is no @xyzzy; there are " + ", ".join(f"@{known}" for known in DIRECTIVES)),
    ("@", "there is no @; there are " + ", ".join(f"@{known}" for known in DIRECTIVES)),
    ("@server attempts=3", "@server must come before the first step"),
    ("@account Rey x", "@account must come before the first step"),
    ("@tags", "expected @tags TAG, TAG …"),
    ("@timeout soon", "expected @timeout SECONDS, up to 86400"),
    ("@timeout -1", "expected @timeout SECONDS, up to 86400"),
    ("@sleep", "expected @sleep SECONDS, up to 86400"),
    ("@only terminal", "expected @only terminal: REASON, or @only library: REASON"),
    ("@only paper: no", "expected @only terminal: REASON, or @only library: REASON"),
    ("@marks 5", "expected @marks NUMBER FEATURE"),
    ("@marks many Login", "expected @marks NUMBER FEATURE, from 0 to 1000"),
    ("@marks 1001 Login", "expected @marks NUMBER FEATURE, from 0 to 1000"),
    ("@actor", NO_ACTOR),
    ("@actor pipe", NO_ACTOR),
    ("@actor Hans age=4", NO_ACTOR),
    ("@actor Hans, Rey as=Finn", "as=USER is for one name: nobody is logged in twice"),
    ("@actor server", "server cannot be the name of an actor"),
    ("@client Ünï", "Ünï cannot be the name of an actor"),
    ("@actor Hans as=-x", "-x cannot be the name of an actor"),
    ("@actor Hans Hans", "Hans stands there twice"),
    ("@actor Hans --script 'a", "the options cannot be read: No closing quotation"),
    ("@login Yoda", "expected @login NAME PASSWORD"),
    ("@refused Yoda", "expected @refused NAME PASSWORD"),
    ("@bad-attempts 6", "@bad-attempts must come before the first client: it ends the server"),
    ("@answered", "expected @answered NAME [or ends]"),
    ("@answered Yoda or not", "expected @answered NAME [or ends]"),
    ("@make a", NO_MAKE),
    ("@make a 5 miles", NO_MAKE),
    ("@make a 5MB", NO_MAKE + "; 5MB is written 5 MB"),
    ("@make a 5miles", NO_MAKE),
    ("@make a 5 MB music", NO_MAKE),
    ("@make a 9999999999999 bytes", NO_SIZE),
    ("@file a", NO_FILE),
    ("@file a contains b", NO_FILE),
    ("@file a over 5 miles", NO_FILE),
    ("@file a over 5MiB", NO_FILE + "; 5MiB is written 5 MiB"),
    ("@file a lines many", "expected lines NUMBER, from 0 to 1000000000000"),
    ("@file a over many MB", "expected over NUMBER UNIT, from 0 to 1000000000000"),
    ("@file a has {tiem}", "there is no kind {tiem}; there are {time}, {port}, {number}, {address}, {word}, {text}"),
    ("@ends", "expected @ends NAME [STATUS]"),
    ("@ends Yoda 0 1", "expected @ends NAME [STATUS]"),
    ("@ends Yoda 256", "expected @ends NAME [STATUS], from 0 to 255"),
    ("@start Yoda", "only the server is started by @start; clients by @actor or @client"),
    ("@kill", "expected @kill NAME"),
    ("@hold Yoda", "only the server's terminal is paused by @hold"),
    ("@slow Yoda", "Yoda has a terminal; slowed down is who has a pipe: @actor Yoda pipe"),
    ("@done", "expected a @together before @done"),
    ("@together\n@together\n@done", "expected @done before the next @together"),
    ("@together now\n@done", "expected @together alone on its line"),
    ("@together\nYoda > a", "@together has no @done"),
    ("@together\n@actor Hans, Rey\n@done",
     "between @together and @done, @actor and @client start one client a line"),
]  # fmt: skip
LATER = {"@together\n@together\n@done": 3, "@together\n@actor Hans, Rey\n@done": 3}
"""The line that is wrong where it is not the second."""


@pytest.mark.parametrize(("text", "message"), ONE_LINE, ids=[text for text, message in ONE_LINE])
def test_what_is_wrong_is_told_with_file_line_and_what_was_expected(text: str, message: str) -> None:
    faults = check(CAST + text, "folder/a.scenario")[1]
    assert [str(fault) for fault in faults] == [f"folder/a.scenario:{LATER.get(text, 2)}: {message}"]


BEFORE_STEPS = [
    ("@server attempts=6", "expected attempts=NUMBER, from 1 to 5"),
    ("@server attempts", "expected attempts=NUMBER, from 1 to 5"),
    ("@server tries=3", "expected attempts=NUMBER or options that begin with --, not tries=3"),
    ("@server --bind '", "the options cannot be read: No closing quotation"),
    ("@account Rey", "expected @account NAME PASSWORD"),
    ("@account Ünï x", "expected @account NAME PASSWORD"),
    ("Yoda > hi", "no @actor or @client has the name Yoda; known so far: nobody"),
]


@pytest.mark.parametrize(("line", "message"), BEFORE_STEPS)
def test_so_is_what_is_wrong_before_the_first_step(line: str, message: str) -> None:
    assert [str(fault) for fault in check(line, "a.scenario")[1]] == [f"a.scenario:1: {message}"]


def test_every_message_of_the_source_is_in_the_tables() -> None:
    folder = Path(messenger.scenario.__file__).parent
    told = [message.replace("\\", "") for text, message in [*ONE_LINE, *BEFORE_STEPS]]
    raised = 0
    for name in ("directives.py", "reader.py", "parser.py"):
        source = (folder / name).read_text(encoding="utf-8")
        for literal in re.findall(r'raise (?:self|reader)\.wrong\(\s*r?f?"([^"]*)"', source):
            longest = max(re.split(r"\{[^}]*\}", literal), key=len).replace("\\", "")
            raised += 1
            assert any(longest in message for message in told), literal
    assert raised > 25


def test_every_line_that_is_wrong_is_told_in_their_order_and_somebody_unknown_once() -> None:
    text = "@actor Yoda\nnonsense\nHans > a\nHans > b\n@together\n@xyz\n"
    assert [fault.place.line for fault in check(text, "a.scenario")[1]] == [2, 3, 5, 6]


def test_nobody_is_called_unknown_after_a_line_with_actors_that_could_not_be_read() -> None:
    text = "@actor Yoda, Hans age=900\nYoda > a\nHans > b\n"
    assert [fault.place.line for fault in check(text, "a.scenario")[1]] == [1]


def test_the_first_line_that_is_wrong_is_raised() -> None:
    with pytest.raises(BadScenario, match=r"^a.scenario:2: expected NAME > LINE"):
        parse("# A claim.\nnonsense\nmore of it\n", "a.scenario")


FRAGMENTS = st.sampled_from(
    [f"@{word}" for word in DIRECTIVES]
    + ["Yoda", "server", " ", "  ", ">", "<", "<<", "!", "\n", "\r\n", "| ", "--x", "attempts=", "\\x", "'", '"', "/("]
    + ["{t:time}", "${run}", "{", "}", "5", "MiB", "has", "same as", "as=", "in=", "pipe", "\\", "\udc80", "²", "٣"]
)


@given(st.one_of(st.text(), st.lists(st.one_of(FRAGMENTS, st.text(max_size=4))).map("".join)))
def test_any_text_is_a_scenario_or_told_what_is_wrong_with_which_line(text: str) -> None:
    scenario, faults = check(text, "any.scenario")
    assert isinstance(scenario, Scenario)
    lines = text.count("\n") + 1
    for fault in faults:
        assert 1 <= fault.place.line <= lines
        assert str(fault).startswith(f"any.scenario:{fault.place.line}: ")
        assert len(str(fault)) > len(f"any.scenario:{fault.place.line}: ")

"""What scenarios count, what a marks file changes, and how the sum is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List
from xml.etree import ElementTree

import pytest

from messenger.errors import ConfigError
from messenger.scenario.collection import Source, collect
from messenger.scenario.doubts import doubts
from messenger.scenario.grading.marks import FEATURES, USERS, Item, new_accounts, select, weigh
from messenger.scenario.grading.report import Mark, junit_report, markdown, table
from messenger.scenario.grading.settings import parse_settings
from messenger.scenario.model import LogIn, Start, simple_steps
from messenger.scenario.parser import parse
from messenger.scenario.playing import FAILED, PASSED, Outcome


def source(name: str, marks: str) -> Source:
    text = f"# What {name} <claims>.\n{marks}\n@actor Yoda\n"
    return Source(Path(name), name, text, parse(text, name))


SOURCES = [source("a/one", "@marks 2 a"), source("a/two", "@marks 4 a"), source("b/one", "@marks 3 b")]


def weighed(text: str) -> Dict[str, str]:
    return {item.source.name: str(item.marks) for item in weigh(SOURCES, parse_settings(text, "m"))}


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("", {"a/one": "2", "a/two": "4", "b/one": "3"}),
        ("a/one = 10", {"a/one": "10", "a/two": "4", "b/one": "3"}),
        ("a = 1", {"a/one": "1/3", "a/two": "2/3", "b/one": "3"}),
        ("b/one = 0\na/two = 2.5", {"a/one": "2", "a/two": "5/2"}),
        ("a = 9\na/one = 8", {"a/one": "6", "a/two": "3", "b/one": "3"}),
        ("a = 0", {"b/one": "3"}),
    ],
)
def test_a_marks_file_says_what_a_scenario_or_a_feature_counts(text: str, marks: Dict[str, str]) -> None:
    assert weighed(text) == marks


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("c = 1", "m:1: c is no feature or scenario; there are a, b, a/one, a/two, b/one"),
        ("a = many", "m:1: expected a number of marks, not many"),
        ("a = -1", "m:1: expected a number of marks, not -1"),
        ("b/one = 0\nb = 5", "all scenarios of b count 0, so they cannot share 5 marks"),
    ],
)
def test_what_is_wrong_with_one_is_told(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(fault)):
        weighed(text)


def test_a_scenario_that_is_graded_says_what_it_counts() -> None:
    with pytest.raises(ConfigError, match=r"^x: expected a line @marks NUMBER FEATURE"):
        weigh([source("x", "@tags slow")])


def test_features_can_be_selected_and_one_that_is_not_there_is_told() -> None:
    items = weigh(SOURCES)
    assert [item.source.name for item in select(items, ["b"])] == ["b/one"]
    assert select(items, []) == items
    with pytest.raises(ConfigError, match=r"^there is no feature c; there are a, b$"):
        select(items, ["c"])


def marks_of(*outcomes: Outcome, text: str = "") -> List[Mark]:
    items: List[Item] = weigh(SOURCES, parse_settings(text, "m"))
    return [Mark(item, outcome) for item, outcome in zip(items, outcomes)]


LOST = Outcome(FAILED, 1.0, "a/two.scenario:3: Yoda < `x` ```\n  Yoda did not see this\x1b[31m", kept="kept/here")


def test_the_report_sums_up_features_and_has_the_evidence_for_each_loss() -> None:
    report = markdown(marks_of(Outcome(PASSED), LOST, Outcome(PASSED)), 12.34)
    assert report.startswith(
        "# 5 of 9 marks\n\n| feature | marks |\n| --- | --- |\n| a | 2 of 6 |\n| b | 3 of 3 |\n\n3 scenarios in 12.3 s."
    )
    assert "- [x] 2 of 2: What a/one \\<claims\\>.\n- [ ] 0 of 4: What a/two \\<claims\\>.\n" in report
    evidence = report.split("````text\n")[1].split("  ````\n")[0]
    assert evidence.startswith("  a/two.scenario:3: Yoda < `x` ```\n    Yoda did not see this")
    assert evidence.endswith("\n    kept in kept/here\n")
    assert "\x1b" not in report
    assert report.startswith(table(marks_of(Outcome(PASSED), LOST, Outcome(PASSED)), 12.34))


def test_thirds_add_up_to_full_marks() -> None:
    assert table(marks_of(*[Outcome(PASSED)] * 3, text="a = 1\nb = 1"), 1).startswith("# 2 of 2 marks")
    assert "| a | 0.33 of 1 |" in table(marks_of(Outcome(PASSED), LOST, LOST, text="a = 1"), 1)


def test_much_evidence_is_cut() -> None:
    report = markdown(marks_of(Outcome(FAILED, message="\n".join(["x" * 5000] * 500))), 1)
    assert len(report) < 20_000


def test_the_report_for_ci_has_a_case_for_each_scenario() -> None:
    root = ElementTree.fromstring(junit_report(marks_of(Outcome(PASSED), LOST, Outcome(PASSED)), 1.0))
    assert (root.attrib["name"], root.attrib["tests"], root.attrib["failures"]) == ("messenger grade", "3", "1")
    failure = root.findall(".//failure")
    assert failure[0].attrib["message"] == "4 marks lost: a/two.scenario:3: Yoda < `x` ```"


def test_the_graded_scenarios_count_a_hundred_and_nothing_in_them_is_doubtful() -> None:
    collection = collect([FEATURES])
    assert collection.faults == []
    items = weigh(collection.sources)
    assert sum(item.marks for item in items) == 100
    assert [str(doubt) for one in collection.sources for doubt in doubts(one.scenario, one.text)] == []
    assert len({one.scenario.claim for one in collection.sources}) == len(collection.sources)


def test_each_graded_scenario_stands_in_the_folder_of_its_feature() -> None:
    for one in collect([FEATURES]).sources:
        assert one.scenario.marks[1] == one.name.split("/")[0], one.path


def test_texts_that_count_cannot_be_guessed_beforehand() -> None:
    for one in collect([FEATURES]).sources:
        typed = [line for line in one.text.split("\n") if re.search("> /(msgto|groupmsg) [^ ]+ [^\\\\]+", line)]
        assert all("${run}" in line or line.endswith("\\") for line in typed), one.path


def test_who_acts_has_an_account_and_passwords_are_new_each_time() -> None:
    accounts = new_accounts()
    assert set(accounts) == set(USERS)
    assert set(accounts.values()).isdisjoint(new_accounts().values())
    for one in collect([FEATURES]).sources:
        known = {*accounts, *one.scenario.accounts}
        steps = list(simple_steps(one.scenario.steps))
        let_in = {step.actor for step in steps if isinstance(step, LogIn) and step.is_let_in}
        users = {
            client.user
            for step in steps
            if isinstance(step, Start)
            for client in step.clients
            if client.logs_in or client.name in let_in
        }
        assert users <= known, one.path

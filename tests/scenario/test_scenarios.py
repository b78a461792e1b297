"""The project's scenarios: every file is a test, in terminals and through the library.

All plays of a driver run side by side in one `messenger replay`, whose report (JUnit) each test looks itself up in.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, Final, Iterable, Iterator, List, Sequence, Tuple
from xml.etree import ElementTree

import pytest

from messenger.client.commands import BY_NAME
from messenger.scenario.collection import collect
from messenger.scenario.doubts import doubts
from messenger.scenario.model import AnyStep, FileCheck, See, SimpleStep, Type, simple_steps
from tests.support.processes import PROJECT, environment

COLLECTION: Final = collect([PROJECT / "scenarios"])
PLAYS: Final = [
    (source.name, driver)
    for driver in ("terminal", "library")
    for source in COLLECTION.sources
    if source.scenario.only in ("", driver)
]

Replayed = Callable[[str], Dict[str, ElementTree.Element]]


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Return the test cases of a driver's report by the scenarios' names; each driver plays once."""
    reports: Dict[str, Dict[str, ElementTree.Element]] = {}

    def replay(driver: str) -> Dict[str, ElementTree.Element]:
        if driver not in reports:
            junit = tmp_path_factory.mktemp(driver) / "junit.xml"
            # Other tests run meanwhile.
            options = ["--driver", driver, "--junit", str(junit), "--timeout-factor", "3"]
            command = [sys.executable, "-m", "messenger", "replay", *options]
            ran = subprocess.run(
                command, cwd=PROJECT, env=environment(), capture_output=True, text=True, timeout=400, check=False
            )
            assert junit.exists(), ran.stdout + ran.stderr
            cases = ElementTree.parse(junit).getroot().iter("testcase")
            reports[driver] = {Path(case.attrib["file"]).as_posix(): case for case in cases}
        return reports[driver]

    return replay


@pytest.mark.timeout(420)
@pytest.mark.parametrize(("name", "driver"), PLAYS)
def test_the_scenario_passes(replayed: Replayed, name: str, driver: str) -> None:
    case = replayed(driver)[f"scenarios/{name}.scenario"]
    assert case.find("skipped") is None
    failure = case.find("failure")
    assert failure is None, f"{failure.text}\n\n{case.findtext('system-out')}"


def test_every_file_can_be_read_and_nothing_in_them_is_doubtful() -> None:
    assert COLLECTION.faults == []
    assert [str(doubt) for source in COLLECTION.sources for doubt in doubts(source.scenario, source.text)] == []


def test_every_file_claims_something_else() -> None:
    claims = [source.scenario.claim for source in COLLECTION.sources]
    assert len(claims) == len(set(claims)) >= 40
    assert all(claims)


@pytest.mark.parametrize("command", BY_NAME)
def test_every_command_is_typed_in_a_scenario(command: str) -> None:
    texts = [source.text for source in COLLECTION.sources]
    assert any(f"> {command}" in text or f"| {command}" in text for text in texts)


RULES: Final = [
    (r"/msgto|/msgto \w+", "usage: /msgto USER TEXT"),
    (r"/msgto \w+ {2,}", "usage: /msgto USER TEXT"),
    (r"/msgto Palpatine .+", "there is no user Palpatine"),
    (r"/msgto Luke .+", "Luke is not online"),
    (r"/msgto Yoda .+", "Yoda is you"),
    (r"/msgto Obi-Wan .+", "message sent at {t:time}"),
    (r"/activeuser .+", "usage: /activeuser"),
    (r"/activeuser", "no other active user"),
    (r"/activeuser", "Hans, 127.0.0.1, {p:port}, active since {t:time}."),
    (r"/creategroup", "usage: /creategroup NAME USER…"),
    (r"/creategroup FORCE", "needs at least one more active user"),
    (r"/creategroup FORCE Yoda Yoda", "needs at least one more active user"),
    (r"/creategroup Ünï Hans", "a group name is 1 to 32 letters and digits"),
    (r"/creategroup Force Yoda", "the group Force exists already"),
    (r"/creategroup FORCE Yoda", "the group Force exists already"),
    (r"/creategroup FORCE Hans Palpatine Luke Leia", "no user Palpatine; Luke is not online; Leia is not online"),
    (r"/creategroup FORCE Hans Obi-Wan Hans Yoda", "group FORCE created, members: Yoda, Hans, Obi-Wan"),
    (r"/joingroup|/joingroup FORCE .+", "usage: /joingroup NAME"),
    (r"/joingroup EMPIRE", "there is no group EMPIRE"),
    (r"/joingroup FORCE", "you are not invited to the group FORCE"),
    (r"/joingroup FORCE", "you have joined the group FORCE already"),
    (r"/joingroup FORCE", "you joined the group FORCE"),
    (r"/groupmsg|/groupmsg FORCE", "usage: /groupmsg NAME TEXT"),
    (r"/groupmsg FORCE {2,}", "usage: /groupmsg NAME TEXT"),
    (r"/groupmsg EMPIRE .+", "there is no group EMPIRE"),
    (r"/groupmsg FORCE .+", "you are not invited to the group FORCE"),
    (r"/groupmsg FORCE .+", "you are invited to the group FORCE but have not joined it"),
    (r"/groupmsg FORCE .+", "message sent at {t:time}"),
    (r"/p2pvideo|/p2pvideo Hans", "usage: /p2pvideo USER FILE"),
    (r"/p2pvideo Palpatine .+", "there is no user Palpatine"),
    (r"/p2pvideo Luke .+", "Luke is not online"),
    (r"/p2pvideo Yoda .+", "Yoda is you"),
    (r"/p2pvideo Hans nothing.mp4", "cannot read nothing.mp4"),
    # Whom the system lets read everything meets files that can't be read all the same; the others are in tests/cli.
    (r"/p2pvideo Hans clip.mp4/in/it", "cannot read clip.mp4/in/it"),
    (r"/p2pvideo Hans folder", "it is a folder"),
    (r"/p2pvideo Hans film.mp4", '"type":"transfer_progress"'),
    (r"/p2pvideo Obi-Wan .+", "delivered lecture.mp4 to Obi-Wan"),
    (r"/logout .+", "usage: /logout"),
    (r"/logout", "Goodbye, Yoda!"),
]
"""What the commands do and refuse: what is typed, and a part of what the same actor then sees."""


OTHERS: Final = [
    (r"/msgto Obi-Wan Hello there!", "${t}, Yoda: Hello there!"),
    (r"/creategroup FORCE .+", "Yoda invited you to the group FORCE"),
    (r"/groupmsg FORCE .+", "FORCE, Yoda: "),
    (r"/p2pvideo Obi-Wan lecture.mp4", "Yoda sends you lecture.mp4 "),
    (r"/p2pvideo Hans film.mp4", '"type":"transfer_progress"'),
    (r"/p2pvideo Obi-Wan lecture.mp4", "received lecture.mp4 from Yoda: Yoda_lecture.mp4"),
]
"""What is typed, and a part of what somebody else then sees."""

FILES: Final = [
    (r"/msgto Obi-Wan .+", "messagelog.txt has 1; ${t}; Obi-Wan; Hello there!"),
    (r"/msgto .+", "messagelog.txt lines 0"),
    (r"/creategroup FORCE .+", "FORCE_messagelog.txt lines 0"),
    (r"/creategroup .+", "FORCE_messagelog.txt missing"),
    (r"/groupmsg FORCE .+", "FORCE_messagelog.txt has 1; ${t}; Yoda; "),
    (r"/groupmsg FORCE .+", "messagelog.txt has 1; ${t}; FORCE; "),
    (r"/groupmsg .+", "messagelog.txt lines 0"),
    (r"/p2pvideo Obi-Wan .+", "Yoda_lecture.mp4 same as Yoda/lecture.mp4"),
    (r"/p2pvideo Obi-Wan .+", "activitylog.txt lacks /.*lecture.*/"),
    (r"/logout", "userlog.txt has 1; ${t}; Hans; 127.0.0.1; ${p}"),
]
"""What is typed in a file, and a part of what is later said of files there."""


def answers(steps: Iterable[SimpleStep]) -> Iterator[Tuple[str, str]]:
    """Return what actors see, each with what they have typed last."""
    typed: Dict[str, str] = {}
    for step in steps:
        if isinstance(step, Type):
            typed[step.actor] = step.line
        elif isinstance(step, See):
            yield typed.get(step.actor, ""), step.pattern.text


ANSWERS: Final = [answer for source in COLLECTION.sources for answer in answers(simple_steps(source.scenario.steps))]


@pytest.mark.parametrize(("typed", "seen"), RULES)
def test_every_rule_of_a_command_is_claimed(typed: str, seen: str) -> None:
    assert any(re.fullmatch(typed, line) and seen in text for line, text in ANSWERS)


@pytest.mark.parametrize(("typed", "seen"), OTHERS)
def test_every_rule_of_what_others_see_is_claimed(typed: str, seen: str) -> None:
    assert any(
        seen in later.pattern.text and later.actor != step.actor
        for source in COLLECTION.sources
        for step, rest in typed_steps(source.scenario.steps, typed)
        for later in rest
        if isinstance(later, See)
    )


@pytest.mark.parametrize(("typed", "check"), FILES)
def test_every_rule_of_what_is_written_is_claimed(typed: str, check: str) -> None:
    assert any(
        check in later.text
        for source in COLLECTION.sources
        for _, rest in typed_steps(source.scenario.steps, typed)
        for later in rest
        if isinstance(later, FileCheck)
    )


def typed_steps(steps: Sequence[AnyStep], typed: str) -> Iterator[Tuple[Type, List[SimpleStep]]]:
    """Return the steps that type this, each with those that follow."""
    every = list(simple_steps(steps))
    for number, step in enumerate(every):
        if isinstance(step, Type) and re.fullmatch(typed, step.line):
            yield step, every[number + 1 :]


def test_a_file_that_only_one_driver_can_play_says_why() -> None:
    limited = [source for source in COLLECTION.sources if source.scenario.only]
    assert all(source.scenario.only_reason for source in limited)
    assert len(limited) < len(COLLECTION.sources) / 4

"""The project's scenarios: every file is a test, in terminals and through the library.

All plays of a driver run side by side in one `messenger replay`, whose report (JUnit) each test looks itself up in.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, Final
from xml.etree import ElementTree

import pytest

from messenger.client.commands import BY_NAME
from messenger.scenario.collection import collect
from messenger.scenario.doubts import doubts
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


def test_a_file_that_only_one_driver_can_play_says_why() -> None:
    limited = [source for source in COLLECTION.sources if source.scenario.only]
    assert all(source.scenario.only_reason for source in limited)
    assert len(limited) < len(COLLECTION.sources) / 4

"""Plays side by side: how many at once, which first, and what one that breaks or is stuck costs the others.

They are played by a program of their own, as plays are forked and tests run where there are threads.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from messenger.scenario.jobs import default_jobs
from tests.support.processes import PROJECT, environment

Ran = List[Dict[str, Any]]
Run = Callable[..., Ran]

PASSES = "# Yoda is alone.\n@actor Yoda\nYoda > /activeuser\nYoda < no other active user\n"
SLOW = f"{PASSES}@tags slow\n"
DIES = PASSES.replace("@actor Yoda", "@actor Dies as=Yoda\n@actor Yoda")
BREAKS = DIES.replace("Dies", "Breaks")
STUCK = f"{PASSES}Yoda <50 something that never comes\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Play these texts and return what happened, in order."""

    def play(places: int, *texts: str, leave_after: int = 0) -> Ran:
        paths = []
        for number, text in enumerate(texts):
            path = tmp_path / f"{number}.scenario"
            path.write_text(text, encoding="utf-8")
            paths.append(str(path))
        command = [sys.executable, "-m", "tests.scenario.side_by_side", str(places), str(leave_after), *paths]
        ran = subprocess.run(
            command, cwd=PROJECT, env=environment(), capture_output=True, text=True, timeout=50, check=False
        )
        assert ran.stderr == ""
        *lines, last = [json.loads(line) for line in ran.stdout.splitlines()]
        assert last == {"is_alone": True}, "no process is left"
        return lines

    return play


def verdicts(ran: Ran) -> Dict[int, str]:
    return {one["ended"]: one["verdict"] for one in ran if "ended" in one}


def most_at_once(ran: Ran) -> int:
    counts = [0]
    for one in ran:
        counts.append(counts[-1] + (1 if "began" in one else -1))
    return max(counts)


def begun(ran: Ran) -> List[int]:
    return [one["began"] for one in ran if "began" in one]


def test_one_place_is_taken_by_one_after_the_other(run: Run) -> None:
    ran = run(1, PASSES, SLOW, PASSES)
    assert [next(iter(one)) for one in ran] == ["began", "ended"] * 3
    assert begun(ran) == [1, 0, 2], "those that wait first, others in their order"
    assert set(verdicts(ran).values()) == {"passed"}


def test_so_many_play_at_once_as_there_are_places(run: Run) -> None:
    assert most_at_once(run(2, *[PASSES] * 5)) == 2


def test_slow_ones_begin_first_and_leave_place_for_others(run: Run) -> None:
    ran = run(2, PASSES, PASSES, PASSES, SLOW, SLOW)
    assert begun(ran)[:3] == [3, 4, 0]
    assert most_at_once(ran) == 3


def test_a_process_that_dies_and_one_that_breaks_cost_only_their_own_plays(run: Run) -> None:
    ran = run(2, DIES, PASSES, BREAKS, PASSES)
    assert verdicts(ran) == {0: "failed", 1: "passed", 2: "failed", 3: "passed"}
    messages = {one["ended"]: one["message"] for one in ran if "ended" in one}
    assert messages[0] == "the process that played it ended with status 7"
    assert messages[2].endswith("2.scenario: it could not be played: RuntimeError: as asked")
    assert messages[1] == messages[3] == ""


def test_who_listens_no_longer_ends_all_that_play_at_once(run: Run) -> None:
    began = time.monotonic()
    ran = run(2, STUCK, PASSES, PASSES, leave_after=1)
    assert verdicts(ran) == {1: "passed"}
    assert time.monotonic() - began < 20


def test_nothing_to_play_is_played_at_once(run: Run) -> None:
    assert run(2) == []


def test_there_are_two_places_for_each_processor_at_least() -> None:
    assert default_jobs() >= 2
    assert default_jobs() % 2 == 0

"""What is looked at before a run, and what becomes of one that breaks off."""

from __future__ import annotations

import argparse
import heapq
import math
from typing import Any, Dict, List, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.errors import ConfigError
from messenger.load.conduct import RunFailed, Surroundings, conduct, find_max, problems_of
from messenger.load.options import add_options, faults_of
from messenger.load.plan import ROLES, Plan, people_at
from messenger.load.profiles import Fault, Profile
from messenger.load.recorder import Recorder, Total
from messenger.load.results import Report, report_of
from messenger.load.summary import summary
from messenger.load.thresholds import parse_threshold

UNTROUBLED: Mapping[str, Any] = {"lost_workers": 0, "workers": 2, "errors": [], "failures": [["login", "busy", 3]]}


def searched(monkeypatch: pytest.MonkeyPatch, *outcomes: str) -> List[float]:
    """Have runs end as told, and return the list to which the rate of each is added."""
    rates: List[float] = []

    def run(profile: Profile, surroundings: Surroundings) -> Report:
        rates.append(profile.rate)
        outcome = outcomes[len(rates) - 1]
        if outcome == "nothing":
            raise RunFailed("Locust came to no result")
        return {"verdict": outcome}

    monkeypatch.setattr("messenger.load.conduct.conduct", run)
    return rates


def test_a_search_ends_where_a_threshold_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = searched(monkeypatch, "passed", "passed", "failed")
    reports, broke = find_max(Profile("x", rate=10, find_max=2), Surroundings())
    assert ([one["verdict"] for one in reports], broke) == (["passed", "passed", "failed"], "")
    assert rates == [10, 20, 40]


def test_a_search_that_breaks_off_keeps_what_it_has_found(monkeypatch: pytest.MonkeyPatch) -> None:
    searched(monkeypatch, "passed", "passed", "nothing")
    reports, broke = find_max(Profile("x", rate=10, find_max=2), Surroundings())
    assert len(reports) == 2
    assert broke == "at 40 messages/s there was no result: Locust came to no result"


def test_a_search_without_any_result_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    searched(monkeypatch, "nothing")
    with pytest.raises(RunFailed):
        find_max(Profile("x", rate=10, find_max=2), Surroundings())


def test_a_fault_that_would_come_after_the_end_is_refused() -> None:
    late = (Fault(20, "kill-clients", "10%"),)
    for profile in (Profile("x", duration=20, faults=late), Profile("x", stages=((0, 1), (20, 2)), faults=late)):
        with pytest.raises(ConfigError, match="kill-clients 10% after 20 s is never done: the run ends after 20 s"):
            conduct(profile, Surroundings())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--fault", "20 kill-clients"], "never done"),
        (["--fault", "9 kill-clients", "--stages", "0:1 9:2"], "never done"),
        (["--fault", "1 kill-server"], "kill-server is for 'messenger load'"),
        (["--fault", "1 kill-clients ten"], "expected a share"),
    ],
)
def test_locust_refuses_faults_that_it_would_not_carry_out(arguments: List[str], reason: str) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    parser.add_argument("--run-time", default=20)
    with pytest.raises(ConfigError, match=reason):
        faults_of(parser.parse_args(arguments))
    assert faults_of(parser.parse_args(["--fault", "19 kill-clients", "--fault", "1 udp"]))[1] == Fault(1, "udp")


def test_what_makes_figures_worth_less_is_told() -> None:
    assert problems_of(UNTROUBLED) == []
    troubled = {
        **UNTROUBLED,
        "lost_workers": 1,
        "errors": [["division by zero", 4]],
        "failures": [["accounts", "none was left", 3]],
    }
    assert problems_of(troubled) == [
        "1 of 2 workers were lost: what they did last is not counted",
        "3 users found no account and did nothing",
        "the load itself failed: division by zero (4)",
    ]


def report(problems: List[str]) -> Report:
    """Return the report of a run with three files, of which one has ended and one failed, and two plays without end."""
    recorder, total = Recorder(), Total()
    recorder.amount("files started", 3, 1000)
    recorder.latency("file", 1, 1001)
    recorder.failure("file", "cancelled", 1001)
    recorder.amount("plays started", 2, 1001)
    recorder.amount("unsent", 7, 1001)
    total.add("", recorder.take())
    record = {"began": 1000.0, "spawned": 1000.0, "stopped": 1001.0, "drained": 1002.0, **total.as_piece()}
    about: Dict[str, Any] = {"title": "x", "problems": problems, "skipped": ["@file a lines 1"]}
    expect = [parse_threshold(text) for text in ("files.unfinished == 1", "plays.unfinished == 2", "unsent == 7")]
    return report_of(record, about, {}, [], expect)


def test_what_the_end_of_a_run_breaks_off_is_counted() -> None:
    found = report([])
    assert found["verdict"] == "passed"
    assert found["files"]["unfinished"] == 1
    assert found["undone"] == {"unsent": 7, "plays": 2}
    assert "  never sent: 7 messages that were due" in [*summary(found)]


def test_a_problem_fails_a_run_whatever_its_figures() -> None:
    found = report(["a worker was lost"])
    assert found["verdict"] == "failed"
    assert "  FAILED: a worker was lost" in [*summary(found)]


def dealt(weights: Mapping[str, int], users: int) -> Dict[str, int]:
    """Deal out users as Locust's dispatcher does, by the divergence of Kullback and Leibler."""
    heap = [(weight * math.log2(weight / (weight + 1)), weight + 1, weight, role) for role, weight in weights.items()]
    heapq.heapify(heap)
    found = dict.fromkeys(weights, 0)
    for _ in range(users):
        _, above, weight, role = heap[0]
        found[role] += 1
        heapq.heapreplace(heap, (weight * math.log2(above / (above + 1)), above + 1, weight, role))
    return found


@given(
    st.dictionaries(st.sampled_from(sorted(ROLES)), st.floats(0.1, 100), min_size=1), st.integers(2, 100),
    st.integers(0, 300),
)  # fmt: skip
def test_no_way_in_which_locust_deals_out_users_needs_more_accounts(
    mix: Dict[str, float], size: int, users: int
) -> None:
    plan = Plan(mix, group_size=size)
    assert plan.people(dealt(plan.weights, users)) <= plan.most_people(users)
    if len(mix) == 1:
        assert plan.people(dict.fromkeys(mix, users)) == plan.most_people(users)


def test_people_come_and_go_evenly_between_stages() -> None:
    stages = ((0.0, 10), (10.0, 20), (20.0, 20), (30.0, 0))
    assert [people_at(stages, seconds) for seconds in (0, 5, 10, 15, 25, 29.9)] == [10, 15, 20, 20, 10, 0]
    assert people_at(stages, 30) is None
    assert people_at(((5.0, 3), (9.0, 7)), 0) == 3, "whoever is there at the first stage is there from the beginning"

"""Profiles and plans: what they may say, and that those that are shipped say it right."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.errors import ConfigError
from messenger.load.conduct import Surroundings, conduct
from messenger.load.plan import ROLES, Plan, parse_mix, parse_sizes
from messenger.load.profiles import Fault, Profile, change, parse_stages, read_profile
from messenger.load.recorder import Recorder, Total
from messenger.load.results import report_of

SHIPPED = sorted(Path("loadtest/profiles").glob("*.ini"))
SPIKE = Path("loadtest/profiles/spike.ini")
Stages = Tuple[Tuple[float, int], ...]


def pairs(stages: Stages) -> List[Tuple[Tuple[float, int], Tuple[float, int]]]:
    return list(zip(stages, stages[1:]))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.stem))
def test_a_shipped_profile_can_be_run(path: Path) -> None:
    profile = read_profile(path)
    assert profile.title
    assert profile.expect
    assert set(profile.plan.mix) <= set(ROLES)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.stem))
@pytest.mark.parametrize("refused", [0, 7])
def test_a_shipped_profile_is_not_passed_by_a_run_in_which_nobody_got_in(path: Path, refused: int) -> None:
    recorder, total = Recorder(), Total()
    for _ in range(refused):
        recorder.failure("login", "cannot connect", 1.0)
    total.add("", recorder.take())
    record = {"began": 1.0, "spawned": 2.0, "stopped": 3.0, "drained": 4.0, **total.as_piece()}
    report = report_of(record, {}, {}, [], list(read_profile(path).expect))
    broken = {one["text"].split(" ")[0] for one in report["thresholds"] if not one["passed"]}
    assert broken & {"sent", "delivery.p99", "file.count", "refusal.count"}
    assert "login.failures" in broken or not refused


def test_a_spike_is_no_triangle() -> None:
    """The number of people changes evenly between two stages."""
    slopes = [(two[1] - one[1]) / (two[0] - one[0]) for one, two in pairs(read_profile(SPIKE).stages)]
    assert slopes == [0, 900, 0, -900]


def test_all_profiles_that_were_promised_are_there() -> None:
    names = {path.stem for path in SHIPPED}
    assert names >= {"smoke", "ramp", "spike", "soak", "login-storm", "fan-out", "transfers", "thousand", "find-max"}


def test_a_profile_says_everything(tmp_path: Path) -> None:
    path = tmp_path / "mine.ini"
    path.write_text(
        "[load]\ntitle = Mine  # and nobody else's\npeople = 40\nrate = 20\nduration = 5\nramp = 1\n"
        "mix = messages=3, groups=1\nthink = 0.5\ntext-bytes = 100\nfile-size = 1kB-1MB\ngroup-size = 4\ndrain = 2\n"
        "expect = lost == 0\n    delivery.p99 < 50ms\nfaults = 1 restart-server\n    2.5 kill-clients 10%\n"
    )
    profile = read_profile(path)
    assert (profile.name, profile.title, profile.people, profile.rate) == ("mine", "Mine", 40, 20)
    assert profile.plan == Plan({"messages": 3, "groups": 1}, 0, 0.5, 100, (1000, 1_000_000), 4, drain=2)
    assert [one.text for one in profile.expect] == ["lost == 0", "delivery.p99 < 50ms"]
    assert profile.faults == (Fault(1, "restart-server"), Fault(2.5, "kill-clients", "10%"))
    assert profile.users == {"messages": 15, "groups": 2}
    assert profile.rate_of_each == pytest.approx(20 / 17)
    assert profile.plan.people(profile.users) == 38


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"peopel": "3"}, "there is no entry peopel"),
        ({"people": "many"}, "people cannot be 'many'"),
        ({"people": "0"}, "people must be from 1"),
        ({"duration": "0"}, "duration cannot be 0"),
        ({"rate": "-1"}, "rate cannot be -1"),
        ({"mix": "messages=x"}, "mix must be ROLE=SHARE"),
        ({"mix": "singing"}, "roles messages"),
        ({"mix": "messages=0"}, "no share above 0"),
        ({"file-size": "big"}, "file-size must be a size"),
        ({"file-size": "2MB-1MB"}, "LEAST-MOST"),
        ({"group-size": "1"}, "group-size must be 2"),
        ({"text-bytes": "5000"}, "text-bytes must be from 0 to 4000"),
        ({"faults": "soon restart-server"}, "a fault is SECONDS WHAT"),
        ({"faults": "3 burn-server"}, "a fault is SECONDS WHAT"),
        ({"stages": "0:10"}, "two or more"),
        ({"stages": "5:10 5:20"}, "later and later"),
        ({"find-max": "0.5"}, "factor above 1"),
        ({"expect": "speed"}, "must be like"),
        ({"expect": "files.failures == 0"}, "nothing is called files.failures"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(entries: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        change(Profile("mine", rate=1), entries, "mine.ini")
    assert str(caught.value).startswith("mine.ini: ")


def test_stages_are_stretched_to_the_duration_and_people_of_the_command_line() -> None:
    profile = change(Profile("mine"), {"stages": "0:10 20:50 40:100"}, "mine.ini")
    assert change(profile, {"think": "2"}, "x").stages == ((0, 10), (20, 50), (40, 100))
    assert change(profile, {"duration": "4", "people": "20"}, "x").stages == ((0, 2), (2, 10), (4, 20))
    assert change(profile, {"duration": "4", "stages": "0:1 9:3"}, "x").stages == ((0, 1), (9, 3))


def test_the_rate_of_stages_is_that_of_the_largest() -> None:
    profile = change(Profile("mine"), {"stages": "0:10 30:500", "rate": "100"}, "mine.ini")
    assert (profile.people, profile.duration) == (500, 30)
    assert profile.users == {"messages": 250}
    assert profile.rate_of_each * 250 == pytest.approx(100)
    stretched = change(profile, {"people": "50", "duration": "3"}, "x")
    assert (stretched.people, stretched.duration) == (50, 3)
    assert stretched.rate_of_each * 25 == pytest.approx(100)
    assert change(profile, {"think": "2"}, "x").people == 500
    with pytest.raises(ConfigError, match="with somebody"):
        parse_stages("0:0 9:0")


def test_too_few_accounts_for_the_largest_stage_are_told_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("".join(f"load-{number} x\n" for number in range(150)))
    profile = change(Profile("mine"), {"stages": "0:10 30:500"}, "mine.ini")
    with pytest.raises(ConfigError, match=r"500 accounts are needed, and few\.txt has 150"):
        conduct(profile, Surroundings(("127.0.0.1", 1), tmp_path / "few.txt"))


@pytest.mark.parametrize("text", ["", "nothing", "[other]\na = 1\n", "[load\n"])
def test_what_is_no_profile_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.ini").write_text(text)
    with pytest.raises(ConfigError, match="is no profile"):
        read_profile(tmp_path / "x.ini")
    with pytest.raises(ConfigError, match="cannot read the profile"):
        read_profile(tmp_path / "missing.ini")


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse_mix, parse_sizes, parse_stages):
        try:
            read(text)
        except ConfigError:
            continue


@given(st.integers(1, 5000), st.dictionaries(st.sampled_from(sorted(ROLES)), st.floats(0.1, 100), min_size=1))
def test_every_role_with_a_share_is_played(people: int, mix: dict[str, float]) -> None:
    plan = Plan(mix)
    users = plan.users(people)
    assert set(users) == set(mix)
    assert min(users.values()) >= 1
    assert plan.people(users) <= people + sum(plan.accounts_of(role) for role in mix)

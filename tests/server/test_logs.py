"""The four log files while people come, write and go."""

from __future__ import annotations

import time
from pathlib import Path
from typing import List

import pytest

from messenger.server import Server
from messenger.server.clock import format_time
from tests.conftest import Connect, StartServer
from tests.support.files import TIME, log_lines, log_rows, presence_rows
from tests.support.waiting import eventually


def test_logs_are_there_and_empty_from_the_start(server: Server, data_dir: Path) -> None:
    for name in ("userlog.txt", "messagelog.txt", "activitylog.txt"):
        assert (data_dir / name).read_bytes() == b""


def test_logs_are_readable_by_their_owner_only(server: Server, connect: Connect, data_dir: Path) -> None:
    connect(server.port, "Hans")
    connect(server.port, "Yoda").ask("creategroup", group="club", users=["Hans"])
    assert [path.name for path in data_dir.iterdir() if path.stat().st_mode & 0o077] == []


def test_userlog_gains_a_line_before_the_welcome(server: Server, connect: Connect, data_dir: Path) -> None:
    connect(server.port, "Yoda", source="127.0.0.7")
    welcome = connect(server.port).login("Hans", udp_port=6666)
    assert presence_rows(data_dir / "userlog.txt") == [
        ["1", "Yoda", "127.0.0.7", "13000"],
        ["2", "Hans", "127.0.0.1", "6666"],
    ]
    assert log_lines(data_dir / "userlog.txt")[1] == f"2; {welcome['time']}; Hans; 127.0.0.1; 6666"


@pytest.mark.parametrize("how", ["logout", "close", "kill"])
def test_leaving_renumbers_userlog_and_leaves_the_others_as_they_are(
    server: Server, connect: Connect, data_dir: Path, how: str
) -> None:
    """However one leaves; the lines of those who stay keep their times, addresses and ports."""
    people = [connect(server.port, name, source=f"127.0.0.{n}") for n, name in enumerate(("Hans", "Yoda", "Leia"), 1)]
    before = log_lines(data_dir / "userlog.txt")
    leaver = people[1]
    if how == "logout":
        leaver.ask("logout")
    else:
        getattr(leaver, how)()
    expected = [before[0], "2" + before[2][1:]]
    eventually(lambda: log_lines(data_dir / "userlog.txt") == expected, 1)
    assert [user["name"] for user in people[0].ask("activeuser")["users"]] == ["Leia"]
    ended = "logout" if how == "logout" else "lost"
    assert presence_rows(data_dir / "activitylog.txt")[3] == ["4", "Yoda", "127.0.0.2", "13000", ended]


def test_userlog_is_empty_when_everybody_is_gone(server: Server, connect: Connect, data_dir: Path) -> None:
    for name in ("Hans", "Yoda"):
        connect(server.port, name).ask("logout")
    assert (data_dir / "userlog.txt").read_bytes() == b""


def test_strangers_who_leave_do_not_touch_userlog(server: Server, connect: Connect, data_dir: Path) -> None:
    hans = connect(server.port, "Hans")
    before = (data_dir / "userlog.txt").stat().st_ino, (data_dir / "userlog.txt").read_bytes()
    for _ in range(3):
        stranger = connect(server.port)
        stranger.login("Hans", "wrong")
        stranger.kill()
    second = connect(server.port)
    assert second.login("Hans")["code"] in ("already_online", "blocked")
    second.kill()
    hans.barrier()
    assert ((data_dir / "userlog.txt").stat().st_ino, (data_dir / "userlog.txt").read_bytes()) == before


def test_activitylog_tells_the_whole_history_and_no_secret(server: Server, connect: Connect, data_dir: Path) -> None:
    first = connect(server.port)
    first.login("comp9331", "Yoda", udp_port=1)
    first.login("Yoda", "canary-secret", udp_port=2)
    first.login("Yoda", udp_port=3)
    connect(server.port).login("Yoda", udp_port=4)
    for _ in range(3):
        connect(server.port).login("Leia", "x", udp_port=5)
    first.ask("logout")
    assert [row[1::2] for row in presence_rows(data_dir / "activitylog.txt")] == [
        ["-", "1"], ["Yoda", "2"], ["Yoda", "3"], ["Yoda", "4"], ["Leia", "5"], ["Leia", "5"], ["Leia", "5"],
        ["Yoda", "3"],
    ]  # fmt: skip
    assert [row[-1] for row in presence_rows(data_dir / "activitylog.txt")] == [
        "refused", "refused", "login", "refused", "refused", "refused", "blocked", "logout",
    ]  # fmt: skip
    assert [row[0] for row in presence_rows(data_dir / "activitylog.txt")] == [str(n) for n in range(1, 9)]
    everything = b"".join(path.read_bytes() for path in data_dir.iterdir() if path.is_file())
    assert b"canary-secret" not in everything
    assert b"comp9331" not in everything


def test_message_and_group_logs_are_exact(server: Server, connect: Connect, data_dir: Path) -> None:
    hans, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")
    yoda.ask("creategroup", group="club", users=["Hans"])
    assert (data_dir / "club_messagelog.txt").read_bytes() == b""
    assert hans.barrier()[-1]["type"] == "invited"
    hans.ask("joingroup", group="club")
    times = [
        yoda.ask("msgto", user="Hans", text="Hello; there!")["time"],
        yoda.ask("groupmsg", group="club", text="hi")["time"],
    ]
    hans.barrier()
    yoda.ask("msgto", user="Nobody", text="x")
    times.append(hans.ask("groupmsg", group="club", text="  hö ")["time"])
    assert log_lines(data_dir / "messagelog.txt") == [
        f"1; {times[0]}; Hans; Hello; there!",
        f"2; {times[1]}; club; hi",
        f"3; {times[2]}; club;   hö ",
    ]
    assert log_lines(data_dir / "club_messagelog.txt") == [f"1; {times[1]}; Yoda; hi", f"2; {times[2]}; Hans;   hö "]
    assert yoda.barrier()[-1]["time"] == times[2], "sender, receiver and logs have the same time"


def test_a_refused_group_leaves_no_file(server: Server, connect: Connect, data_dir: Path) -> None:
    yoda = connect(server.port, "Yoda")
    for users in ([], ["Yoda"], ["Nobody"], ["Hans"]):
        assert yoda.ask("creategroup", group="club", users=users)["type"] == "error"
    assert not list(data_dir.glob("club*"))


def test_numbers_neither_race_nor_skip_when_many_write_at_once(
    start_server: StartServer, connect: Connect, data_dir: Path
) -> None:
    accounts = {f"user{n}": "p" for n in range(20)}
    server = start_server(accounts)
    wires = [connect(server.port) for _ in accounts]
    for number, wire in enumerate(wires):
        assert wire.login(f"user{number}", "p")["type"] == "welcome"
    for turn in range(10):
        for number, wire in enumerate(wires):
            wire.send("msgto", user=f"user{(number + 1) % 20}", text=f"{number}-{turn}")
    numbers: List[int] = []
    for wire in wires:
        for event in wire.barrier():
            if event["type"] == "sent":
                last, count = event["number"], event.get("count", 1)
                numbers += range(last - count + 1, last + 1)
    assert sorted(numbers) == list(range(1, 201))
    assert [row[0] for row in log_rows(data_dir / "messagelog.txt")] == [str(n) for n in range(1, 201)]


@pytest.mark.parametrize("seconds", [0.0, 951782400.0, 1654119004.5, 4102444799.0])
def test_times_are_english_and_two_digits_whatever_the_locale(seconds: float) -> None:
    assert TIME.fullmatch(format_time(seconds))


def test_a_time_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-10")
    time.tzset()
    try:
        assert format_time(1654082999) == "01 Jun 2022 21:29:59"
    finally:
        monkeypatch.undo()
        time.tzset()

"""What survives the end of a server, also a violent one, and who may use a data directory."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from messenger.errors import ConfigError
from messenger.server import Server
from tests.conftest import Connect, MakeConfig, ServeProcess
from tests.support.files import log_lines, log_rows
from tests.support.processes import run_messenger
from tests.support.wire import Json, Wire, logged_in


def test_numbers_groups_invitations_and_membership_survive_a_restart(make_config: MakeConfig, data_dir: Path) -> None:
    with Server(make_config()) as server:
        hans, yoda, _ = (logged_in(server.port, name) for name in ("Hans", "Yoda", "Leia"))
        yoda.ask("creategroup", group="club", users=["Hans", "Leia"])
        yoda.ask("groupmsg", group="club", text="one")
        hans.read()
        hans.ask("joingroup", group="club")
        yoda.ask("msgto", user="Hans", text="two")
    assert (data_dir / "userlog.txt").read_bytes() == b""
    with Server(make_config()) as server:
        hans, yoda, leia = (Wire(server.port) for _ in range(3))
        assert yoda.login("Yoda")["groups"] == ["club"]
        assert hans.login("Hans")["groups"] == ["club"]
        assert leia.login("Leia")["invitations"] == ["club"]
        assert yoda.ask("creategroup", group="CLUB", users=["Hans"])["code"] == "group_exists"
        assert leia.ask("groupmsg", group="club", text="x")["code"] == "not_joined"
        assert leia.ask("joingroup", group="club")["type"] == "joined"
        assert yoda.ask("groupmsg", group="club", text="three")["number"] == 3
        assert [hans.read()["text"], leia.read()["text"]] == ["three", "three"]
    assert log_rows(data_dir / "messagelog.txt") == [["1", "club", "one"], ["2", "Hans", "two"], ["3", "club", "three"]]
    assert log_rows(data_dir / "club_messagelog.txt") == [["1", "Yoda", "one"], ["2", "Yoda", "three"]]
    assert [line.split("; ")[0] for line in log_lines(data_dir / "activitylog.txt")] == [str(n) for n in range(1, 13)]


def test_userlog_of_a_server_that_crashed_is_emptied_at_the_next_start(make_config: MakeConfig, data_dir: Path) -> None:
    (data_dir / "userlog.txt").write_text("1; 01 Jun 2022 21:30:04; Yoda; 127.0.0.1; 1\n")
    with Server(make_config()):
        assert (data_dir / "userlog.txt").read_bytes() == b""


def test_a_torn_line_is_set_aside_and_the_number_is_used_by_the_next_message(
    make_config: MakeConfig, data_dir: Path
) -> None:
    (data_dir / "messagelog.txt").write_text("1; 01 Jun 2022 21:30:04; Hans; whole\n2; 01 Jun 2022 21:30:04; Ha")
    with Server(make_config()) as server:
        yoda, _ = logged_in(server.port, "Yoda"), logged_in(server.port, "Hans")
        assert yoda.ask("msgto", user="Hans", text="next")["number"] == 2
    assert log_rows(data_dir / "messagelog.txt") == [["1", "Hans", "whole"], ["2", "Hans", "next"]]
    assert (data_dir / "messagelog.txt.torn").read_text() == "2; 01 Jun 2022 21:30:04; Ha\n"


def test_a_second_server_on_a_data_directory_is_refused_and_a_killed_one_leaves_it_free(
    serve_process: ServeProcess, connect: Connect
) -> None:
    first = serve_process()
    yoda = connect(first.port, "Yoda")
    userlog = first.data_dir / "userlog.txt"
    before = userlog.read_bytes()
    second = run_messenger("serve", "0", "3", "--bind", "127.0.0.1", cwd=first.data_dir)
    assert second.returncode != 0
    assert len(second.stderr.splitlines()) == 1
    assert str(first.data_dir) in second.stderr
    assert userlog.read_bytes() == before != b""
    assert yoda.barrier() == []
    first.kill()
    connect(serve_process().port, "Yoda")


def test_a_start_that_was_refused_leaves_directory_and_port_free(make_config: MakeConfig, data_dir: Path) -> None:
    """For a program that runs servers inside itself: it may try again when the cause is gone."""
    (data_dir / "groups.json").write_bytes(b"[{")
    with pytest.raises(ConfigError, match=r"groups\.json cannot be read"):
        Server(make_config())
    (data_dir / "groups.json").unlink()
    with Server(make_config()) as server:
        logged_in(server.port, "Yoda")


@pytest.mark.parametrize("name", ["messagelog.txt", "activitylog.txt", "club_messagelog.txt"])
def test_a_log_that_cannot_be_opened_refuses_the_start(make_config: MakeConfig, data_dir: Path, name: str) -> None:
    (data_dir / "groups.json").write_text('[{"name":"club","members":["Yoda","Hans"],"joined":["Yoda"]}]')
    (data_dir / name).mkdir()
    with pytest.raises(ConfigError, match=name):
        Server(make_config())


def test_every_acknowledged_message_survives_kill_9_under_load(serve_process: ServeProcess) -> None:
    """Ten crashes in the middle of a stream of private and group messages."""
    acknowledged: Dict[int, Tuple[str, str]] = {}
    for cycle in range(10):
        served = serve_process()
        with Wire(served.port) as yoda, logged_in(served.port, "Hans") as hans:
            joined = yoda.login("Yoda").get("groups")
            if not joined:
                yoda.ask("creategroup", group="club", users=["Hans"])
            sent: Dict[int, Tuple[str, str]] = {}
            events: List[Json] = []
            for request in range(10_000, 10_300 + 37 * cycle):
                user, text = "Hans" if request % 3 else "club", f"{cycle}-{request}"
                sent[request] = (user, text)
                if user == "club":
                    yoda.send("groupmsg", id=request, group=user, text=text)
                else:
                    yoda.send("msgto", id=request, user=user, text=text)
                if request == 10_020:
                    events = yoda.barrier()
            served.process.kill()
            for event in events + yoda.read_to_end():
                assert event["type"] == "sent"
                for back in range(event.get("count", 1)):
                    number = event["number"] - back
                    assert number not in acknowledged, "no number is used twice"
                    acknowledged[number] = sent[event["id"] - back]
            hans.read_to_end()
        served.kill()
    data_dir = serve_process().data_dir
    rows = log_rows(data_dir / "messagelog.txt")
    logged = {int(number): (addressee, text) for number, addressee, text in rows}
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert len({text for _, text in logged.values()}) == len(rows)
    assert acknowledged.items() <= logged.items()
    assert len(acknowledged) > 200
    group_rows = log_rows(data_dir / "club_messagelog.txt")
    assert [int(row[0]) for row in group_rows] == list(range(1, len(group_rows) + 1))
    assert {row[2] for row in rows if row[1] == "club"} <= {row[2] for row in group_rows}

"""`--json`: every line on stdout is an event, with the fields of the protocol's description."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import msgspec
import pytest

from messenger.client.commands import BY_NAME
from messenger.protocol.messages import AnyEvent
from messenger.server import Server
from tests.cli.conftest import Run, StartProgram
from tests.cli.programs import Ended, login_lines
from tests.conftest import Connect
from tests.support.files import TIME


def events(ended: Ended) -> List[Dict[str, Any]]:
    """Return the events of a run; each line must be one, by the protocol's own types."""
    for line in ended.lines:
        msgspec.json.decode(line.encode(), type=AnyEvent)
    return [json.loads(line) for line in ended.lines]


def test_every_event_has_its_documented_fields(server: Server, chat: StartProgram, connect: Connect) -> None:
    yoda = chat("--json")
    yoda.type("Yoda", "wrong", "comp9331")
    yoda.until('"welcome"')
    hans = connect(server.port, "Hans")
    hans.ask("msgto", user="Yoda", text='Ünï ☕ "quoted" \\ {brace}')
    yoda.type("/activeuser", "/msgto Hans hi", "/creategroup club Hans", "/msgto Nobody hi", "/xyzzy")
    yoda.until("/xyzzy")
    hans.send("joingroup", group="club")
    hans.send("groupmsg", group="club", text="all")
    hans.send("creategroup", group="tea", users=["Yoda"])
    yoda.until('"invited"')
    yoda.type("/joingroup tea", "/logout")
    ended = yoda.wait()
    assert ended.result == [1, ""]
    shown = events(ended)
    for event in shown:
        for field in ("time", "since"):
            assert TIME.fullmatch(event.pop(field, "01 Jun 2022 21:30:04"))
        if event["type"] != "error":
            event.pop("id", None)
    (since,) = [user.pop("since") for event in shown for user in event.get("users", [])]
    assert TIME.fullmatch(since)
    sent = [event for event in shown if event["type"] == "error" and event.get("id")]
    assert [event.pop("id") > 0 for event in sent] == [True]
    assert shown == [
        {"type": "error", "code": "login_failed", "message": "wrong user name or password"},
        {"type": "welcome", "username": "Yoda"},
        {"type": "message", "from": "Hans", "text": 'Ünï ☕ "quoted" \\ {brace}', "number": 1},
        {"type": "active", "users": [{"name": "Hans", "address": "127.0.0.1", "udp_port": 13000}]},
        {"type": "sent", "number": 2},
        {"type": "created", "group": "club", "members": ["Yoda", "Hans"]},
        {"type": "error", "code": "unknown_user", "message": "there is no user Nobody"},
        {"type": "error", "code": "unknown_command", "message": "unknown command /xyzzy"},
        {"type": "group_message", "group": "club", "from": "Hans", "text": "all", "number": 3},
        {"type": "invited", "group": "tea", "by": "Hans"},
        {"type": "joined", "group": "tea"},
        {"type": "goodbye"},
    ]


def test_nothing_but_json_stands_on_stdout_whatever_the_command(run: Run) -> None:
    commands = [
        "/help",
        "",
        "/sleep 0",
        "/wait Welcome",
        "/p2pvideo Hans x",
        "/wait",
        "/msgto",
        "/wait --timeout 0 never",
    ]
    ended = run(login_lines("Yoda", *commands), "--json")
    shown = [json.loads(line) for line in ended.lines]
    assert [event["type"] for event in shown] == ["welcome", *["error"] * 4]
    assert [event["code"] for event in shown[1:]] == ["offline", "usage", "usage", "wait_failed"]
    assert ended.status == 1
    assert all(name in ended.err for name in BY_NAME), "help is for people"
    assert ended.err.endswith("messenger: waited 0 s in vain for never\n")


def test_a_refused_login_is_an_event(run: Run) -> None:
    ended = run("Yoda\none\ntwo\nthree\n", "--json")
    codes = [event["code"] for event in events(ended)]
    assert codes == ["login_failed", "login_failed", "blocked"]
    assert 0 < events(ended)[2]["retry_after"] <= 10
    assert ended.status == 4


def test_waits_search_the_sentences_that_people_see(run: Run) -> None:
    ended = run(login_lines("Yoda", "/wait --timeout 0 Welcome to the messenger"), "--json")
    assert ended.result == [0, ""]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_stays_json_in_any_encoding(server: Server, chat: StartProgram, connect: Connect, encoding: str) -> None:
    yoda = chat("--json", env={"PYTHONIOENCODING": encoding})
    yoda.type("Yoda", "comp9331")
    yoda.until('"welcome"')
    connect(server.port, "Hans").ask("msgto", user="Yoda", text="Ünï ☕")
    yoda.until('"message"')
    line = yoda.end().raw.split(b"\n")[1]
    assert json.loads(line)["text"] == "Ünï ☕"

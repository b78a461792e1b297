"""Who is online: the list of active users, logging out, losing the connection."""

from __future__ import annotations

import pytest

from messenger.chat import commands
from messenger.protocol.messages import ActiveUser, Alive, Logout, MsgTo, Ping
from tests.support.sink import Chat


def test_nobody_else_is_an_empty_list() -> None:
    chat = Chat()
    assert chat.say(chat.enter("Yoda"), ActiveUser(4)) == [{"type": "active", "id": 4, "users": []}]


def test_everyone_else_is_listed_with_address_port_and_login_time_in_order_of_logins() -> None:
    chat = Chat()
    chat.enter("Obi-Wan", 13001, "10.0.0.1")
    chat.time = "02 Jun 2022 08:00:00"
    chat.enter("Hans", 0, "::1")
    yoda = chat.enter("Yoda")
    (reply,) = chat.say(yoda, ActiveUser(1))
    assert reply["users"] == [
        {"name": "Obi-Wan", "address": "10.0.0.1", "udp_port": 13001, "since": "01 Jun 2022 21:30:04"},
        {"name": "Hans", "address": "::1", "udp_port": 0, "since": "02 Jun 2022 08:00:00"},
    ]


def test_who_has_not_logged_in_is_not_listed() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    chat.login(chat.connect(), "Hans", "wrong")
    assert chat.say(yoda, ActiveUser(1))[0]["users"] == []


def test_a_long_list_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "ACTIVE_PART", 2)
    chat = Chat()
    yoda = chat.enter("Yoda")
    for name in ("Hans", "Leia", "Padme"):
        chat.enter(name)
    parts = chat.say(yoda, ActiveUser(1))
    assert [(len(part["users"]), part.get("more", False)) for part in parts] == [(2, True), (1, False)]


def test_logout_says_goodbye_closes_and_takes_nothing_more() -> None:
    chat = Chat()
    hans, yoda = chat.enter("Hans"), chat.enter("Yoda", 6666)
    replies = chat.say(yoda, Logout(1), MsgTo(2, "Hans", "late"), Ping(3))
    assert replies == [{"type": "goodbye", "id": 1}]
    assert chat.heard(hans) == []
    assert chat.sink.closed == [yoda]
    assert chat.sink.activity[-1] == "3; 01 Jun 2022 21:30:04; Yoda; 127.0.0.1; 6666; logout\n"
    assert chat.sink.presence_changes == 3
    assert chat.say(hans, ActiveUser(1))[0]["users"] == []


def test_the_end_of_the_connection_after_a_logout_is_no_loss() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    chat.say(yoda, Logout(1))
    again = chat.enter("Yoda")
    chat.leave(yoda)
    assert chat.state.online == {"Yoda": again}, "nor does it touch the next session"
    assert [line.split("; ")[-1] for line in chat.sink.activity] == ["login\n", "logout\n", "login\n"]


def test_a_lost_connection_is_a_logout_that_is_logged_as_lost() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda", 7)
    chat.leave(yoda)
    assert chat.sink.activity[-1] == "2; 01 Jun 2022 21:30:04; Yoda; 127.0.0.1; 7; lost\n"
    assert chat.sink.presence_changes == 2
    assert not chat.state.online
    chat.leave(yoda)
    assert len(chat.sink.activity) == 2, "once"


def test_a_stranger_that_leaves_changes_nothing() -> None:
    chat = Chat()
    chat.enter("Yoda")
    chat.leave(chat.connect())
    assert list(chat.state.online) == ["Yoda"]
    assert len(chat.sink.activity) == chat.sink.presence_changes == 1


def test_ping_and_alive_leave_no_trace() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    told = list(chat.sink.told)
    assert chat.say(yoda, Ping(1), Alive(), Ping(2)) == [{"type": "pong", "id": 1}, {"type": "pong", "id": 2}]
    assert (chat.sink.told, len(chat.sink.activity), chat.sink.messages) == (told, 1, [])

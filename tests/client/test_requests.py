"""Every call of the library against a real server."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import List

import pytest

import messenger
from messenger import Client
from messenger.errors import ConnectionLost, LoginRefused, MessengerError, Refused
from messenger.protocol.messages import ActiveUserInfo, AnyEvent, GroupMessage, Invited, Message
from messenger.server import Server
from tests.client.conftest import Enter
from tests.support.files import ACCOUNTS, TIME, log_rows


def test_the_library_is_one_import() -> None:
    assert messenger.Client is Client


def test_a_login_is_welcomed(enter: Enter) -> None:
    client = enter()
    assert client.server.startswith("messenger ")
    welcome = client.login("Yoda", ACCOUNTS["Yoda"], udp_port=13000)
    assert (welcome.username, client.username, welcome.groups, welcome.invitations) == ("Yoda", "Yoda", [], [])
    assert TIME.fullmatch(welcome.time)


def test_a_private_message_arrives_with_the_time_and_number_of_its_receipt(enter: Enter, data_dir: Path) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    for number in (1, 2):
        sent = yoda.send("Hans", f"two  blanks {number}; ☕")
        assert (sent.number, sent.count) == (number, 1)
        assert hans.next_event(5) == Message("Yoda", f"two  blanks {number}; ☕", sent.time, number)
    assert log_rows(data_dir / "messagelog.txt")[1] == ["2", "Hans", "two  blanks 2; ☕"]


def test_groups_from_invitation_to_message(enter: Enter) -> None:
    yoda, hans, leia = enter("Yoda"), enter("Hans"), enter("Leia")
    created = yoda.create_group("club", ["Hans", "Leia", "Hans"])
    assert (created.group, created.members) == ("club", ["Yoda", "Hans", "Leia"])
    assert hans.next_event(5) == leia.next_event(5) == Invited("club", "Yoda")
    assert hans.join_group("club").group == "club"
    sent = yoda.send_group("club", "hi")
    assert hans.next_event(5) == GroupMessage("club", "Yoda", "hi", sent.time, sent.number)
    leia.ping()
    assert leia.events.empty(), "invited, but not joined"
    with pytest.raises(queue.Empty):
        yoda.next_event(0)


def test_the_groups_of_earlier_sessions_are_told_at_the_login(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    yoda.create_group("club", ["Hans"])
    for client in (yoda, hans):
        client.logout()
    welcome = enter().login("Yoda", ACCOUNTS["Yoda"])
    assert (welcome.groups, welcome.invitations) == (["club"], [])
    welcome = enter().login("Hans", ACCOUNTS["Hans"])
    assert (welcome.groups, welcome.invitations) == ([], ["club"])


def test_active_users_are_the_others_in_the_order_of_their_logins(enter: Enter) -> None:
    hans, yoda = enter("Hans"), enter("Yoda")
    leia = enter()
    since = leia.login("Leia", ACCOUNTS["Leia"], udp_port=14000).time
    assert [user.name for user in hans.active_users()] == ["Yoda", "Leia"]
    assert yoda.active_users()[1] == ActiveUserInfo("Leia", "127.0.0.1", 14000, since)


def test_after_a_logout_the_client_is_closed_and_the_name_is_free(enter: Enter) -> None:
    yoda = enter("Yoda")
    yoda.logout()
    assert yoda.error is None
    with pytest.raises(ConnectionLost, match="closed"):
        yoda.ping()
    with pytest.raises(ConnectionLost):
        yoda.logout()
    enter("Yoda")


def test_leaving_the_with_statement_closes(server: Server) -> None:
    with Client.connect("127.0.0.1", server.port) as client:
        client.ping()
    with pytest.raises(ConnectionLost):
        client.ping()
    client.close()


def test_events_go_to_the_callback_instead_of_the_queue(enter: Enter) -> None:
    seen: List[AnyEvent] = []
    yoda, hans = enter("Yoda"), enter("Hans", on_event=seen.append)
    yoda.send("Hans", "one")
    yoda.create_group("club", ["Hans"])
    hans.ping()
    assert [type(event) for event in seen] == [Message, Invited]
    assert hans.events.empty()


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("unknown_user", lambda client: client.send("Nobody", "hi")),
        ("offline", lambda client: client.send("Leia", "hi")),
        ("yourself", lambda client: client.send("Yoda", "hi")),
        ("usage", lambda client: client.send("Hans", "  ")),
        ("bad_text", lambda client: client.send("Hans", "a\x1b[2J")),
        ("bad_text", lambda client: client.send("Hans", "a\nb")),
        ("bad_text", lambda client: client.send("Hans", "é" * 2049)),
        ("bad_text", lambda client: client.send("Hans", "lone \udcff surrogate")),
        ("line_too_long", lambda client: client.send("Hans", "x" * 70_000)),
        ("group_needs_members", lambda client: client.create_group("club", [])),
        ("bad_group_name", lambda client: client.create_group("no blanks", ["Hans"])),
        ("members_unavailable", lambda client: client.create_group("club", ["Leia"])),
        ("unknown_group", lambda client: client.join_group("club")),
        ("unknown_group", lambda client: client.send_group("club", "hi")),
        ("logged_in_already", lambda client: client.login("Hans", "falcon*solo")),
    ],
)
def test_a_refusal_is_typed_and_the_client_goes_on(enter: Enter, code: str, act: object) -> None:
    hans, yoda = enter("Hans"), enter("Yoda")
    with pytest.raises(Refused) as caught:
        act(yoda)  # type: ignore[operator]  # the table holds calls of several signatures
    assert caught.value.code == code
    assert caught.value.message == str(caught.value) != ""
    assert yoda.send("Hans", "still here").number == 1
    assert isinstance(hans.next_event(5), Message)


def test_commands_before_the_login_are_refused(enter: Enter) -> None:
    client = enter()
    for act in (client.active_users, lambda: client.send("Hans", "hi"), lambda: client.join_group("club")):
        with pytest.raises(Refused, match="log in first"):
            act()
    client.ping()


def test_a_login_may_be_tried_again_until_it_is_blocked(enter: Enter) -> None:
    client = enter()
    for _ in range(2):
        with pytest.raises(LoginRefused) as caught:
            client.login("Yoda", "wrong")
        assert caught.value.code == "login_failed"
    with pytest.raises(LoginRefused) as caught:
        client.login("Yoda", "wrong")
    assert caught.value.code == "blocked"
    assert 0 < caught.value.retry_after <= 10
    with pytest.raises(LoginRefused, match="blocked"):
        enter().login("Yoda", ACCOUNTS["Yoda"])


def test_a_user_who_is_online_is_refused_elsewhere(enter: Enter) -> None:
    first = enter("Yoda")
    with pytest.raises(LoginRefused) as caught:
        enter().login("Yoda", ACCOUNTS["Yoda"])
    assert caught.value.code == "already_online"
    first.ping()


def test_every_error_of_the_library_is_a_messenger_error() -> None:
    for kind in (Refused, LoginRefused, ConnectionLost):
        assert issubclass(kind, MessengerError)

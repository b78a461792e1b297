"""What two clients say to each other about a file: passed on, vouched for, refused, and forgotten."""

from __future__ import annotations

from typing import Any, Callable, Dict

import pytest

from messenger.chat.offers import OFFERS_MAX
from messenger.protocol.messages import Answer, Logout, MsgTo, Offer, Outcome, Ping
from tests.support.sink import Chat

ID = "5f2b8c0e9d7a41633e1c7b90a4d8f256"
KEY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
OTHER_KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="


def offer(user: str) -> Offer:
    return Offer(3, user, ID, "example.mp4", 1048576, KEY, 14000, ["10.0.0.7", "fe80::7"])


def accept(user: str) -> Answer:
    return Answer(3, user, ID, True, OTHER_KEY, 14001, ["10.0.0.8"], "c2VhbGVk")


def decline(user: str) -> Answer:
    return Answer(3, user, ID, False, code="no_space", message="no room for it")


def outcome(user: str) -> Outcome:
    return Outcome(3, user, ID, "done", "all of it has arrived")


ALL = [offer, accept, decline, outcome]


def test_an_offer_reaches_its_user_with_name_and_address_from_the_server() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda", 13000, "192.0.2.1"), chat.enter("Hans", 13001, "192.0.2.2")
    leia = chat.enter("Leia")
    assert chat.say(yoda, offer("Hans")) == [{"type": "relayed", "id": 3}]
    assert chat.heard(hans) == [
        {
            "type": "offered",
            "transfer": ID,
            "from": "Yoda",
            "name": "example.mp4",
            "size": 1048576,
            "key": KEY,
            "cipher": "aes-128-gcm",
            "address": "192.0.2.1",
            "udp_port": 14000,
            "addresses": ["10.0.0.7", "fe80::7"],
        }
    ]
    assert chat.heard(leia) == []


def test_another_cipher_is_passed_on() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    chat.say(yoda, Offer(3, "Hans", ID, "a", 0, KEY, 1, cipher="chacha20-poly1305"))
    (event,) = chat.heard(hans)
    assert (event["cipher"], event["size"], event.get("addresses")) == ("chacha20-poly1305", 0, None)


def test_the_id_of_a_client_is_passed_on() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    chat.say(yoda, Offer(3, "Hans", ID, "a", 0, KEY, 1, client="0123456789abcdef" * 2))
    (event,) = chat.heard(hans)
    assert event["client"] == "0123456789abcdef" * 2


def test_an_answer_reaches_who_offered_with_everything_in_it() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda", address="192.0.2.1"), chat.enter("Hans", address="192.0.2.2")
    assert chat.say(hans, accept("Yoda")) == [{"type": "relayed", "id": 3}]
    assert chat.heard(yoda) == [
        {
            "type": "answered",
            "transfer": ID,
            "from": "Hans",
            "accepted": True,
            "address": "192.0.2.2",
            "key": OTHER_KEY,
            "udp_port": 14001,
            "addresses": ["10.0.0.8"],
            "resume": "c2VhbGVk",
        }
    ]


def test_an_offer_may_be_declined_with_a_reason() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans", address="192.0.2.2")
    chat.say(hans, decline("Yoda"))
    assert chat.heard(yoda) == [
        {
            "type": "answered",
            "transfer": ID,
            "from": "Hans",
            "accepted": False,
            "address": "192.0.2.2",
            "code": "no_space",
            "message": "no room for it",
        }
    ]


def test_an_outcome_reaches_the_other_side() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    assert chat.say(hans, outcome("Yoda"), Outcome(4, "Yoda", ID, "failed")) == [
        {"type": "relayed", "id": 3},
        {"type": "relayed", "id": 4},
    ]
    told = {"type": "transfer_outcome", "transfer": ID, "from": "Hans"}
    assert chat.heard(yoda) == [
        {**told, "code": "done", "message": "all of it has arrived"},
        {**told, "code": "failed"},
    ]


def test_the_proof_of_a_receipt_is_passed_on() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    chat.say(hans, Outcome(3, "Yoda", ID, "received", proof="q83vEjRWeJCrze8SNFZ4kA=="))
    (event,) = chat.heard(yoda)
    assert (event["code"], event["proof"]) == ("received", "q83vEjRWeJCrze8SNFZ4kA==")


@pytest.mark.parametrize("request_to", ALL)
@pytest.mark.parametrize(
    ("user", "code"),
    [
        ("", "unknown_user"),
        ("Nobody", "unknown_user"),
        ("hans", "unknown_user"),
        ("Leia", "offline"),
        ("Yoda", "yourself"),
    ],
)
def test_what_cannot_be_passed_on_is_refused_without_a_trace(
    request_to: Callable[[str], Any], user: str, code: str
) -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    chat.enter("Hans")
    chat.leave(chat.enter("Leia"))
    reply = chat.refused(yoda, request_to(user))
    assert (reply["code"], reply["id"]) == (code, 3)
    assert user in reply["message"]


@pytest.mark.parametrize("request_to", ALL)
def test_nothing_is_passed_on_before_the_login(request_to: Callable[[str], Any]) -> None:
    chat = Chat()
    hans, stranger = chat.enter("Hans"), chat.connect()
    assert chat.refused(stranger, request_to("Hans"))["code"] == "login_first"
    assert chat.say(hans, Ping(1)) == [{"type": "pong", "id": 1}]


@pytest.mark.parametrize("request_to", [accept, decline, outcome])
def test_the_server_does_not_know_whether_there_was_an_offer(request_to: Callable[[str], Any]) -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    chat.enter("Hans")
    chat.enter("Leia")
    assert [chat.say(yoda, request_to(name))[0]["type"] for name in ("Hans", "Leia", "Hans")] == ["relayed"] * 3


def gone(transfer: str, user: str) -> Dict[str, str]:
    told = {"type": "transfer_outcome", "transfer": transfer, "from": user, "code": "offline"}
    return {**told, "message": f"{user} is not online any more"}


@pytest.mark.parametrize("is_logout", [True, False])
@pytest.mark.parametrize("who", ["Yoda", "Hans"])
def test_who_waits_for_an_answer_is_told_at_once_that_the_other_has_gone(who: str, is_logout: bool) -> None:
    """Whoever was asked, too: there is nobody to send it any more."""
    chat = Chat()
    sessions = {name: chat.enter(name) for name in ("Yoda", "Hans", "Leia")}
    other = "Hans" if who == "Yoda" else "Yoda"
    chat.say(sessions["Yoda"], offer("Hans"), Outcome(4, "Hans", ID, "checking"))
    chat.say(sessions["Hans"], Outcome(4, "Yoda", ID, "checking"))
    chat.heard(sessions[other])
    if is_logout:
        chat.say(sessions[who], Logout(9))
    else:
        chat.leave(sessions[who])
    assert chat.heard(sessions[other]) == [gone(ID, who)]
    assert chat.heard(sessions["Leia"]) == []
    chat.leave(chat.enter(who))
    assert chat.heard(sessions[other]) == [], "once"


@pytest.mark.parametrize("settle", [accept, decline, outcome])
@pytest.mark.parametrize("who", ["Yoda", "Hans"])
def test_what_was_answered_or_is_over_does_not_end_when_one_goes(settle: Callable[[str], Any], who: str) -> None:
    """What was accepted goes on without the server."""
    chat = Chat()
    sessions = {name: chat.enter(name) for name in ("Yoda", "Hans")}
    other = "Hans" if who == "Yoda" else "Yoda"
    chat.say(sessions["Yoda"], offer("Hans"))
    chat.say(sessions["Hans"], settle("Yoda"))
    chat.heard(sessions[other])
    chat.leave(sessions[who])
    assert chat.heard(sessions[other]) == []


def test_an_offer_that_its_sender_takes_back_is_over() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    chat.say(yoda, offer("Hans"), outcome("Hans"))
    chat.heard(hans)
    chat.leave(yoda)
    assert chat.heard(hans) == []


def test_nobody_else_can_answer_an_offer_or_have_it_forgotten() -> None:
    chat = Chat()
    yoda, hans, leia = chat.enter("Yoda"), chat.enter("Hans"), chat.enter("Leia")
    chat.say(yoda, offer("Hans"))
    chat.say(leia, decline("Yoda"), outcome("Hans"))
    chat.heard(hans)
    chat.leave(yoda)
    assert chat.heard(hans) == [gone(ID, "Yoda")]


def test_so_many_offers_of_one_user_are_remembered_and_those_of_others_too() -> None:
    chat = Chat()
    yoda, hans, leia = chat.enter("Yoda"), chat.enter("Hans"), chat.enter("Leia")
    many = [f"{number:032x}" for number in range(OFFERS_MAX + 50)]
    chat.say(yoda, *(Offer(3, "Hans", transfer, "a", 5, KEY, 1) for transfer in many))
    chat.say(leia, offer("Hans"))
    chat.heard(yoda)
    chat.heard(leia)
    chat.leave(hans)
    assert chat.heard(yoda) == [gone(transfer, "Hans") for transfer in many[:OFFERS_MAX]]
    assert chat.heard(leia) == [gone(ID, "Hans")]
    assert (chat.state.offers._made, chat.state.offers._got) == ({}, {})


def test_nothing_is_logged_and_only_the_offer_is_shown_on_the_console() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    activity, told = list(chat.sink.activity), list(chat.sink.told)
    chat.say(yoda, offer("Hans"))
    chat.say(hans, accept("Yoda"), outcome("Yoda"), decline("Yoda"))
    assert (chat.sink.messages, chat.sink.activity) == ([], activity)
    assert chat.sink.told == [*told, "Yoda offers the file example.mp4 to Hans"]
    assert (chat.state.number, chat.sink.presence_changes, chat.sink.group_changes) == (0, 2, 0)


def test_braces_in_a_file_name_are_braces_on_the_console() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    chat.enter("Hans")
    chat.say(yoda, Offer(1, "Hans", ID, "{0} {name}.mp4", 5, KEY, 1))
    assert chat.sink.told[-1] == "Yoda offers the file {0} {name}.mp4 to Hans"


def test_messages_and_offers_arrive_in_the_order_in_which_they_were_sent() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    replies = chat.say(
        yoda, MsgTo(1, "Hans", "look:"), MsgTo(2, "Hans", "a film"), offer("Hans"), MsgTo(4, "Hans", "x")
    )
    assert [(reply["type"], reply["id"], reply.get("count")) for reply in replies] == [
        ("sent", 2, 2),
        ("relayed", 3, None),
        ("sent", 4, None),
    ]
    assert [event["type"] for event in chat.heard(hans)] == ["message", "message", "offered", "message"]

"""Private messages: who gets them, what is logged, what is refused and leaves no trace; and the acknowledgements."""

from __future__ import annotations

from typing import List

import pytest

from messenger.chat.state import State
from messenger.protocol.messages import CreateGroup, GroupMsg, Malformed, MsgTo, Ping
from tests.support.files import ACCOUNTS
from tests.support.sink import Chat

NOW = "01 Jun 2022 21:30:04"


@pytest.mark.parametrize(
    "text", ["Hello there!", "a; b; c", "two  blanks", "  lead", "tail ", "tab\there", "Grüße 👋", "1; x"]
)
def test_a_message_is_sent_delivered_and_logged_unchanged(text: str) -> None:
    chat = Chat()
    yoda, hans, leia = chat.enter("Yoda"), chat.enter("Hans"), chat.enter("Leia")
    assert chat.say(yoda, MsgTo(7, "Hans", text)) == [{"type": "sent", "id": 7, "time": NOW, "number": 1}]
    assert chat.heard(hans) == [{"type": "message", "from": "Yoda", "text": text, "time": NOW, "number": 1}]
    assert chat.heard(leia) == []
    assert chat.sink.messages == [f"1; {NOW}; Hans; {text}\n"]
    assert chat.sink.told[-1] == "Yoda wrote to Hans (message 1)"


@pytest.mark.parametrize(
    ("user", "text", "code", "named"),
    [
        ("", "", "usage", "/msgto USER TEXT"),
        ("", "hi", "usage", "/msgto USER TEXT"),
        ("Hans", "", "usage", "/msgto USER TEXT"),
        ("Hans", "   ", "usage", "/msgto USER TEXT"),
        ("Hans", "\t\u00a0\u3000", "usage", "/msgto USER TEXT"),
        ("Nobody", " ", "usage", "/msgto USER TEXT"),
        ("Yoda", "", "usage", "/msgto USER TEXT"),
        ("Nobody", "hi", "unknown_user", "Nobody"),
        ("hans", "hi", "unknown_user", "hans"),
        ("Hans ", "hi", "unknown_user", "Hans "),
        ("Leia", "hi", "offline", "Leia"),
        ("Yoda", "hi", "yourself", "Yoda"),
    ],
)
def test_what_may_not_be_sent_is_refused_without_a_trace(user: str, text: str, code: str, named: str) -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    chat.enter("Hans")
    chat.leave(chat.enter("Leia"))
    reply = chat.refused(yoda, MsgTo(3, user, text))
    assert (reply["code"], reply["id"]) == (code, 3)
    assert named in reply["message"]


def test_a_refused_message_uses_no_number() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    chat.enter("Hans")
    chat.say(yoda, MsgTo(1, "Hans", "a"), MsgTo(2, "Nobody", "b"), MsgTo(3, "Hans", "c"))
    assert [line.split("; ")[0] for line in chat.sink.messages] == ["1", "2"]


def test_numbers_run_over_all_users_and_groups_and_go_on_from_the_log() -> None:
    chat = Chat(state=State(frozenset(ACCOUNTS), number=41))
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    chat.say(yoda, MsgTo(1, "Hans", "a"))
    chat.say(hans, MsgTo(1, "Yoda", "b"))
    assert [line.split("; ")[0] for line in chat.sink.messages] == ["42", "43"]


def test_nobody_can_be_written_to_after_leaving() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    chat.leave(hans)
    assert chat.refused(yoda, MsgTo(1, "Hans", "hi"))["code"] == "offline"


def test_what_an_error_repeats_of_a_name_cannot_control_a_terminal() -> None:
    chat = Chat()
    name = "\x1b]0;x\x07\u202e" + "y" * 60_000
    message = chat.refused(chat.enter("Yoda"), MsgTo(1, name, "hi"))["message"]
    assert not set(message) & set("\x1b\x07\u202e")
    assert len(message) < 200


def test_a_malformed_line_gets_its_error_and_the_session_goes_on() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    reply = chat.refused(yoda, Malformed(9, "bad_text", "no\x1b[2J"))
    assert (reply["code"], reply["id"], reply["message"]) == ("bad_text", 9, "no␛[2J")
    assert chat.say(yoda, Ping(10)) == [{"type": "pong", "id": 10}]


def test_after_an_overlong_line_the_connection_is_closed() -> None:
    chat = Chat()
    yoda = chat.enter("Yoda")
    replies = chat.say(yoda, Malformed(None, "line_too_long", "too long"), Ping(1))
    assert [reply["type"] for reply in replies] == ["error"]
    assert chat.sink.closed == [yoda]


def test_nothing_comes_to_a_session_behind_the_end_of_its_connection() -> None:
    """Whatever closes a session takes it off presence, so that nothing can be sent to it any more."""
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    chat.say(yoda, Malformed(None, "line_too_long", "too long"))
    assert chat.say(hans, MsgTo(1, "Yoda", "hi"))[0].get("code") == "offline"
    assert chat.heard(yoda) == []


def acknowledgements(requests: List[MsgTo]) -> List[List[int]]:
    chat = Chat()
    yoda = chat.enter("Yoda")
    chat.enter("Hans")
    return [[r["id"], r.get("number", 0), r.get("count", 1)] for r in chat.say(yoda, *requests)]


def test_messages_with_consecutive_ids_are_acknowledged_together() -> None:
    assert acknowledgements([MsgTo(n, "Hans", "x") for n in (5, 6, 7)]) == [[7, 3, 3]]


def test_a_gap_in_the_ids_begins_a_new_acknowledgement() -> None:
    assert acknowledgements([MsgTo(n, "Hans", "x") for n in (5, 6, 8, 9, 9, 3)]) == [
        [6, 2, 2], [9, 4, 2], [9, 5, 1], [3, 6, 1],
    ]  # fmt: skip


def test_a_refusal_between_messages_parts_their_acknowledgements() -> None:
    mixed = [MsgTo(1, "Hans", "x"), MsgTo(2, "Hans", " "), MsgTo(3, "Hans", "x"), MsgTo(4, "Hans", "x")]
    assert acknowledgements(mixed) == [[1, 1, 1], [2, 0, 1], [4, 3, 2]]


def test_private_and_group_messages_share_the_acknowledgements_as_they_share_the_numbers() -> None:
    chat = Chat()
    yoda, hans = chat.enter("Yoda"), chat.enter("Hans")
    chat.say(yoda, CreateGroup(0, "club", ["Hans"]))
    replies = chat.say(yoda, MsgTo(1, "Hans", "a"), GroupMsg(2, "club", "b"), MsgTo(3, "Hans", "c"))
    assert replies == [{"type": "sent", "id": 3, "time": NOW, "number": 3, "count": 3}]
    assert [event["text"] for event in chat.heard(hans)[1:]] == ["a", "c"]

"""Events to lines for a person."""

from __future__ import annotations

from typing import Any, List

import pytest

from messenger.client.render import render
from messenger.protocol.messages import (
    Active,
    ActiveUserInfo,
    Answered,
    Check,
    Closing,
    Created,
    Error,
    Goodbye,
    GroupMessage,
    Hello,
    Invited,
    Joined,
    Message,
    Offered,
    Pong,
    Relayed,
    Sent,
    TransferOutcome,
    Welcome,
)

TIME = "01 Jun 2022 21:30:04"
HOSTILE = "a\x00\x07\x08\x1b[2J\r\n\x7f\x9b\u0085\u2028\u2029\u061c\u200e\u200f\u202e\u2066\u2069\udcffz"
SEEN = "a␀␇␈␛[2J␍␊<U+007F><U+009B><U+0085><U+2028><U+2029><U+061C><U+200E><U+200F><U+202E><U+2066><U+2069><U+DCFF>z"


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (Message("Yoda", "Hello  there!", TIME, 7), [f"{TIME}, Yoda: Hello  there!"]),
        (GroupMessage("FORCE", "Yoda", "a; b", TIME, 7), [f"{TIME}, FORCE, Yoda: a; b"]),
        (Sent(1, TIME, 7), [f"message sent at {TIME}"]),
        (
            Active(1, [ActiveUserInfo("Obi-Wan", "127.0.0.1", 13001, TIME), ActiveUserInfo("Hans", "::1", 0, TIME)]),
            [f"Obi-Wan, 127.0.0.1, 13001, active since {TIME}.", f"Hans, ::1, 0, active since {TIME}."],
        ),
        (Active(1, []), ["no other active user"]),
        (Created(1, "FORCE", ["Yoda", "Hans"]), ["group FORCE created, members: Yoda, Hans"]),
        (Joined(1, "FORCE"), ["you joined the group FORCE"]),
        (Invited("FORCE", "Yoda"), ["Yoda invited you to the group FORCE: /joingroup FORCE"]),
        (Error("offline", "Hans is not online", 3), ["error: Hans is not online"]),
        (Welcome(1, "Yoda", TIME), ["Welcome to the messenger, Yoda!"]),
        (
            Welcome(1, "Yoda", TIME, ["FORCE", "club"], ["tea"]),
            [
                "Welcome to the messenger, Yoda!",
                "Your groups: FORCE, club",
                "You are invited to: tea (/joingroup NAME)",
            ],
        ),
        (
            Closing("shutdown", "the server is shutting down"),
            ["the server closes the connection: the server is shutting down"],
        ),
        (Hello(1, "messenger"), []),
        (Goodbye(1), []),
        (Pong(1), []),
        (Check(), []),
        (Relayed(1), []),
        (Offered("0" * 32, "Yoda", "a.mp4", 5, "key", "aes-128-gcm", "127.0.0.1", 13000), []),
        (Answered("0" * 32, "Yoda", accepted=False, address="127.0.0.1"), []),
        (TransferOutcome("0" * 32, "Yoda", "done"), []),
    ],
)
def test_every_event_has_its_lines(event: Any, lines: List[str]) -> None:
    assert render(event) == lines


@pytest.mark.parametrize(
    "event",
    [
        Message(HOSTILE, HOSTILE, HOSTILE, 1),
        GroupMessage(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1),
        Sent(1, HOSTILE, 1),
        Active(1, [ActiveUserInfo(HOSTILE, HOSTILE, 1, HOSTILE)]),
        Created(1, HOSTILE, [HOSTILE, HOSTILE]),
        Joined(1, HOSTILE),
        Invited(HOSTILE, HOSTILE),
        Error("offline", HOSTILE),
        Welcome(1, HOSTILE, HOSTILE, [HOSTILE], [HOSTILE]),
        Closing("shutdown", HOSTILE),
    ],
)
def test_hostile_text_is_made_visible_on_one_line(event: Any) -> None:
    lines = render(event)
    assert lines
    for line in lines:
        assert SEEN in line
        assert line.isprintable()
        line.encode()


def test_what_is_no_control_stays_as_it_is() -> None:
    text = "tab\there, Ünï, 漢字, ☕, e\u0301, 👩\u200d🚀"
    assert render(Message("Yoda", text, TIME, 1)) == [f"{TIME}, Yoda: {text}"]


def test_braces_in_a_text_are_text() -> None:
    assert render(Error("usage", "{0} {message} %s")) == ["error: {0} {message} %s"]

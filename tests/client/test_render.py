"""Events to lines for a person."""

from __future__ import annotations

from typing import Any, List

import pytest

from messenger.client.render import TransferInfo, TransferList, TransferOffered, render
from messenger.peer.handle import (
    TransferAsked,
    TransferDone,
    TransferEnded,
    TransferProgress,
    TransferStalled,
    TransferStarted,
)
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

OUT = (3, "0" * 32, "out", "Hans", "clip.mp4", 1_234_567)
IN = (3, "0" * 32, "in", "Yoda", "clip.mp4", 1_234_567)
BAD = (3, "0" * 32)
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
        (Pong(1), ["the server is there"]),
        (Check(), []),
        (Relayed(1), []),
        (Offered("0" * 32, "Yoda", "a.mp4", 5, "key", "aes-128-gcm", "127.0.0.1", 13000), []),
        (Answered("0" * 32, "Yoda", accepted=False, address="127.0.0.1"), []),
        (TransferOutcome("0" * 32, "Yoda", "done"), []),
        (TransferOffered(*OUT), ["offered clip.mp4 (1.2 MB) to Hans: transfer 3"]),
        (TransferAsked(*IN), ["Yoda wants to send you clip.mp4 (1.2 MB): /accept 3 or /refuse 3"]),
        (TransferStarted(*OUT), ["Hans accepted clip.mp4 (1.2 MB): transfer 3"]),
        (TransferStarted(*IN), ["Yoda sends you clip.mp4 (1.2 MB): transfer 3"]),
        (
            TransferProgress(*OUT, done=617_283, rate=100_000.0, round_trip=0.1, loss=0.012),
            ["clip.mp4 to Hans: 49 % of 1.2 MB, 100.0 kB/s, 6 s left, 1.2 % lost"],
        ),
        (TransferProgress(*IN), ["clip.mp4 from Yoda: 0 % of 1.2 MB, 0 bytes/s, ? left"]),
        (TransferStalled(*IN, seconds=10.2), ["clip.mp4 from Yoda: nothing heard from Yoda for 10 s, still trying"]),
        (
            TransferDone(
                *OUT, path="clip.mp4", seconds=2.0, goodput=617_284.0, round_trip=0.0123, repeated=3, loss=0.01
            ),
            ["delivered clip.mp4 to Hans: 1.2 MB in 2.00 s, 617.3 kB/s, round trip 12.3 ms, 3 resent (1.0 %)"],
        ),
        (
            TransferDone(*OUT, path="clip.mp4", seconds=2.0, goodput=500_000.0, resumed=234_567),
            [
                "delivered clip.mp4 to Hans: 1.2 MB (234.6 kB were there already) in 2.00 s, 500.0 kB/s, "
                "round trip 0.0 ms, 0 resent"
            ],
        ),
        (
            TransferDone(*IN, path="in/Yoda_clip (1).mp4", seconds=20.0, goodput=61_728.0),
            ["received clip.mp4 from Yoda: in/Yoda_clip (1).mp4 (1.2 MB in 20 s, 61.7 kB/s)"],
        ),
        (
            TransferDone(*IN, path="a", seconds=20.0, goodput=61_700, round_trip=0.0042, repeated=3, loss=0.01),
            ["received clip.mp4 from Yoda: a (1.2 MB in 20 s, 61.7 kB/s, round trip 4.2 ms, 3 resent (1.0 %))"],
        ),
        (
            TransferEnded(*OUT, code="refused", message="Hans does not want it"),
            ["error: clip.mp4 was not delivered to Hans: Hans does not want it"],
        ),
        (
            TransferEnded(*IN, code="cancelled", message="Yoda cancelled it"),
            ["error: clip.mp4 from Yoda was not received: Yoda cancelled it"],
        ),
        (TransferList([]), ["no transfers yet"]),
        (
            TransferList(
                [
                    TransferInfo(9, "out", "Hans", "a.mp4", 1000, "delivered", 1000, 2000),
                    TransferInfo(10, "in", "Obi-Wan", "b b.mp4", 2_000_000, "running", 500_000, 1_000_000),
                    TransferInfo(11, "in", "Yoda", "c.mp4", 5, "offered"),
                ]
            ),
            [
                "9   to Hans       1.0 kB   delivered     2.0 kB/s  a.mp4",
                "10  from Obi-Wan  2.0 MB   running 25 %  1.0 MB/s  b b.mp4",
                "11  from Yoda     5 bytes  offered                 c.mp4",
            ],
        ),
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
        TransferAsked(*BAD, "in", HOSTILE, HOSTILE, 1),
        TransferStarted(*BAD, "in", HOSTILE, HOSTILE, 1),
        TransferDone(*BAD, "in", HOSTILE, HOSTILE, 1, path=HOSTILE),
        TransferEnded(*BAD, "out", HOSTILE, HOSTILE, 1, message=HOSTILE),
        TransferList([TransferInfo(1, "in", HOSTILE, HOSTILE, 1, "running")]),
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

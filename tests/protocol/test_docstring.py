"""The protocol's description can't lie: its tables name what the code has, and its dialogue is played."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Type

import msgspec
import pytest

import messenger.protocol
from messenger import __version__
from messenger.protocol import limits
from messenger.protocol.framing import RequestReader, encode, encode_lines
from messenger.protocol.messages import (
    ActiveUserInfo,
    Answer,
    AnyEvent,
    AnyReply,
    AnyRequest,
    Hello,
    Offer,
    Outcome,
    Request,
)
from messenger.protocol.usage import arguments, help_line, usage
from messenger.wording import CLOSINGS, REFUSALS
from tests.support.sink import Chat

DOCSTRING = messenger.protocol.__doc__ or ""
REQUESTS: List[Type[Any]] = list(AnyRequest.__args__)  # type: ignore[attr-defined]  # typing has no name for it
EVENTS: List[Type[Any]] = list(AnyEvent.__args__)  # type: ignore[attr-defined]  # typing has no name for it
REPLIES: List[Type[Any]] = list(AnyReply.__args__)  # type: ignore[attr-defined]  # typing has no name for it


def table(title: str) -> Dict[str, str]:
    """Return the rows of the table under a line that begins with `title`: first word to the rest."""
    block = re.split(rf"^{title}.*:\n\n", DOCSTRING, flags=re.MULTILINE)[1].split("\n\n")[0]
    rows: Dict[str, str] = {}
    for line in block.split("\n"):
        found = re.match(r" {4}([a-z_]+)(?: +|$)(.*)", line)
        if found:
            name = found[1]
            rows[name] = found[2]
        elif not line.strip().startswith("-"):
            rows[name] += " " + line.strip()
    return rows


def tag(kind: Type[Any]) -> str:
    return str(kind.__struct_config__.tag)


def fields(kind: Type[Any]) -> List[str]:
    return [name for name in kind.__struct_encode_fields__ if name != "id"]


def test_every_request_is_documented_with_its_fields_in_order() -> None:
    rows = {name: text for name, text in table("Requests").items() if name != "type"}
    assert list(rows) == [tag(kind) for kind in REQUESTS]
    for kind in REQUESTS:
        named = [word for word in re.findall(r"\w+", rows[tag(kind)]) if word in fields(kind)]
        assert list(dict.fromkeys(named)) == fields(kind), tag(kind)
        assert ("(no id)" in rows[tag(kind)]) == ("id" not in kind.__struct_fields__)


@pytest.mark.parametrize(
    ("title", "kinds"), [("Replies", REPLIES), ("Events", [k for k in EVENTS if k not in REPLIES])]
)
def test_every_event_is_documented_with_its_fields(title: str, kinds: List[Type[Any]]) -> None:
    rows = table(title)
    assert set(rows) == {tag(kind) for kind in kinds}
    for kind in kinds:
        words = re.findall(r"\w+", rows[tag(kind)])
        assert not [name for name in fields(kind) if name not in words], tag(kind)
        assert ("id" in words) == ("id" in kind.__struct_fields__), tag(kind)


def test_the_entry_of_an_active_user_is_documented() -> None:
    assert "{" + ", ".join(ActiveUserInfo.__struct_fields__) + "}" in table("Replies")["active"]


def test_every_field_that_concerns_a_file_is_documented() -> None:
    said = {name for kind in (Offer, Answer, Outcome) for name in fields(kind)}
    assert set(table("Fields that concern a file")) == said - {"user", "accepted"}


def test_every_error_code_is_documented_and_used() -> None:
    """The border of the protocol words three errors itself, all others stand in the table of refusals."""
    assert set(table("Error codes")) == {*REFUSALS, "malformed", "line_too_long", "bad_text"}


def test_every_code_of_closing_is_documented() -> None:
    (sentence,) = re.findall(r"^Codes of `closing`: (.*(?:\n.+)*?)\.$", DOCSTRING, flags=re.MULTILINE)
    assert set(re.findall(r"`([a-z]+)` \(", sentence)) == set(CLOSINGS)


def test_the_limits_in_the_text_are_those_of_the_code() -> None:
    for figure in (
        f"at most {limits.REQUEST_LINE_MAX:,} bytes",
        f"one to a client {limits.EVENT_LINE_MAX:,}",
        f"at most {limits.PASSWORD_MAX:,} characters",
        f"1 to {limits.TEXT_MAX:,} bytes",
        f"1 to {limits.FILE_NAME_MAX} bytes",
        f"at most {limits.ADDRESSES_MAX}, IPv4",
        f"at most {limits.ADDRESS_MAX} characters",
        f"at most {limits.CIPHER_MAX} of a-z, 0-9",
        f"at most {limits.RESUME_MAX:,} characters",
        f"at most {limits.OUTCOME_CODE_MAX} of a-z and _",
        f"at most {limits.OUTCOME_MESSAGE_MAX} bytes",
        f"no login within {limits.LOGIN_SECONDS:.0f} s",
        f"heard nothing for {limits.PING_SECONDS:.0f} s",
        f"answer within {limits.DEAD_SECONDS - limits.PING_SECONDS:.0f} s",
    ):
        assert figure in DOCSTRING, figure
    assert limits.REQUEST_ID_MAX == limits.FILE_SIZE_MAX == 2**53 - 1


def test_the_example_dialogue_is_what_the_rules_answer() -> None:
    lines = re.findall(r"^    ([<>]) (.*)$", DOCSTRING, flags=re.MULTILINE)
    assert len(lines) > 15
    chat = Chat()
    chat.enter("Hans", 13001)
    session = chat.connect()
    reader = RequestReader()
    spoken = [("<", encode(Hello(limits.PROTOCOL_VERSION, f"messenger {__version__}")).decode())]
    for line in [text for direction, text in lines if direction == ">"]:
        spoken.append((">", line))
        chat.rules.handle(session, reader.feed(line.encode() + b"\n"), chat.moment, chat.sink)
        events = [event for to, event in chat.sink.delivered if to is session]
        chat.sink.delivered.clear()
        spoken += [("<", reply) for reply in encode_lines(events).decode().splitlines()]
    assert spoken == lines


def test_the_example_of_a_file_is_what_the_rules_answer() -> None:
    lines = re.findall(r"^    (Yoda|Hans) ([<>]) (.*)$", DOCSTRING, flags=re.MULTILINE)
    assert {json.loads(line)["type"] for _, direction, line in lines if direction == ">"} == {
        "offer", "answer", "outcome",
    }  # fmt: skip
    chat = Chat()
    sessions = {"Yoda": chat.enter("Yoda", address="192.0.2.1"), "Hans": chat.enter("Hans", address="192.0.2.2")}
    chat.sink.delivered.clear()
    spoken = []
    for name, line in [(name, line) for name, direction, line in lines if direction == ">"]:
        spoken.append((name, ">", line))
        chat.rules.handle(sessions[name], RequestReader().feed(line.encode() + b"\n"), chat.moment, chat.sink)
        spoken += [(to.name, "<", encode(event).decode()) for to, event in chat.sink.delivered]
        chat.sink.delivered.clear()
    assert spoken == lines


def test_usage_lines_come_from_the_request_types() -> None:
    assert {usage(kind) for kind in REQUESTS if issubclass(kind, Request)} == {
        "/login", "/msgto USER TEXT", "/activeuser", "/creategroup NAME USER…", "/joingroup NAME",
        "/groupmsg NAME TEXT", "/logout", "/ping", "/offer", "/answer", "/outcome",
    }  # fmt: skip
    assert all(help_line(kind).endswith(".") for kind in REQUESTS)
    msgto = next(kind for kind in REQUESTS if tag(kind) == "msgto")
    assert [(a.field, a.is_rest, a.is_list) for a in arguments(msgto)] == [
        ("user", False, False),
        ("text", True, False),
    ]
    creategroup = next(kind for kind in REQUESTS if tag(kind) == "creategroup")
    assert [a.is_list for a in arguments(creategroup)] == [False, True]


def test_an_event_line_stays_below_its_limit_with_a_full_part_of_active_users() -> None:
    info = ActiveUserInfo("x" * 32, "0000:0000:0000:0000:0000:0000:255.255.255.255", 65535, "01 Jun 2022 21:30:04")
    assert len(msgspec.json.encode(info)) * limits.ACTIVE_PART < limits.EVENT_LINE_MAX - 100

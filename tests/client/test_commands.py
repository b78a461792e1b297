"""Typed lines to commands: what the client decides before anything is sent."""

from __future__ import annotations

from typing import Any, Dict, Tuple, Type

import pytest

from messenger.client import commands
from messenger.client.commands import (
    CHAT_COMMANDS,
    WAIT_SECONDS,
    Accept,
    Cancel,
    CommandError,
    Help,
    ListTransfers,
    P2pVideo,
    Refuse,
    ServerCommand,
    Sleep,
    Wait,
    help_lines,
    parse,
    prompt_lines,
)
from messenger.protocol.messages import (
    ActiveUser,
    CreateGroup,
    GroupMsg,
    JoinGroup,
    Logout,
    MsgTo,
    Request,
    Text,
    UserName,
)
from messenger.protocol.usage import usage

SEVEN = ["/msgto", "/activeuser", "/creategroup", "/joingroup", "/groupmsg", "/p2pvideo", "/logout"]


@pytest.mark.parametrize(
    ("line", "kind", "fields"),
    [
        ("/msgto Hans hi", MsgTo, {"user": "Hans", "text": "hi"}),
        ("/msgto Hans two  blanks  stay ", MsgTo, {"user": "Hans", "text": "two  blanks  stay "}),
        ("/msgto Hans  hi", MsgTo, {"user": "Hans", "text": " hi"}),
        ("/msgto   Hans hi", MsgTo, {"user": "Hans", "text": "hi"}),
        ("/msgto Hans a\ttab", MsgTo, {"user": "Hans", "text": "a\ttab"}),
        ("/msgto Hans /logout", MsgTo, {"user": "Hans", "text": "/logout"}),
        ("/msgto Hans a; b; c", MsgTo, {"user": "Hans", "text": "a; b; c"}),
        ("/msgto Hans Ünï ☕ 漢字", MsgTo, {"user": "Hans", "text": "Ünï ☕ 漢字"}),
        ("/msgto Hans a\u2028b\x1b", MsgTo, {"user": "Hans", "text": "a\u2028b\x1b"}),
        ("/activeuser", ActiveUser, {}),
        ("/activeuser  ", ActiveUser, {}),
        ("/creategroup club Hans", CreateGroup, {"group": "club", "users": ["Hans"]}),
        ("/creategroup club Hans Obi-Wan Hans", CreateGroup, {"group": "club", "users": ["Hans", "Obi-Wan", "Hans"]}),
        ("/creategroup  club  Hans  Leia ", CreateGroup, {"group": "club", "users": ["Hans", "Leia"]}),
        ("/creategroup club", CreateGroup, {"group": "club", "users": []}),
        ("/creategroup Ünï Hans", CreateGroup, {"group": "Ünï", "users": ["Hans"]}),
        ("/joingroup club", JoinGroup, {"group": "club"}),
        ("/joingroup club ", JoinGroup, {"group": "club"}),
        ("/groupmsg club hi  all", GroupMsg, {"group": "club", "text": "hi  all"}),
        ("/logout", Logout, {}),
        ("/logout ", Logout, {}),
    ],
)
def test_a_line_becomes_a_request(line: str, kind: Type[Any], fields: Dict[str, Any]) -> None:
    assert parse(line) == ServerCommand(kind, fields)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/p2pvideo Hans clip.mp4", P2pVideo("Hans", "clip.mp4")),
        ("/p2pvideo Hans my  holiday film.mp4", P2pVideo("Hans", "my  holiday film.mp4")),
        ("/p2pvideo  Hans ~/clip.mp4 ", P2pVideo("Hans", "~/clip.mp4 ")),
        ("/help", Help()),
        ("/transfers", ListTransfers()),
        ("/accept 3", Accept(3)),
        ("/refuse  12 ", Refuse(12)),
        ("/cancel 1", Cancel(1)),
        ("/sleep 0", Sleep(0)),
        ("/sleep 1.5", Sleep(1.5)),
        ("/wait Hello there!", Wait("Hello there!", WAIT_SECONDS)),
        ("/wait --timeout 3 Hello  there!", Wait("Hello  there!", 3)),
        ("/wait --timeout 0.5 /a|b/", Wait("/a|b/", 0.5)),
        ("/wait --timeouts are text", Wait("--timeouts are text", WAIT_SECONDS)),
    ],
)
def test_what_the_client_carries_out_itself(line: str, command: Any) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        *(
            "/msgto",
            "/msgto ",
            "/msgto Hans",
            "/msgto Hans ",
            "/msgto Hans    ",
            "/msgto Hans \t ",
            "/msgto Hans \u3000",
        ),
        *("/activeuser now", "/activeuser a b"),
        *("/creategroup", "/creategroup   "),
        *("/joingroup", "/joingroup ", "/joingroup club other"),
        *("/groupmsg", "/groupmsg club", "/groupmsg club ", "/groupmsg club    "),
        *("/p2pvideo", "/p2pvideo Hans", "/p2pvideo Hans  "),
        *("/logout now", "/help me", "/transfers all"),
        *("/accept", "/accept ", "/refuse", "/cancel", "/cancel 1 2"),
        *("/wait", "/wait ", "/wait --timeout 3", "/wait --timeout 3 ", "/wait --timeout 3   "),
    ],
)
def test_the_wrong_count_of_arguments_is_answered_with_the_usage(line: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(line)
    kind = commands.BY_NAME[line.split(" ", maxsplit=1)[0]]
    assert (caught.value.code, str(caught.value)) == ("usage", f"usage: {usage(kind)}")


@pytest.mark.parametrize("given", ["soon", "-1", "nan", "inf", "1e999", "1 2"])
def test_a_sleep_needs_a_number_of_seconds(given: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(f"/sleep {given}")
    assert caught.value.code == "usage"
    assert repr(given) in str(caught.value)
    assert "/sleep SECONDS" in str(caught.value)


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "１", "9" * 10])
@pytest.mark.parametrize("command", ["/accept", "/refuse", "/cancel"])
def test_a_transfer_is_named_by_its_number(command: str, given: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(f"{command} {given}")
    assert caught.value.code == "usage"
    assert str(caught.value) == f"{given!r} is not the number of a transfer: {command} ID"


@pytest.mark.parametrize("given", ["soon", "-1", "nan", "inf"])
def test_a_wait_with_a_broken_timeout_names_it(given: str) -> None:
    with pytest.raises(CommandError, match=given):
        parse(f"/wait --timeout {given} hello")


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("/MSGTO Hans hi", "/msgto"),
        ("/Logout", "/logout"),
        ("/msgt Hans hi", "/msgto"),
        ("/activeusers", "/activeuser"),
        ("/creatgroup club Hans", "/creategroup"),
        ("/grupmsg club hi", "/groupmsg"),
        ("/p2pvido Hans a.mp4", "/p2pvideo"),
        ("/transfer", "/transfers"),
        ("/cancle 1", "/cancel"),
    ],
)
def test_commands_are_lower_case_and_a_near_one_is_suggested(line: str, near: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(line)
    word = line.split(" ", maxsplit=1)[0]
    assert (caught.value.code, str(caught.value)) == (
        "unknown_command",
        f"unknown command {word}: did you mean {near}?",
    )


@pytest.mark.parametrize("line", ["/xyzzy", "/xyzzy a b", "/login Yoda comp9331", "/alive"])
def test_an_unknown_command_is_named(line: str) -> None:
    """Also what the protocol has but a person does not type."""
    with pytest.raises(CommandError, match=f"unknown command {line.split(' ', maxsplit=1)[0]}$"):
        parse(line)


def test_a_line_that_is_no_command_points_to_the_help() -> None:
    with pytest.raises(CommandError, match="/help"):
        parse("hello everybody")


def test_an_unknown_command_is_shown_clean_and_short() -> None:
    with pytest.raises(CommandError) as caught:
        parse("/\x1b[2J\u202e" + "x" * 5000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("wanted", ["/[/", "/(/", "/*/"])
def test_a_broken_regex_is_refused_and_named(wanted: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(f"/wait {wanted}")
    assert caught.value.code == "usage"
    assert wanted in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "seen", "is_met"),
    [
        ("a.c", "abc", False),
        ("a.c", "xa.cx", True),
        ("/a.c/", "abc", True),
        ("/^b$/", "a\nb\nc", True),
        ("/a.b/", "a\nb", False),
        ("//", "a // b", True),
        ("/", "a / b", True),
        ("/logout", "type /logout", True),
    ],
)
def test_a_wait_searches_for_a_text_or_a_regex(wanted: str, seen: str, is_met: bool) -> None:
    command = parse(f"/wait {wanted}")
    assert isinstance(command, Wait)
    assert bool(command.pattern().search(seen)) is is_met


def test_the_prompt_lists_all_seven_commands_in_order() -> None:
    listed = prompt_lines(500).partition("(")[2].partition(")")[0]
    assert listed.split(", ") == SEVEN


def test_the_help_tells_usage_and_meaning_of_every_command() -> None:
    lines = help_lines()
    assert [line.split(" ")[0] for line in lines] == [
        *SEVEN,
        "/help",
        "/transfers",
        "/accept",
        "/refuse",
        "/cancel",
        "/ping",
        "/wait",
        "/sleep",
    ]
    for kind, line in zip(commands.ALL_COMMANDS, lines):
        assert line.startswith(usage(kind) + " ")
        assert kind.__doc__ and line.endswith(kind.__doc__.strip().split("\n")[0])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (MsgTo, "/msgto USER TEXT"),
        (ActiveUser, "/activeuser"),
        (CreateGroup, "/creategroup NAME USER…"),
        (JoinGroup, "/joingroup NAME"),
        (GroupMsg, "/groupmsg NAME TEXT"),
        (P2pVideo, "/p2pvideo USER FILE"),
        (Logout, "/logout"),
    ],
)
def test_usage_follows_from_the_request_type(kind: Type[Any], expected: str) -> None:
    assert usage(kind) == expected


class Shout(Request, tag="shout"):
    """Say it loudly."""

    user: UserName
    text: Text


def test_a_new_request_type_is_parsed_listed_and_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the table of commands has to know of it."""
    more: Tuple[Type[Any], ...] = (*CHAT_COMMANDS, Shout)
    monkeypatch.setattr(commands, "CHAT_COMMANDS", more)
    monkeypatch.setattr(commands, "ALL_COMMANDS", more)
    monkeypatch.setitem(commands.BY_NAME, "/shout", Shout)
    assert parse("/shout Hans come  here") == ServerCommand(Shout, {"user": "Hans", "text": "come  here"})
    assert ", /shout)" in prompt_lines(500)
    assert [line.split() for line in help_lines()][-1] == ["/shout", "USER", "TEXT", "Say", "it", "loudly."]
    with pytest.raises(CommandError, match="usage: /shout USER TEXT"):
        parse("/shout Hans")


@pytest.mark.parametrize("line", ["/sleep", "/sleep ", "/wait", "/wait ", "/wait --timeout", "/wait --timeout "])
def test_what_lacks_its_argument_gets_the_usage(line: str) -> None:
    with pytest.raises(CommandError, match=r"^usage: /"):
        parse(line)

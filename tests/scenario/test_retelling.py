"""A client's recording: what was typed and seen there, and what others must have done for it."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from messenger import wording
from messenger.client.render import TransferOffered
from messenger.peer.handle import TransferAsked, TransferDone, TransferEnded, TransferStarted
from messenger.protocol.messages import (
    Active,
    ActiveUserInfo,
    Created,
    Error,
    Goodbye,
    GroupMessage,
    Invited,
    Joined,
    Message,
    Sent,
    Welcome,
)
from messenger.scenario.parser import parse
from messenger.scenario.retelling import Retelling
from tests.support.retold import PASSWORD, TIME, WELCOME, told


def refused(code: str, **fields: object) -> Error:
    return Error(code, wording.REFUSALS[code].format(**fields), 1)


def test_a_login_a_message_and_a_logout() -> None:
    assert told(WELCOME, "/msgto Hans hi", Sent(1, TIME, 1), "/logout", Goodbye(2), 0) == [
        "@actor Yoda",
        "@actor Hans",
        "Yoda > /msgto Hans hi",
        "Yoda < message sent at {time}",
        "Yoda > /logout",
        "Yoda < Goodbye, Yoda!",
        "@ends Yoda 0",
    ]


def test_who_writes_to_a_group_was_invited_to_it_logs_in_and_joins_it() -> None:
    happened = [Invited("force", "Luke"), GroupMessage("force", "Hans", "hello", TIME, 1)]
    assert told(WELCOME, *happened) == [
        "@actor Yoda",
        "@actor Luke",
        "@actor Hans",
        "Luke > /creategroup force Yoda Hans",
        "Luke < group force created, members: Luke",
        "Hans > /logout",
        "@ends Hans 0",
        "Yoda < Luke invited you to the group force: /joingroup force",
        "@actor Hans",
        "Hans > /joingroup force",
        "Hans < you joined the group force",
        "Hans > /groupmsg force hello",
        "Yoda < {time}, force, Hans: hello",
    ]


def test_a_line_takes_effect_where_its_answer_comes_among_what_others_do() -> None:
    happened = ["/activeuser", Message("Hans", "hi", TIME, 1), Active(1, [ActiveUserInfo("Hans", "::1", 9, TIME)])]
    assert told(WELCOME, *happened)[-2:] == [
        "Yoda > /activeuser",
        "Yoda < Hans, {address}, {port}, active since {time}.",
    ]


def test_who_is_not_listed_as_active_has_left() -> None:
    lines = told(WELCOME, Message("Hans", "hi", TIME, 1), "/activeuser", Active(1, []))
    assert lines[-4:] == ["Hans > /logout", "@ends Hans 0", "Yoda > /activeuser", "Yoda < no other active user"]


def test_of_two_names_of_which_one_ends_with_the_other_the_longer_is_looked_for_first() -> None:
    users = [ActiveUserInfo(name, "::1", 9, TIME) for name in ("Han", "aHan")]
    assert [line[:11] for line in told(WELCOME, "/activeuser", Active(1, users))[-2:]] == ["Yoda < aHan", "Yoda < Han,"]


def test_groups_from_before_the_login_are_made_before_it() -> None:
    lines = told(Welcome(1, "Yoda", TIME, ["force"], ["jedi"]), GroupMessage("force", "Hans", "hi", TIME, 1))
    assert lines[0] == "@account Somebody of-nobody"
    assert lines[1:8] == [
        "@actor Somebody",
        "@actor Yoda",
        "@actor Hans",
        "Somebody > /creategroup force Yoda Hans",
        "Somebody < group force created, members: Somebody",
        "Yoda > /joingroup force",
        "Yoda < you joined the group force",
    ]
    assert "Somebody > /creategroup jedi Yoda" in lines
    assert "Yoda < Your groups: force" in lines
    assert "Yoda < You are invited to: jedi (/joingroup NAME)" in lines


@pytest.mark.parametrize(
    ("line", "code", "fields"),
    [
        ("/joingroup force", "not_invited", {"group": "force"}),
        ("/creategroup Force Hans", "group_exists", {"existing": "force"}),
    ],
)
def test_a_group_of_others_is_made_by_accounts_of_the_play(line: str, code: str, fields: Any) -> None:
    lines = told(WELCOME, line, refused(code, **fields))
    assert lines[:2] == ["@account Somebody of-nobody", "@account Anybody of-nobody"]
    assert "Somebody > /creategroup force Anybody" in lines
    assert lines[-2] == f"Yoda > {line}"


def test_members_who_were_not_there_are_not_there_and_the_others_are() -> None:
    reasons = "there is no user Nobody; Hans is not online"
    refusal = refused("members_unavailable", reasons=reasons)
    lines = told(WELCOME, Message("Hans", "hi", TIME, 1), "/creategroup a Hans Luke Nobody", refusal)
    assert lines[4:8] == ["Hans > /logout", "@ends Hans 0", "@actor Luke", "Yoda > /creategroup a Hans Luke Nobody"]


def test_what_comes_before_the_welcome_is_shown_is_told_after_it() -> None:
    assert told(Message("Hans", "hi", TIME, 1), WELCOME)[:2] == ["@actor Yoda", "@actor Hans"]


def test_a_command_that_the_machine_and_not_the_chat_refused_is_not_replayed() -> None:
    assert told(WELCOME, "/msgto Hans hi", refused("not_stored"))[1:] == ["# /msgto was refused"]


@pytest.mark.parametrize(
    ("status", "line"), [(130, "@interrupt Yoda"), (3, "@stop server"), (0, "@eof Yoda"), (1, "@eof Yoda")]
)
def test_how_it_ended(status: int, line: str) -> None:
    assert told(WELCOME, status)[1] == line


# ---- logins -------------------------------------------------------------------------------------------------

WRONG = refused("login_failed")


def test_wrong_passwords_are_tried_again_and_not_told() -> None:
    assert told(WRONG, WRONG, WRONG, WELCOME) == [
        "@server attempts=4",
        "@client Yoda",
        "Yoda > Yoda",
        *["Yoda > wrong password", "Yoda < error: wrong user name or password"] * 3,
        "Yoda > ${password:Yoda}",
        "Yoda < Welcome to the messenger, Yoda!",
    ]


def test_who_is_blocked_stays_without_a_name_which_may_be_a_password() -> None:
    assert told(WRONG, refused("blocked", seconds=10), 4) == [
        "@server attempts=2",
        "@client Guest",
        "Guest > nobody",
        "Guest > wrong password",
        "Guest < error: wrong user name or password",
        "Guest > wrong password",
        "Guest < error: too many failed logins: this account is blocked, try again in {number} s",
        "@ends Guest 4",
    ]


def test_who_is_logged_in_already_is_so_before() -> None:
    lines = told(refused("already_online", user="Yoda"), 4)
    assert lines[:2] == ["@actor Yoda", "@client Yoda.2"]
    assert lines[-2:] == ["Yoda.2 < error: Yoda is logged in already, on another terminal", "@ends Yoda.2 4"]


def test_nothing_is_told_before_the_login_has_an_outcome() -> None:
    assert told(WRONG) == []


def test_a_user_who_is_called_like_the_server_has_another_name_on_the_stage() -> None:
    assert told(WELCOME, Message("editor", "hi", TIME, 1))[1] == "@actor editor.2 as=editor"


# ---- secrets ------------------------------------------------------------------------------------------------

SECRETS = ("comp9331", "comp9332", "x comp9331 y")


@pytest.mark.parametrize("typed", SECRETS)
def test_a_password_typed_as_a_command_is_not_told(typed: str) -> None:
    retelling = Retelling("what happened")
    retelling.answered("Yoda", "comp9332")
    retelling.shown(WRONG)
    retelling.answered("Yoda", PASSWORD)
    retelling.shown(WELCOME)
    for line in (typed, f"/msgto {typed} hi", f"/msgto Hans {typed}", f"/wait {typed}", f"/nonsense {typed}"):
        retelling.typed(line)
        retelling.shown(Sent(1, TIME, 1) if line.startswith("/msgto Hans") else Error("unknown_command", line[:9], 1))
    text = "\n".join(retelling.take())
    parse(text, "recorded.scenario")
    assert "comp" not in text
    assert "Yoda < message sent at {time}" in text


def test_a_password_in_a_message_is_a_value_in_the_place_of_it() -> None:
    lines = told(WELCOME, "/msgto Hans mine is comp9331!", Sent(1, TIME, 1), Message("Hans", "comp9331?", TIME, 2))
    assert "Yoda > /msgto Hans mine is ${password:Yoda}!" in lines
    assert lines[-2:] == ["Hans > /msgto Yoda ${password:Yoda}?", "Yoda < {time}, Hans: ${password:Yoda}?"]


def test_a_wrong_password_that_is_the_name_of_somebody_is_no_secret() -> None:
    retelling = Retelling("what happened")
    retelling.answered("Yoda", "Hans")
    retelling.shown(WRONG)
    retelling.answered("Yoda", PASSWORD)
    retelling.shown(WELCOME)
    retelling.typed("/msgto Hans Hans!")
    retelling.shown(Sent(1, TIME, 1))
    assert "Yoda > /msgto Hans Hans!" in retelling.take()


# ---- files --------------------------------------------------------------------------------------------------

OUT: Dict[str, Any] = {"transfer": "t", "direction": "out", "user": "Hans", "name": "a b.mp4", "size": 5}
IN: Dict[str, Any] = {**OUT, "direction": "in"}


def test_a_file_that_is_sent_is_made_and_arrives() -> None:
    happened = [
        "/p2pvideo Hans /tmp/a b.mp4",
        TransferOffered(1, **OUT),
        TransferStarted(1, **OUT),
        TransferDone(1, **OUT),
    ]
    assert told(WELCOME, *happened)[2:] == [
        "@make Yoda/a b.mp4 5 bytes",
        "Yoda > /p2pvideo Hans a b.mp4",
        "Yoda < offered a b.mp4",
        "Hans < received a b.mp4 from Yoda",
        "Yoda < delivered a b.mp4 to Hans",
    ]


def test_a_file_that_comes_is_sent_by_the_other_and_a_question_is_answered() -> None:
    options = "--accept ask"
    assert told(WELCOME, TransferAsked(2, **IN), "/accept 2", TransferDone(2, **IN), options=options) == [
        "@actor Yoda --accept ask",
        "@actor Hans",
        "@make Hans/a b.mp4 5 bytes",
        "Hans > /p2pvideo Yoda a b.mp4",
        "Yoda < Hans wants to send you a b.mp4 ({text}): /accept {transfer_c:number}",
        "Yoda > /accept ${transfer_c}",
        "Yoda < received a b.mp4 from Hans",
        "Hans < delivered a b.mp4 to Yoda",
    ]


def test_a_file_that_nobody_answered_for_is_refused_and_one_that_failed_arrives() -> None:
    unanswered = told(WELCOME, TransferAsked(2, **IN), TransferEnded(2, **IN, code="no_answer", message="no answer"))
    assert unanswered[-2:] == ["Yoda > /refuse ${transfer_c}", "Yoda < a b.mp4 from Hans was not received"]
    failed = told(WELCOME, TransferStarted(2, **IN), TransferEnded(2, **IN, code="stalled", message="too slow"))
    assert failed[-3:-1] == ["# not delivered: too slow", "Yoda < received a b.mp4 from Hans"]


def test_files_have_arrived_before_somebody_leaves() -> None:
    lines = told(WELCOME, TransferStarted(2, **IN), "/activeuser", Active(1, []))
    assert lines.index("Hans < delivered a b.mp4 to Yoda") < lines.index("Hans > /logout")


@pytest.mark.parametrize("name", ["../../etc/passwd", "${password:Yoda}", "a\nb", "comp9331.mp4", "☃"])
def test_a_name_of_a_file_that_cannot_stand_in_a_scenario_is_another_one(name: str) -> None:
    lines = told(WELCOME, TransferStarted(2, **{**IN, "name": name}))
    assert lines[2] == "@make Hans/video.mp4 5 bytes"


def test_groups_that_were_made_here_need_nobody_else_to_make_them() -> None:
    happened = ["/creategroup a Hans", Created(1, "a", ["Yoda", "Hans"]), GroupMessage("a", "Hans", "hi", TIME, 1)]
    lines = told(WELCOME, *happened, "/joingroup a", refused("joined_already", group="a"))
    assert lines[4:7] == ["Hans > /joingroup a", "Hans < you joined the group a", "Hans > /groupmsg a hi"]
    assert told(WELCOME, Invited("b", "Hans"), "/joingroup b", Joined(2, "b"))[-1] == "Yoda < you joined the group b"

"""The server's recording: what all clients did, and what everybody saw of it."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

import pytest

from messenger import wording
from messenger.chat.state import GroupRecord
from messenger.protocol.messages import (
    Active,
    ActiveUser,
    ActiveUserInfo,
    Answer,
    Created,
    CreateGroup,
    Error,
    Event,
    Goodbye,
    GroupMessage,
    GroupMsg,
    Invited,
    Login,
    Logout,
    Malformed,
    Message,
    MsgTo,
    Offer,
    Outcome,
    Relayed,
    Sent,
    Welcome,
)
from messenger.scenario.chronicle import Chronicle
from messenger.scenario.parser import parse

TIME = "01 Jun 2022 21:30:04"
ACCOUNTS = {"Yoda": "comp9331", "Hans": "falcon*solo", "Luke": ""}
KEY = "A" * 43 + "="
YODA, HANS = Login(1, "Yoda", "comp9331"), Login(1, "Hans", "falcon*solo")


def welcome(user: str, *groups: str) -> Welcome:
    return Welcome(1, user, TIME, list(groups))


def refused(code: str, **fields: object) -> Error:
    return Error(code, wording.REFUSALS[code].format(**fields), 1)


class Told:
    """A chronicle of what is told to it."""

    def __init__(self, groups: Sequence[GroupRecord] = ()) -> None:
        self._chronicle = Chronicle("what happened", 3, ACCOUNTS, groups)
        self._lines: List[str] = []

    def says(self, user: str, request: Any, *replies: Event, heard: Sequence[Tuple[str, Event]] = ()) -> Told:
        """Somebody's only connection has their name."""
        who = user.rstrip("?")
        self._chronicle.handled(who, "" if user.endswith("?") else user, request, list(replies), heard)
        return self

    def enter(self, *logins: Login) -> Told:
        for login in logins:
            self.says(f"{login.username}?", login, welcome(login.username))
        return self

    def leaves(self, connection: str, user: str = "") -> Told:
        self._chronicle.disconnected(connection, user)
        return self

    @property
    def lines(self) -> List[str]:
        self._lines += self._chronicle.take()
        parse("\n".join(self._lines), "recorded.scenario")
        return self._lines


def test_everybody_sees_what_the_server_sent_them() -> None:
    told = Told().enter(YODA, HANS)
    told.says("Yoda", MsgTo(2, "Hans", "hi"), Sent(2, TIME, 1), heard=[("Hans", Message("Yoda", "hi", TIME, 1))])
    told.says("Hans", Logout(2), Goodbye(2))
    assert told.lines == [
        "# what happened",
        "@server attempts=3",
        "@actor Yoda",
        "@actor Hans",
        "Yoda > /msgto Hans hi",
        "Yoda < message sent at {time}",
        "Hans < {time}, Yoda: hi",
        "Hans > /logout",
        "Hans < Goodbye, Hans!",
        "@ends Hans 0",
    ]


def test_groups_and_who_is_active() -> None:
    told = Told().enter(YODA, HANS)
    told.says("Yoda", ActiveUser(2), Active(2, [ActiveUserInfo("Hans", "::1", 5, TIME)]))
    created, invited = Created(3, "force", ["Yoda", "Hans"]), Invited("force", "Yoda")
    told.says("Yoda", CreateGroup(3, "force", ["Hans"]), created, heard=[("Hans", invited)])
    said = GroupMessage("force", "Yoda", "a  b ", TIME, 1)
    told.says("Yoda", GroupMsg(4, "force", "a  b "), Sent(4, TIME, 1), heard=[("Hans", said)])
    assert told.lines[4:] == [
        "Yoda > /activeuser",
        "Yoda < Hans, {address}, {port}, active since {time}.",
        "Yoda > /creategroup force Hans",
        "Yoda < group force created, members: Yoda, Hans",
        "Hans < Yoda invited you to the group force: /joingroup force",
        "Yoda > /groupmsg force a  b\\x20",
        "Yoda < message sent at {time}",
        "Hans < {time}, force, Yoda: a  b ",
    ]


def test_groups_that_are_there_from_the_start_are_made_first() -> None:
    told = Told([GroupRecord("force", ["Yoda", "Hans", "Gone"], ["Hans", "Yoda"])])
    told.says("Yoda?", YODA, welcome("Yoda", "force"))
    assert told.lines[2:] == [
        "@account Gone of-nobody",
        *("@actor Yoda", "@actor Hans", "@actor Gone"),
        "Yoda > /creategroup force Hans Gone",
        "Yoda < group force created, members: Yoda",
        "Hans > /joingroup force",
        "Hans < you joined the group force",
        *("Yoda > /logout", "@ends Yoda 0", "Hans > /logout", "@ends Hans 0", "Gone > /logout", "@ends Gone 0"),
        "@actor Yoda",
        "Yoda < Your groups: force",
    ]


def test_a_login_at_the_second_try() -> None:
    told = Told().says("Yoda?", Login(1, "Yoda", "comp9332"), refused("login_failed"))
    told.says("Yoda?", Login(2, "Yoda", "comp9331"), welcome("Yoda"))
    assert told.lines[2:] == [
        "@client Yoda",
        "Yoda > Yoda",
        "Yoda > wrong password",
        "Yoda < error: wrong user name or password",
        "Yoda > ${password:Yoda}",
        "Yoda < Welcome to the messenger, Yoda!",
    ]


def test_what_is_typed_as_a_name_and_is_none_is_not_told() -> None:
    told = Told().says("a?", Login(1, "secret1", "x"), refused("login_failed"))
    told.says("b?", Login(1, "secret2", "x"), refused("login_failed"))
    told.says("c?", Login(1, "secret1", "x"), refused("blocked", seconds=10))
    lines = told.lines
    assert "secret" not in "".join(lines)
    assert lines[2:4] == ["@client nobody-1", "nobody-1 > nobody-1"]
    assert lines[6:8] == ["@client nobody-2", "nobody-2 > nobody-2"]
    assert lines[10:] == [
        "@client nobody-1.2",
        "nobody-1.2 > nobody-1",
        "nobody-1.2 > wrong password",
        "nobody-1.2 < error: too many failed logins: this account is blocked, try again in {number} s",
        "@ends nobody-1.2 4",
    ]


def test_who_comes_in_after_a_block_waits_for_its_end_in_a_replay() -> None:
    told = Told().says("1?", YODA, refused("blocked", seconds=10)).says("2?", YODA, welcome("Yoda"))
    assert told.lines[-2:] == ["@sleep 10.5", "@actor Yoda"]


def test_a_second_login_is_refused_and_the_first_goes_on() -> None:
    told = Told().enter(YODA).says("2?", YODA, refused("already_online", user="Yoda"))
    assert told.lines[3:] == [
        "@client Yoda.2",
        "Yoda.2 > Yoda",
        "Yoda.2 > ${password:Yoda}",
        "Yoda.2 < error: Yoda is logged in already, on another terminal",
        "@ends Yoda.2 4",
    ]
    assert told.says("Yoda", ActiveUser(2), Active(2, [])).lines[-1] == "Yoda < no other active user"


def test_a_connection_that_ends_is_a_program_that_is_killed_and_its_name_is_free_again() -> None:
    told = Told().enter(YODA).leaves("Yoda", "Yoda").enter(YODA)
    assert told.lines[2:] == ["@actor Yoda", "@kill Yoda", "server < Yoda lost the connection", "@actor Yoda"]
    assert Told().says("1?", Login(1, "Yoda", "x"), refused("login_failed")).leaves("1").lines[-1] == "@kill Yoda"
    assert Told().leaves("a stranger").lines[2:] == []


def test_a_file_that_is_wanted_is_made_and_arrives() -> None:
    told = Told().enter(YODA, HANS)
    told.says("Yoda", Offer(2, "Hans", "0" * 32, "a.mp4", 20_000_000, KEY, 5), Relayed(2))
    told.says("Hans", Answer(2, "Yoda", "0" * 32, True, KEY, 5), Relayed(2))
    assert told.lines[4:] == [
        "@make Yoda/a.mp4 20000000 bytes",
        "Yoda > /p2pvideo Hans a.mp4",
        "Hans <30 received a.mp4 from Yoda",
        "Yoda <30 delivered a.mp4 to Hans",
    ]


def test_a_file_that_is_not_wanted_is_a_remark_and_one_to_nobody_is_refused() -> None:
    told = Told().enter(YODA, HANS)
    told.says("Yoda", Offer(2, "Hans", "0" * 32, "a.mp4", 5, KEY, 5), Relayed(2))
    told.says("Hans", Answer(2, "Yoda", "0" * 32, False), Relayed(2))
    told.says("Yoda", Outcome(3, "Luke", "0" * 32, "offer_follows"), refused("offline", user="Luke"))
    assert told.lines[4:] == [
        "# Hans does not want the file a.mp4 from Yoda",
        "Yoda > /p2pvideo Luke video.mp4",
        "Yoda < error: Luke is not online",
    ]


@pytest.mark.parametrize(
    "request_",
    [MsgTo(2, "", "x"), MsgTo(2, "a b", "x"), CreateGroup(2, "a", [" "]), MsgTo(2, "Luke\n", "x"), MsgTo(2, "x", "")],
)
def test_what_no_client_can_type_is_a_remark(request_: Any) -> None:
    told = Told().enter(YODA).says("Yoda", request_, refused("unknown_user", user="x"))
    assert told.lines[3:] == ["# a request of Yoda was refused: unknown_user"]


def test_what_is_no_request_is_a_remark_and_an_endless_one_the_end() -> None:
    told = Told().enter(YODA).says("Yoda", Malformed(None, "malformed", "x"), Error("malformed", "x"))
    assert told.lines[3:] == ["# Yoda sent what nobody can type: malformed"]
    told.says("Yoda", Malformed(None, "line_too_long", "x"), Error("line_too_long", "x"))
    assert told.lines[-2:] == ["@kill Yoda", "server < Yoda lost the connection"]


def test_passwords_are_not_told_wherever_they_were_typed() -> None:
    told = Told().says("Yoda?", Login(1, "Yoda", "comp9332"), refused("login_failed"))
    told.says("Yoda?", Login(1, "Yoda", "comp9331"), welcome("Yoda")).enter(HANS)
    text = "comp9331 or comp9332 and falcon*solo"
    told.says("Yoda", MsgTo(2, "Hans", text), Sent(2, TIME, 1), heard=[("Hans", Message("Yoda", text, TIME, 1))])
    told.says("Yoda", MsgTo(3, "comp9332", "hi"), refused("unknown_user", user="comp9332"))
    told.says("Yoda", MsgTo(4, "falcon*solo", "hi"), refused("unknown_user", user="falcon*so…"))
    assert told.lines[-6:] == [
        "Yoda > /msgto Hans ${password:Yoda} or (hidden) and ${password:Hans}",
        "Yoda < message sent at {time}",
        "Hans < {time}, Yoda: ${password:Yoda} or {text} and ${password:Hans}",
        "# a request of Yoda was refused: unknown_user",
        "Yoda > /msgto ${password:Hans} hi",
        "Yoda < error: {text}",
    ]

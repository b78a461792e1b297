"""Groups: making, joining, writing; membership over logouts and restarts."""

from __future__ import annotations

from typing import List, Tuple

import pytest

from messenger.chat import commands
from messenger.chat.state import Group, Session, State
from messenger.protocol.messages import CreateGroup, GroupMsg, JoinGroup, Logout
from tests.support.files import ACCOUNTS
from tests.support.sink import Chat

NOW = "01 Jun 2022 21:30:04"


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def people(chat: Chat) -> Tuple[Session, Session, Session]:
    """Yoda, Hans and Leia, online; Padme is known and offline."""
    return chat.enter("Yoda"), chat.enter("Hans"), chat.enter("Leia")


def test_a_group_has_its_creator_first_and_an_empty_log(chat: Chat, people: List[Session]) -> None:
    yoda, hans, leia = people
    reply = chat.say(yoda, CreateGroup(1, "club", ["Hans", "Leia"]))
    assert reply == [{"type": "created", "id": 1, "group": "club", "members": ["Yoda", "Hans", "Leia"]}]
    assert chat.sink.group_logs == {"club": []}
    assert chat.sink.group_changes == 1
    for invited in (hans, leia):
        assert chat.heard(invited) == [{"type": "invited", "group": "club", "by": "Yoda"}]
    assert chat.sink.messages == []
    assert chat.sink.told[-1] == "Yoda made the group club with Hans, Leia"


def test_a_name_given_twice_and_oneself_count_once(chat: Chat, people: List[Session]) -> None:
    (reply,) = chat.say(people[0], CreateGroup(1, "club", ["Hans", "Yoda", "Hans", "Leia", "Hans"]))
    assert reply["members"] == ["Yoda", "Hans", "Leia"]
    assert len(chat.heard(people[1])) == 1


@pytest.mark.parametrize(
    ("group", "users", "code", "named"),
    [
        ("", [], "usage", ["/creategroup NAME USER…"]),
        ("club", [], "group_needs_members", []),
        ("club", ["Yoda"], "group_needs_members", []),
        ("club", ["Yoda", "Yoda"], "group_needs_members", []),
        ("bad-name", [], "group_needs_members", []),
        ("bad-name", ["Nobody"], "bad_group_name", ["bad-name"]),
        ("Ünï", ["Hans"], "bad_group_name", ["Ünï"]),
        ("a b", ["Hans"], "bad_group_name", []),
        ("../etc", ["Hans"], "bad_group_name", []),
        ("club\n", ["Hans"], "bad_group_name", []),
        ("١٢", ["Hans"], "bad_group_name", []),
        ("g" * 33, ["Hans"], "bad_group_name", []),
        ("taken", ["Nobody"], "group_exists", ["taken"]),
        ("TAKEN", ["Hans"], "group_exists", ["taken"]),
        ("club", ["Nobody"], "members_unavailable", ["Nobody"]),
        ("club", ["Padme"], "members_unavailable", ["Padme"]),
        ("club", ["Hans", "Nobody", "Padme", "None"], "members_unavailable", ["Nobody", "None", "Padme"]),
        ("club", ["hans"], "members_unavailable", ["hans"]),
        ("club", [""], "members_unavailable", []),
    ],
)
def test_what_is_no_group_is_refused_in_this_order_without_a_trace(
    chat: Chat, people: List[Session], group: str, users: List[str], code: str, named: List[str]
) -> None:
    chat.say(people[0], CreateGroup(1, "taken", ["Hans"]))
    chat.heard(people[1])
    reply = chat.refused(people[0], CreateGroup(2, group, users))
    assert reply["code"] == code
    assert not [name for name in named if name not in reply["message"]]
    assert list(chat.sink.group_logs) == ["taken"]


def test_every_unavailable_user_is_named(chat: Chat, people: List[Session]) -> None:
    """However many there are and however long their names."""
    names = [letter * 32 for letter in "abcdefgh"]
    reply = chat.refused(people[0], CreateGroup(1, "club", ["Hans", *names, "Padme"]))
    assert not [name for name in [*names, "Padme"] if name not in reply["message"]]
    assert "Hans" not in reply["message"]


def test_a_name_stays_free_when_no_group_came_of_it(chat: Chat, people: List[Session]) -> None:
    chat.refused(people[0], CreateGroup(1, "club", ["Nobody"]))
    assert chat.say(people[1], CreateGroup(2, "club", ["Leia"]))[0]["members"] == ["Hans", "Leia"]


def test_names_of_one_and_32_characters_are_taken(chat: Chat, people: List[Session]) -> None:
    for name in ("1", "g" * 32):
        assert chat.say(people[0], CreateGroup(1, name, ["Hans"]))[0]["group"] == name


def test_a_group_whose_log_cannot_be_made_is_not_made(chat: Chat, people: List[Session]) -> None:
    chat.sink.creates_logs = False
    assert chat.refused(people[0], CreateGroup(1, "club", ["Hans"]))["code"] == "not_stored"
    chat.sink.creates_logs = True
    assert chat.say(people[0], CreateGroup(1, "club", ["Hans"]))[0]["type"] == "created"


def test_the_number_of_groups_is_bounded(chat: Chat, people: List[Session], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "GROUPS_MAX", 2)
    for name in ("a", "b"):
        chat.say(people[0], CreateGroup(1, name, ["Hans"]))
    chat.heard(people[1])
    assert chat.refused(people[0], CreateGroup(1, "c", ["Hans"]))["code"] == "too_many_groups"


@pytest.fixture
def club(chat: Chat, people: List[Session]) -> None:
    """Yoda has made the group club with Hans, who has not joined yet."""
    chat.say(people[0], CreateGroup(1, "club", ["Hans"]))
    chat.heard(people[1])


@pytest.mark.usefixtures("club")
@pytest.mark.parametrize(
    ("who", "group", "code"),
    [
        (1, "", "usage"),
        (1, "nogroup", "unknown_group"),
        (1, "CLUB", "unknown_group"),
        (2, "club", "not_invited"),
        (0, "club", "joined_already"),
    ],
)
def test_joining_is_refused_with_four_different_texts(
    chat: Chat, people: List[Session], who: int, group: str, code: str
) -> None:
    reply = chat.refused(people[who], JoinGroup(1, group))
    assert reply["code"] == code
    assert (group or "/joingroup NAME") in reply["message"]


@pytest.mark.usefixtures("club")
@pytest.mark.parametrize(
    ("who", "group", "text", "code"),
    [
        (0, "", "hi", "usage"),
        (0, "club", "", "usage"),
        (0, "club", " \t ", "usage"),
        (0, "nogroup", " ", "usage"),
        (0, "nogroup", "hi", "unknown_group"),
        (0, "Club", "hi", "unknown_group"),
        (2, "club", "hi", "not_invited"),
        (1, "club", "hi", "not_joined"),
    ],
)
def test_writing_is_refused_with_four_different_texts(
    chat: Chat, people: List[Session], who: int, group: str, text: str, code: str
) -> None:
    reply = chat.refused(people[who], GroupMsg(1, group, text))
    assert reply["code"] == code
    assert ("/groupmsg NAME TEXT" if code == "usage" else group) in reply["message"]


@pytest.mark.usefixtures("club")
def test_an_invited_user_joins_once(chat: Chat, people: List[Session]) -> None:
    hans = people[1]
    assert chat.say(hans, JoinGroup(4, "club")) == [{"type": "joined", "id": 4, "group": "club"}]
    assert chat.sink.group_changes == 2
    assert chat.refused(hans, JoinGroup(5, "club"))["code"] == "joined_already"


@pytest.mark.usefixtures("club")
def test_a_group_message_goes_to_all_who_joined_but_the_sender_and_into_both_logs(
    chat: Chat, people: List[Session]
) -> None:
    yoda, hans, leia = people
    chat.say(hans, JoinGroup(1, "club"))
    assert chat.say(yoda, GroupMsg(2, "club", "a; b")) == [{"type": "sent", "id": 2, "time": NOW, "number": 1}]
    event = {"type": "group_message", "group": "club", "from": "Yoda", "text": "a; b", "time": NOW, "number": 1}
    assert (chat.heard(hans), chat.heard(leia), chat.heard(yoda)) == ([event], [], [])
    assert chat.sink.messages == [f"1; {NOW}; club; a; b\n"]
    assert chat.sink.group_logs == {"club": [f"1; {NOW}; Yoda; a; b\n"]}


@pytest.mark.usefixtures("club")
def test_who_is_invited_but_has_not_joined_hears_nothing(chat: Chat, people: List[Session]) -> None:
    chat.say(people[0], GroupMsg(2, "club", "alone"))
    assert chat.heard(people[1]) == []
    assert len(chat.sink.messages) == len(chat.sink.group_logs["club"]) == 1, "logged also if nobody else hears it"


def test_each_group_numbers_its_own_messages(chat: Chat, people: List[Session]) -> None:
    yoda = people[0]
    chat.say(yoda, CreateGroup(1, "a", ["Hans"]), CreateGroup(2, "b", ["Hans"]))
    chat.say(yoda, GroupMsg(3, "a", "1"), GroupMsg(4, "b", "2"), GroupMsg(5, "a", "3"), GroupMsg(6, "a", " "))
    numbers = {name: [line.split("; ")[0] for line in lines] for name, lines in chat.sink.group_logs.items()}
    assert numbers == {"a": ["1", "2"], "b": ["1"]}
    assert [line.split("; ")[0] for line in chat.sink.messages] == ["1", "2", "3"]


@pytest.mark.usefixtures("club")
@pytest.mark.parametrize("how", ["logout", "lost"])
def test_membership_and_invitations_survive_leaving_and_coming_back(
    chat: Chat, people: List[Session], how: str
) -> None:
    yoda, hans, _ = people
    chat.say(hans, CreateGroup(1, "duo", ["Yoda"]))
    chat.heard(yoda)
    if how == "lost":
        chat.leave(yoda)
    else:
        chat.say(yoda, Logout(9))
    chat.say(hans, JoinGroup(2, "club"))
    chat.say(hans, GroupMsg(3, "club", "missed"))
    assert chat.heard(yoda) == [], "who is offline gets nothing"
    again = chat.connect()
    welcome = chat.login(again, "Yoda")
    assert (welcome["groups"], welcome["invitations"]) == (["club"], ["duo"])
    chat.say(hans, GroupMsg(4, "club", "heard"))
    assert [event["text"] for event in chat.heard(again)] == ["heard"]
    assert chat.refused(again, JoinGroup(5, "club"))["code"] == "joined_already"


def test_groups_are_the_same_after_a_restart() -> None:
    state = State(frozenset(ACCOUNTS), number=10)
    state.add_group(Group("club", ["Yoda", "Hans"], {"Yoda"}, number=4))
    chat = Chat(state=state)
    yoda, hans = chat.enter("Yoda"), chat.connect()
    assert chat.login(hans, "Hans")["invitations"] == ["club"]
    assert chat.sink.create_log("club") == 0
    assert chat.refused(yoda, CreateGroup(1, "Club", ["Hans"]))["code"] == "group_exists"
    assert chat.refused(hans, GroupMsg(1, "club", "hi"))["code"] == "not_joined"
    chat.say(hans, JoinGroup(2, "club"))
    chat.say(yoda, GroupMsg(3, "club", "hi"))
    assert chat.heard(hans)[-1]["text"] == "hi"
    assert chat.sink.group_logs["club"] == [f"5; {NOW}; Yoda; hi\n"]
    (record,) = state.group_records()
    assert (record.name, record.members, record.joined) == ("club", ["Yoda", "Hans"], ["Hans", "Yoda"])

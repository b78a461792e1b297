"""Hypothesis plays any sequence of logins, messages and groups against a model of a page."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Set

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from messenger.chat.state import Session
from messenger.protocol.messages import Answer, CreateGroup, GroupMsg, JoinGroup, Logout, MsgTo, Offer, Outcome
from tests.support.files import ACCOUNTS
from tests.support.sink import Chat

NAMES = ["Yoda", "Hans", "Leia"]
people = st.sampled_from(NAMES)
anyone = st.sampled_from([*NAMES, "Nobody"])
groups = st.sampled_from(["a", "A", "b"])
texts = st.sampled_from(["hi", " ", "a; b"])
ID = "0" * 32
about_files = st.sampled_from(
    [
        lambda user: Offer(1, user, ID, "a.mp4", 5, "A" * 43 + "=", 13000),
        lambda user: Answer(1, user, ID, accepted=False, code="declined"),
        lambda user: Outcome(1, user, ID, "done"),
    ]
)


class ChatModel(RuleBasedStateMachine):
    """Keeps who is online, the failures of each name, the groups and what must stand in the logs."""

    def __init__(self) -> None:
        super().__init__()
        self.chat = Chat(attempts=2)
        self.online: Dict[str, Session] = {}
        self.failures: Dict[str, int] = {}
        self.blocked_until: Dict[str, float] = {}
        self.invited: Dict[str, List[str]] = {}
        self.joined: Dict[str, Set[str]] = {}
        self.addressed: List[str] = []
        self.group_senders: Dict[str, List[str]] = {}

    def outcome(self, name: str, request: Any) -> Optional[str]:
        """Return the error code or the type of the reply; None for who is not online."""
        if name not in self.online:
            return None
        reply = self.chat.say(self.online[name], request)[-1]
        return str(reply.get("code", reply["type"]))

    @rule(name=anyone, right=st.booleans())
    def login(self, name: str, right: bool) -> None:
        session = self.chat.connect()
        reply = self.chat.login(session, name, ACCOUNTS.get(name, "") if right else "wrong")
        code = reply.get("code", reply["type"])
        if self.blocked_until.get(name, 0) > self.chat.now:
            assert code == "blocked"
        elif right and name in ACCOUNTS:
            self.failures[name] = 0
            assert code == ("already_online" if name in self.online else "welcome")
            if code == "welcome":
                self.online[name] = session
                assert reply.get("groups", []) == [g for g in self.invited if name in self.joined[g]]
        else:
            self.failures[name] = self.failures.get(name, 0) + 1
            assert code == ("blocked" if self.failures[name] == 2 else "login_failed")
            if code == "blocked":
                self.failures[name] = 0
                self.blocked_until[name] = self.chat.now + 10

    @rule(seconds=st.sampled_from([0.5, 9.5, 10.0]))
    def wait(self, seconds: float) -> None:
        self.chat.now += seconds

    @rule(name=people, polite=st.booleans())
    def go(self, name: str, polite: bool) -> None:
        if name in self.online:
            session = self.online[name]
            if polite:
                assert self.outcome(name, Logout(1)) == "goodbye"
            self.chat.leave(session)
            del self.online[name]

    @rule(name=people, user=anyone, text=texts)
    def write(self, name: str, user: str, text: str) -> None:
        code = self.outcome(name, MsgTo(1, user, text))
        if code == "sent":
            assert user != name
            assert user in self.online
            assert text.strip()
            self.addressed.append(user)
            assert self.chat.heard(self.online[user])[-1]["from"] == name
        elif code is not None:
            assert user == name or user not in self.online or not text.strip()

    @rule(name=people, user=anyone, request=about_files)
    def speak_of_a_file(self, name: str, user: str, request: Callable[[str], Any]) -> None:
        for session in self.online.values():
            self.chat.heard(session)
        code = self.outcome(name, request(user))
        hearers = {other for other, session in self.online.items() if self.chat.heard(session)}
        assert (code == "relayed") == (name in self.online and user != name and user in self.online)
        assert hearers == ({user} if code == "relayed" else set())

    @rule(name=people, group=groups, users=st.lists(anyone, max_size=3))
    def make_group(self, name: str, group: str, users: List[str]) -> None:
        code = self.outcome(name, CreateGroup(1, group, users))
        others = [user for user in dict.fromkeys(users) if user != name]
        possible = bool(others) and all(user in self.online for user in others)
        possible = possible and group.lower() not in [other.lower() for other in self.invited]
        if code is not None:
            assert (code == "created") == possible, code
        if code == "created":
            self.invited[group] = [name, *others]
            self.joined[group] = {name}
            self.group_senders[group] = []

    @rule(name=people, group=groups)
    def join(self, name: str, group: str) -> None:
        code = self.outcome(name, JoinGroup(1, group))
        if code is not None:
            may = name in self.invited.get(group, []) and name not in self.joined[group]
            assert (code == "joined") == may
        if code == "joined":
            self.joined[group].add(name)

    @rule(name=people, group=groups, text=texts)
    def write_group(self, name: str, group: str, text: str) -> None:
        for session in self.online.values():
            self.chat.heard(session)
        code = self.outcome(name, GroupMsg(1, group, text))
        if code is None:
            return
        assert (code == "sent") == (name in self.joined.get(group, ()) and bool(text.strip()))
        if code == "sent":
            self.addressed.append(group)
            self.group_senders[group].append(name)
            hearers = {user for user, session in self.online.items() if self.chat.heard(session)}
            assert hearers == (self.joined[group] & set(self.online)) - {name}

    @invariant()
    def online_is_who_logged_in(self) -> None:
        assert self.chat.state.online == self.online

    @invariant()
    def logs_hold_what_was_sent_and_nothing_else(self) -> None:
        rows = [line.split("; ", 3) for line in self.chat.sink.messages]
        assert [(int(row[0]), row[2]) for row in rows] == list(enumerate(self.addressed, 1))
        for group, senders in self.group_senders.items():
            rows = [line.split("; ", 3) for line in self.chat.sink.group_logs[group]]
            assert [(int(row[0]), row[2]) for row in rows] == list(enumerate(senders, 1))


TestChatModel = ChatModel.TestCase
TestChatModel.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)

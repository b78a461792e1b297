"""The rules of the chat with people in it, and everything that they want of the world written down."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

import msgspec

from messenger.chat.accounts import Accounts
from messenger.chat.rules import Rules
from messenger.chat.state import Moment, Session, State
from messenger.errors import StorageError
from messenger.protocol.framing import Incoming
from messenger.protocol.messages import Event, Login, Sent
from tests.support.files import ACCOUNTS

Json = Dict[str, Any]


class RecordingSink:
    """`messenger.chat.effects.Effects` that carries nothing out and remembers all of it."""

    def __init__(self) -> None:
        self.delivered: List[Tuple[Session, Event]] = []
        self.messages: List[str] = []
        self.group_logs: Dict[str, List[str]] = {}
        """Group to the lines of its log; a log that was created and is empty has an empty list."""
        self.activity: List[str] = []
        self.told: List[str] = []
        self.presence_changes = 0
        self.group_changes = 0
        self.closed: List[Session] = []
        self.verifications: List[Tuple[Session, Login]] = []
        self.takes_verifications = True
        self.creates_logs = True

    def deliver(self, session: Session, event: Event) -> None:
        self.delivered.append((session, event))

    def acknowledge(self, session: Session, sent: Sent) -> None:
        self.delivered.append((session, sent))

    def deliver_all(self, sessions: Iterable[Session], but: Session, event: Event) -> None:
        self.delivered += [(session, event) for session in sessions if session is not but]

    def record(self, line: str) -> None:
        self.messages.append(line)

    def record_group(self, group: str, line: str) -> None:
        self.group_logs[group].append(line)

    def record_activity(self, line: str) -> None:
        self.activity.append(line)

    def create_log(self, group: str) -> int:
        if not self.creates_logs:
            raise StorageError("disk full")
        return len(self.group_logs.setdefault(group, []))

    def presence_changed(self) -> None:
        self.presence_changes += 1

    def groups_changed(self) -> None:
        self.group_changes += 1

    def verify(self, session: Session, login: Login) -> bool:
        if self.takes_verifications:
            self.verifications.append((session, login))
        return self.takes_verifications

    def close(self, session: Session) -> None:
        self.closed.append(session)

    def tell(self, line: Tuple[Any, ...]) -> None:
        template, *fields = line
        self.told.append(template.format(*fields))


class Chat:
    """The rules, a clock that stands still until it is moved, and one session for each who comes."""

    def __init__(
        self, attempts: int = 3, accounts: Mapping[str, str] = ACCOUNTS, state: Optional[State] = None
    ) -> None:
        self.sink = RecordingSink()
        self.state = state or State(frozenset(accounts))
        self.rules = Rules(self.state, Accounts(dict(accounts), b"k" * 32), attempts)
        self.now = 1000.0
        self.time = "01 Jun 2022 21:30:04"

    @property
    def moment(self) -> Moment:
        """The moment of the next requests."""
        return Moment(self.now, self.time)

    def connect(self, address: str = "127.0.0.1") -> Session:
        """Return a session that has not logged in."""
        return Session(address)

    def say(self, session: Session, *requests: Incoming) -> List[Json]:
        """Hand in requests that come together; return what this session got since it was last asked."""
        rest = self.rules.handle(session, requests, self.moment, self.sink)
        assert not rest, "some requests wait for a password check"
        return self.heard(session)

    def heard(self, session: Session) -> List[Json]:
        """Take what was delivered to this session since it was last asked, as it looks on the wire."""
        mine = [event for to, event in self.sink.delivered if to is session]
        self.sink.delivered = [(to, event) for to, event in self.sink.delivered if to is not session]
        return [msgspec.json.decode(msgspec.json.encode(event)) for event in mine]

    def login(self, session: Session, name: str, password: Optional[str] = None, udp_port: int = 13000) -> Json:
        """Try to log in, with the right password unless told otherwise; return the reply."""
        right = ACCOUNTS.get(name, "")
        (reply,) = self.say(session, Login(0, name, right if password is None else password, udp_port))
        return reply

    def enter(self, name: str, udp_port: int = 13000, address: str = "127.0.0.1") -> Session:
        """Return a session in which this user has logged in."""
        session = self.connect(address)
        assert self.login(session, name, udp_port=udp_port)["type"] == "welcome"
        return session

    def leave(self, session: Session) -> None:
        """Let the connection of a session be lost."""
        self.rules.disconnected(session, self.moment, self.sink)

    def refused(self, session: Session, request: Incoming) -> Json:
        """Hand in a request that must be refused and leave no trace but the error that is returned."""
        before = self._traces()
        (reply,) = self.say(session, request)
        assert reply["type"] == "error", reply
        assert self._traces() == before
        assert not [to for to, _ in self.sink.delivered if to is not session]
        return reply

    def _traces(self) -> object:
        sink = self.sink
        groups = {g.name: (list(g.members), set(g.joined), g.number, set(g.listeners)) for g in self._groups()}
        logs = {name: list(lines) for name, lines in sink.group_logs.items()}
        counts = (sink.presence_changes, sink.group_changes, len(sink.closed), len(sink.told))
        return (list(sink.messages), logs, list(sink.activity), counts, groups, self.state.number, *self.state.online)

    def _groups(self) -> Iterable[Any]:
        return self.state.groups.values()

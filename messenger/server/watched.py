"""Rules that somebody looks on at, such as a recording of all that is said."""

from __future__ import annotations

from typing import Any, Collection, List, Mapping, Protocol, Sequence, Tuple, cast

from messenger.chat.accounts import Accounts
from messenger.chat.effects import Effects
from messenger.chat.rules import Rules
from messenger.chat.state import GroupRecord, Moment, Session, State
from messenger.protocol.framing import Incoming
from messenger.protocol.messages import Event, Login, Sent


class Witness(Protocol):
    """Is told what is asked for and answered, under the lock of the rules; so no call may wait for anything."""

    def begins(self, attempts: int, accounts: Mapping[str, str], groups: Sequence[GroupRecord]) -> None:
        """The server is about to start, with these groups, and accounts (names and secrets)."""

    def handled(
        self, session: Session, user: str, request: Any, replies: List[Event], heard: List[Tuple[str, Event]]
    ) -> None:
        """A request was carried out, of whoever was logged in as `user`: its replies, and what others got."""

    def disconnected(self, session: Session, user: str) -> None:
        """A connection has ended without a logout."""

    def ends(self) -> None:
        """The server is about to stop; what is told from now on is not of the clients' doing. May wait a moment."""


class _Overheard:
    """Effects that are carried out by `out`, and kept."""

    def __init__(self, out: Effects, speaker: Session) -> None:
        self._out = out
        self._speaker = speaker
        self.replies: List[Event] = []
        self.heard: List[Tuple[str, Event]] = []

    def deliver(self, session: Session, event: Event) -> None:
        self._keep(session, event)
        self._out.deliver(session, event)

    def acknowledge(self, session: Session, sent: Sent) -> None:
        self._keep(session, sent)
        self._out.acknowledge(session, sent)

    def deliver_all(self, sessions: Collection[Session], but: Session, event: Event) -> None:
        for session in sessions:
            if session is not but:
                self._keep(session, event)
        self._out.deliver_all(sessions, but, event)

    def _keep(self, session: Session, event: Event) -> None:
        if session is self._speaker:
            self.replies.append(event)
        else:
            self.heard.append((session.name, event))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


class WatchedRules(Rules):
    """The rules, one request at a time, and a witness of each."""

    def __init__(self, state: State, accounts: Accounts, attempts: int, witness: Witness) -> None:
        super().__init__(state, accounts, attempts)
        self._witness = witness

    def handle(self, session: Session, requests: Sequence[Incoming], moment: Moment, out: Effects) -> List[Incoming]:
        """See `Rules.handle`."""
        waiting: List[Incoming] = []
        for request in requests:
            user = session.name
            overheard = _Overheard(out, session)
            waiting += super().handle(session, [request], moment, cast(Effects, overheard))
            self._witness.handled(session, user, request, overheard.replies, overheard.heard)
            if session.closing:
                break
        return waiting

    def verified(self, session: Session, login: Login, right: bool, moment: Moment, out: Effects) -> None:
        """See `Rules.verified`."""
        overheard = _Overheard(out, session)
        super().verified(session, login, right, moment, cast(Effects, overheard))
        self._witness.handled(session, "", login, overheard.replies, overheard.heard)

    def disconnected(self, session: Session, moment: Moment, out: Effects) -> None:
        """See `Rules.disconnected`."""
        user = session.name
        super().disconnected(session, moment, out)
        self._witness.disconnected(session, user)

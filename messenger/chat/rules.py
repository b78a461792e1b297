"""The way of a request through the rules: login first, then the table of commands; and how a session ends."""

from __future__ import annotations

from typing import List, Optional, Sequence

from messenger import wording
from messenger.chat.accounts import Accounts, Throttle
from messenger.chat.commands import COMMANDS, close, leave, record_activity
from messenger.chat.effects import Effects
from messenger.chat.refusal import Refusal
from messenger.chat.state import Moment, Session, State
from messenger.protocol.framing import Incoming
from messenger.protocol.limits import PROTOCOL_VERSION
from messenger.protocol.messages import Alive, Login, Malformed, Ping, Sent, Welcome


class Rules:
    """The chat as its server calls it. One thread at a time."""

    def __init__(self, state: State, accounts: Accounts, attempts: int) -> None:
        self.state = state
        self._accounts = accounts
        self._throttle = Throttle(attempts)

    def handle(self, session: Session, requests: Sequence[Incoming], moment: Moment, out: Effects) -> List[Incoming]:
        """Carry out one session's requests, in order.

        Returns those that must wait because a password is being checked: hand them in again after `verified`.
        """
        if not session.name:
            return self._handle_stranger(session, requests, moment, out)
        state = self.state
        ack: Optional[Sent] = None
        last_id = last_number = -1
        for request in requests:
            try:
                number = COMMANDS[type(request)](state, session, request, moment, out)
            except Refusal as refusal:
                self._refuse(session, refusal, request.id, out)  # type: ignore[union-attr]  # what has no id is not refused
                number = None
            if number is None:
                if ack is not None:
                    _extend(ack, last_id, last_number)
                    ack = None
                if session.closing:
                    break
                continue
            request_id: int = request.id  # type: ignore[assignment,union-attr]  # what is logged has one
            if ack is None or request_id != last_id + 1 or number != last_number + 1:
                if ack is not None:
                    _extend(ack, last_id, last_number)
                ack = Sent(request_id, moment.text, number)
                out.acknowledge(session, ack)
            last_id, last_number = request_id, number
        if ack is not None:
            _extend(ack, last_id, last_number)
        return []

    def verified(self, session: Session, login: Login, right: bool, moment: Moment, out: Effects) -> None:
        """Go on with a login whose password was checked elsewhere; the session may be gone by now."""
        session.verifying = False
        if session.closing:
            self._throttle.settle(login.username, right, moment.monotonic)
        else:
            self._finish_login(session, login, right, moment, out)

    def disconnected(self, session: Session, moment: Moment, out: Effects) -> None:
        """Take a session off every list whose connection ended without a logout."""
        session.closing = True
        if session.name:
            out.tell((wording.LOST, leave(self.state, session, "lost", moment, out)))

    def _handle_stranger(
        self, session: Session, requests: Sequence[Incoming], moment: Moment, out: Effects
    ) -> List[Incoming]:
        if session.verifying:
            return list(requests)  # one password at a time on one connection
        for position, request in enumerate(requests):
            if isinstance(request, Login):
                self._begin_login(session, request, moment, out)
                rest = list(requests[position + 1 :])
                if session.name:
                    return self.handle(session, rest, moment, out)
                if session.verifying:
                    return rest
            elif isinstance(request, (Ping, Alive, Malformed)):
                COMMANDS[type(request)](self.state, session, request, moment, out)
            else:
                self._refuse(session, Refusal("login_first"), request.id, out)
            if session.closing:
                break
        return []

    def _begin_login(self, session: Session, login: Login, moment: Moment, out: Effects) -> None:
        name = login.username
        session.udp_port = login.udp_port
        if login.protocol != PROTOCOL_VERSION:
            refusal = Refusal("bad_protocol", expected=PROTOCOL_VERSION, given=login.protocol)
            self._refuse(session, refusal, login.id, out)
            return
        seconds = self._throttle.blocked_for(name, moment.monotonic)
        if seconds > 0:
            self._refuse_login(session, login, "blocked", moment, out, seconds)
            return
        if not self._throttle.reserve(name):
            self._refuse_login(session, login, "login_in_progress", moment, out)
            return
        right = self._accounts.check_fast(name, login.password)
        if right is None:
            session.verifying = out.verify(session, login)
            if not session.verifying:
                self._throttle.release(name)
                self._refuse_login(session, login, "busy", moment, out)
        else:
            self._finish_login(session, login, right, moment, out)

    def _finish_login(self, session: Session, login: Login, right: bool, moment: Moment, out: Effects) -> None:
        name = login.username
        if self._throttle.settle(name, right, moment.monotonic):
            seconds = self._throttle.blocked_for(name, moment.monotonic)
            self._refuse_login(session, login, "blocked", moment, out, seconds)
        elif not right:
            self._refuse_login(session, login, "login_failed", moment, out)
        elif name in self.state.online:
            self._refuse_login(session, login, "already_online", moment, out)
        else:
            self._enter(session, login, moment, out)

    def _enter(self, session: Session, login: Login, moment: Moment, out: Effects) -> None:
        state = self.state
        session.name = name = login.username
        session.since = moment.text
        state.online[name] = session
        groups = state.memberships.get(name, [])
        joined = [group for group in groups if name in group.joined]
        for group in joined:
            group.listeners[name] = session
        record_activity(state, name, session, "login", moment, out)
        out.presence_changed()
        invitations = [group.name for group in groups if name not in group.joined]
        out.deliver(session, Welcome(login.id, name, moment.text, [group.name for group in joined], invitations))
        out.tell((wording.LOGGED_IN, name, session.address, session.udp_port, len(state.online)))

    def _refuse_login(
        self, session: Session, login: Login, code: str, moment: Moment, out: Effects, seconds: float = 0
    ) -> None:
        known = login.username if login.username in self.state.users else "-"
        refusal = Refusal(code, round(seconds, 1), user=login.username, seconds=max(1, round(seconds)))
        record_activity(self.state, known, session, "blocked" if code == "blocked" else "refused", moment, out)
        self._refuse(session, refusal, login.id, out)
        told = wording.UNKNOWN_NAME if known == "-" else known
        out.tell((wording.LOGIN_FAILED, told, session.address, wording.LOGIN_REASONS[code]))
        if code == "blocked":
            close(session, out)

    def _refuse(self, session: Session, refusal: Refusal, request_id: Optional[int], out: Effects) -> None:
        self.state.counts.refusals[refusal.code] += 1
        out.deliver(session, refusal.error(request_id))


def _extend(ack: Sent, last_id: int, last_number: int) -> None:
    """Let one reply stand for a run of messages: it took its place in the order of replies at the first of them."""
    if last_id != ack.id:
        ack.count = last_id - ack.id + 1
        ack.id = last_id
        ack.number = last_number

"""The server's sink of effects: collects what one wake-up wants of the world, to be carried out in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Collection, Dict, List, Tuple

from msgspec import Raw

from messenger import wording
from messenger.chat.refusal import Refusal
from messenger.chat.state import Session, State
from messenger.protocol.framing import encode
from messenger.protocol.messages import Event, Login, Message, Sent
from messenger.server.connection import END, Connection
from messenger.server.console import Told
from messenger.server.counts import Messages

if TYPE_CHECKING:
    from messenger.server.journal import Journal

Work = List[Tuple[Connection, List[Any]]]
"""What is to be sent: connections, each with its events in order."""


class Batch:
    """`messenger.chat.effects.Effects`, collected. One I/O thread uses one of these again and again."""

    def __init__(self, journal: Journal, verify: Callable[[Connection, Login], bool]) -> None:
        self._journal = journal
        self._verify = verify
        self.lines: List[str] = []
        self.group_lines: Dict[str, List[str]] = {}
        self.activity: List[str] = []
        self.told: List[Told] = []
        self.dirty: List[Any] = []
        """Sessions that are to be sent what they have pending; all are connections."""
        self.late: List[Any] = []
        """Sessions for which nothing but acknowledgements was pending when they were added."""
        self.fan_out = 0
        """Deliveries of the group messages."""
        self.is_presence_changed = False
        self.is_groups_changed = False
        self.record = self.lines.append
        self.record_activity = self.activity.append
        self.tell = self.told.append

    def deliver(self, session: Session, event: Event) -> None:
        """Keep an event for a session."""
        if not session.is_due:
            session.is_due = True
            self.dirty.append(session)
        session.pending.append(event)

    def acknowledge(self, session: Session, sent: Sent) -> None:
        """Keep an acknowledgement, which goes out with the session's next event or when `hurry` is called."""
        pending = session.pending
        if not pending:
            self.late.append(session)
        pending.append(sent)

    def hurry(self) -> None:
        """Let the acknowledgements that wait go out with this batch."""
        for session in self.late:
            if session.pending and not session.is_due:
                session.is_due = True
                self.dirty.append(session)
        self.late.clear()

    def deliver_all(self, sessions: Collection[Session], but: Session, event: Event) -> None:
        """Keep an event, encoded once, for all these sessions but one."""
        raw = Raw(encode(event))
        self.fan_out += len(sessions) - 1
        dirty = self.dirty
        for session in sessions:
            if session is not but:
                if not session.is_due:
                    session.is_due = True
                    dirty.append(session)
                session.pending.append(raw)

    def record_group(self, group: str, line: str) -> None:
        """Keep a line for the log of a group."""
        self.group_lines.setdefault(group, []).append(line)

    def create_log(self, group: str) -> int:
        """Create the log of a new group at once, and return its last number; raises `StorageError`."""
        return self._journal.create_group_log(group)

    def presence_changed(self) -> None:
        """Keep in mind to replace userlog.txt."""
        self.is_presence_changed = True

    def groups_changed(self) -> None:
        """Keep in mind to replace the file of groups."""
        self.is_groups_changed = True

    def verify(self, session: Session, login: Login) -> bool:
        """Have a password checked by the login workers."""
        assert isinstance(session, Connection)
        return self._verify(session, login)

    def close(self, session: Session) -> None:
        """Close a connection behind everything that it still gets."""
        self.deliver(session, END)

    def messages(self) -> Messages:
        """Return how many messages of which kind there are in this batch, and how many deliveries of them."""
        in_groups = sum(map(len, self.group_lines.values()))
        private = len(self.lines) - in_groups
        return Messages(private, in_groups, private + self.fan_out)

    def take_back_messages(self, state: State) -> None:
        """Undo the messages of this batch, which could not be stored: nobody gets one, their senders are told."""
        state.number -= len(self.lines)
        for group, lines in self.group_lines.items():
            state.groups[group.lower()].number -= len(lines)
        self.told[:] = [line for line in self.told if line[0] not in (wording.WROTE, wording.WROTE_GROUP)]
        self.hurry()
        for session in self.dirty:
            session.pending[:] = refuse_messages(session.pending, state.number)

    def take_pending(self) -> Work:
        """Return what is to be sent, and forget all of the batch: it has been carried out."""
        work = [(connection, connection.pending) for connection in self.dirty if connection.pending]
        for connection in self.dirty:
            connection.pending = []
            connection.is_due = False
        self.dirty.clear()
        self.lines.clear()
        self.activity.clear()
        self.told.clear()
        if self.group_lines:
            self.group_lines.clear()
            self.fan_out = 0
        self.is_presence_changed = self.is_groups_changed = False
        return work


def refuse_messages(events: List[Any], stored: int = 0) -> List[Any]:
    """Return these events without messages, and with refusals in the place of their acknowledgements.

    Acknowledgements of messages up to the number `stored` stay: they are older and only waited to be sent.
    """
    kept: List[Any] = []
    for event in events:
        if isinstance(event, Sent) and event.number > stored:
            refusal = Refusal("not_stored")
            kept += [refusal.error(request_id) for request_id in range(event.id - event.count + 1, event.id + 1)]
        elif not isinstance(event, (Message, Raw)):
            kept.append(event)
    return kept

"""What the rules may ask of the world. A sink is passed in: the server's carries out, a test's records.

The server carries a batch out in this order: records first, then events. So nothing is delivered or acknowledged
that is not in the log.
"""

from __future__ import annotations

from typing import Any, Collection, Protocol, Tuple

from messenger.chat.state import Session
from messenger.protocol.messages import Event, Login, Sent


class Effects(Protocol):
    """The calls that the rules make; none of them fails but `create_log`."""

    def deliver(self, session: Session, event: Event) -> None:
        """Send an event or a reply to one session."""

    def acknowledge(self, session: Session, sent: Sent) -> None:
        """Reply `sent` to one session: behind what it was sent before, but it may wait a moment for more to send."""

    def deliver_all(self, sessions: Collection[Session], but: Session, event: Event) -> None:
        """Send one message to all these sessions but one, which is among them."""

    def record(self, line: str) -> None:
        """Append a line to messagelog.txt."""

    def record_group(self, group: str, line: str) -> None:
        """Append a line to the log of a group."""

    def record_activity(self, line: str) -> None:
        """Append a line to activitylog.txt."""

    def create_log(self, group: str) -> int:
        """Create the empty log of a new group at once and return the last number in it: 0, unless such a file was
        left there from before. Raises `StorageError` if that can't be done."""

    def presence_changed(self) -> None:
        """Who is online has changed: userlog.txt has to be replaced."""

    def groups_changed(self) -> None:
        """Groups or memberships have changed: the file that keeps them has to be replaced."""

    def verify(self, session: Session, login: Login) -> bool:
        """Have a password checked off this thread and come back with `Rules.verified`; False if too many wait."""

    def close(self, session: Session) -> None:
        """Close the connection once everything for it is sent."""

    def tell(self, line: Tuple[Any, ...]) -> None:
        """Show a line on the server's console: a template from `messenger.wording` and what fills it."""

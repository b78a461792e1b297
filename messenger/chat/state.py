"""What the rules know: who is online, which groups there are, and the last number used."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, Final, List, Optional, Set

from msgspec import Struct

from messenger.chat.offers import Offers
from messenger.wording import REFUSALS

GROUPS_MAX: Final = 10_000
"""Groups on one server: each is a file, and a folder with many more slows down everything else in it."""

OUTCOME_CODES_MAX: Final = 32
"""Codes of transfers' ends that are counted one by one; our client has under twenty."""

MALFORMED_CODES: Final = ("malformed", "bad_text", "line_too_long")
"""Codes of errors that answer what is no request."""


class Moment:
    """When a batch of requests is handled: one reading of the clocks for all of it."""

    __slots__ = ("monotonic", "text")

    def __init__(self, monotonic: float, text: str) -> None:
        self.monotonic = monotonic
        """Seconds on a clock that only goes forward; for blocks and deadlines."""
        self.text = text
        """The time as it stands in logs and messages: `01 Jun 2022 21:30:04`."""


class Session:
    """One connection, as far as the rules care. The server's connection is one of these."""

    __slots__ = ("address", "closing", "is_due", "name", "pending", "since", "udp_port", "verifying")

    def __init__(self, address: str) -> None:
        self.name = ""
        """The user's name, empty before the login."""
        self.address = address
        """The IP address that the server sees."""
        self.udp_port = 0
        self.since = ""
        """When the user logged in."""
        self.verifying = False
        """True while a password given here is being checked elsewhere."""
        self.closing = False
        """True from the moment on which nothing more is taken from this session."""
        self.pending: List[Any] = []
        """Events for this session that the sink has collected and not sent yet."""
        self.is_due = False
        """Whether they are to be sent with the present batch; acknowledgements alone may wait."""


class Group:
    """A group: who is invited, who has joined, who listens now, and the last number in its log."""

    __slots__ = ("joined", "listeners", "members", "name", "number")

    def __init__(self, name: str, members: List[str], joined: Set[str], number: int = 0) -> None:
        self.name = name
        self.members = members
        """Creator first, each once."""
        self.joined = joined
        self.number = number
        self.listeners: Dict[str, Session] = {}
        """The sessions of members who have joined and are online."""


class GroupRecord(Struct):
    """A group as it is kept over a restart; its number is kept by its log."""

    name: str
    members: List[str]
    joined: List[str]


class Counts:
    """What has happened since the start. The rules only count it, for whoever watches the server."""

    def __init__(self) -> None:
        self.activity: Counter[str] = Counter()
        """Lines of activitylog.txt by what they tell: `login`, `logout`, `lost`, `refused`, `blocked`."""
        self.refusals: Counter[str] = Counter(dict.fromkeys((*REFUSALS, *MALFORMED_CODES), 0))
        """Requests by the code of the error that answered them."""
        self.offers = 0
        """Files offered."""
        self.answers: Counter[bool] = Counter()
        """Offers answered, by whether they were accepted."""
        self.outcomes: Counter[str] = Counter()
        """Ends of transfers by the code that a client gave; codes after the first `OUTCOME_CODES_MAX` are `other`."""

    def count_outcome(self, code: str) -> None:
        """Count the end of a transfer: clients choose the codes, and must not fill the memory with them."""
        known = code in self.outcomes or len(self.outcomes) < OUTCOME_CODES_MAX
        self.outcomes[code if known else "other"] += 1


class State:
    """Everything the rules know. `users` are the names of all accounts."""

    def __init__(self, users: frozenset[str], number: int = 0, activity_number: int = 0) -> None:
        self.users = users
        self.number = number
        """The last number in messagelog.txt."""
        self.activity_number = activity_number
        """The last number in activitylog.txt."""
        self.online: Dict[str, Session] = {}
        """Name to session, in the order of logins."""
        self.groups: Dict[str, Group] = {}
        """Name in lower case to group: two names that differ only by case would share a file on some disks."""
        self.memberships: Dict[str, List[Group]] = {}
        """User name to the groups that the user is invited to or has joined."""
        self.offers = Offers()
        self.counts = Counts()

    def add_group(self, group: Group) -> None:
        """Make a group known."""
        self.groups[group.name.lower()] = group
        for name in group.members:
            self.memberships.setdefault(name, []).append(group)

    def group(self, name: str) -> Optional[Group]:
        """Return the group of exactly this name."""
        group = self.groups.get(name.lower())
        return group if group is not None and group.name == name else None

    def group_records(self) -> List[GroupRecord]:
        """Return the groups as they are kept over a restart."""
        return [GroupRecord(g.name, g.members, sorted(g.joined)) for g in self.groups.values()]

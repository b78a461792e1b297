"""What may stand at the end of a half-typed line: commands, users, groups, files."""

from __future__ import annotations

import os
import time
from typing import Callable, Final, List, Optional, Set, Tuple

from messenger.client.commands import BY_NAME, Accept, Refuse
from messenger.client.render import Shown
from messenger.peer.handle import Transfer
from messenger.protocol.messages import Active, Created, GroupMessage, Invited, Joined, Message, Welcome
from messenger.protocol.text import clean
from messenger.protocol.usage import Argument, arguments

REFRESH_SECONDS: Final = 5.0
"""For how long a list of active users is good enough to complete from."""


class Names:
    """The users and groups that this conversation has heard of."""

    def __init__(self, list_users: Callable[[], List[str]], running: Callable[[], List[Transfer]] = list) -> None:
        """`list_users` asks the server who is online; what it raises is for the caller of `users`. `running` returns
        the transfers that have not ended."""
        self.groups: Set[str] = set()
        self._users: Set[str] = set()
        self._list_users = list_users
        self.running = running
        self._listed: Optional[float] = None

    def learn(self, event: Shown) -> None:
        """Take the names out of an event."""
        if isinstance(event, Welcome):
            self.groups.update(event.groups, event.invitations)
        elif isinstance(event, Active):
            self._users.update(user.name for user in event.users)
        elif isinstance(event, (Message, GroupMessage)):
            self._users.add(event.sender)
        elif isinstance(event, Invited):
            self._users.add(event.by)
        if isinstance(event, (Created, Joined, Invited, GroupMessage)):
            self.groups.add(event.group)

    def users(self) -> Set[str]:
        """Return the users heard of, after asking the server if that was too long ago."""
        now = time.monotonic()
        if self._listed is None or now - self._listed > REFRESH_SECONDS:
            self._listed = now
            self._users.update(self._list_users())
        return self._users


def complete(line: str, names: Names) -> Tuple[str, List[str]]:
    """Return the word at the end of `line` that may be completed, and what it may become."""
    command, blank, rest = line.partition(" ")
    if not blank:
        return command, [name for name in BY_NAME if name.startswith(command)]
    kind = BY_NAME.get(command)
    argument, word = _argument_at_end(arguments(kind), rest) if kind is not None else (None, "")
    if argument is None:
        return "", []
    if argument.title == "FILE":
        return word, _files(word)
    if argument.title == "ID":
        asking_only = kind in (Accept, Refuse)
        return word, [
            str(one.number)
            for one in names.running()
            if str(one.number).startswith(word) and not (asking_only and (one.is_outgoing or one.is_started))
        ]
    if argument.title.startswith("USER"):
        known = names.users()
    elif argument.title == "NAME":
        known = names.groups
    else:
        return "", []
    return word, sorted(name for name in known if name.lower().startswith(word.lower()))


def _argument_at_end(expected: List[Argument], rest: str) -> Tuple[Optional[Argument], str]:
    for argument in expected:
        if argument.is_rest:
            return argument, rest
        if argument.is_list:
            return argument, rest.rpartition(" ")[2]
        word, blank, rest = rest.lstrip(" ").partition(" ")
        if not blank:
            return argument, word
    return None, ""


def _files(start: str) -> List[str]:
    folder, name = os.path.split(start)
    home = os.path.expanduser("~") if start.startswith("~/") else "~"  # noqa: PTH111 - Path's raises without a home
    try:
        with os.scandir(home + folder[1:] if folder.startswith("~") else folder or ".") as entries:
            found = [
                (folder and folder.rstrip(os.sep) + os.sep) + entry.name + (os.sep if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(name)
                and (name or not entry.name.startswith("."))
                and clean(entry.name) == entry.name  # a line break in a name would end the line
            ]
    except OSError:
        return []
    return sorted(found)

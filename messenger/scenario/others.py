"""Who else takes part in a client's recording, pure: who must be online, and which groups there must be."""

from __future__ import annotations

from typing import Callable, Dict, Final, List, Set

from messenger import wording
from messenger.protocol.text import USER_NAME
from messenger.scenario.recording import Party, Pen, free_name, says, sentence, starts

SOMEBODY: Final = "Somebody"
ANYBODY: Final = "Anybody"
"""Accounts of the play's own, for what was done by people whom nobody has seen."""


class _Group:
    """A group that somebody else has made; `paragraph` tells how, and is written again when more is known."""

    def __init__(self, name: str, creator: str, members: List[str], online: Set[str], has_joined: bool = False) -> None:
        self.name = name
        self.creator = creator
        self.members = members
        self.online = online
        """Who was logged in then; the others come for it, and go."""
        self.has_joined = has_joined
        """Whether its first member joined it there and then."""
        self.paragraph: List[str] = []


class Others:
    """The other users, as far as they are known, and `me`. What is returned are lines that make something true."""

    def __init__(
        self, pen: Pen, me: Party, add_account: Callable[[str], None], finish: Callable[[str], List[str]]
    ) -> None:
        """`add_account` is called for a user whom the play has to bring along, `finish` for one who is to leave."""
        self._pen = pen
        self._add_account = add_account
        self._finish = finish
        self.me = me
        self._parties: Dict[str, Party] = {me.user: me}
        self._online: Set[str] = set()
        self._groups: Dict[str, _Group] = {}
        self._joined: Dict[str, Set[str]] = {}
        """All groups that there are, and who has joined them."""
        self._accounts: Set[str] = set()

    def party(self, user: str) -> Party:
        """Return the program of a user."""
        if user not in self._parties:
            taken = [party.program for party in self._parties.values()]
            self._parties[user] = Party(free_name(user, taken), user)
        return self._parties[user]

    def present(self, user: str) -> List[str]:
        """A user is online. A server that tells of a user with an impossible name is not believed."""
        if user in self._online or user == self.me.user or not USER_NAME.fullmatch(user):
            return []
        self._online.add(user)
        return [starts("@actor", self.party(user))]

    def absent(self, user: str) -> List[str]:
        """A user is not online."""
        if user not in self._online:
            return []
        self._online.discard(user)
        return [*self._finish(user), *self._leaves(user)]

    def exactly(self, users: List[str]) -> List[str]:
        """These users are online, and nobody else is."""
        gone = [line for user in sorted(self._online - set(users)) for line in self.absent(user)]
        return gone + [line for user in users for line in self.present(user)]

    def make(self, group: str, creator: str) -> List[str]:
        """Somebody who is online invites me to a group."""
        return self._make(_Group(group, creator, [self.me.user], {*self._online, self.me.user}))

    def make_before(self, group: str, has_joined: bool) -> List[str]:
        """I am in a group from before I logged in."""
        self._bring(SOMEBODY)
        return self._make(_Group(group, SOMEBODY, [self.me.user], set(), has_joined))

    def make_elsewhere(self, group: str) -> List[str]:
        """There is a group in which I am not."""
        if group in self._joined:
            return []
        self._bring(SOMEBODY)
        self._bring(ANYBODY)
        return self._make(_Group(group, SOMEBODY, [ANYBODY], set(self._online)))

    def made(self, group: str) -> None:
        """I have made a group."""
        self._joined[group] = {self.me.user}

    def joined(self, group: str, user: str) -> None:
        """Somebody has joined a group."""
        self._joined.setdefault(group, set()).add(user)

    def join(self, group: str, user: str) -> List[str]:
        """Somebody who is online has joined a group."""
        if user in self._joined.setdefault(group, set()):
            return []
        self.joined(group, user)
        return self._joins(self.party(user).program, group)

    def invite(self, group: str, user: str) -> bool:
        """Somebody must have been invited to a group: whether that changes how it was made."""
        made = self._groups.get(group)
        if made is None or user == made.creator or user in made.members:
            return False
        made.members.append(user)
        self._write(made)
        return True

    def _make(self, group: _Group) -> List[str]:
        self._groups[group.name] = group
        self._joined[group.name] = {group.creator, *([self.me.user] if group.has_joined else [])}
        self._write(group)
        return group.paragraph

    def _write(self, group: _Group) -> None:
        creator = self.party(group.creator).program
        guests = [user for user in (group.creator, *group.members) if user not in group.online]
        lines = [starts("@actor", self.party(user)) for user in guests]
        lines.append(says(self._pen, creator, f"/creategroup {group.name} {' '.join(group.members)}", ""))
        lines.append(self._pen.sees(creator, sentence(wording.CREATED, group=group.name, members=group.creator)))
        if group.has_joined:
            lines += self._joins(self.me.program, group.name)
        lines += [line for user in guests for line in self._leaves(user)]
        group.paragraph[:] = lines

    def _joins(self, program: str, group: str) -> List[str]:
        joined = self._pen.sees(program, sentence(wording.JOINED, group=group))
        return [says(self._pen, program, f"/joingroup {group}", ""), joined]

    def _leaves(self, user: str) -> List[str]:
        program = self.party(user).program
        return [f"{program} > /logout", f"@ends {program} 0"]

    def _bring(self, user: str) -> None:
        if user not in self._accounts:
            self._accounts.add(user)
            self._add_account(user)

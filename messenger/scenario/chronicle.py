"""The server's recording, pure: what all clients asked for, and what everybody saw of it, in the server's order."""

from __future__ import annotations

from typing import Any, Callable, Dict, Final, Hashable, List, Mapping, Optional, Sequence, Set, Tuple, Type

from messenger import wording
from messenger.chat.accounts import BLOCK_SECONDS
from messenger.chat.state import GroupRecord
from messenger.client.commands import CommandError, ServerCommand, parse
from messenger.protocol.messages import (
    ActiveUser,
    Answer,
    CreateGroup,
    Error,
    Event,
    Goodbye,
    GroupMsg,
    JoinGroup,
    Login,
    Logout,
    Malformed,
    MsgTo,
    Offer,
    Outcome,
    Ping,
    Relayed,
    Welcome,
)
from messenger.protocol.text import fault_in_text
from messenger.scenario.model import SERVER
from messenger.scenario.recording import (
    FILE_TYPED,
    NOBODY,
    UNREPEATABLE,
    WRONG,
    Party,
    Pen,
    file_typed,
    free_name,
    gets_file,
    refusal,
    says,
    sends_file,
    sights,
    starts,
    welcome,
)

STRANGERS_MAX: Final = 10_000
"""Names without an account that are told apart."""

OFFERS_MAX: Final = 10_000
"""Files that are offered at one time and wait for an answer."""

Heard = Sequence[Tuple[str, Event]]
"""Users, and what they were sent because of somebody else's request."""


class Chronicle:
    """What is told of one run of a server. Not for several threads at once."""

    def __init__(self, heading: str, attempts: int, accounts: Mapping[str, str], groups: Sequence[GroupRecord]) -> None:
        """`heading` is the first comment; `accounts` are names and secrets, `groups` are there from the start."""
        self._pen = Pen()
        for user, password in accounts.items():
            self._pen.guard(user, password)
        self._lines = [f"# {heading}", f"@server attempts={attempts}"]
        self._users = frozenset(accounts)
        self._clients: Dict[Hashable, Party] = {}
        """Programs by their connections, and under what name they try to log in."""
        self._programs: Dict[str, Hashable] = {}
        """Connections by the names of programs that run."""
        self._online: Dict[str, Party] = {}
        self._blocked: Set[str] = set()
        """Names that are or were blocked, and have not been tried since."""
        self._strangers: Dict[str, str] = {}
        """What was typed as a name and is none, and what a replay types instead."""
        self._offers: Dict[str, Tuple[str, str, int]] = {}
        """Sender, name and size by transfer."""
        self._begin(groups)

    def take(self) -> List[str]:
        """Return the lines that have come since the last time."""
        lines, self._lines = self._lines, []
        return lines

    def handled(self, connection: Hashable, user: str, request: Any, replies: List[Event], heard: Heard) -> None:
        """A request of a connection has been answered, or not yet; `user` had logged in there before."""
        if not replies:
            return
        if isinstance(request, Login) and not user:
            self._log_in(connection, request, replies)
        elif user in self._online:
            tell = _TELL.get(type(request))
            if tell is not None:
                tell(self, self._online[user], request, replies, heard)
            elif isinstance(replies[0], Error):
                self._tell(self._pen.remark(f"{user} sent what nobody can type: {replies[0].code}"))
            if isinstance(request, Malformed) and request.code == "line_too_long":
                self.disconnected(connection, user)

    def disconnected(self, connection: Hashable, user: str) -> None:
        """A connection has ended, on which `user` had logged in, without a logout."""
        client = self._drop(connection)
        if client is not None:
            self._tell(f"@kill {client.program}")
            if self._online.pop(user, None) is not None:
                self._tell(self._pen.sees(SERVER, wording.LOST.format(user)))

    # ---- the beginning --------------------------------------------------------------------------------------

    def _begin(self, groups: Sequence[GroupRecord]) -> None:
        """Make the groups that are there already."""
        members = list(dict.fromkeys(user for group in groups for user in group.members))
        self._lines += [f"@account {user} of-nobody" for user in members if user not in self._users]
        names: Dict[str, Party] = {}
        for user in members:
            names[user] = Party(free_name(user, [party.program for party in names.values()]), user)
            self._lines.append(starts("@actor", names[user]))
        for group in groups:
            creator, *others = (names[user] for user in group.members)
            self._lines.append(
                says(self._pen, creator.program, f"/creategroup {group.name} {' '.join(o.user for o in others)}", "")
            )
            made = wording.CREATED.format(group=group.name, members=creator.user)
            self._lines.append(self._pen.sees(creator.program, made))
            for other in others:
                if other.user in group.joined:
                    self._lines.append(says(self._pen, other.program, f"/joingroup {group.name}", ""))
                    self._lines.append(self._pen.sees(other.program, wording.JOINED.format(group=group.name)))
        for party in names.values():
            self._lines += [f"{party.program} > /logout", f"@ends {party.program} 0"]

    # ---- logins ---------------------------------------------------------------------------------------------

    def _log_in(self, connection: Hashable, login: Login, replies: List[Event]) -> None:
        reply = replies[0]
        is_known = login.username in self._users
        name = login.username if is_known else self._stranger(login.username)
        if isinstance(reply, Error) and reply.code in UNREPEATABLE:
            self._tell(self._pen.remark(f"a login as {name} was refused: {reply.code}"))
            return
        is_right = isinstance(reply, Welcome) or (isinstance(reply, Error) and reply.code == "already_online")
        if is_right:
            self._pen.guard(login.username, login.password)
        else:
            self._pen.guard_wrong(login.password)
        self._wait_for_block(name, reply)
        client = self._clients.get(connection)
        if client is not None and client.user != name:  # no client of ours does that
            self._tell(f"@kill {client.program}")
            self._drop(connection)
            client = None
        if client is None:
            client = self._start(connection, name, is_at_once=isinstance(reply, Welcome))
            if isinstance(reply, Welcome):
                self._enter(client, replies)
                return
        self._tell(f"{client.program} > " + (f"${{password:{name}}}" if is_right else WRONG))
        if isinstance(reply, Welcome):
            self._tell(f"{client.program} < {welcome(name)}")
            self._enter(client, replies)
        elif isinstance(reply, Error):
            self._tell(self._pen.sees(client.program, refusal(reply)))
            if reply.code != "login_failed":
                self._tell(f"@ends {client.program} 4")
                self._drop(connection)

    def _start(self, connection: Hashable, name: str, is_at_once: bool) -> Party:
        client = Party(free_name(name, self._programs), name)
        self._programs[client.program] = connection
        self._clients[connection] = client
        self._tell(starts("@actor" if is_at_once else "@client", client))
        if not is_at_once:
            self._tell(f"{client.program} > {name}")
        return client

    def _drop(self, connection: Hashable) -> Optional[Party]:
        client = self._clients.pop(connection, None)
        if client is not None:
            del self._programs[client.program]
        return client

    def _enter(self, client: Party, replies: List[Event]) -> None:
        self._online[client.user] = client
        self._see(client, replies)

    def _wait_for_block(self, name: str, reply: Event) -> None:
        if isinstance(reply, Error) and reply.code == "blocked":
            self._blocked.add(name)
        elif name in self._blocked:
            self._blocked.discard(name)
            self._tell(f"@sleep {BLOCK_SECONDS + 0.5:g}")

    def _stranger(self, username: str) -> str:
        if username not in self._strangers and len(self._strangers) < STRANGERS_MAX:
            name = f"{NOBODY}-{len(self._strangers) + 1}"
            while name in self._users:
                name += "x"
            self._strangers[username] = name
        return self._strangers.get(username, NOBODY)

    # ---- requests -------------------------------------------------------------------------------------------

    def _command(self, client: Party, request: Any, replies: List[Event], heard: Heard) -> None:
        head, text = _typed(request)
        reply = replies[0]
        if isinstance(reply, Error):
            self._refuse(client, head + text, reply, request)
            return
        self._tell(says(self._pen, client.program, head, text))
        self._see(client, replies)
        for user, event in heard:
            if user in self._online:
                self._see(self._online[user], [event])
        if isinstance(reply, Goodbye):
            self._tell(f"@ends {client.program} 0")
            del self._online[client.user]
            self._drop(self._programs[client.program])

    def _refuse(self, client: Party, line: str, reply: Error, request: Any = None) -> None:
        if reply.code in UNREPEATABLE or self._pen.holds_wrong(line) or not _can_be_typed(line, request):
            self._tell(self._pen.remark(f"a request of {client.user} was refused: {reply.code}"))
            return
        told = refusal(reply, is_secret=self._pen.holds_secret(line))
        self._tell(self._pen.types(client.program, line), self._pen.sees(client.program, told))

    def _outcome(self, client: Party, request: Outcome, replies: List[Event], heard: Heard) -> None:
        if isinstance(replies[0], Error) and request.code == "offer_follows":
            self._refuse(client, f"/p2pvideo {request.user} {FILE_TYPED}", replies[0])

    def _offer(self, client: Party, request: Offer, replies: List[Event], heard: Heard) -> None:
        if isinstance(replies[0], Relayed):
            if len(self._offers) >= OFFERS_MAX:
                del self._offers[next(iter(self._offers))]
            self._offers[request.transfer] = (client.user, request.name, request.size)

    def _answer(self, client: Party, request: Answer, replies: List[Event], heard: Heard) -> None:
        """Tell of a file when it is wanted: if it did not arrive then, it does in a replay."""
        user, name, size = self._offers.pop(request.transfer, ("", "", 0))
        sender = self._online.get(user)
        if sender is None or not isinstance(replies[0], Relayed):
            return
        if not request.accepted:
            self._tell(self._pen.remark(f"{client.user} does not want the file {name} from {user}"))
            return
        name = file_typed(self._pen, name)
        self._tell(*sends_file(self._pen, sender, client, name, size), *gets_file(sender, client, name, size))

    def _see(self, client: Party, events: List[Event]) -> None:
        self._tell(*(self._pen.sees(client.program, line) for line in sights(events, client.user)))

    def _tell(self, *lines: str) -> None:
        self._lines += lines


def _typed(request: Any) -> Tuple[str, str]:
    """Return the line that asks for this: what names somebody or something, and what is free text."""
    if isinstance(request, (MsgTo, GroupMsg)):
        to = request.user if isinstance(request, MsgTo) else request.group
        return f"/{request.__struct_config__.tag} {to} ", request.text
    if isinstance(request, CreateGroup):
        return " ".join(["/creategroup", request.group, *request.users]), ""
    if isinstance(request, JoinGroup):
        return f"/joingroup {request.group}", ""
    return f"/{request.__struct_config__.tag}", ""


def _can_be_typed(line: str, request: Optional[Any]) -> bool:
    """Whether a client makes this request of this line; what other programs send may be of no line at all."""
    if fault_in_text(line) is not None:
        return False
    try:
        command = parse(line)
    except CommandError:
        return False
    if request is None:
        return True
    fields = {name: getattr(request, name) for name in request.__struct_fields__ if name != "id"}
    return isinstance(command, ServerCommand) and command.kind is type(request) and command.fields == fields


_TELL: Final[Dict[Type[Any], Callable[[Chronicle, Party, Any, List[Event], Heard], None]]] = {
    **dict.fromkeys((MsgTo, ActiveUser, CreateGroup, JoinGroup, GroupMsg, Logout, Ping), Chronicle._command),
    Outcome: Chronicle._outcome,
    Offer: Chronicle._offer,
    Answer: Chronicle._answer,
}

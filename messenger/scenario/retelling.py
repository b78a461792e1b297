"""A client's recording, pure: what was typed and shown there, and what others must have done for it.

A line that was typed is told when its answer is there, because that is where it took effect among what others did.
Who else takes part is found out by and by. What must have happened earlier (somebody was invited to a group) is
then put in where it belongs, and `is_revised` says that earlier lines are others now.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Final, List, Optional, Tuple, Type

from messenger import wording
from messenger.client.commands import (
    Accept,
    Cancel,
    CommandError,
    Help,
    ListTransfers,
    P2pVideo,
    Refuse,
    ServerCommand,
    Sleep,
    Wait,
    parse,
)
from messenger.client.render import Shown, TransferOffered
from messenger.peer.handle import TransferEvent
from messenger.protocol.messages import (
    Created,
    Error,
    Event,
    Goodbye,
    GroupMessage,
    Invited,
    Joined,
    Message,
    Welcome,
)
from messenger.protocol.text import USER_NAME
from messenger.scenario.entering import Entering
from messenger.scenario.model import SERVER
from messenger.scenario.others import Others
from messenger.scenario.recording import UNREPEATABLE, Party, Pen, member_refusals, refusal, says, sights
from messenger.scenario.sending import Sending


class Retelling:
    """What is told of one conversation. Not for several threads at once."""

    def __init__(self, heading: str, options: str = "") -> None:
        """`heading` is the first comment; `options` are those of `messenger chat` that a replay needs."""
        self.is_revised = False
        self._pen = Pen()
        self._preface = [f"# {heading}"]
        self._paragraphs: List[List[str]] = [self._preface]
        self._told = 0
        """How many paragraphs have been handed out."""
        self._entering = Entering(self._pen, options, self._set_attempts)
        self._me: Optional[Party] = None
        self._pending: Optional[Tuple[str, Any]] = None
        """What was typed and is not answered yet: the line, and the command that it is, if any."""
        self._early: List[Shown] = []
        """What came before the login was told, by another thread."""
        self._is_over = False

    def take(self) -> List[str]:
        """Return the lines that have come since the last time; if `is_revised`, all there are.

        As long as there is nothing to be played there are none.
        """
        if len(self._paragraphs) == 1:
            return []
        first = 0 if self.is_revised else self._told
        self.is_revised = False
        self._told = len(self._paragraphs)
        return [line for paragraph in self._paragraphs[first:] for line in paragraph]

    # ---- what happens ---------------------------------------------------------------------------------------

    def answered(self, username: str, password: str) -> None:
        """The login's questions are answered so."""
        self._entering.answered(username, password)

    def typed(self, line: str) -> None:
        """A command is typed."""
        self._pending = None
        if self._me is None or not line.strip():
            return
        try:
            command = parse(line)
        except CommandError:
            self._pending = (line, None)
            return
        if isinstance(command, (Wait, Sleep, ListTransfers, Cancel)):
            self._tell(self._pen.remark(line))
        elif isinstance(command, Help):
            self._tell(self._pen.types(self._me.program, line))
        elif isinstance(command, (Accept, Refuse)) and self._sending.is_asked(command.number):
            self._tell(*self._sending.answers(command.number, isinstance(command, Accept)))
        else:
            self._pending = (line, command)

    def shown(self, event: Shown) -> None:
        """Something is shown."""
        if self._is_over:
            return
        if self._me is None:
            self._enter(event)
        elif isinstance(event, TransferOffered):
            self._pending = None
            self._tell(*self._others.present(event.user), *self._sending.offers(event, self._others.party(event.user)))
        elif isinstance(event, TransferEvent) and USER_NAME.fullmatch(event.user):
            lines = self._sending.happens(event, self._others.party(event.user))
            self._tell(*(self._others.present(event.user) if lines else ()), *lines)
        elif isinstance(event, Event):
            tell = _BY_OTHERS.get(type(event))
            if tell is not None:
                tell(self, event)
            elif self._pending is not None or isinstance(event, Goodbye):
                self._reply(event)

    def ended(self, status: int) -> None:
        """The program ends with this status. If the connection was lost, a replay has the server stop."""
        if self._me is None:
            self._tell(*self._entering.ended())
        elif not self._is_over:
            self._tell(*self._sending.finish())
            name = self._me.program
            how = {3: f"@stop {SERVER}", 130: f"@interrupt {name}"}.get(status, f"@eof {name}")
            self._tell(how, f"@ends {name}" + (f" {status}" if status in (3, 130) else ""))
        self._is_over = True

    # ---- the login ------------------------------------------------------------------------------------------

    def _enter(self, event: Shown) -> None:
        if isinstance(event, Error):
            self._tell(*self._entering.fails(event))
        elif isinstance(event, Welcome) and not USER_NAME.fullmatch(event.username):
            self._tell(self._pen.remark("the server tells of a user with an impossible name"))
            self._is_over = True
        elif isinstance(event, Welcome):
            self._me = me = self._entering.lets_in(event.username)
            self._sending = Sending(self._pen, me)
            self._others = Others(self._pen, me, self._add_account, self._sending.finish)
            for group in (*event.groups, *event.invitations):
                self._paragraphs.append(self._others.make_before(group, group in event.groups))
            self._tell(*self._entering.told(me))
            self._see(event)
            for early in self._early:
                self.shown(early)
        else:
            self._early.append(event)

    def _set_attempts(self, attempts: int) -> None:
        self._preface.append(f"@server attempts={attempts}")
        self.is_revised = True

    def _add_account(self, user: str) -> None:
        self._preface.append(f"@account {user} of-nobody")
        self.is_revised = True

    # ---- after it -------------------------------------------------------------------------------------------

    def _reply(self, event: Event) -> None:
        line, command = self._pending or ("", None)
        self._pending = None
        assert self._me is not None
        me = self._me
        if isinstance(event, Goodbye):
            how = self._pen.types(me.program, line) if line else f"@eof {me.program}"
            self._tell(*self._sending.finish(), how, *self._seen(event), f"@ends {me.program} 0")
            self._is_over = True
            return
        fields: Dict[str, Any] = command.fields if isinstance(command, ServerCommand) else {}
        if isinstance(event, Error):
            if event.code in UNREPEATABLE or self._pen.holds_wrong(line):
                self._tell(self._pen.remark(f"{line.split(' ')[0]} was refused" if command else "refused"))
                return
            user = command.user if isinstance(command, P2pVideo) else fields.get("user", "")
            self._tell(*self._reasons(event, user, fields))
            seen = [self._pen.sees(me.program, refusal(event, is_secret=self._pen.holds_secret(line)))]
            self._tell(self._pen.types(me.program, line), *seen)
            return
        text = fields.get("text", "")
        self._tell(*self._needs(event, fields))
        self._tell(says(self._pen, me.program, line[: len(line) - len(text)], text), *self._seen(event))
        if isinstance(event, Created):
            self._others.made(event.group)
        elif isinstance(event, Joined):
            self._others.joined(event.group, me.user)

    def _needs(self, event: Event, fields: Dict[str, Any]) -> List[str]:
        """What must be true for this answer."""
        if isinstance(event, Created):
            return [line for user in event.members[1:] for line in self._others.present(user)]
        if "user" in fields:
            return self._others.present(fields["user"])
        return self._others.exactly([user.name for user in event.users]) if hasattr(event, "users") else []

    def _reasons(self, event: Error, user: str, fields: Dict[str, Any]) -> List[str]:
        """What must be true for this refusal."""
        others, code = self._others, event.code
        if code == "offline":
            return others.absent(user)
        if code == "members_unavailable":
            online = member_refusals(event.message, [one for one in fields.get("users", ()) if one != others.me.user])
            return [line for one, is_on in online.items() for line in (others.present if is_on else others.absent)(one)]
        if code == "not_invited":
            return others.make_elsewhere(fields.get("group", ""))
        if code == "group_exists":
            before, _, after = wording.REFUSALS[code].partition("{existing}")
            return others.make_elsewhere(event.message[len(before) : len(event.message) - len(after)])
        return []

    def _message(self, event: Message) -> None:
        self._hear(event, event.sender, f"/msgto {self._others.me.user} ", event.text)

    def _group_message(self, event: GroupMessage) -> None:
        if USER_NAME.fullmatch(event.sender):
            self.is_revised |= self._others.invite(event.group, event.sender)
            self._tell(*self._others.present(event.sender), *self._others.join(event.group, event.sender))
        self._hear(event, event.sender, f"/groupmsg {event.group} ", event.text)

    def _invited(self, event: Invited) -> None:
        if USER_NAME.fullmatch(event.by):
            self._tell(*self._others.present(event.by))
            self._paragraphs.append(self._others.make(event.group, event.by))
            self._see(event)

    def _hear(self, event: Event, sender: str, head: str, text: str) -> None:
        """Somebody else types something, which is seen here."""
        if USER_NAME.fullmatch(sender):
            self._tell(*self._others.present(sender), says(self._pen, self._others.party(sender).program, head, text))
            self._see(event)

    def _see(self, event: Event) -> None:
        self._tell(*self._seen(event))

    def _seen(self, event: Event) -> List[str]:
        assert self._me is not None
        return [self._pen.sees(self._me.program, line) for line in sights([event], self._me.user)]

    def _tell(self, *lines: str) -> None:
        if lines:
            self._paragraphs.append(list(lines))


_BY_OTHERS: Final[Dict[Type[Any], Callable[[Retelling, Any], None]]] = {
    Message: Retelling._message,
    GroupMessage: Retelling._group_message,
    Invited: Retelling._invited,
}

"""What each command does: one function a request type. They check in the order in which behaviour is specified.

A function gets the state, who asks, the request, the moment and the sink of effects. It changes the state only
after every check, and raises `Refusal` before. One that logged a message returns its number, to be acknowledged.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Final, List, Optional, Type

from messenger import wording
from messenger.chat import transfers
from messenger.chat.effects import Effects
from messenger.chat.refusal import Ready, Refusal, shown, unreachable
from messenger.chat.state import GROUPS_MAX, Group, Moment, Session, State
from messenger.errors import StorageError
from messenger.protocol.limits import ACTIVE_PART
from messenger.protocol.messages import (
    Active,
    ActiveUser,
    ActiveUserInfo,
    Alive,
    Answer,
    Created,
    CreateGroup,
    Error,
    Goodbye,
    GroupMessage,
    GroupMsg,
    Invited,
    Joined,
    JoinGroup,
    Login,
    Logout,
    Malformed,
    Message,
    MsgTo,
    Offer,
    Outcome,
    Ping,
    Pong,
)
from messenger.protocol.text import GROUP_NAME, clean
from messenger.protocol.usage import usage


def msgto(state: State, session: Session, request: MsgTo, moment: Moment, out: Effects) -> int:
    """Log a private message and deliver it."""
    recipient = state.online.get(request.user)
    text = request.text
    if recipient is None or recipient is session or not text or text.isspace():
        raise _refused_recipient(state, session, request)
    state.number = number = state.number + 1
    time = moment.text
    out.record(f"{number}; {time}; {recipient.name}; {text}\n")
    out.deliver(recipient, Message(session.name, text, time, number))
    out.tell((wording.WROTE, session.name, recipient.name, number))
    return number


def groupmsg(state: State, session: Session, request: GroupMsg, moment: Moment, out: Effects) -> int:
    """Log a message in both logs and deliver it to all who have joined and are online."""
    text = request.text
    if not request.group or not text or text.isspace():
        raise Refusal("usage", usage=usage(GroupMsg))
    group = _group_of_member(state, session, request.group)
    if session.name not in group.joined:
        raise Refusal("not_joined", group=group.name)
    state.number = number = state.number + 1
    group.number += 1
    time = moment.text
    out.record_group(group.name, f"{group.number}; {time}; {session.name}; {text}\n")
    out.record(f"{number}; {time}; {group.name}; {text}\n")
    out.deliver_all(group.listeners.values(), session, GroupMessage(group.name, session.name, text, time, number))
    out.tell((wording.WROTE_GROUP, session.name, group.name, number))
    return number


def activeuser(state: State, session: Session, request: ActiveUser, moment: Moment, out: Effects) -> None:
    """Reply with everyone else who is online, in the order of their logins."""
    others = [
        ActiveUserInfo(other.name, other.address, other.udp_port, other.since)
        for other in state.online.values()
        if other is not session
    ]
    for start in range(0, max(len(others), 1), ACTIVE_PART):
        part = others[start : start + ACTIVE_PART]
        out.deliver(session, Active(request.id, part, more=start + ACTIVE_PART < len(others)))
    out.tell((wording.LISTED_ACTIVE, session.name))


def creategroup(state: State, session: Session, request: CreateGroup, moment: Moment, out: Effects) -> None:
    """Make a group of the creator and users who are online, and tell those who are invited."""
    others = [name for name in dict.fromkeys(request.users) if name != session.name]
    if not request.group:
        raise Refusal("usage", usage=usage(CreateGroup))
    if not others:
        raise Refusal("group_needs_members")
    if not GROUP_NAME.fullmatch(request.group):
        raise Refusal("bad_group_name", group=request.group)
    existing = state.groups.get(request.group.lower())
    if existing is not None:
        raise Refusal("group_exists", existing=existing.name)
    _refuse_unavailable(state, others)
    if len(state.groups) >= GROUPS_MAX:
        raise Refusal("too_many_groups", limit=GROUPS_MAX)
    try:
        number = out.create_log(request.group)
    except StorageError:
        raise Refusal("not_stored") from None
    group = Group(request.group, [session.name, *others], {session.name}, number)
    group.listeners[session.name] = session
    state.add_group(group)
    out.groups_changed()
    out.deliver(session, Created(request.id, group.name, group.members))
    for name in others:
        out.deliver(state.online[name], Invited(group.name, session.name))
    out.tell((wording.MADE_GROUP, session.name, group.name, ", ".join(others)))


def joingroup(state: State, session: Session, request: JoinGroup, moment: Moment, out: Effects) -> None:
    """Make an invited user a listener of the group."""
    if not request.group:
        raise Refusal("usage", usage=usage(JoinGroup))
    group = _group_of_member(state, session, request.group)
    if session.name in group.joined:
        raise Refusal("joined_already", group=group.name)
    group.joined.add(session.name)
    group.listeners[session.name] = session
    out.groups_changed()
    out.deliver(session, Joined(request.id, group.name))
    out.tell((wording.JOINED_GROUP, session.name, group.name))


def logout(state: State, session: Session, request: Logout, moment: Moment, out: Effects) -> None:
    """Take the user off every list, say goodbye, close."""
    name = leave(state, session, "logout", moment, out)
    out.deliver(session, Goodbye(request.id))
    close(session, out)
    out.tell((wording.LOGGED_OUT, name))


def ping(state: State, session: Session, request: Ping, moment: Moment, out: Effects) -> None:
    """Answer, and leave no trace."""
    out.deliver(session, Pong(request.id))


def login_again(state: State, session: Session, request: Login, moment: Moment, out: Effects) -> None:
    """Refuse it: one connection is one user."""
    raise Refusal("logged_in_already", user=session.name)


def alive(state: State, session: Session, request: Alive, moment: Moment, out: Effects) -> None:
    """Nothing to do: that a line came at all is the answer."""


def malformed(state: State, session: Session, request: Malformed, moment: Moment, out: Effects) -> None:
    """Tell whoever sent it; after an overlong line nothing can be understood any more."""
    state.counts.refusals[request.code] += 1
    out.deliver(session, Error(request.code, clean(request.message), request.id))
    if request.code == "line_too_long":
        if session.name:
            out.tell((wording.LOST, leave(state, session, "lost", moment, out)))
        close(session, out)


Command = Callable[[State, Session, Any, Moment, Effects], Optional[int]]

COMMANDS: Final[Dict[Type[Any], Command]] = {
    MsgTo: msgto,
    GroupMsg: groupmsg,
    ActiveUser: activeuser,
    CreateGroup: creategroup,
    JoinGroup: joingroup,
    Logout: logout,
    Ping: ping,
    Offer: transfers.offer,
    Answer: transfers.answer,
    Outcome: transfers.outcome,
    Login: login_again,
    Alive: alive,
    Malformed: malformed,
}
"""What becomes of everything that may come from a user who is logged in."""


def close(session: Session, out: Effects) -> None:
    """Take nothing more from a session, and close its connection when what it still gets is sent."""
    session.closing = True
    out.close(session)


def leave(state: State, session: Session, how: str, moment: Moment, out: Effects) -> str:
    """Take a session off presence and groups, log it in activitylog.txt as `how`, and return its user's name."""
    name, session.name = session.name, ""
    del state.online[name]
    for group in state.memberships.get(name, ()):
        group.listeners.pop(name, None)
    transfers.gone(state, name, out)
    record_activity(state, name, session, how, moment, out)
    out.presence_changed()
    return name


def record_activity(state: State, name: str, session: Session, what: str, moment: Moment, out: Effects) -> None:
    """Append one line to activitylog.txt; `name` is `-` for a name that does not exist."""
    state.activity_number += 1
    state.counts.activity[what] += 1
    number = state.activity_number
    out.record_activity(f"{number}; {moment.text}; {name}; {session.address}; {session.udp_port}; {what}\n")


def _refused_recipient(state: State, session: Session, request: MsgTo) -> Refusal:
    if not request.user or not request.text or request.text.isspace():
        return Refusal("usage", usage=usage(MsgTo))
    return unreachable(state, session, request.user)


def _group_of_member(state: State, session: Session, name: str) -> Group:
    group = state.group(name)
    if group is None:
        raise Refusal("unknown_group", group=name)
    if session.name not in group.members:
        raise Refusal("not_invited", group=name)
    return group


def _refuse_unavailable(state: State, names: List[str]) -> None:
    unknown = [name for name in names if name not in state.users]
    offline = [name for name in names if name in state.users and name not in state.online]
    if unknown or offline:
        reasons = [f"there is no user {shown(name)}" for name in unknown]
        reasons += [f"{shown(name)} is not online" for name in offline]
        raise Refusal("members_unavailable", reasons=Ready("; ".join(reasons)))

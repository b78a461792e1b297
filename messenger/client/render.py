"""Events to lines for a person, pure. The sentences stand in `messenger.wording`."""

from __future__ import annotations

from typing import List

from messenger import wording
from messenger.protocol.messages import (
    Active,
    AnyEvent,
    Closing,
    Created,
    Error,
    GroupMessage,
    Invited,
    Joined,
    Message,
    Sent,
    Welcome,
)
from messenger.protocol.text import clean


def render(event: AnyEvent) -> List[str]:
    """Return the lines that tell a person of an event; none for what is not for people."""
    return [clean(line) for line in _lines(event)]


def _lines(event: AnyEvent) -> List[str]:  # noqa: PLR0911 - one line an event is the plainest table of them
    if isinstance(event, Message):
        return [wording.MESSAGE.format(time=event.time, sender=event.sender, text=event.text)]
    if isinstance(event, GroupMessage):
        return [wording.GROUP_MESSAGE.format(time=event.time, group=event.group, sender=event.sender, text=event.text)]
    if isinstance(event, Sent):
        return [wording.SENT.format(time=event.time)]
    if isinstance(event, Error):
        return [wording.ERROR.format(message=event.message)]
    if isinstance(event, Active):
        return [
            wording.ACTIVE_USER.format(name=u.name, address=u.address, udp_port=u.udp_port, since=u.since)
            for u in event.users
        ] or [wording.NOBODY_ACTIVE]
    if isinstance(event, Created):
        return [wording.CREATED.format(group=event.group, members=", ".join(event.members))]
    if isinstance(event, Joined):
        return [wording.JOINED.format(group=event.group)]
    if isinstance(event, Invited):
        return [wording.INVITED.format(group=event.group, by=event.by)]
    if isinstance(event, Welcome):
        return _welcome(event)
    if isinstance(event, Closing):
        return [wording.CLOSING.format(message=event.message)]
    return []


def _welcome(event: Welcome) -> List[str]:
    lines = [wording.WELCOME.format(event.username)]
    if event.groups:
        lines.append(wording.YOUR_GROUPS.format(", ".join(event.groups)))
    if event.invitations:
        lines.append(wording.YOUR_INVITATIONS.format(", ".join(event.invitations)))
    return lines

"""Events to lines for a person, pure. The sentences stand in `messenger.wording`."""

from __future__ import annotations

from typing import List, Union

from msgspec import Struct

from messenger import wording
from messenger.client.figures import done_text, duration_text, left_text, rate_text, share_text, size_text
from messenger.peer.handle import (
    AnyTransferEvent,
    TransferAsked,
    TransferDone,
    TransferEnded,
    TransferEvent,
    TransferProgress,
    TransferStalled,
    TransferStarted,
)
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
    Pong,
    Sent,
    Welcome,
)
from messenger.protocol.text import clean


class TransferOffered(TransferEvent, tag="transfer_offered"):
    """A file was offered to somebody, who has not answered yet."""


class TransferInfo(Struct, omit_defaults=True):
    """One line of `TransferList`; fields as in the events of transfers."""

    number: int
    direction: str
    user: str
    name: str
    size: int
    state: str
    """`offered`, `running`, `delivered` or `failed`."""
    done: int = 0
    rate: float = 0.0
    """Bytes a second: lately, or of the whole transfer once it has ended."""


class TransferList(Struct, tag_field="type", tag="transfers"):
    """What `/transfers` shows; no server sends it."""

    transfers: List[TransferInfo]


Shown = Union[AnyEvent, AnyTransferEvent, TransferOffered, TransferList]
"""What a conversation shows."""


def render(event: Shown) -> List[str]:
    """Return the lines that tell a person of an event; none for what is not for people."""
    return [clean(line) for line in _lines(event)]


def _lines(event: Shown) -> List[str]:  # noqa: PLR0911 - one line an event is the plainest table of them
    if isinstance(event, Message):
        return [wording.MESSAGE.format(time=event.time, sender=event.sender, text=event.text)]
    if isinstance(event, Pong):
        return [wording.PONG]
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
    if isinstance(event, TransferList):
        return _table(event.transfers) or [wording.NO_TRANSFERS]
    return [_transfer(event)] if isinstance(event, TransferEvent) else []


def _welcome(event: Welcome) -> List[str]:
    lines = [wording.WELCOME.format(event.username)]
    if event.groups:
        lines.append(wording.YOUR_GROUPS.format(", ".join(event.groups)))
    if event.invitations:
        lines.append(wording.YOUR_INVITATIONS.format(", ".join(event.invitations)))
    return lines


def _transfer(event: TransferEvent) -> str:  # noqa: PLR0911 - as above
    is_outgoing = event.direction == "out"
    fields = {"number": event.number, "user": event.user, "name": event.name, "size": size_text(event.size)}
    file = f"{event.name} {'to' if is_outgoing else 'from'} {event.user}"
    if isinstance(event, TransferOffered):
        return wording.OFFERED_TO.format(**fields)
    if isinstance(event, TransferAsked):
        return wording.ASKED.format(**fields)
    if isinstance(event, TransferStarted):
        return (wording.SENDING if is_outgoing else wording.RECEIVING).format(**fields)
    if isinstance(event, TransferProgress):
        return wording.PROGRESS.format(
            file=file,
            percent=done_text(event.done, event.size),
            rate=rate_text(event.rate),
            left=left_text(event.done, event.size, event.rate),
            loss=wording.PROGRESS_LOSS.format(loss=share_text(event.loss)) if event.loss else "",
            size=fields["size"],
        )
    if isinstance(event, TransferStalled):
        return wording.STALLED.format(file=file, user=event.user, seconds=duration_text(event.seconds, 0))
    if isinstance(event, TransferDone):
        return _done(event)
    assert isinstance(event, TransferEnded)
    sentence = wording.NOT_DELIVERED if is_outgoing else wording.NOT_RECEIVED
    return wording.ERROR.format(message=sentence.format(message=event.message, **fields))


def _done(event: TransferDone) -> str:
    fields = {
        "name": event.name,
        "user": event.user,
        "size": size_text(event.size),
        "resumed": wording.RESUMED.format(resumed=size_text(event.resumed)) if event.resumed else "",
        "seconds": duration_text(event.seconds),
        "rate": rate_text(event.goodput),
    }
    loss = wording.SENT_AGAIN_SHARE.format(loss=share_text(event.loss)) if event.repeated else ""
    again = wording.SENT_AGAIN.format(count=event.repeated, loss=loss)
    path = wording.PATH_FIGURES.format(round_trip=f"{1000 * event.round_trip:.1f} ms", again=again)
    if event.direction == "out":
        return wording.DELIVERED.format(figures=path, **fields)
    is_told = event.round_trip or event.repeated  # small files are here before their sender knows anything
    return wording.RECEIVED.format(path=event.path, figures=path if is_told else "", **fields)


def _table(transfers: List[TransferInfo]) -> List[str]:
    rows = [
        (
            str(one.number),
            f"{'to' if one.direction == 'out' else 'from'} {one.user}",
            size_text(one.size),
            f"{one.state} {done_text(one.done, one.size)}" if one.state == "running" else one.state,
            rate_text(one.rate) if one.rate else "",
            one.name,
        )
        for one in transfers
    ]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]

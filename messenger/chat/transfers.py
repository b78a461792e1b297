"""What two clients have to say to each other about a file, passed on between users who are logged in.

The file goes from client to client. Of it the server learns the name and the size, and all that it keeps is which
offers have no answer yet: if one of the two goes offline, the other is told so at once, as nothing else could tell
it. What was accepted needs no server any more. A transfer is an id that two clients understand. It vouches for who
speaks and from which address, and for nothing else: neither that what is answered was offered, nor that an outcome is
true.
"""

from __future__ import annotations

from messenger import wording
from messenger.chat.effects import Effects
from messenger.chat.refusal import shown, unreachable
from messenger.chat.state import Moment, Session, State
from messenger.protocol.messages import Answer, Answered, Offer, Offered, Outcome, Relayed, TransferOutcome


def offer(state: State, session: Session, request: Offer, moment: Moment, out: Effects) -> None:
    """Tell a user which file somebody has for them, and where that client waits for packets."""
    recipient = _recipient(state, session, request.user)
    offered = Offered(
        transfer=request.transfer,
        sender=session.name,
        name=request.name,
        size=request.size,
        key=request.key,
        cipher=request.cipher,
        address=session.address,
        udp_port=request.udp_port,
        addresses=request.addresses,
        client=request.client,
    )
    state.counts.offers += 1
    state.offers.add(session.name, recipient.name, request.transfer)
    out.deliver(recipient, offered)
    out.deliver(session, Relayed(request.id))
    out.tell((wording.OFFERED, session.name, request.name, recipient.name))


def answer(state: State, session: Session, request: Answer, moment: Moment, out: Effects) -> None:
    """Tell a user that a file is wanted, and where to send it, or that it is not."""
    recipient = _recipient(state, session, request.user)
    answered = Answered(
        transfer=request.transfer,
        sender=session.name,
        accepted=request.accepted,
        address=session.address,
        key=request.key,
        udp_port=request.udp_port,
        addresses=request.addresses,
        resume=request.resume,
        code=request.code,
        message=request.message,
    )
    state.counts.answers[request.accepted] += 1
    state.offers.settle(session.name, recipient.name, request.transfer)
    out.deliver(recipient, answered)
    out.deliver(session, Relayed(request.id))


def outcome(state: State, session: Session, request: Outcome, moment: Moment, out: Effects) -> None:
    """Tell a user how the other side saw a transfer end."""
    recipient = _recipient(state, session, request.user)
    state.counts.count_outcome(request.code)
    if request.code != "checking":
        state.offers.settle(session.name, recipient.name, request.transfer)
    out.deliver(
        recipient, TransferOutcome(request.transfer, session.name, request.code, request.message, request.proof)
    )
    out.deliver(session, Relayed(request.id))


def gone(state: State, user: str, out: Effects) -> None:
    """Tell whoever waits for an answer of this user, or was asked for one, that the user is not there any more."""
    for other, transfer in state.offers.end(user):
        message = wording.WENT_OFFLINE.format(user=shown(user))
        out.deliver(state.online[other], TransferOutcome(transfer, user, "offline", message))


def _recipient(state: State, session: Session, user: str) -> Session:
    recipient = state.online.get(user)
    if recipient is None or recipient is session:
        raise unreachable(state, session, user)
    return recipient

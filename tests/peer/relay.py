"""Senders are led through a relay that does to datagrams what real paths do."""

from __future__ import annotations

from typing import Any

from messenger.load.relay import Relay
from messenger.peer.outbound import Outbound
from messenger.protocol.messages import Answered


def lead_through(relay: Relay, monkeypatch: Any) -> None:
    """Have senders send to the relay only, wherever the receiver says that it is."""
    on_answered = Outbound.on_answered

    def answer(outbound: Outbound, answered: Answered) -> None:
        answered.udp_port, answered.address, answered.addresses = relay.number, "127.0.0.1", []
        on_answered(outbound, answered)

    monkeypatch.setattr(Outbound, "on_answered", answer)

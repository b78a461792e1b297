"""How the room of the receive buffer, and the memory for chunks that are there in part, are divided among receivers."""

from __future__ import annotations

from typing import Dict, Final, List

from messenger.transfer.receiver import Receiver

OVERCOMMIT: Final = 3
"""How often the room of the receive buffer is given away to several senders: they hardly ever fill their shares at one
moment, and with small ones each batch would be small."""

ALLOWANCE_MIN: Final = 16 * 1200
"""Bytes under way that each of many senders may have at least."""


def divide(room: int, receivers: Dict[str, List[Receiver]]) -> None:
    """Let these receivers, all there are, share `room` bytes: first by sender, who puts together again what each of
    its files is given (see `messenger.transfer.turns`)."""
    together = max(min(room, room * OVERCOMMIT // max(1, len(receivers))), ALLOWANCE_MIN)
    everyone = [receiver for of_one in receivers.values() for receiver in of_one]
    for of_one in receivers.values():
        for receiver in of_one:
            receiver.share_room(together // len(of_one), together)
            receiver.neighbours = everyone

"""How the room of the receive buffer, and the memory for chunks that are there in part, are divided among receivers."""

from __future__ import annotations

from typing import Final, Sequence

from messenger.transfer.receiver import Receiver

OVERCOMMIT: Final = 3
"""How often the room of the receive buffer is given away: many transfers hardly ever fill their shares at one moment,
and with small ones each batch would be small. With more, a hundred lose more, and the sender holds more in memory."""

ALLOWANCE_MIN: Final = 16 * 1200
"""Bytes under way that each of many transfers may have at least."""


def divide(room: int, receivers: Sequence[Receiver]) -> None:
    """Let these receivers, all there are, share `room` bytes."""
    share = max(min(room, room * OVERCOMMIT // max(1, len(receivers))), ALLOWANCE_MIN)
    for receiver in receivers:
        receiver.allowance = share
        receiver.neighbours = receivers

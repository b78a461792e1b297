"""What a server has done since its start: plain numbers that one thread writes and any thread reads."""

from __future__ import annotations

from typing import Final, NamedTuple


class Messages(NamedTuple):
    """Messages that were accepted, that is logged (with `--durable`: on the disk), and are acknowledged."""

    private: int
    group: int
    deliveries: int
    """Recipients that they were handed on to, each a delivery."""

    @property
    def lines(self) -> int:
        """How many lines of messagelog.txt they are."""
        return self.private + self.group

    def plus(self, other: Messages) -> Messages:
        """Return the sums."""
        return Messages(self.private + other.private, self.group + other.group, self.deliveries + other.deliveries)


NO_MESSAGES: Final = Messages(0, 0, 0)


class Traffic:
    """What went through one I/O thread; that thread alone writes."""

    __slots__ = ("accepted", "cut_off", "received", "sent")

    def __init__(self) -> None:
        self.accepted = 0
        """Connections."""
        self.received = 0
        """Bytes."""
        self.sent = 0
        """Bytes that the kernel took."""
        self.cut_off = 0
        """Connections ended because the client did not read."""

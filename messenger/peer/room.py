"""For how many bytes on their way a socket's receive buffer has room.

The kernel charges a buffer not with the bytes of a datagram but with the memory that holds them, which may be three
times as much, or hardly more. Linux tells how much is taken (SO_MEMINFO), so with a small buffer that is found out.
"""

from __future__ import annotations

import socket
import struct
from typing import Final, List

CHARGE: Final = 3.0
"""Bytes of memory for a byte of a datagram while it is not known: a card's pieces of memory have fixed sizes."""

USED: Final = 0.75
"""Part of the buffer that is given away once it is known."""

ENOUGH: Final = 1 << 20
"""Bytes of room with which it need not be known."""

LOOK_EVERY, LOOKS = 8, 16
"""It is looked at every so many receive calls. Of so many looks the lower quartile counts: the kernel often gives back
late, and for several at a time, what it has taken. Looks at which as much has arrived meanwhile are left out."""

LENGTH_MIN: Final = 1200
"""Bytes of what is received at least for a look: small datagrams take more each, but nobody sends many."""

_SO_MEMINFO: Final = 55
_Meminfo: Final = struct.Struct("=II28x")  # taken for receiving, the receive buffer, and what is of no interest here


class Room:
    """The room of one socket; `bytes` is how much it is."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._least = self.bytes = int(self._buffer / CHARGE)
        self._is_looking = self.bytes < ENOUGH and self._taken() >= 0
        self._until_look = LOOK_EVERY
        self._charges: List[float] = []

    def before(self) -> int:
        """Something is about to be received: return what `after` is to be given, or 0 if that is of no interest."""
        if not self._is_looking:
            return 0
        self._until_look -= 1
        return 0 if self._until_look > 0 else self._taken()

    def after(self, before: int, length: int) -> None:
        """So many bytes were received by one call."""
        self._until_look = LOOK_EVERY
        if length < LENGTH_MIN:
            return
        charge = (before - self._taken()) / length
        if charge > 0:
            self._charges.append(charge)
        if len(self._charges) == LOOKS:
            charge = max(1.0, sorted(self._charges)[LOOKS // 4])
            self._charges.clear()
            self.bytes = max(self._least, min(int(self._buffer * USED / charge), ENOUGH))

    def _taken(self) -> int:
        """Return how many bytes of the buffer are taken; -1 if the system does not say, or means something else."""
        try:
            told = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _Meminfo.size)
            taken, buffer = _Meminfo.unpack(told)
        except (OSError, struct.error):
            return -1
        return int(taken) if buffer == self._buffer else -1

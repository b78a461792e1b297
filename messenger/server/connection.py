"""One client's connection: a session of the rules, with a socket and what is on its way in and out."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final, List, Optional

from messenger.chat.state import Session
from messenger.protocol.framing import Incoming, RequestReader

if TYPE_CHECKING:
    from messenger.server.loop import IoLoop

RECEIVE_BYTES: Final = 16 * 1024
"""Read at once from one connection, which is also its share of a wake-up; 256 KB were measured slower."""

OUTBOX_MAX: Final = 4 * 1024 * 1024
"""Bytes that may wait for a client that does not read, before it is cut off."""

OUTBOX_PAUSE: Final = 64 * 1024
"""Bytes of unread output from which on nothing more is read from that client."""


class Connection(Session):
    """A socket that belongs to one I/O thread; no other thread touches it."""

    __slots__ = ("asked", "fd", "heard", "held", "loop", "outbox", "reader", "sock")

    def __init__(self, sock: socket.socket, address: str, loop: IoLoop, now: float) -> None:
        super().__init__(address)
        self.sock: Optional[socket.socket] = sock
        """None once closed."""
        self.fd = sock.fileno()
        self.loop = loop
        self.reader = RequestReader()
        self.outbox: Optional[bytearray] = None
        """What the kernel would not take yet."""
        self.held: Optional[List[Incoming]] = None
        """Requests that wait for a password to be checked."""
        self.heard = now
        """When the last complete request came, in monotonic seconds."""
        self.asked = now
        """When the client was last asked whether it is there."""


END: Final[Any] = object()
"""Stands among a connection's pending events where the connection is to be closed."""


def plain_address(host: str) -> str:
    """Return the address as people know it: an IPv4 client of an IPv6 socket without its `::ffff:`, no zone."""
    host = host.partition("%")[0]
    return host[7:] if host.startswith("::ffff:") and "." in host else host

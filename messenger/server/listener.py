"""A listening socket, and what it does when there are no descriptors left."""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import Any, Final, List, Sequence, Tuple

from messenger.chat.refusal import Refusal
from messenger.errors import ConfigError
from messenger.protocol.framing import encode_lines

BACKLOG: Final = 4096
"""Connections that the kernel holds until they are accepted; a short one costs clients a second each (SYN again)."""

ACCEPT_AT_ONCE: Final = 64
"""Connections accepted in one wake-up, so that a flood of them does not starve those who are there."""

_PAUSE_SECONDS: Final = 0.5
_NO_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_BUSY: Final = encode_lines([Refusal("busy").error(None)])
_log = logging.getLogger(__name__)


class Listener:
    """Accepts connections. Without descriptors it refuses politely, using one held in reserve, and pauses a moment."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._paused_until = 0.0
        self.turned_away = 0
        """Connections refused because there were no descriptors left."""
        self.fileno = sock.fileno

    def close(self) -> None:
        """Accept nothing more."""
        self._sock.close()
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1

    @property
    def is_paused(self) -> bool:
        """Whether nothing is to be accepted for the moment."""
        return self._paused_until > 0

    def accept(self, now: float) -> List[Tuple[socket.socket, str]]:
        """Return the connections that wait, each with its address."""
        taken = []
        try:
            for _ in range(ACCEPT_AT_ONCE):
                sock, address = self._sock.accept()
                sock.setblocking(False)
                taken.append((sock, str(address[0])))
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno in _NO_DESCRIPTORS:
                self._refuse_politely()
                self._paused_until = now + _PAUSE_SECONDS
            elif error.errno not in (errno.ECONNABORTED, errno.EBADF):
                _log.warning("accept: %s", error.strerror)
        return taken

    def resume(self, now: float) -> bool:
        """Return True when a pause is over."""
        if self.is_paused and now >= self._paused_until:
            self._paused_until = 0.0
            return True
        return False

    def _refuse_politely(self) -> None:
        if self._reserve < 0:
            return
        os.close(self._reserve)
        refused = 0
        try:
            while refused < ACCEPT_AT_ONCE:
                sock, _ = self._sock.accept()
                sock.setblocking(False)
                sock.send(_BUSY)
                sock.close()
                refused += 1
        except OSError:
            pass
        try:
            self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._reserve = -1
        self.turned_away += refused
        _log.warning("no file descriptors left: %d connections refused", refused)


def listen(addresses: Sequence[str], port: int) -> List[socket.socket]:
    """Listen on all these addresses at one port; none: all interfaces, IPv4 and IPv6. Raises `ConfigError`."""
    for _ in range(20):
        sockets: List[socket.socket] = []
        try:
            for host in dict.fromkeys(addresses) or ("0.0.0.0", "::"):
                sock = _listen_on(host, sockets[0].getsockname()[1] if sockets else port, bool(addresses))
                if sock is not None:
                    sockets.append(sock)
            return sockets
        except OSError as error:
            for sock in sockets:
                sock.close()
            if error.errno == errno.EADDRINUSE and port == 0 and sockets:
                continue  # the free port of the first address is taken on the next one: take another
            where = ", ".join(addresses) or "all interfaces"
            raise ConfigError(f"cannot listen on {where}, port {port}: {error.strerror or error}") from error
    raise ConfigError("found no port that is free on all addresses")


def _resolve(host: str, port: int) -> Tuple[Any, ...]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except UnicodeError:
        raise ConfigError(f"{host!r} is no address") from None


def _listen_on(host: str, port: int, required: bool) -> socket.socket | None:
    try:
        found = _resolve(host, port)
        sock = socket.socket(found[0], found[1], found[2])
    except OSError as error:
        if not required and error.errno in (errno.EAFNOSUPPORT, socket.EAI_ADDRFAMILY):
            return None  # a machine without IPv6
        raise
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if found[0] == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(found[4])
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if not required and error.errno == errno.EADDRNOTAVAIL:
            return None
        raise
    return sock

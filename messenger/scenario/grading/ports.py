"""Ports for programs that have to be told theirs, and whether somebody listens on one."""

from __future__ import annotations

import random
import socket
from pathlib import Path
from typing import Final, Iterator, Tuple

from messenger.scenario.programs import CannotPlay

_LISTEN: Final = "0A"
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class Ports:
    """Free ports of a range of which each play has a share of its own, so that plays side by side never collide."""

    def __init__(self, low: int, high: int, share: int, shares: int) -> None:
        size = (high - low + 1) // shares
        self._ports = range(low + share * size, low + (share + 1) * size)
        self._next = random.randrange(size)  # noqa: S311 - so that plays one after the other differ; no secret

    def take(self) -> int:
        """Return a port that is free for TCP and UDP; raises `CannotPlay` if there is none."""
        for _ in self._ports:
            port = self._ports[self._next]
            self._next = (self._next + 1) % len(self._ports)
            if _is_free(port):
                return port
        raise CannotPlay(f"no port from {self._ports[0]} to {self._ports[-1]} is free")


def is_listening(host: str, port: int) -> bool:
    """Whether somebody listens on a TCP port of this machine.

    The kernel's tables tell it without disturbing anybody; where there are none, a connection is tried.
    """
    if not _TABLES[0].exists():
        with socket.socket() as sock:
            sock.settimeout(1.0)
            return sock.connect_ex((host, port)) == 0
    return any(state == _LISTEN and local == port for local, state in _sockets())


def _sockets() -> Iterator[Tuple[int, str]]:
    for table in _TABLES:
        if table.exists():
            for row in table.read_text().split("\n")[1:-1]:
                _, local, _, state = row.split(maxsplit=4)[:4]
                yield int(local.rpartition(":")[2], 16), state


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True

"""A server that says what a test tells it to say, and a meeting of it with a client.

It has no threads of its own: the test accepts the connection and reads and writes on it.
"""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Tuple

from messenger.client import Client

Json = Dict[str, Any]

HELLO = {"type": "hello", "protocol": 1, "server": "a fake"}
TIME = "01 Jun 2022 21:30:04"
PATIENCE = 10.0
"""Seconds after which anything that a test waits for has failed."""


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = sock.makefile("rb")

    def send(self, *events: Json) -> None:
        """Send events, all at once."""
        self.send_bytes(b"".join(json.dumps(event).encode() + b"\n" for event in events))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def push(self, data: bytes) -> None:
        """Send bytes to a client that may hang up in their middle."""
        try:
            self.sock.sendall(data)
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it did

    def read(self) -> Json:
        """Return the next request; raises EOFError at the end of the connection."""
        line = self._lines.readline()
        if not line:
            raise EOFError
        request: Json = json.loads(line)
        return request

    def expect(self, kind: str) -> int:
        """Return the id of the next request, which must be of this type."""
        request = self.read()
        assert request["type"] == kind, request
        return int(request["id"])

    def let_in(self, name: str = "Yoda") -> None:
        """Say hello and take the login that follows."""
        self.send(HELLO)
        self.send({"type": "welcome", "id": self.expect("login"), "username": name, "time": TIME})

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
        self.sock.close()


class FakeServer:
    """Listens on a free port of the loopback."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port: int = self._listener.getsockname()[1]
        self._peers: List[Peer] = []

    def accept(self) -> Peer:
        """Return the next connection."""
        peer = Peer(self._listener.accept()[0])
        self._peers.append(peer)
        return peer

    def meet(self, first: bytes = json.dumps(HELLO).encode() + b"\n", **options: Any) -> Tuple[Client, Peer]:
        """Let a client connect, say `first` to it, and return both ends."""

        def greet() -> Peer:
            peer = self.accept()
            peer.send_bytes(first)
            return peer

        with ThreadPoolExecutor(1) as pool:
            peer = pool.submit(greet)
            return Client.connect("127.0.0.1", self.port, **options), peer.result()

    def close(self) -> None:
        """Close everything."""
        for peer in self._peers:
            peer.close()
        self._listener.close()

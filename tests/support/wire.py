"""A client of raw sockets: bytes out, JSON lines in, nothing known of the rules."""

from __future__ import annotations

import itertools
import json
import socket
import struct
from typing import Any, Dict, List, Optional

from tests.support.files import ACCOUNTS

Json = Dict[str, Any]


class Wire:
    """One connection. Every reading has a timeout, which fails the test."""

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        *,
        source: Optional[str] = None,
        receive_buffer: int = 0,
        timeout: float = 10.0,
        hello: bool = True,
    ) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.sock.bind((source, 0))
        self.sock.settimeout(timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect((host, port))
        self._lines = self.sock.makefile("rb")
        self._ids = itertools.count(1)
        self.bytes_sent = 0
        self.bytes_read = 0
        """Of the lines that were read."""
        if hello:
            assert self.read()["type"] == "hello"

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)
        self.bytes_sent += len(data)

    def send(self, kind: str, **fields: Any) -> int:
        """Send a request without waiting for its reply; return its id, the next one unless one is given."""
        request = {"type": kind, "id": next(self._ids), **fields}
        self.send_bytes(json.dumps(request).encode() + b"\n")
        return int(request["id"])

    def read(self) -> Json:
        """Return the next line; raises EOFError when the server has ended the connection."""
        line = self._lines.readline()
        if not line:
            raise EOFError("the server has closed the connection")
        assert line.endswith(b"\n"), line
        self.bytes_read += len(line)
        event: Json = json.loads(line)
        return event

    def ask(self, kind: str, **fields: Any) -> Json:
        """Send a request and return its reply, which must be the very next line."""
        wanted = self.send(kind, **fields)
        reply = self.read()
        assert reply.get("id") == wanted, reply
        return reply

    def barrier(self) -> List[Json]:
        """Return everything that the server sent before the reply to a ping."""
        wanted = self.send("ping")
        events: List[Json] = []
        while True:
            event = self.read()
            if event == {"type": "pong", "id": wanted}:
                return events
            events.append(event)

    def login(self, name: str, password: Optional[str] = None, udp_port: int = 13000) -> Json:
        """Try to log in, with the right password unless told otherwise; return the reply."""
        right = ACCOUNTS.get(name, "")
        return self.ask("login", username=name, password=right if password is None else password, udp_port=udp_port)

    def read_to_end(self) -> List[Json]:
        """Return everything up to the end of the connection."""
        events: List[Json] = []
        try:
            while True:
                events.append(self.read())
        except (EOFError, ConnectionResetError):
            return events

    def kill(self) -> None:
        """End the connection as a killed program on a dead host does: by a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
        self.sock.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def logged_in(port: int, name: str, **options: Any) -> Wire:
    """Return a connection on which this user has logged in."""
    wire = Wire(port, **options)
    reply = wire.login(name)
    assert reply["type"] == "welcome", reply
    return wire

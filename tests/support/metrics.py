"""A server's page of metrics: asked for as bytes, and read as figures."""

from __future__ import annotations

import socket
from typing import Dict
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def visit(url: str) -> socket.socket:
    """Return a connection to where the page is."""
    place = urlsplit(url)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=10)


def read_to_end(sock: socket.socket) -> bytes:
    """Return everything up to the end of the connection, and close it."""
    with sock:
        received = b""
        while True:
            data = sock.recv(65536)
            if not data:
                return received
            received += data


def ask(url: str, request: bytes = GET) -> bytes:
    """Return the whole answer to a request."""
    sock = visit(url)
    sock.sendall(request)
    return read_to_end(sock)


def figures(url: str) -> Dict[str, float]:
    """Return what the page says, by names like `messenger_messages_total{kind="private"}`."""
    head, _, body = ask(url).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    found: Dict[str, float] = {}
    for family in text_string_to_metric_families(body.decode("utf-8")):
        assert family.documentation, family.name
        assert family.type in {"counter", "gauge"}, family
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found

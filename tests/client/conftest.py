"""Fixtures of the client library's tests."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterator, List

import pytest

from messenger.client import Client
from messenger.server import Server
from tests.client.fakes import FakeServer
from tests.support.files import ACCOUNTS

Enter = Callable[..., Client]


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A server that says what the test tells it to."""
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def enter(server: Server) -> Iterator[Enter]:
    """Connect clients to the server of this test, and log them in if a name is given; all are closed at the end."""
    opened: List[Client] = []
    before = reading_threads()

    def open_one(name: str = "", **options: Any) -> Client:
        client = Client.connect("127.0.0.1", server.port, **options)
        opened.append(client)
        if name:
            client.login(name, ACCOUNTS[name], udp_port=13000)
        return client

    yield open_one
    for client in opened:
        client.close()
    assert reading_threads() == before


def reading_threads() -> List[threading.Thread]:
    """Return the threads of clients that still run."""
    return [thread for thread in threading.enumerate() if thread.name == "messenger-client"]

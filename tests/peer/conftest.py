"""Fixtures of the file transfer's tests: people with folders, who are connected to a server."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from messenger.client import Client
from messenger.config import FileConfig
from messenger.errors import LoginRefused
from messenger.peer.transfers import Transfers
from messenger.peer.udp import UdpPort
from messenger.protocol.messages import Offered
from messenger.server import Server
from tests.support.files import ACCOUNTS
from tests.support.waiting import eventually

THREADS = ("messenger-transfers", "messenger-files", "messenger-signals")
"""Names of the threads that run transfers."""


class Person:
    """Somebody with a client, a folder of files to send and one for those that come."""

    def __init__(
        self,
        name: str,
        port: int,
        top: Path,
        password: Optional[str] = None,
        host: str = "127.0.0.1",
        **settings: Any,
    ) -> None:
        self.name = name
        self.folder = top / name
        """Files to send."""
        self.inbox = top / f"{name} in"
        """Where received files go."""
        for folder in (self.folder, self.inbox):
            folder.mkdir(exist_ok=True)
        self.told: List[Any] = []
        """All events, in their order."""
        self._news = threading.Condition()
        config = FileConfig(**{"download_dir": self.inbox, **settings})
        self.client = Client.connect(host, port, on_event=self._hear, files=config)
        self._password = password or ACCOUNTS[name]
        eventually(self._is_let_in, 10, f"{name}, who may have been here a moment ago, is let in")

    @property
    def files(self) -> Transfers:
        """The transfers of this person's client."""
        files = self.client.files
        assert files is not None
        return files

    def make(self, name: str, size: int) -> Path:
        """Write a file of random bytes, which can be mistaken for no other."""
        path = self.folder / name
        path.write_bytes(os.urandom(size))
        return path

    def wait_for(self, kind: type, times: int = 1, within: float = 10.0) -> Any:
        """Return the last of so many events of a kind, once they have come."""

        def found() -> List[Any]:
            return [event for event in self.told if isinstance(event, kind)]

        with self._news:
            assert self._news.wait_for(lambda: len(found()) >= times, within), self.told
            return found()[times - 1]

    def received(self) -> Dict[str, bytes]:
        """Return what stands in the folder of received files."""
        return {path.name: path.read_bytes() for path in self.inbox.iterdir()}

    def _is_let_in(self) -> bool:
        try:
            self.client.login(self.name, self._password)
        except LoginRefused as refusal:
            assert refusal.code == "already_online", refusal
            return False  # the server has not seen yet that the last connection is closed
        return True

    def _hear(self, event: Any) -> None:
        with self._news:
            self.told.append(event)
            self._news.notify_all()


Enter = Callable[..., Person]


@pytest.fixture
def enter(server: Server, tmp_path: Path) -> Iterator[Enter]:
    """Let people come to the server of this test; all leave at the end, and none of their threads stays."""
    people: List[Person] = []

    def come(name: str, **settings: Any) -> Person:
        person = Person(name, settings.pop("port", server.port), settings.pop("top", tmp_path), **settings)
        people.append(person)
        return person

    yield come
    for person in people:
        person.client.close()
    assert not [thread for thread in threading.enumerate() if thread.name in THREADS]


MakePort = Callable[..., UdpPort]


@pytest.fixture
def make_port(request: pytest.FixtureRequest) -> MakePort:
    """Open UDP ports; all are closed at the end."""

    def make(**options: Any) -> UdpPort:
        port = UdpPort(0, **options)
        request.addfinalizer(port.close)
        return port

    return make


def offered(**fields: Any) -> Offered:
    """Return an offer as the server passes it on, usual but for these fields."""
    usual = {
        "transfer": "5f2b8c0e9d7a41633e1c7b90a4d8f256",
        "sender": "Yoda",
        "name": "a.bin",
        "size": 100_000,
        "key": "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
        "cipher": "aes-128-gcm",
        "address": "127.0.0.1",
        "udp_port": 14000,
    }
    return Offered(**{**usual, **fields})

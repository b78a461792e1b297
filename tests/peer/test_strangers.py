"""What belongs to no transfer gets no answer and is counted; and who reads the datagrams learns nothing of a file."""

from __future__ import annotations

import random
import select
import socket
import threading
from typing import Any, Iterator, List, Tuple

import pytest

from messenger.peer.engine import Engine
from messenger.peer.handle import TransferDone
from messenger.peer.udp import UdpPort
from messenger.transfer import endpoint
from messenger.transfer.datagram import CONTROL, first_word
from tests.peer.conftest import Enter
from tests.peer.endings import SIZE, Gate
from tests.support.waiting import eventually
from tests.transfer.packets import HEADER


class Stranger:
    """A socket that belongs to nobody, and sees what is sent to it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))

    def send(self, datagrams: List[bytes]) -> None:
        """Send, a few at a time so that none is lost, and wait until they are counted."""
        for start in range(0, len(datagrams), 8):
            some = datagrams[start : start + 8]
            before = self._engine.strangers
            for datagram in some:
                self._sock.sendto(datagram, ("127.0.0.1", self._engine.port.number))
            eventually(lambda: self._engine.strangers - before == len(some), 5, "all are counted")  # noqa: B023 - now

    def hears_nothing(self) -> bool:
        """Tell whether nothing has come, once the engine has done all that it had to."""
        done = threading.Event()
        self._engine.call(done.set)
        assert done.wait(5)
        return not select.select([self._sock], [], [], 0)[0]

    def close(self) -> None:
        self._sock.close()


class Tap:
    """A socket that remembers what was sent through it."""

    def __init__(self, port: UdpPort) -> None:
        self.sent: List[bytes] = []
        self._sock = port._socket
        port._calls = None  # which would pass it by
        port._socket = self  # type: ignore[assignment]  # stands for a socket

    def sendmsg(self, buffers: List[Any], ancillary: Any, flags: int, address: Any) -> int:
        self.sent.append(b"".join(buffers))
        return self._sock.sendmsg(buffers, ancillary, flags, address)

    def sendto(self, data: memoryview, address: Any) -> int:
        return self.sendmsg([data], [], 0, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class Damaging(Tap):
    """One that changes a byte in the middle of the first segment of data."""

    def sendmsg(self, buffers: List[Any], ancillary: Any, flags: int, address: Any) -> int:
        data = bytearray(b"".join(buffers))
        if data[0] != CONTROL and not self.sent:
            data[600] ^= 1
            self.sent.append(bytes(data))
        return self._sock.sendmsg([data], ancillary, flags, address)


@pytest.fixture
def pair(enter: Enter) -> Iterator[Tuple[Any, Any, Stranger]]:
    """Yoda, Hans, and a stranger who sends to Hans."""
    yoda, hans = enter("Yoda", offload=False), enter("Hans")
    stranger = Stranger(hans.files.engine)
    yield yoda, hans, stranger
    stranger.close()


def test_strangers_get_no_answer(pair: Tuple[Any, Any, Stranger]) -> None:
    _, hans, stranger = pair
    chance = random.Random(1)
    sizes = [0, 1, 15, 16, 17, 31, 32, 48, 1200, 1448, 8952, 65_507]
    stranger.send([chance.randbytes(size) for size in sizes for _ in range(8)])
    stranger.send([bytes([kind]) + chance.randbytes(1199) for kind in (0, 1, 2, 3, 128)])
    assert stranger.hears_nothing()
    assert hans.files.list() == []


def test_what_bears_the_id_of_a_transfer_and_is_not_authentic_is_counted(
    pair: Tuple[Any, Any, Stranger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody on the way who has read the ids: control messages, and data of a kind that there is not."""
    yoda, hans, stranger = pair
    gate = Gate(monkeypatch)
    sent = yoda.client.send_file("Hans", yoda.make("a.bin", SIZE))
    gate.wait()
    connection = next(iter(hans.files.engine._runners))
    before = hans.files.strangers
    stranger.send([HEADER.pack(first_word(kind, 0, connection), 2**63) + bytes(40) for kind in (CONTROL, 4, 127)])
    assert stranger.hears_nothing()
    assert hans.files.strangers == before + 3
    gate.open()
    sent.result(10)


def test_data_with_a_wrong_tag_is_counted_and_sent_again(pair: Tuple[Any, Any, Stranger]) -> None:
    yoda, hans, _ = pair
    tap = Damaging(yoda.files.engine.port)
    path = yoda.make("a.bin", 300_000)
    yoda.client.send_file("Hans", path).result(10)
    assert len(tap.sent) == 1
    assert hans.files.strangers == 1
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}


def test_two_files_of_known_bytes_show_none_of_them_and_share_no_block(pair: Tuple[Any, Any, Stranger]) -> None:
    """The same file sent twice, with the keys that clients choose for themselves."""
    yoda, hans, _ = pair
    content = (b"ALL WORK AND NO PLAY MAKES JACK. " * 10_000)[:300_000]
    path = yoda.folder / "known.bin"
    path.write_bytes(content)
    tap = Tap(yoda.files.engine.port)
    blocks = []
    for _ in range(2):
        tap.sent.clear()
        yoda.client.send_file("Hans", path).result(10)
        data = [datagram for datagram in tap.sent if datagram[0] != CONTROL]
        assert sum(map(len, data)) > len(content)
        everything = b"".join(tap.sent)
        assert not any(content[start : start + 5] in everything for start in range(33))
        blocks.append({each[start : start + 16] for each in data for start in range(16, len(each) - 15)})
    assert not blocks[0] & blocks[1]
    assert list(hans.received().values()) == [content] * 2


def test_what_an_earlier_transfer_sent_gets_no_answer(
    pair: Tuple[Any, Any, Stranger], monkeypatch: pytest.MonkeyPatch
) -> None:
    yoda, hans, stranger = pair
    tap = Tap(yoda.files.engine.port)
    path = yoda.make("a.bin", 300_000)
    yoda.client.send_file("Hans", path).result(10)
    hans.wait_for(TransferDone)
    replayed = list(tap.sent)
    assert len(replayed) > 30
    for datagram in replayed:  # it still answers its sender, whose datagrams these seem to be
        stranger._sock.sendto(datagram, ("127.0.0.1", hans.files.port))
    assert stranger.hears_nothing()
    monkeypatch.setattr(endpoint, "LINGER", 0.0)
    eventually(lambda: not hans.files._exchanges, 10, "it is forgotten")
    stranger.send(replayed)
    assert stranger.hears_nothing()
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    assert len(hans.files.list()) == 1


def test_a_flood_of_strangers_does_not_stop_a_transfer(pair: Tuple[Any, Any, Stranger]) -> None:
    yoda, hans, stranger = pair
    path = yoda.make("a.bin", 5 * 1024 * 1024)
    enough = threading.Event()

    def flood() -> None:
        while not enough.is_set():
            stranger._sock.sendto(b"\0" * 1200, ("127.0.0.1", hans.files.port))

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        yoda.client.send_file("Hans", path).result(15)
    finally:
        enough.set()
        flooding.join()
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    assert hans.files.engine.strangers > 50
    assert stranger.hears_nothing()

"""The UDP port: one call for many datagrams where the kernel can, and one by one where it cannot."""

from __future__ import annotations

import errno
import os
import select
import socket
from typing import Any, Callable, List, Optional, Tuple

import pytest

from messenger.peer import udp
from messenger.peer.arrivals import Run
from messenger.peer.sealed import SealedChunk
from messenger.peer.udp import UdpPort
from messenger.transfer.datagram import second_word
from messenger.transfer.flights import Batch, Flight
from messenger.transfer.geometry import (
    CHUNK_SIZE,
    HEADER_SIZE,
    SEGMENT_SIZES,
    TAG_SIZE,
    full_mask,
    segment_count,
)
from tests.peer.conftest import Enter, MakePort

CONNECTION = 0x123456789A
SEALED = CHUNK_SIZE + TAG_SIZE


def batch_of(kind: int, mask: Optional[int] = None, chunk: int = 7, number: int = 9, size: int = SEALED) -> Batch:
    """Return a batch with random content."""
    sealed = SealedChunk()
    sealed.size = size
    sealed.view[:size] = os.urandom(size)
    full = full_mask(segment_count(size, kind))
    flight = Flight(chunk, sealed, kind, full)
    return Batch(number, flight, full if mask is None else mask & full, 0.0)


def take(port: UdpPort, segments: int) -> List[Run]:
    """Receive so many segments; the payloads are copied."""
    poll = select.poll()
    poll.register(port, select.POLLIN)
    found: List[Run] = []
    while sum(run.segments for run in found) < segments:
        assert poll.poll(2000), f"{segments} segments were sent, and {found} arrived"
        found += [run._replace(payload=memoryview(bytes(run.payload))) for run in port.receive() or []]
    assert port.receive() is None
    return found


def segments_of(runs: List[Run]) -> List[Tuple[int, int, int, int, bytes]]:
    """Return the segments of runs one by one."""
    found = []
    for run in runs:
        room = SEGMENT_SIZES[run.kind] - HEADER_SIZE
        for number in range(run.segments):
            payload = bytes(run.payload[number * room : (number + 1) * room])
            found.append((run.kind, run.connection, run.first + number, run.word, payload))
    return found


def expected(batch: Batch) -> List[Tuple[int, int, int, int, bytes]]:
    flight = batch.flight
    room = SEGMENT_SIZES[flight.kind] - HEADER_SIZE
    sealed = bytes(flight.sealed.view[: flight.sealed.size])
    word = second_word(flight.chunk, batch.number)
    return [
        (flight.kind, CONNECTION, number, word, sealed[number * room : (number + 1) * room])
        for number in range(segment_count(len(sealed), flight.kind))
        if batch.mask >> number & 1
    ]


WHOLE = segment_count(SEALED, 0)
MASKS = [None, 1, 1 << 3, 0b1011, 0b111000, (1 << 51) - 2, (1 << WHOLE - 1) - 2, 0x5555555555555, 7 << 53 | 1 << 120]


@pytest.mark.parametrize("offload", [True, False])
@pytest.mark.parametrize("kind", range(len(SEGMENT_SIZES)))
def test_batches_arrive_as_they_were_sent(make_port: MakePort, kind: int, offload: bool) -> None:
    sender, receiver = make_port(offload=offload), make_port(offload=offload)
    address = sender.address("127.0.0.1", receiver.number)
    for mask in MASKS:
        for size in (SEALED, 5000, TAG_SIZE + 1):
            batch = batch_of(kind, mask, size=size)
            wanted = expected(batch)
            sender.send_batch(address, CONNECTION, batch)
            if wanted:
                assert segments_of(take(receiver, len(wanted))) == wanted
    assert sender.offloads == offload


def test_a_whole_chunk_is_one_run_where_the_kernel_joins_datagrams(make_port: MakePort) -> None:
    sender, receiver = make_port(), make_port()
    if not receiver._coalesces:
        pytest.skip("this kernel has no UDP_GRO")
    address = sender.address("127.0.0.1", receiver.number)
    for _ in range(2):  # the first shows which size comes
        batch = batch_of(0)
        sender.send_batch(address, CONNECTION, batch)
        runs = take(receiver, WHOLE)
    assert [(run.first, run.segments, len(run.payload)) for run in runs] == [(0, WHOLE, SEALED)]


class Refusing:
    """A socket that refuses some sends; everything else goes to the real one."""

    def __init__(self, sock: socket.socket, refuse: Callable[[List[Any], Any], int]) -> None:
        self._sock = sock
        self._refuse = refuse
        self.refused = 0

    def sendmsg(self, buffers: List[Any], ancillary: Any, flags: int, address: Any) -> int:
        code = self._refuse(buffers, ancillary)
        if code:
            self.refused += 1
            raise OSError(code, os.strerror(code))
        return self._sock.sendmsg(buffers, ancillary, flags, address)

    def sendto(self, data: memoryview, address: Any) -> int:
        return self.sendmsg([data[:HEADER_SIZE], data[HEADER_SIZE:]], [], 0, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP])
def test_a_card_that_cannot_cut_gets_single_datagrams(make_port: MakePort, code: int) -> None:
    sender, receiver = make_port(), make_port()
    refusing = Refusing(sender._socket, lambda buffers, ancillary: code if ancillary else 0)
    sender._socket = refusing  # type: ignore[assignment]  # stands for a socket
    address = sender.address("127.0.0.1", receiver.number)
    for _ in range(3):
        batch = batch_of(0)
        sender.send_batch(address, CONNECTION, batch)
        assert segments_of(take(receiver, WHOLE)) == expected(batch)
    assert not sender.offloads
    assert refusing.refused == 1


def test_datagrams_too_large_for_one_path_do_not_end_the_cutting_for_all(make_port: MakePort) -> None:
    sender, receiver = make_port(), make_port()

    def refuse(buffers: List[Any], ancillary: Any) -> int:
        return errno.EMSGSIZE if len(buffers[1]) > 1300 else 0

    sender._socket = Refusing(sender._socket, refuse)  # type: ignore[assignment]  # stands for a socket
    address = sender.address("127.0.0.1", receiver.number)
    sender.send_batch(address, CONNECTION, batch_of(2))
    sender.send_batch(address, CONNECTION, batch_of(0))
    assert len(segments_of(take(receiver, WHOLE))) == WHOLE
    assert sender.offloads


@pytest.mark.parametrize("code", [errno.ECONNREFUSED, errno.EPERM, errno.ENOBUFS, errno.EAGAIN, errno.EHOSTUNREACH])
def test_what_cannot_be_sent_is_lost_and_no_more(
    make_port: MakePort, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    sender = make_port()
    sender._socket = Refusing(sender._socket, lambda *_: code)  # type: ignore[assignment]  # stands for a socket
    monkeypatch.setattr(udp, "_SEND_WAIT_MS", 0)
    address = sender.address("127.0.0.1", 9)
    sender.send(address, b"x" * 100)
    sender.send_batch(address, CONNECTION, batch_of(0))
    assert sender.offloads


class Full:
    """A socket whose queue never takes anything, and what asks it whether it would: that takes a while."""

    def __init__(self, clock: List[float]) -> None:
        self.clock = clock
        self.tried = 0

    def sendmsg(self, *_: Any) -> int:
        self.tried += 1
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    sendto = sendmsg

    def poll(self, milliseconds: float) -> List[Any]:
        self.clock[0] += milliseconds / 1000
        return []


def test_a_full_queue_keeps_the_thread_for_a_moment_in_each_turn_however_much_is_to_be_sent(
    make_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, clock = make_port(), [50.0]
    real, full = port._socket, Full(clock)
    port._socket = port._writable = full  # type: ignore[assignment]  # stands for both
    monkeypatch.setattr("messenger.peer.udp.time.monotonic", lambda: clock[0])
    address = port.address("127.0.0.1", 9)
    for turn in range(1, 3):
        port.begin_turn()
        for _ in range(50):
            port.send_batch(address, CONNECTION, batch_of(0))
        assert clock[0] == pytest.approx(50.0 + 0.1 * turn)
        assert full.tried >= 50 * turn, "a queue that has room again is used all the same"
    port._socket = real


@pytest.mark.parametrize("offload", [True, False])
def test_datagrams_without_room_for_a_header_are_counted_and_errors_are_not(make_port: MakePort, offload: bool) -> None:
    port = make_port(offload=offload)
    poll = select.poll()
    poll.register(port, select.POLLIN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for size in (0, 1, HEADER_SIZE - 1):
            other.sendto(bytes(size), ("127.0.0.1", port.number))
            assert poll.poll(2000)
            assert port.receive() == []
            assert port.receive() is None
    assert port.misfits == 3

    class Unreachable:
        def recvmsg_into(self, *_: Any) -> Any:
            raise OSError(errno.ECONNREFUSED, "Connection refused")

        recvfrom_into = recvmsg_into

    port._calls = None
    real, port._socket = port._socket, Unreachable()  # type: ignore[assignment]  # stands for a socket
    assert port.receive() == []
    port._socket = real
    assert port.misfits == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_closed_ports_are_no_error(make_port: MakePort, host: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        number = closed.getsockname()[1]
    sender, receiver = make_port(), make_port()
    for _ in range(3):
        sender.send(sender.address(host, number), b"x" * 100)
        sender.send_batch(sender.address(host, number), CONNECTION, batch_of(0))
    sender.send(sender.address(host, receiver.number), bytes(16))
    assert len(take(receiver, 1)) == 1
    assert not sender.receive()


def test_an_address_is_named_as_what_comes_from_there(make_port: MakePort) -> None:
    sender, receiver = make_port(), make_port()
    for host in ("127.0.0.1", "::ffff:7f00:1", "::1", "0:0::1"):
        sender.send(sender.address(host, receiver.number), bytes(16))
        (run,) = take(receiver, 1)
        assert run.address == receiver.address(host, sender.number)


def test_a_machine_without_ipv6_uses_ipv4(make_port: MakePort, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def only_ipv4(family: int = socket.AF_INET, *rest: Any, **options: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *rest, **options)

    monkeypatch.setattr(socket, "socket", only_ipv4)
    sender, receiver = make_port(), make_port()
    batch = batch_of(1)
    sender.send_batch(sender.address("127.0.0.1", receiver.number), CONNECTION, batch)
    runs = take(receiver, segment_count(SEALED, 1))
    assert segments_of(runs) == expected(batch)
    assert runs[0].address == ("127.0.0.1", sender.number)
    with pytest.raises(OSError, match="no IPv6 here"):
        sender.address("::1", 1)
    assert sender.address("::ffff:7f00:1", 1) == sender.address("127.0.0.1", 1) == ("127.0.0.1", 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_families_reach_one_port(make_port: MakePort, host: str) -> None:
    sender, receiver = make_port(), make_port()
    batch = batch_of(2)
    sender.send_batch(sender.address(host, receiver.number), CONNECTION, batch)
    assert segments_of(take(receiver, segment_count(SEALED, 2))) == expected(batch)


def test_a_transfer_goes_on_when_cutting_fails_at_the_first_send(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    port = yoda.files.engine.port
    refusing = Refusing(port._socket, lambda buffers, ancillary: errno.EIO if ancillary else 0)
    port._socket = refusing  # type: ignore[assignment]  # stands for a socket
    path = yoda.make("a.bin", 1_000_000)
    yoda.client.send_file("Hans", path).result(20)
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    assert refusing.refused == 1

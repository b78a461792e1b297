"""One UDP port: batches of segments out, runs of segments in, by as few system calls as the machine allows.

Linux cuts one large send into datagrams (UDP_SEGMENT, "GSO") and hands several received ones over at once (UDP_GRO).
Whether that works is found out by trying; a network card may refuse it as late as at the first send.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys
from array import array
from typing import Any, Dict, Final, Iterator, List, NamedTuple, Optional, Tuple

from messenger.errors import ConfigError
from messenger.transfer.datagram import first_word, second_word
from messenger.transfer.flights import Batch
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE, segment_count

BUFFER_BYTES: Final = 4 * 1024 * 1024
"""What is asked for as the socket's buffers; the kernel gives as much as net.core.rmem_max and wmem_max allow."""

_CHARGE: Final = 3
"""The kernel charges a receive buffer up to twice the bytes of a datagram; a third of it leaves room for control."""

_DATAGRAM_MAX: Final = 65_536
_SEND_WAIT_MS: Final = 100

_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_UDP_GRO: Final = 104
_GRO_SPACE: Final = socket.CMSG_SPACE(4)
_PROBE: Final = 3  # IP_PMTUDISC_PROBE: never fragment, and don't believe the kernel's idea of the path's MTU
_NO_OFFLOAD: Final = (errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP)
"""What the kernel says when it, or the card, cannot segment (EIO: no checksum offload) or not so much."""

_WORDS: Final = struct.Struct("<QQ")

Address = Tuple[Any, ...]


class Run(NamedTuple):
    """Segments of one chunk that stand one behind the other in what arrived, or one control datagram."""

    kind: int
    connection: int
    first: int
    segments: int
    word: int
    """The second half of the header: chunk and batch, or the number of a control message."""
    payload: memoryview
    address: Address


class SealedChunk:
    """A buffer for a sealed chunk, with the headers of its segments; made once, used for many chunks."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(CHUNK_SIZE + TAG_SIZE))
        self.size = len(self.view)
        self._layouts: Dict[Tuple[int, int], _Layout] = {}

    def layout(self, kind: int) -> _Layout:
        """Return headers and payloads for segments of this kind."""
        layout = self._layouts.get((kind, self.size))
        if layout is None:
            layout = self._layouts[kind, self.size] = _Layout(self.view[: self.size], kind)
        return layout


class _Layout:
    """How a sealed chunk is cut: `buffers` are header, payload, header, payload and so on."""

    def __init__(self, sealed: memoryview, kind: int) -> None:
        room = SEGMENT_SIZES[kind] - HEADER_SIZE
        self.kind = kind
        self.count = segment_count(len(sealed), kind)
        self.words = array("Q", bytes(HEADER_SIZE * self.count))
        headers = memoryview(self.words).cast("B")
        self.connection = -1
        self.buffers: List[memoryview] = []
        for number in range(self.count):
            self.buffers.append(headers[number * HEADER_SIZE : (number + 1) * HEADER_SIZE])
            self.buffers.append(sealed[number * room : (number + 1) * room])

    def address_to(self, connection: int) -> None:
        """Put a connection id into all headers."""
        start = first_word(self.kind, 0, connection)
        self.words[0::2] = array("Q", range(start, start + (self.count << 8), 1 << 8))
        self.connection = connection

    def buffers_of(self, mask: int, full: int) -> List[memoryview]:
        """Return the buffers of some segments."""
        if mask == full:
            return self.buffers
        buffers = []
        while mask:
            first = (mask & -mask).bit_length() - 1
            run = mask >> first
            count = (~run & (run + 1)).bit_length() - 1
            buffers += self.buffers[2 * first : 2 * (first + count)]
            mask &= ~(((1 << count) - 1) << first)
        return buffers


class UdpPort:
    """The socket of one client's transfers, on all addresses of the machine. Used by one thread."""

    def __init__(self, port: int, buffer_bytes: int = BUFFER_BYTES, offload: bool = True) -> None:
        """Port 0 is any free one; raises `ConfigError` if somebody else has it. `offload` may be switched off."""
        if sys.byteorder != "little":
            raise ConfigError("files cannot be sent on this machine: headers are written in little-endian order")
        self._socket = _open(port)
        self._socket.setblocking(False)
        self.number: int = self._socket.getsockname()[1]
        self._is_v6 = self._socket.family == socket.AF_INET6
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)
        self.allowance: int = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _CHARGE
        """Bytes under way for which the receive buffer has room."""
        self._segments = offload
        self._coalesces = offload and self._try_option(_SOL_UDP, _UDP_GRO, 1)
        self._try_option(socket.IPPROTO_IP, 10, _PROBE)  # IP_MTU_DISCOVER
        if self._is_v6:
            self._try_option(socket.IPPROTO_IPV6, 23, _PROBE)  # IPV6_MTU_DISCOVER
        self._writable = select.poll()
        self._writable.register(self._socket, select.POLLOUT)
        self._flat = memoryview(bytearray(_DATAGRAM_MAX))
        self._layouts = [_ReceiveLayout(kind) for kind in range(len(SEGMENT_SIZES))]
        self._layout: Optional[_ReceiveLayout] = None
        """The one in which the next batch is expected."""
        self._ancillary = [[(_SOL_UDP, _UDP_SEGMENT, struct.pack("@H", size))] for size in SEGMENT_SIZES]

    @property
    def offloads(self) -> bool:
        """Whether the kernel cuts batches into datagrams, as far as is known."""
        return self._segments

    def fileno(self) -> int:
        """Return the socket's descriptor, to be polled."""
        return self._socket.fileno()

    def address(self, host: str, port: int) -> Address:
        """Return a numeric address as this socket wants it; raises OSError for one that it cannot reach."""
        if ":" in host:
            if not self._is_v6:
                raise OSError(errno.EAFNOSUPPORT, "no IPv6 here")
            socket.inet_pton(socket.AF_INET6, host)
            return (host, port, 0, 0)
        socket.inet_pton(socket.AF_INET, host)
        return (f"::ffff:{host}", port, 0, 0) if self._is_v6 else (host, port)

    def send(self, address: Address, datagram: bytes) -> None:
        """Send one datagram; one that cannot be sent counts as lost."""
        try:
            self._send([datagram], [], address)
        except OSError:
            pass  # no route, a full queue, a firewall, too large for the path: all of it is loss to the protocol

    def send_batch(self, address: Address, connection: int, batch: Batch) -> None:
        """Send the segments of a batch, whose `flight.sealed` is a `SealedChunk`."""
        flight = batch.flight
        layout: _Layout = flight.sealed.layout(flight.kind)
        if layout.connection != connection:
            layout.address_to(connection)
        layout.words[1::2] = array("Q", [second_word(flight.chunk, batch.number)]) * layout.count
        buffers = layout.buffers_of(batch.mask, flight.full)
        try:
            if self._segments and len(buffers) > 2:
                try:
                    self._send(buffers, self._ancillary[flight.kind], address)
                    return
                except OSError as error:
                    if error.errno not in _NO_OFFLOAD:
                        raise
            for start in range(0, len(buffers), 2):
                self._send(buffers[start : start + 2], [], address)
            if len(buffers) > 2:
                self._segments = False  # they do get through one by one, so it was not their size
        except OSError:
            pass  # as in `send`

    def receive(self) -> Optional[List[Run]]:
        """Return what the next system call brings; None if there is nothing. Payloads are good until the next call.

        An empty list stands for something that is no datagram of ours.
        """
        layout = self._layout
        buffers = [self._flat] if layout is None else layout.buffers
        try:
            if self._coalesces:
                length, ancillary, _, address = self._socket.recvmsg_into(buffers, _GRO_SPACE)
                stride = int.from_bytes(ancillary[0][2], "little") if ancillary else length
            else:
                length, address = self._socket.recvfrom_into(self._flat)
                stride = length
                layout = None
        except BlockingIOError:
            return None
        except OSError:
            return []  # what an earlier datagram of ours met: nobody listens there, no route
        if length < HEADER_SIZE:
            return []
        if layout is not None:
            tail = length % layout.size
            if (stride == layout.size and not 0 < tail < HEADER_SIZE) or length <= min(stride, layout.size):
                return layout.runs(length, address)
            layout.flatten(length, self._flat)
        return self._runs(length, stride, address)

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _runs(self, length: int, stride: int, address: Address) -> List[Run]:
        if length > stride and stride in SEGMENT_SIZES:
            self._layout = self._layouts[SEGMENT_SIZES.index(stride)]  # the next one goes straight to its place
        runs = []
        flat = self._flat
        for start in range(0, length, stride):
            end = min(start + stride, length)
            if end - start >= HEADER_SIZE:
                first, second = _WORDS.unpack_from(flat, start)
                runs.append(_run(first, 1, second, flat[start + HEADER_SIZE : end], address))
        return runs

    def _send(self, buffers: List[Any], ancillary: List[Any], address: Address) -> None:
        try:
            self._socket.sendmsg(buffers, ancillary, 0, address)
        except BlockingIOError:
            self._writable.poll(_SEND_WAIT_MS)  # the card's queue is full: this is where a link slows its sender
            self._socket.sendmsg(buffers, ancillary, 0, address)

    def _try_option(self, level: int, option: int, value: int) -> bool:
        try:
            self._socket.setsockopt(level, option, value)
        except OSError:
            return False
        return True


class _ReceiveLayout:
    """Buffers into which the kernel puts a batch so that headers and payloads each stand one behind the other."""

    def __init__(self, kind: int) -> None:
        self.size = SEGMENT_SIZES[kind]
        room = self.size - HEADER_SIZE
        count = -(-_DATAGRAM_MAX // self.size)
        self._words = array("Q", bytes(HEADER_SIZE * count))
        headers = memoryview(self._words).cast("B")
        self._payload = memoryview(bytearray(room * count))
        self._room = room
        self.buffers: List[memoryview] = []
        for number in range(count):
            self.buffers.append(headers[number * HEADER_SIZE : (number + 1) * HEADER_SIZE])
            self.buffers.append(self._payload[number * room : (number + 1) * room])

    def runs(self, length: int, address: Address) -> List[Run]:
        """Return the runs of what has arrived in the buffers."""
        count = -(-length // self.size)
        bytes_of_all = length - count * HEADER_SIZE
        if count == 1:
            return [_run(self._words[0], 1, self._words[1], self._payload[:bytes_of_all], address)]
        firsts = self._words[0 : 2 * count : 2].tolist()
        seconds = self._words[1 : 2 * count : 2].tolist()
        start = firsts[0]
        if seconds.count(seconds[0]) == count and firsts == list(range(start, start + (count << 8), 1 << 8)):
            return [_run(start, count, seconds[0], self._payload[:bytes_of_all], address)]
        return list(self._split(firsts, seconds, bytes_of_all, address))

    def flatten(self, length: int, into: memoryview) -> None:
        """Put what has arrived back into one piece: it was no batch of this kind."""
        into[:length] = b"".join(self.buffers)[:length]

    def _split(self, firsts: List[int], seconds: List[int], length: int, address: Address) -> Iterator[Run]:
        begin = 0
        for number in range(1, len(firsts) + 1):
            if (
                number == len(firsts)
                or firsts[number] != firsts[number - 1] + (1 << 8)
                or seconds[number] != seconds[begin]
            ):
                payload = self._payload[begin * self._room : min(number * self._room, length)]
                yield _run(firsts[begin], number - begin, seconds[begin], payload, address)
                begin = number


def _run(first: int, count: int, second: int, payload: memoryview, address: Address) -> Run:
    return Run(first & 0xFF, first >> 16, first >> 8 & 0xFF, count, second, payload, address)


def _open(port: int) -> socket.socket:
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError:
        pass  # no IPv6 on this machine
    else:
        try:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", port))
            return sock
        except OSError:
            sock.close()  # no IPv6 addresses, or the port is taken: IPv4 tells which
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind(("", port))
    except OSError as error:
        sock.close()
        raise ConfigError(f"cannot use UDP port {port}: {error.strerror}") from error
    return sock

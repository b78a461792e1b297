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
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Dict, Final, Generator, List, Optional, Sequence

from messenger.errors import ConfigError
from messenger.peer.arrivals import DATAGRAM_MAX, Address, Layout, Run, Strip, new_run
from messenger.peer.opening import open_udp
from messenger.peer.room import Room
from messenger.peer.sealed import Cut
from messenger.transfer.datagram import CONTROL
from messenger.transfer.flights import Batch
from messenger.transfer.geometry import HEADER_SIZE, SEGMENT_SIZES, SEND_MAX

if TYPE_CHECKING:
    from messenger.peer.many import Calls, Slots

BUFFER_BYTES: Final = 4 * 1024 * 1024
"""What is asked for as the socket's buffers; the kernel gives as much as net.core.rmem_max and wmem_max allow."""

_SEND_WAIT_MS: Final = 100
"""How long all sends of one turn wait for a full queue: others, and what has arrived, must have their turn."""

_LONE_MANY: Final = 8
"""So many datagrams of full size one after the other, each alone, and they are fetched in another way."""


_SOL_UDP: Final = 17
_UDP_SEGMENT: Final = 103
_UDP_GRO: Final = 104
_GRO_SPACE: Final = socket.CMSG_SPACE(4)
_PROBE: Final = 3  # IP_PMTUDISC_PROBE: never fragment, and don't believe the kernel's idea of the path's MTU
_NO_OFFLOAD: Final = (errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP)
"""What the kernel says when it, or the card, cannot segment (EIO: no checksum offload) or not so much."""

_MAPPED: Final = bytes(10) + b"\xff\xff"
"""How an IPv4 address begins that is written as one of IPv6 (RFC 4291, 2.5.5.2)."""

_WORDS: Final = struct.Struct("<QQ")


class UdpPort:
    """The socket of one client's transfers, on all addresses of the machine. Used by one thread."""

    def __init__(self, port: int, buffer_bytes: int = BUFFER_BYTES, offload: bool = True) -> None:
        """Port 0 is any free one; raises `ConfigError` if somebody else has it. `offload` may be switched off."""
        if sys.byteorder != "little":
            raise ConfigError("files cannot be sent on this machine: headers are written in little-endian order")
        self._socket = open_udp(port)
        self._socket.setblocking(False)
        self.number: int = self._socket.getsockname()[1]
        self._is_v6 = self._socket.family == socket.AF_INET6
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)
        self._room = Room(self._socket)
        self.offloads = offload
        """Whether the kernel cuts batches into datagrams, as far as is known."""
        self._coalesces = offload and self._try_option(_SOL_UDP, _UDP_GRO, 1)
        self._try_option(socket.IPPROTO_IP, 10, _PROBE)  # IP_MTU_DISCOVER
        if self._is_v6:
            self._try_option(socket.IPPROTO_IPV6, 23, _PROBE)  # IPV6_MTU_DISCOVER
        self._writable = select.poll()
        self._writable.register(self._socket, select.POLLOUT)
        self._patience_ms = float(_SEND_WAIT_MS)
        self._flat = memoryview(bytearray(DATAGRAM_MAX))
        self._layouts = [Layout(kind) for kind in range(len(SEGMENT_SIZES))]
        self._layout = self._layouts[0]
        """The one in which the next batch is expected."""
        self._calls = None if self._coalesces else _load_calls()
        """What sends and fetches many datagrams at once, if that is of use and there is such a thing."""
        self._slots: Dict[int, Slots] = {}
        self._strips: Dict[int, Strip] = {}
        """Both the same for datagrams that the kernel does not join, by their size."""
        self._lone = 0 if self._coalesces else _LONE_MANY
        """How many datagrams have come one by one."""
        self.misfits = 0
        """Datagrams that had no room for a header, or were longer than any of ours."""
        self._at_once = [SEND_MAX // size for size in SEGMENT_SIZES]
        self._ancillary = [[(_SOL_UDP, _UDP_SEGMENT, struct.pack("@H", size))] for size in SEGMENT_SIZES]

    @property
    def allowance(self) -> int:
        """Bytes under way for which the receive buffer has room."""
        return self._room.bytes

    def fileno(self) -> int:
        """Return the socket's descriptor, to be polled."""
        return self._socket.fileno()

    def address(self, host: str, port: int) -> Address:
        """Return a numeric address as this socket wants it, and as it names whoever sends from there: however it was
        spelled, one address is one. Raises OSError for one that it cannot reach."""
        is_v6 = ":" in host
        packed = socket.inet_pton(socket.AF_INET6, host) if is_v6 else _MAPPED + socket.inet_pton(socket.AF_INET, host)
        if self._is_v6:
            return (socket.inet_ntop(socket.AF_INET6, packed), port, 0, 0)
        if packed[:12] != _MAPPED:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6 here")
        return (socket.inet_ntop(socket.AF_INET, packed[12:]), port)

    def begin_turn(self) -> None:
        """Sends may wait again: what all of them wait is bounded in each turn of the thread."""
        self._patience_ms = _SEND_WAIT_MS

    def send(self, address: Address, datagram: bytes) -> None:
        """Send one datagram; one that cannot be sent counts as lost."""
        try:
            self._send([datagram], [], address)
        except OSError:
            pass  # no route, a full queue, a firewall, too large for the path: all of it is loss to the protocol

    def send_batch(self, address: Address, connection: int, batch: Batch) -> None:
        """Send the segments of a batch, whose `flight.sealed` is a `SealedChunk`."""
        flight = batch.flight
        cut: Cut = flight.sealed.layout(flight.kind)
        are_several = batch.mask & (batch.mask - 1)
        try:
            if self.offloads and are_several:
                cut.stamp(connection, flight.chunk, batch.number, batch.mask)
                try:
                    buffers, step = cut.buffers_of(batch.mask, flight.full), 2 * self._at_once[flight.kind]
                    for start in range(0, len(buffers), step):
                        self._send(buffers[start : start + step], self._ancillary[flight.kind], address)
                    return
                except OSError as error:
                    if error.errno not in _NO_OFFLOAD:
                        raise
            if are_several and self._calls is not None:
                cut.stamp(connection, flight.chunk, batch.number, batch.mask)
                self._send_many(cut, batch.mask, address, self._calls)
            else:
                self._send_pieces(cut.pieces(batch.mask, connection, flight.chunk, batch.number), address)
            if are_several and self.offloads:
                self.offloads = False  # they do get through one by one, so it was not their size
                self._calls = _load_calls()
        except OSError:
            pass  # as in `send`

    def receive(self) -> Optional[List[Run]]:
        """Return what has arrived, or a part of it; None if there is nothing. Payloads are good until the next call.

        The list is empty if what came is no datagram of ours.
        """
        if self._lone >= _LONE_MANY:
            return self._receive_lone() if self._coalesces or self._calls is None else self._receive_many(self._calls)
        layout = self._layout
        while self._lone < _LONE_MANY:
            before = self._room.before()
            try:
                length, ancillary, _, address = self._socket.recvmsg_into(layout.buffers(), _GRO_SPACE)
            except BlockingIOError:
                return layout.rest() or None
            except OSError:
                break  # what an earlier datagram of ours met: nobody listens there, no route
            if before:
                self._room.after(before, length)
            if length < HEADER_SIZE:
                self.misfits += 1
                break
            stride = int.from_bytes(ancillary[0][2], "little") if ancillary else length
            self._lone = self._lone + 1 if length == stride and length in SEGMENT_SIZES else 0
            is_expected = stride == layout.size or length <= min(stride, layout.size)
            if not is_expected or 0 < length % layout.size < HEADER_SIZE:
                layout.flatten(length, self._flat)
                return layout.rest() + self._runs(self._flat, length, stride, address)
            runs = layout.take(length, address)
            if runs:
                return runs
        return layout.rest()

    def _receive_many(self, calls: Calls) -> Optional[List[Run]]:
        """As `receive`, where the kernel joins nothing: fetch many datagrams by one call."""
        size = self._layout.size
        slots = self._slots.get(size)
        if slots is None:
            slots = self._slots[size] = calls.slots(SEGMENT_SIZES.index(size))
        try:
            runs = slots.receive(self._socket.fileno())
        except BlockingIOError:
            return None
        except OSError:
            return []  # as in `receive`
        self.misfits += slots.misfits
        slots.misfits = 0
        self._expect(slots.last)
        return runs

    def _receive_lone(self) -> Optional[List[Run]]:
        """As `receive`, where the kernel joins nothing: fetch datagrams one by one."""
        strip = self._strip()
        size, words, sock, joins = strip.size, strip.words, self._socket, self._coalesces
        firsts: List[int] = []
        seconds: List[int] = []
        last, address = size, ()
        more: List[Run] = []
        try:
            for at, place in strip.places:
                covered = words[at], words[at + 1]
                if joins:
                    length, ancillary, _, address = sock.recvmsg_into([place], _GRO_SPACE)
                    stride = int.from_bytes(ancillary[0][2], "little") if ancillary else length
                else:
                    length, address = sock.recvfrom_into(place)
                    stride = length
                if HEADER_SIZE <= length <= size and length == stride:
                    firsts.append(words[at])
                    seconds.append(words[at + 1])
                    words[at], words[at + 1] = covered
                    if length == size and firsts[-1] & 0xFF != CONTROL:
                        continue
                    last = length
                    self._expect(length)
                elif length < HEADER_SIZE:
                    words[at], words[at + 1] = covered
                    self.misfits += 1
                else:
                    more = self._runs(place, length, stride, address)
                    words[at], words[at + 1] = covered
                    if length > stride:
                        self._lone = 0  # now they are joined
                break
        except BlockingIOError:
            if not firsts:
                return None
        except OSError:
            pass  # as in `receive`
        return (strip.runs(firsts, seconds, last, address) if firsts else []) + more

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _strip(self) -> Strip:
        size = self._layout.size
        strip = self._strips.get(size)
        if strip is None:
            strip = self._strips[size] = Strip(SEGMENT_SIZES.index(size))
        return strip

    def _expect(self, size: int) -> None:
        """Have the next one go straight to its place, if datagrams of this size are full segments."""
        if size in SEGMENT_SIZES:
            self._layout = self._layouts[SEGMENT_SIZES.index(size)]

    def _runs(self, flat: memoryview, length: int, stride: int, address: Address) -> List[Run]:
        self._expect(stride)
        runs = []
        for start in range(0, length, stride):
            end = min(start + stride, length)
            if end - start >= HEADER_SIZE:
                first, second = _WORDS.unpack_from(flat, start)
                runs.append(new_run(first, 1, second, flat[start + HEADER_SIZE : end], address))
            else:
                self.misfits += 1
        return runs

    def _send(self, buffers: Sequence[Any], ancillary: Sequence[Any], address: Address) -> None:
        try:
            self._socket.sendmsg(buffers, ancillary, 0, address)
        except BlockingIOError:
            self._wait_for_room()
            self._socket.sendmsg(buffers, ancillary, 0, address)

    def _send_many(self, cut: Cut, mask: int, address: Address, calls: Calls) -> None:
        """Send datagrams, each on its own, by as few calls as may be."""
        if cut.parcel is None:
            cut.parcel = calls.parcel(cut.buffers)
        cut.parcel.send(self._socket.fileno(), address, mask, self._wait_for_room)

    def _wait_for_room(self) -> None:
        """Wait as long as this turn may, as the queue is full; raises BlockingIOError when it may not any more."""
        if self._patience_ms <= 0:
            raise BlockingIOError(errno.EAGAIN, "the queue is full")
        began = time.monotonic()
        self._writable.poll(self._patience_ms)  # the card's queue is full: this is where a link slows its sender
        self._patience_ms -= (time.monotonic() - began) * 1000

    def _send_pieces(self, pieces: Generator[memoryview, None, None], address: Address) -> None:
        """Send datagrams, each on its own."""
        sendto = self._socket.sendto
        encoded = (address[0].encode(), *address[1:])  # once, and not for each
        with closing(pieces):
            for piece in pieces:
                try:
                    sendto(piece, encoded)
                except BlockingIOError:
                    self._send([piece], [], address)

    def _try_option(self, level: int, option: int, value: int) -> bool:
        try:
            self._socket.setsockopt(level, option, value)
        except OSError:
            return False
        return True


def _load_calls() -> Optional[Calls]:
    from messenger.peer.many import Calls  # with ctypes, which is of no use where the kernel cuts and joins

    try:
        return Calls()
    except OSError:
        return None

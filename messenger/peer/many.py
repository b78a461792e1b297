"""Many datagrams by one system call where the kernel neither cuts nor joins them: sendmmsg and recvmmsg of Linux.

Python does not offer them, so they are called in the C library; where it has none, datagrams go and come one by one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from array import array
from typing import Any, Callable, Dict, Final, List, Optional, Sequence

from messenger.peer.arrivals import Address, Run, new_run, split
from messenger.transfer.datagram import CONTROL
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE, segment_count

_NAME_SIZE: Final = 28
"""Bytes of the larger of the two addresses below."""

_In: Final = struct.Struct("=HH4s8x")  # sockaddr_in: family, port, address
_In6: Final = struct.Struct("=HHI16sI")  # sockaddr_in6: family, port, flow, address, scope
_ADDRESSES_KEPT: Final = 1024


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """The `msghdr` of Linux."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("pieces", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """The `mmsghdr`."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


class Calls:
    """The two calls; raises OSError where there are none."""

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise OSError(errno.ENOSYS, "no such calls")
        try:
            library = ctypes.CDLL(None, use_errno=True)
            self.send: Callable[..., int] = library.sendmmsg
            self.receive: Callable[..., int] = library.recvmmsg
        except AttributeError as error:
            raise OSError(errno.ENOSYS, str(error)) from None

    def parcel(self, buffers: Sequence[memoryview]) -> Parcel:
        """Return what sends the segments of a sealed chunk."""
        return Parcel(self, buffers)

    def slots(self, kind: int) -> Slots:
        """Return places for what arrives, best for segments of this kind."""
        return Slots(self, kind)


class Vector:
    """Datagrams, each in several pieces of memory, to be sent or filled again and again."""

    def __init__(self, calls: Calls, datagrams: Sequence[Sequence[memoryview]], names: bytearray, stride: int) -> None:
        """`names` holds the address of each, `stride` bytes apart; with 0 there is one for all."""
        self._calls = calls
        self._memory: List[Any] = []  # what the kernel is told the addresses of must not go
        flat = [piece for datagram in datagrams for piece in datagram]
        self._pieces = (_Iovec * len(flat))(*[_Iovec(self._address(piece), len(piece)) for piece in flat])
        start, at = self._address(memoryview(names)), ctypes.addressof(self._pieces)
        self._messages = (_Message * len(datagrams))()
        for number, datagram in enumerate(datagrams):
            header = self._messages[number].header
            header.name, header.name_length = start + number * stride, _NAME_SIZE
            header.pieces, header.count = at, len(datagram)
            at += len(datagram) * ctypes.sizeof(_Iovec)
        words = memoryview(self._messages).cast("B").cast("I")
        size = ctypes.sizeof(_Message) // 4
        self.lengths = words[_Message.length.offset // 4 :: size]
        self._name_lengths = words[_Header.name_length.offset // 4 :: size]

    def name(self, length: int) -> None:
        """Say how many bytes each address has."""
        for number in range(len(self._name_lengths)):
            self._name_lengths[number] = length

    def send(self, fd: int, first: int, count: int) -> int:
        """Send so many from the `first` on; return how many were taken, at least one, or raise OSError."""
        start = ctypes.byref(self._messages, first * ctypes.sizeof(_Message))
        return self._done(self._calls.send(fd, start, count, 0))

    def receive(self, fd: int, most: int) -> int:
        """Receive as many as there are, but not more than `most`; return how many, at least one, or raise OSError."""
        return self._done(self._calls.receive(fd, self._messages, most, socket.MSG_DONTWAIT, None))

    def _address(self, piece: memoryview) -> int:
        if not len(piece):
            return 0
        held = (ctypes.c_char * len(piece)).from_buffer(piece)
        self._memory.append(held)
        return ctypes.addressof(held)

    def _done(self, count: int) -> int:
        if count < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return count


class Parcel:
    """The segments of a sealed chunk, to be sent by few calls."""

    def __init__(self, calls: Calls, buffers: Sequence[memoryview]) -> None:
        """`buffers` are header, payload, header, payload and so on (see `messenger.peer.sealed.Cut`)."""
        self._name = bytearray(_NAME_SIZE)
        self._vector = Vector(calls, list(zip(buffers[::2], buffers[1::2])), self._name, 0)
        self._address: Optional[Address] = None

    def send(self, fd: int, address: Address, mask: int, wait: Callable[[], None]) -> None:
        """Send some segments there; `wait` is called when the queue is full. Raises OSError."""
        if address != self._address:
            self._address = address
            name = packed(address)
            self._name[: len(name)] = name
            self._vector.name(len(name))
        while mask:
            first = (mask & -mask).bit_length() - 1
            run = mask >> first
            count = (~run & (run + 1)).bit_length() - 1
            try:
                taken = self._vector.send(fd, first, count)
            except BlockingIOError:
                wait()
                taken = self._vector.send(fd, first, count)
            mask &= ~(((1 << taken) - 1) << first)


class Slots:
    """Places for a chunk's segments as they arrive: headers and payloads each stand one behind the other."""

    def __init__(self, calls: Calls, kind: int) -> None:
        """For full segments of this kind; longer datagrams, up to those of the largest, have room all the same."""
        self.size = SEGMENT_SIZES[kind]
        self._count = self._most = count = segment_count(CHUNK_SIZE + TAG_SIZE, kind)
        self._room = room = self.size - HEADER_SIZE
        rest = SEGMENT_SIZES[-1] + 1 - self.size  # one more, so that what is too long shows
        self._words = array("Q", bytes(HEADER_SIZE * count))
        headers = memoryview(self._words).cast("B")
        self._payload = memoryview(bytearray(room * count))
        self._rest = memoryview(bytearray(rest * count))
        self._names = bytearray(_NAME_SIZE * count)
        self._datagrams = [
            (
                headers[number * HEADER_SIZE : (number + 1) * HEADER_SIZE],
                self._payload[number * room : (number + 1) * room],
                self._rest[number * rest : (number + 1) * rest],
            )
            for number in range(count)
        ]
        self._vector = Vector(calls, self._datagrams, self._names, _NAME_SIZE)
        self._addresses: Dict[bytes, Address] = {}
        self.last = 0
        """Bytes of the last datagram that arrived."""
        self.misfits = 0
        """Datagrams that had no room for a header, or are longer than any of ours."""

    def receive(self, fd: int) -> List[Run]:
        """Return the runs of what has arrived; they are good until the next call. Raises OSError."""
        count = self._vector.receive(fd, self._most)
        lengths = self._vector.lengths[:count].tolist()
        self.last = lengths[-1]
        self._most = self._count
        first = self._words[2 * count - 2]
        kind, segment = first & 0xFF, first >> 8 & 0xFFFF
        if kind != CONTROL and self.last == self.size and segment + 1 < self._count:
            self._most -= segment + 1  # the rest of this chunk, and the next may come in one piece
        runs: List[Run] = []
        first = 0
        while first < count:
            length, name = lengths[first], self._name(first)
            end = first + 1
            if HEADER_SIZE <= length <= self.size:
                end = self._end(first, count, lengths, name)
                runs += self._runs(first, end, lengths[end - 1], self._address(name))
            elif length < HEADER_SIZE or length > SEGMENT_SIZES[-1]:
                self.misfits += 1
            else:
                whole = memoryview(b"".join(self._datagrams[first]))[HEADER_SIZE:length]
                runs.append(new_run(self._words[2 * first], 1, self._words[2 * first + 1], whole, self._address(name)))
            first = end
        return runs

    def _end(self, first: int, count: int, lengths: List[int], name: bytes) -> int:
        """Return the end of the datagrams from `first` on that are of full size, but for the last one, and come from
        there."""
        size, end = self.size, first + 1
        if not first and lengths[:-1] == [size] * (count - 1) and self._names[: len(name) * count] == name * count:
            return count if HEADER_SIZE <= lengths[-1] <= size else count - 1  # as nearly always
        while end < count and lengths[end - 1] == size and HEADER_SIZE <= lengths[end] <= size:
            if self._name(end) != name:
                break
            end += 1
        return end

    def _name(self, number: int) -> bytes:
        return bytes(self._names[number * _NAME_SIZE : (number + 1) * _NAME_SIZE])

    def _runs(self, first: int, end: int, last: int, address: Address) -> List[Run]:
        """Return the runs of datagrams of full size, but for the last one."""
        payload = self._payload[first * self._room : (end - 1) * self._room + last - HEADER_SIZE]
        words = self._words[2 * first : 2 * end]
        return split(words[0::2].tolist(), words[1::2].tolist(), payload, self._room, address)

    def _address(self, name: bytes) -> Address:
        address = self._addresses.get(name)
        if address is None:
            if len(self._addresses) >= _ADDRESSES_KEPT:
                self._addresses.clear()
            address = self._addresses[name] = unpacked(name)
        return address


def packed(address: Address) -> bytes:
    """Return an address of a socket as the kernel wants it."""
    port = socket.htons(address[1])
    if len(address) == 2:
        return _In.pack(socket.AF_INET, port, socket.inet_pton(socket.AF_INET, address[0]))
    host = socket.inet_pton(socket.AF_INET6, address[0])
    return _In6.pack(socket.AF_INET6, port, socket.htonl(address[2]), host, address[3])


def unpacked(name: bytes) -> Address:
    """Return the address that `packed` has made of it, as Python's sockets name it."""
    if int.from_bytes(name[:2], sys.byteorder) == socket.AF_INET:
        _, port, host = _In.unpack_from(name)
        return socket.inet_ntop(socket.AF_INET, host), socket.ntohs(port)
    _, port, flow, host, scope = _In6.unpack_from(name)
    return socket.inet_ntop(socket.AF_INET6, host), socket.ntohs(port), socket.ntohl(flow), scope

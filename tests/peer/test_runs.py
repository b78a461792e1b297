"""What arrives together is split into the right runs, whatever it is: beside a parser that looks at each datagram."""

from __future__ import annotations

import random
import select
import socket
import struct
from contextlib import ExitStack
from typing import List, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messenger.peer.arrivals import Address, Layout, Run
from messenger.peer.udp import UdpPort
from messenger.transfer.datagram import CONTROL, first_word
from messenger.transfer.geometry import HEADER_SIZE, SEGMENT_SIZES

Parsed = List[Tuple[int, int, int, int, bytes]]
"""Kind, connection, segment, second word and payload."""


def parse(datagrams: List[bytes]) -> Parsed:
    """Look at each datagram on its own."""
    found = []
    for datagram in datagrams:
        if len(datagram) >= HEADER_SIZE:
            kind, segment, low, high, word = struct.unpack_from("<BBHIQ", datagram)
            found.append((kind, low | high << 16, segment, word, datagram[HEADER_SIZE:]))
    return found


def split(runs: List[Run], room: int) -> Parsed:
    """Return the datagrams of runs."""
    found = []
    for run in runs:
        whole = bytes(run.payload)
        assert (run.segments - 1) * room <= len(whole), run
        for number in range(run.segments):
            payload = whole[number * room : (number + 1) * room] if run.segments > 1 else whole
            found.append((run.kind, run.connection, run.first + number, run.word, payload))
    return found


def datagram(kind: int, connection: int, segment: int, word: int, size: int) -> bytes:
    header = struct.pack("<QQ", first_word(kind, segment, connection), word)
    filler = bytes([segment, word & 0xFF, connection & 0xFF]) * (size // 3 + 1)
    return (header + filler)[:size]


KINDS = st.sampled_from([0, 1, 2, 3, CONTROL, 200])
HEADERS = st.tuples(KINDS, st.sampled_from([5, 6, 2**48 - 2]), st.integers(0, 60), st.sampled_from([1, 2, 2**64 - 1]))


@st.composite
def arrivals(draw: st.DrawFn) -> Tuple[int, List[bytes]]:
    """Draw what one call may bring: datagrams of one size, only the last of which may be shorter."""
    stride = draw(st.sampled_from([*SEGMENT_SIZES, 16, 17, 89, 100, 600, 1184, 1201, 4476]))
    most = 65_535 // stride
    datagrams: List[bytes] = []
    for _ in range(draw(st.integers(1, 4))):
        kind, connection, first, word = draw(HEADERS)
        count = draw(st.integers(1, 20))
        datagrams += [datagram(kind, connection, (first + n) & 0xFF, word, stride) for n in range(count)]
    datagrams = datagrams[: min(most, 64)]
    datagrams[-1] = datagrams[-1][: draw(st.integers(0, stride)) or None]
    return stride, datagrams


class Fed:
    """Stands for a socket that brings what it is told to."""

    def __init__(self) -> None:
        self.stride = 0
        self.data = b""

    def recvmsg_into(self, buffers: List[memoryview], _: int) -> Tuple[int, List[Tuple[int, int, bytes]], int, object]:
        rest = memoryview(self.data)
        for buffer in buffers:
            part = rest[: len(buffer)]
            buffer[: len(part)] = part
            rest = rest[len(part) :]
        assert not rest, "the buffers are too small"
        is_joined = len(self.data) > self.stride
        cmsg = [(17, 104, self.stride.to_bytes(4, "little"))] if is_joined else []
        return len(self.data), cmsg, 0, ("::1", 1)

    def close(self) -> None:
        pass


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(arrivals(), min_size=1, max_size=4))
def test_each_datagram_of_any_arrival_is_found(sequence: List[Tuple[int, List[bytes]]]) -> None:
    port = UdpPort(0)
    port._socket.close()
    port._socket = fed = Fed()  # type: ignore[assignment]  # stands for a socket
    port._coalesces = True
    for stride, datagrams in sequence:
        fed.stride, fed.data = stride, b"".join(datagrams)
        runs = port.receive()
        assert runs is not None
        assert split(runs, stride - HEADER_SIZE) == parse(datagrams)


class Queue(Fed):
    """Brings one datagram after the other, then nothing."""

    def __init__(self, datagrams: List[bytes]) -> None:
        super().__init__()
        self.datagrams = list(datagrams)

    def recvmsg_into(
        self, buffers: List[memoryview], size: int
    ) -> Tuple[int, List[Tuple[int, int, bytes]], int, object]:
        if not self.datagrams:
            raise BlockingIOError
        self.data = self.datagrams.pop(0)
        self.stride = len(self.data)
        return super().recvmsg_into(buffers, size)

    def recvfrom_into(self, buffer: memoryview) -> Tuple[int, object]:
        length, _, _, address = self.recvmsg_into([buffer], 0)
        return length, address


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(arrivals(), min_size=1, max_size=4), st.booleans())
def test_each_datagram_is_found_when_they_come_one_by_one(sequence: List[Tuple[int, List[bytes]]], joins: bool) -> None:
    """Whether the kernel joins none at all, or could and does not."""
    datagrams = [one for _, many in sequence for one in many]
    port = UdpPort(0, offload=joins)
    port._socket.close()
    port._calls = None
    port._socket = Queue(datagrams)  # type: ignore[assignment]  # stands for a socket
    found: Parsed = []
    while True:
        layout = port._layout or port._layouts[0]
        runs = port.receive()
        if runs is None:
            break
        found += split(runs, layout.size - HEADER_SIZE)
    assert found == parse(datagrams)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(arrivals(), min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_each_datagram_is_found_when_one_call_fetches_many(
    sequence: List[Tuple[int, List[bytes]]], others: List[bool]
) -> None:
    """From one address or two, and of any size; what is longer than any of ours is not ours."""
    sent: List[Tuple[Address, bytes]] = []
    found: List[Tuple[Address, Parsed]] = []
    with ExitStack() as stack:
        port = UdpPort(0, offload=False)
        stack.callback(port.close)
        if port._calls is None:
            pytest.skip("this system has no recvmmsg")
        senders = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)]
        for sender in senders:
            sender.bind(("127.0.0.1", 0))
        for is_other, (_, datagrams) in zip(others, sequence):
            sender = senders[is_other]
            for each in datagrams:
                sender.sendto(each, ("127.0.0.1", port.number))
                if len(each) <= SEGMENT_SIZES[-1]:
                    sent.append((port.address(*sender.getsockname()), each))
        while True:
            layout = port._layout or port._layouts[0]
            runs = port.receive()
            if runs is None:
                break
            found += [(run.address, split([run], layout.size - HEADER_SIZE)) for run in runs]
    assert [one for _, parsed in found for one in parsed] == parse([each for _, each in sent])
    assert [address for address, parsed in found for _ in parsed] == [
        address for address, each in sent if len(each) >= HEADER_SIZE
    ]
    assert port.misfits == sum(
        not HEADER_SIZE <= len(each) <= SEGMENT_SIZES[-1] for _, datagrams in sequence for each in datagrams
    )


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(range(len(SEGMENT_SIZES))), st.data())
def test_a_layout_splits_as_one_who_looks_at_each(kind: int, data: st.DataObject) -> None:
    size = SEGMENT_SIZES[kind]
    headers = data.draw(st.lists(HEADERS, min_size=1, max_size=min(30, 65_535 // size)))
    last = data.draw(st.integers(HEADER_SIZE, size))
    datagrams = [datagram(*header, size) for header in headers]
    datagrams[-1] = datagrams[-1][:last]
    layout = Layout(kind)
    fed = Fed()
    fed.stride, fed.data = size, b"".join(datagrams)
    fed.recvmsg_into(layout.buffers, 0)
    assert split(layout.runs(len(fed.data), ("::1", 1)), size - HEADER_SIZE) == parse(datagrams)
    flat = memoryview(bytearray(65_536))
    layout.flatten(len(fed.data), flat)
    assert flat[: len(fed.data)] == fed.data


@pytest.mark.parametrize("seed", range(5))
def test_mixed_batches_of_a_real_kernel_are_split(seed: int) -> None:
    """Batches as the kernel cuts and joins them: of several kinds, connections and sizes, one after the other."""
    chance = random.Random(seed)
    port = UdpPort(0)
    poll = select.poll()
    poll.register(port, select.POLLIN)
    sent: List[bytes] = []
    found: Parsed = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(100):
            size = chance.choice([*SEGMENT_SIZES, 16, 89, 1000])
            count = chance.randrange(1, min(60, 60_000 // size))
            kinds = [chance.choice([0, 1, 2, 3, CONTROL]) for _ in range(3)]
            datagrams = [
                datagram(kinds[number // 20 % 3], chance.choice([5, 5, 5, 6]), number, 77, size)
                for number in range(count)
            ]
            datagrams[-1] = datagrams[-1][: chance.randrange(16, size + 1)]
            sent += datagrams
            try:
                sender.sendmsg(datagrams, [(17, 103, struct.pack("@H", size))], 0, ("127.0.0.1", port.number))
            except OSError:
                pytest.skip("this kernel has no UDP_SEGMENT")
            arrived = 0
            while arrived < count:
                assert poll.poll(2000)
                runs = port.receive() or []
                parsed = split(runs, size - HEADER_SIZE)
                arrived += len(parsed)
                found += parsed
    port.close()
    assert found == parse(sent)

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
from messenger.transfer.geometry import CHUNK_SIZE, HEADER_SIZE, SEGMENT_SIZES, TAG_SIZE, segment_count

Parsed = List[Tuple[int, int, int, int, bytes]]
"""Kind, connection, segment, second word and payload."""


def parse(datagrams: List[bytes]) -> Parsed:
    """Look at each datagram on its own."""
    found = []
    for datagram in datagrams:
        if len(datagram) >= HEADER_SIZE:
            kind, segment, low, high, word = struct.unpack_from("<BHBIQ", datagram)
            found.append((kind, low | high << 8, segment, word, datagram[HEADER_SIZE:]))
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
    filler = bytes([segment & 0xFF, word & 0xFF, connection & 0xFF]) * (size // 3 + 1)
    return (header + filler)[:size]


KINDS = st.sampled_from([0, 1, 2, 3, CONTROL, 200])
FIRSTS = st.sampled_from([0, 1, 30, 250, 2**16 - 3])
HEADERS = st.tuples(KINDS, st.sampled_from([5, 6, 2**40 - 2]), FIRSTS, st.sampled_from([1, 2, 2**64 - 1]))


@st.composite
def arrivals(draw: st.DrawFn) -> Tuple[int, List[bytes]]:
    """Draw what one call may bring: datagrams of one size, only the last of which may be shorter."""
    stride = draw(st.sampled_from([*SEGMENT_SIZES, 16, 17, 89, 100, 600, 1184, 1201, 4476]))
    most = 65_535 // stride
    datagrams: List[bytes] = []
    for _ in range(draw(st.integers(1, 4))):
        kind, connection, first, word = draw(HEADERS)
        count = draw(st.integers(1, 20))
        datagrams += [datagram(kind, connection, (first + n) & 0xFFFF, word, stride) for n in range(count)]
    datagrams = datagrams[: min(most, 64)]
    datagrams[-1] = datagrams[-1][: draw(st.integers(0, stride)) or None]
    return stride, datagrams


class Fed:
    """Stands for a socket that brings what it is told to, each with its stride and address, and then nothing."""

    def __init__(self, arrived: List[Tuple[int, bytes, Address]]) -> None:
        self._arrived = list(arrived)

    def recvmsg_into(self, buffers: List[memoryview], _: int) -> Tuple[int, List[Tuple[int, int, bytes]], int, Address]:
        if not self._arrived:
            raise BlockingIOError
        stride, data, address = self._arrived.pop(0)
        rest = memoryview(data)
        for buffer in buffers:
            part = rest[: len(buffer)]
            buffer[: len(part)] = part
            rest = rest[len(part) :]
        assert not rest, "the buffers are too small"
        cmsg = [(17, 104, stride.to_bytes(4, "little"))] if len(data) > stride else []
        return len(data), cmsg, 0, address

    def recvfrom_into(self, buffer: memoryview) -> Tuple[int, Address]:
        length, _, _, address = self.recvmsg_into([buffer], 0)
        return length, address

    def close(self) -> None:
        pass


HERE, THERE = ("::1", 1), ("::1", 2)


def feed(port: UdpPort, arrived: List[Tuple[int, bytes, Address]]) -> None:
    port._socket.close()
    port._socket = Fed(arrived)  # type: ignore[assignment]  # stands for a socket


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(arrivals(), min_size=1, max_size=4))
def test_each_datagram_of_any_arrival_is_found(sequence: List[Tuple[int, List[bytes]]]) -> None:
    port = UdpPort(0)
    port._coalesces = True
    for stride, datagrams in sequence:
        feed(port, [(stride, b"".join(datagrams), HERE)])
        runs = port.receive()
        assert runs is not None
        assert split(runs, stride - HEADER_SIZE) == parse(datagrams)
        assert port.receive() is None


@st.composite
def pieces(draw: st.DrawFn) -> Tuple[int, List[Tuple[List[bytes], Address]]]:
    """Draw what several calls bring: mostly, each goes on in the chunk where the one before has ended."""
    kind = draw(st.sampled_from(range(len(SEGMENT_SIZES))))
    size = SEGMENT_SIZES[kind]
    found: List[Tuple[List[bytes], Address]] = []
    connection, first, word = 5, 0, 1
    for _ in range(draw(st.integers(1, 6))):
        if draw(st.integers(0, 3)) == 0:
            connection, word = draw(st.sampled_from([5, 6])), draw(st.sampled_from([1, 2]))
            first = draw(st.integers(0, 250))
        count = draw(st.integers(1, min(20, 65_535 // size)))
        drawn = draw(st.sampled_from([kind, kind, kind, CONTROL]))
        some = [datagram(drawn, connection, (first + n) & 0xFFFF, word, size) for n in range(count)]
        if draw(st.integers(0, 3)) == 0:
            some[-1] = some[-1][: draw(st.integers(HEADER_SIZE, size))]
        found.append((some, draw(st.sampled_from([HERE, HERE, HERE, THERE]))))
        first += count
    return size, found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pieces())
def test_what_several_calls_bring_is_found_in_its_order_and_with_its_address(
    drawn: Tuple[int, List[Tuple[List[bytes], Address]]],
) -> None:
    size, several = drawn
    port = UdpPort(0)
    port._coalesces = True
    port._expect(size)
    feed(port, [(size, b"".join(some), address) for some, address in several])
    found = []
    while True:
        runs = port.receive()
        if runs is None:
            break
        found += [(one, run.address) for run in runs for one in split([run], size - HEADER_SIZE)]
    assert found == [(one, address) for some, address in several for one in parse(some)]


def test_a_chunk_that_comes_in_several_calls_is_one_run() -> None:
    port = UdpPort(0)
    port._coalesces = True
    size, most = SEGMENT_SIZES[3], 7
    chunk = [datagram(3, 5, number, 9, size) for number in range(segment_count(CHUNK_SIZE + TAG_SIZE, 3))]
    chunk[-1] = chunk[-1][:4000]
    batches = [b"".join(chunk[start : start + most]) for start in range(0, len(chunk), most)]
    port._expect(size)
    feed(port, [(size, batch, HERE) for batch in [*batches, *batches]])
    for _ in range(2):
        (run,) = port.receive() or []
        assert (run.first, run.segments) == (0, len(chunk))
        assert split([run], size - HEADER_SIZE) == parse(chunk)
    assert port.receive() is None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(arrivals(), min_size=1, max_size=4), st.booleans())
def test_each_datagram_is_found_when_they_come_one_by_one(sequence: List[Tuple[int, List[bytes]]], joins: bool) -> None:
    """Whether the kernel joins none at all, or could and does not."""
    datagrams = [one for _, many in sequence for one in many]
    port = UdpPort(0, offload=joins)
    port._calls = None
    feed(port, [(len(one), one, HERE) for one in datagrams])
    found: Parsed = []
    while True:
        layout = port._layout
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
            layout = port._layout
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
    layout, whole = Layout(kind), b"".join(datagrams)
    Fed([(size, whole, HERE)]).recvmsg_into(layout.buffers(), 0)
    flat = memoryview(bytearray(65_536))
    layout.flatten(len(whole), flat)
    assert flat[: len(whole)] == whole
    runs = layout.take(len(whole), HERE) or layout.rest()
    assert split(runs, size - HEADER_SIZE) == parse(datagrams)


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

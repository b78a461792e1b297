"""Where the kernel neither cuts nor joins datagrams, many go and come by one call; without such calls, one by one."""

from __future__ import annotations

import ctypes
import errno
import select
import sys
from typing import Any, List, Optional, Tuple

import pytest

from messenger.peer import udp
from messenger.peer.many import Calls, packed, unpacked
from messenger.transfer.geometry import SEGMENT_SIZES, segment_count
from tests.peer.conftest import MakePort
from tests.peer.test_udp import CONNECTION, SEALED, WHOLE, batch_of, expected, segments_of, take


def test_without_the_calls_for_many_datagrams_they_go_and_come_one_by_one(
    make_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    sender, receiver = make_port(offload=False), make_port(offload=False)
    monkeypatch.undo()
    assert sender._calls is receiver._calls is None
    address = sender.address("127.0.0.1", receiver.number)
    for kind in range(len(SEGMENT_SIZES)):
        batch = batch_of(kind)
        sender.send_batch(address, CONNECTION, batch)
        assert segments_of(take(receiver, segment_count(SEALED, kind))) == expected(batch)


class FewCalls(Calls):
    """The calls of a system whose queue is full at times, and takes only a few datagrams at once."""

    def __init__(self, taken: List[int]) -> None:
        super().__init__()
        real, self.times = self.send, 0

        def send(fd: int, start: Any, count: int, flags: int) -> int:
            few = taken[self.times % len(taken)]
            self.times += 1
            if few < 0:
                ctypes.set_errno(-few)
                return -1
            return int(real(fd, start, min(count, few), flags))

        self.send = send


@pytest.mark.parametrize("mask", [None, 0b1011101, 0x5555555555555])
@pytest.mark.parametrize("taken", [[60], [1], [7, 20, -errno.EAGAIN, 2]], ids=["all", "one", "some"])
def test_of_many_datagrams_the_kernel_may_take_a_few_at_a_time(
    make_port: MakePort, mask: Optional[int], taken: List[int]
) -> None:
    sender, receiver = make_port(offload=False), make_port(offload=False)
    sender._calls = FewCalls(taken)
    batch = batch_of(0, mask)
    sender.send_batch(sender.address("127.0.0.1", receiver.number), CONNECTION, batch)
    assert segments_of(take(receiver, len(expected(batch)))) == expected(batch)


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOBUFS, errno.EAGAIN, errno.EHOSTUNREACH])
def test_of_many_datagrams_what_cannot_be_sent_is_lost_and_no_more(
    make_port: MakePort, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    sender, receiver = make_port(offload=False), make_port(offload=False)
    calls = sender._calls = FewCalls([5, -code, -code, 1000])
    monkeypatch.setattr(udp, "_SEND_WAIT_MS", 0)
    sender.begin_turn()
    address = sender.address("127.0.0.1", receiver.number)
    sender.send_batch(address, CONNECTION, batch_of(0))
    assert len(segments_of(take(receiver, 5))) == 5
    calls.times = 3
    sender.send_batch(address, CONNECTION, batch_of(0))
    assert len(segments_of(take(receiver, WHOLE))) == WHOLE


def test_a_parcel_goes_to_whom_it_is_addressed(make_port: MakePort) -> None:
    """The buffers of one transfer are used again for another one."""
    sender, one, other = (make_port(offload=False) for _ in range(3))
    batch = batch_of(0)
    for receiver, host in ((one, "127.0.0.1"), (other, "::1"), (other, "127.0.0.1"), (one, "::1")):
        sender.send_batch(sender.address(host, receiver.number), CONNECTION, batch)
        assert segments_of(take(receiver, WHOLE)) == expected(batch)
    batch = batch_of(0)
    sender.send_batch(sender.address("::1", one.number), CONNECTION - 1, batch)
    assert {run.connection for run in take(one, WHOLE)} == {CONNECTION - 1}


@pytest.mark.parametrize(
    "address", [("192.0.2.9", 14000), ("2001:db8::1", 1, 0, 0), ("::ffff:192.0.2.9", 65535, 0, 0), ("fe80::1", 9, 5, 3)]
)
def test_an_address_is_packed_for_the_kernel_and_unpacked_again(address: Tuple[Any, ...]) -> None:
    assert unpacked(packed(address)) == address
    assert unpacked(packed(address).ljust(28, b"?")) == address


def test_what_was_fetched_from_the_middle_of_a_chunk_is_made_good_so_that_the_next_comes_in_one_piece(
    make_port: MakePort,
) -> None:
    sender, receiver = make_port(offload=False), make_port(offload=False)
    if receiver._calls is None:
        pytest.skip("this system has no recvmmsg")
    address = sender.address("127.0.0.1", receiver.number)
    poll = select.poll()
    poll.register(receiver, select.POLLIN)
    for chunk in range(3):
        mask = None if chunk else (1 << WHOLE) - (1 << 20)
        sender.send_batch(address, CONNECTION, batch_of(0, mask, chunk))
    assert poll.poll(2000)
    runs: List[List[Tuple[int, int]]] = []
    while True:
        found = receiver.receive()
        if found is None:
            break
        runs.append([(run.word & 0xFF, run.segments) for run in found])
    assert runs == [[(0, WHOLE - 20), (1, 20)], [(1, WHOLE - 20)], [(2, WHOLE)]]

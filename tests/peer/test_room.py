"""The room of a receive buffer: what the kernel takes of it for a byte is guessed at first, and then seen."""

from __future__ import annotations

import errno
import random
import socket
import struct
from typing import Any, List

import pytest

from messenger.peer.room import CHARGE, ENOUGH, LENGTH_MIN, LOOK_EVERY, LOOKS, USED, Room
from messenger.transfer.geometry import SEND_MAX, full_mask
from tests.peer.conftest import MakePort
from tests.peer.test_udp import CONNECTION, batch_of, take

ONE_CALL = SEND_MAX // 1200
"""Datagrams that one call sends."""

BUFFER = 425_984
"""What a socket has where net.core.rmem_max is 208 KiB."""
BATCH = 62_288


class Kernel:
    """A socket whose buffer holds what the test puts there."""

    def __init__(self, buffer: int = BUFFER, answer: Any = None) -> None:
        self.buffer = buffer
        self.taken = 0
        self.answer = answer

    def getsockopt(self, level: int, option: int, size: int = 0) -> Any:
        if option == socket.SO_RCVBUF:
            return self.buffer
        if self.answer is not None:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer
        return struct.pack("=9I", self.taken, self.buffer, *range(7))


def receive(room: Room, kernel: Kernel, charges: List[float], length: int = BATCH) -> int:
    """Receive a batch for each of these charges; return how often it was looked at."""
    looks = 0
    for charge in charges:
        kernel.taken = 500_000
        before = room.before()
        kernel.taken -= int(charge * length)
        if before:
            looks += 1
            room.after(before, length)
    return looks


def room_of(kernel: Any) -> Room:
    return Room(kernel)


@pytest.mark.parametrize("charge", [1.02, 1.5, 2.0, 2.25])
def test_what_is_taken_for_a_byte_decides_after_some_looks(charge: float) -> None:
    kernel = Kernel()
    room = room_of(kernel)
    assert room.bytes == BUFFER // 3
    assert receive(room, kernel, [charge] * (LOOK_EVERY * LOOKS - 1)) == LOOKS - 1
    assert room.bytes == BUFFER // 3
    receive(room, kernel, [charge])
    assert room.bytes == pytest.approx(BUFFER * USED / charge, rel=0.001)


def test_it_never_has_less_room_than_the_guess_and_looks_that_are_spoilt_do_not_count() -> None:
    kernel = Kernel()
    room = room_of(kernel)
    chance = random.Random(3)
    for charge, expected in ((4.0, BUFFER / CHARGE), (1.5, BUFFER * USED / 1.5)):
        spoilt = [chance.choice([charge, 0.0, -charge, 2 * charge]) for _ in range(5000)]
        receive(room, kernel, spoilt)
        assert room.bytes == pytest.approx(expected, rel=0.001)


def test_small_datagrams_say_nothing() -> None:
    kernel = Kernel()
    room = room_of(kernel)
    looks = receive(room, kernel, [1.0] * 5000, LENGTH_MIN - 1)
    assert room.bytes == BUFFER // 3
    assert looks == 5000 // LOOK_EVERY, "nor do they cost a look each"


def test_with_a_large_buffer_nobody_looks() -> None:
    kernel = Kernel(8 << 20)
    room = room_of(kernel)
    assert receive(room, kernel, [1.0] * 5000) == 0
    assert room.bytes == (8 << 20) // 3 > ENOUGH


@pytest.mark.parametrize(
    "answer", [OSError(errno.ENOPROTOOPT, "no such option"), b"", b"1234", struct.pack("=9I", 1, 2, *range(7))]
)
def test_a_system_that_does_not_say_leaves_it_at_the_guess(answer: Any) -> None:
    kernel = Kernel(answer=answer)
    room = room_of(kernel)
    assert receive(room, kernel, [1.0] * 5000) == 0
    assert room.bytes == BUFFER // 3


def test_what_it_says_of_this_machine_is_true(make_port: MakePort) -> None:
    """As many bytes as it has room for wait in the buffer, and none of them is lost."""
    sender, receiver = make_port(), make_port(buffer_bytes=BUFFER // 2)
    address = sender.address("127.0.0.1", receiver.number)
    guess = receiver.allowance
    assert guess == receiver._room._buffer // 3
    if not (sender.offloads and receiver._coalesces):
        pytest.skip("the kernel does not join datagrams (UDP_GRO), so nobody looks")
    for number in range(2 * LOOK_EVERY * LOOKS):
        sender.send_batch(address, CONNECTION, batch_of(0, full_mask(ONE_CALL), number=number))
        take(receiver, ONE_CALL)
    assert receiver.allowance > 1.5 * guess
    batches = receiver.allowance // (ONE_CALL * 1200)
    for number in range(batches):
        sender.send_batch(address, CONNECTION, batch_of(0, full_mask(ONE_CALL), number=number))
    assert sum(run.segments for run in take(receiver, ONE_CALL * batches)) == ONE_CALL * batches

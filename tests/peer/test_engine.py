"""The thread that runs all transfers: one transfer's fault is its own."""

from __future__ import annotations

import os
import select
import threading
from math import inf
from pathlib import Path
from typing import Any, Iterator, List
from unittest.mock import Mock

import pytest

from messenger.peer.arrivals import Run
from messenger.peer.engine import RECEIVES_AT_ONCE, Engine
from messenger.peer.handle import TransferDone, TransferEnded, TransferFailed, TransferProgress
from messenger.peer.inbound import Inbound
from messenger.peer.outbound import Outbound
from messenger.peer.part import PartFile
from messenger.peer.udp import UdpPort
from tests.peer.conftest import Enter, MakePort

FAULTS = [
    (Inbound, "accept"),
    (Inbound, "on_run"),
    (Inbound, "on_control"),
    (Inbound, "_advance"),
    (Inbound, "_in_place"),
    (Inbound, "_begin"),
    (Inbound, "_clean_up"),
    (PartFile, "begin"),
    (PartFile, "finish"),
    (Outbound, "offer"),
    (Outbound, "on_answered"),
    (Outbound, "_prepare"),
    (Outbound, "_advance"),
    (Outbound, "_measure"),
]


@pytest.mark.parametrize(("kind", "method"), FAULTS, ids=lambda value: str(getattr(value, "__name__", value)))
def test_a_fault_in_one_transfer_ends_that_one_only(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, kind: type, method: str
) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    right = getattr(kind, method)

    def wrong(self: Any, *args: Any) -> Any:
        name = self._name if isinstance(self, PartFile) else self.handle.name
        if name == "bad.bin":
            raise RuntimeError("a fault that was made for this test")
        return right(self, *args)

    monkeypatch.setattr(kind, method, wrong)
    good = [yoda.make(f"{number}.bin", 400_000) for number in range(3)]
    bad = yoda.client.send_file("Hans", yoda.make("bad.bin", 400_000))
    sent = [yoda.client.send_file("Hans", path) for path in good]
    for transfer in sent:
        transfer.result(10)
    if method == "_clean_up":  # it ends well but for that
        bad.result(10)
        assert hans.wait_for(TransferDone, times=4)
    else:
        with pytest.raises(TransferFailed):
            bad.result(10)
        assert yoda.wait_for(TransferEnded).name == "bad.bin"
    for path in good:
        assert (hans.inbox / f"Yoda_{path.name}").read_bytes() == path.read_bytes()
    after = yoda.make("after.bin", 100_000)
    yoda.client.send_file("Hans", after).result(10)
    assert (hans.inbox / "Yoda_after.bin").read_bytes() == after.read_bytes()


def test_a_callback_that_fails_ends_nothing(enter: Enter, tmp_path: Path) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")

    def fail(event: object) -> None:
        raise RuntimeError("a fault that was made for this test")

    yoda.files.emit = fail
    hans.files.emit = fail
    for number in range(2):
        path = yoda.make(f"{number}.bin", 200_000)
        yoda.client.send_file("Hans", path).result(10)
        assert hans.received()[f"Yoda_{number}.bin"] == path.read_bytes()


def test_events_come_in_their_order(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messenger.peer.exchange.PROGRESS_SECONDS", 0.001)
    yoda, hans = enter("Yoda"), enter("Hans")
    yoda.client.send_file("Hans", yoda.make("a.bin", 8_000_000)).result(10)
    done = hans.wait_for(TransferDone)
    assert (done.direction, done.user, done.name, done.size) == ("in", "Yoda", "a.bin", 8_000_000)
    assert Path(done.path) == hans.inbox / "Yoda_a.bin"
    assert done.goodput > 1_000_000
    assert 0 < done.round_trip < 5
    sent = yoda.wait_for(TransferDone)
    assert done.repeated <= sent.repeated
    for person in (yoda, hans):
        kinds = [type(event).__name__ for event in person.told]
        assert kinds[0] == "TransferStarted"
        assert kinds[-1] == "TransferDone"
        assert set(kinds[1:-1]) == {"TransferProgress"}
        done_so_far = [event.done for event in person.told if isinstance(event, TransferProgress)]
        assert done_so_far == sorted(done_so_far)


def test_nothing_is_called_after_the_end() -> None:
    engine = Engine(UdpPort(0))
    engine.start()
    called = threading.Event()
    engine.call(called.set)
    assert called.wait(5)
    engine.close()
    numbers = [os.pipe() for _ in range(4)]  # they get the numbers that the engine had
    late = threading.Event()
    engine.call(late.set)
    for read, write in numbers:
        assert not select.select([read], [], [], 0)[0]
        os.close(read)
        os.close(write)
    assert not late.is_set()
    engine.close()


@pytest.mark.parametrize("who", ["Yoda", "Hans"])
def test_who_leaves_tells_the_other_and_keeps_what_has_come(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    people = {name: enter(name) for name in ("Yoda", "Hans")}
    write = PartFile.write
    some, closing = threading.Event(), threading.Event()

    def write_and_wait(part: PartFile, chunk: int, *rest: Any) -> None:
        write(part, chunk, *rest)
        if chunk == 40:
            some.set()
            assert closing.wait(5)

    monkeypatch.setattr(PartFile, "write", write_and_wait)
    path = people["Yoda"].make("a.bin", 30_000_000)
    sent = people["Yoda"].client.send_file("Hans", path)
    assert some.wait(10)
    leaving = threading.Thread(target=people[who].client.close)
    leaving.start()
    closing.set()
    leaving.join(10)
    with pytest.raises(TransferFailed, match="has left"):
        sent.result(5)
    (stays,) = {"Yoda", "Hans"} - {who}
    told = people[stays].wait_for(TransferEnded)
    assert (told.code, told.message) == ("closed", f"{who} has left")
    people[stays].client.close()
    assert {"Yoda_a.bin.part", "Yoda_a.bin.part.map"} == set(people["Hans"].received())


def test_many_that_begin_at_once_do_not_wait_for_a_turn_each() -> None:
    engine = Engine(UdpPort(0))
    taken: List[int] = []
    nobody: Any = None

    def steps(number: int) -> Iterator[None]:
        for _ in range(3):
            taken.append(number)
            yield

    for number in range(20):
        engine.step_through(steps(number), nobody)
    engine._step()
    assert len(taken) > 1, "several in one turn"
    assert taken[:20] == list(range(len(taken)))[:20], "and everybody once before anybody twice"
    while engine._steps:
        engine._step()
    assert sorted(taken) == sorted([*range(20)] * 3)
    engine.start()
    engine.close()


class Arrived:
    """Stands for a port at which these payloads have arrived, of one transfer."""

    def __init__(self, port: UdpPort, sizes: List[int], allowance: int) -> None:
        self.fileno = port.fileno
        self.allowance = allowance
        self._runs = [[Run(0, 7, 0, 1, 0, memoryview(bytes(size)), ("::1", 9, 0, 0))] for size in sizes]

    def receive(self) -> Any:
        return self._runs.pop(0) if self._runs else None


@pytest.mark.parametrize(
    ("sizes", "allowance", "naps"),
    [
        ([1184], 142_000, True),
        ([61_456, 61_456], 1_000_000, True),
        ([61_456, 61_456], 142_000, False),
        ([1184] * (RECEIVES_AT_ONCE - 1), 1_000_000, True),
        ([1184] * RECEIVES_AT_ONCE, 1_000_000, False),
        ([], 1_000_000, False),
    ],
    ids=["slow", "fast", "little room", "all was read", "more may be there", "nothing"],
)
def test_while_data_streams_in_and_there_is_room_for_more_it_is_left_to_gather(
    make_port: MakePort, sizes: List[int], allowance: int, naps: bool
) -> None:
    engine = Engine(Arrived(make_port(), sizes, allowance))  # type: ignore[arg-type]  # stands for a port
    runner: Any = Mock(deadline=lambda: inf)
    engine.add(7, runner)
    assert engine._receive() == ({runner} if sizes else set())
    assert runner.on_run.call_count == len(sizes)
    assert engine._may_nap == naps


def test_who_receives_is_told_of_more_room(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    yoda, hans = enter("Yoda"), enter("Hans", socket_buffer=212_992)
    engine = hans.files.engine
    if not engine.port._coalesces:
        pytest.skip("the kernel does not join datagrams (UDP_GRO), so nobody looks how much room they take")
    guess, share = engine.port.allowance, hans.files._share
    rooms: List[int] = []

    def share_and_look() -> None:
        share()
        rooms.extend(one.receiver.allowance for one in hans.files._exchanges.values() if isinstance(one, Inbound))

    monkeypatch.setattr(hans.files, "_share", share_and_look)
    yoda.client.send_file("Hans", yoda.make("large", 20_000_000)).result(30)
    assert rooms[0] == guess
    assert rooms[-1] > guess


def test_strangers_who_flood_us_have_a_turn_like_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much comes at one look: the others' timers and files wait for a megabyte of it at most."""
    engine = Engine(UdpPort(0))
    looks: List[int] = []

    def receive() -> List[Run]:
        looks.append(1)
        return [Run(0, 7, 0, 208, 1, memoryview(bytes(250_000)), ("::1", 9, 0, 0))]

    monkeypatch.setattr(engine.port, "receive", receive)
    assert engine._receive() == set()
    assert (len(looks), engine.strangers) == (4, 4 * 208)
    monkeypatch.undo()
    engine.start()
    engine.close()

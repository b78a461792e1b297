"""What transfers say through the server: by a thread of its own, in order, and before anybody leaves."""

from __future__ import annotations

import threading
from typing import Any, List

import pytest

from messenger.errors import ConnectionLost, Refused
from messenger.peer.handle import TransferAsked, TransferEnded
from messenger.peer.worker import Worker
from tests.peer.conftest import Enter
from tests.peer.endings import SIZE, Gate, failure, told


def test_a_server_that_does_not_read_stops_no_transfer(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    yoda, hans = enter("Yoda"), enter("Hans")
    submit = hans.files._signals._submit
    is_reading = threading.Event()

    def wait_and_submit(*arguments: Any, **fields: Any) -> Any:
        assert is_reading.wait(10)
        return submit(*arguments, **fields)

    gate = Gate(monkeypatch)
    path = yoda.make("a.bin", SIZE)
    sent = yoda.client.send_file("Hans", path)
    gate.wait()
    hans.files.use(wait_and_submit, hans.files.emit, "")
    gate.open()
    sent.result(5)
    back = hans.make("b.bin", 1000)
    waiting = hans.client.send_file("Yoda", back)
    is_reading.set()
    waiting.result(5)
    assert yoda.received() == {"Hans_b.bin": back.read_bytes()}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("bad_text", "no such text"), "bad_text"),
        (ConnectionLost("it broke"), "connection_lost"),
        (RuntimeError("a fault that was made for this test"), "internal_error"),
    ],
    ids=str,
)
def test_what_cannot_be_said_ends_the_transfer_for_its_own_reason(enter: Enter, error: Exception, code: str) -> None:
    yoda = enter("Yoda")

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    yoda.files.use(refuse, yoda.files.emit, "")
    assert failure(yoda.client.send_file("Hans", yoda.make("a.bin", 1)))[0] == code


@pytest.mark.parametrize("leave", ["logout", "close"])
def test_who_leaves_says_so_first(enter: Enter, leave: str) -> None:
    """No datagram can tell it before the offer is accepted."""
    yoda, hans = enter("Yoda"), enter("Hans", accept="ask")
    sent = [yoda.client.send_file("Hans", yoda.make(f"{number}.bin", 1000)) for number in range(20)]
    hans.wait_for(TransferAsked, times=20)
    getattr(yoda.client, leave)()
    assert {failure(one) for one in sent} == {("closed", "Yoda has left")}
    hans.wait_for(TransferEnded, times=20)
    assert told(hans) == ("closed", "Yoda has left")


def test_a_worker_keeps_the_order_and_outlives_a_fault() -> None:
    done: List[int] = []
    worker = Worker("messenger-signals")
    worker.end()
    worker.join(1)  # it never began
    worker = Worker("messenger-signals")
    for number in range(100):
        worker.call(lambda number=number: done.append(number))  # type: ignore[misc]
        worker.call(lambda: 1 // 0)  # type: ignore[arg-type]
    worker.end()
    worker.call(lambda: done.append(-1))
    worker.join(10)
    assert done == list(range(100))

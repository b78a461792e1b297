"""What the user of the library holds of a transfer: figures that are true at every moment."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from messenger.peer import handle
from messenger.peer.handle import Measured, Transfer
from messenger.peer.outbound import Outbound
from messenger.peer.source import SourceFile
from messenger.transfer.claims import Attempt, Claims
from messenger.transfer.congestion import Cubic
from messenger.transfer.geometry import CHUNK_SIZE
from messenger.transfer.rtt import RoundTrip
from messenger.transfer.sealing import CIPHERS, Secrets
from tests.peer.hosts import StillHost

SIZE = 3_000_000_000


class Clock:
    """Says which time it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(handle, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of this test."""
    return Clock(monkeypatch)


def begun() -> Transfer:
    transfer = Transfer(1, "0" * 32, True, "Hans", "a.bin", SIZE)
    transfer.start()
    return transfer


def measure(transfer: Transfer, done: int) -> None:
    transfer.measure = lambda: Measured(done, 0.0, 0, 0.0)


def test_progress_never_goes_back(clock: Clock) -> None:
    """Nor is what came twice to the eye counted twice as speed."""
    transfer = begun()
    for done, told in ((1_000_000, 1_000_000), (800_000, 1_000_000), (1_500_000, 1_500_000)):
        clock.now += 1
        measure(transfer, done)
        assert transfer.progress().done == told
    assert transfer.progress().rate == 500_000


def test_what_was_there_already_is_not_counted_as_fast(clock: Clock) -> None:
    transfer = begun()
    clock.now += 7  # while both sides look at what is there
    transfer.resume_from(2_000_000_000)
    measure(transfer, 2_000_000_000)
    assert transfer.progress().rate == 0
    for second in range(1, 4):
        clock.now += 1
        measure(transfer, 2_000_000_000 + second * 5_000_000)
        assert transfer.progress().rate == 5_000_000
    clock.now += 7
    transfer.end(None)
    assert transfer.progress()[:2] == (SIZE, 1_000_000_000 / 17)
    assert transfer.resumed == 2_000_000_000


def test_who_asks_at_the_moment_of_the_end_does_not_overwrite_its_figures() -> None:
    transfer = begun()
    ending = threading.Thread(target=lambda: transfer.end(None))

    def measure_while_it_ends() -> Any:
        transfer.measure = lambda: Measured(SIZE, 0.01, 7, 0.5)
        ending.start()
        ending.join(0.2)  # it has to wait for us
        return Measured(1000, 0.0, 0, 0.0)

    transfer.measure = measure_while_it_ends
    assert transfer.progress().done == 1000
    ending.join(10)
    assert transfer.progress() == transfer.result(1)
    assert (transfer.progress().done, transfer.progress().repeated) == (SIZE, 7)


def test_the_sender_counts_what_was_there_from_the_beginning_and_what_comes_once(tmp_path: Path) -> None:
    """And nothing is taken for whole before it is."""
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(20 * CHUNK_SIZE - 1))
    source = SourceFile(path)
    transfer = Transfer(1, "0" * 32, True, "Hans", "a.bin", source.geometry.size)
    outbound = Outbound(StillHost(), transfer, source, CIPHERS[0], Cubic, 0)
    sender = SimpleNamespace(chunks_delivered=0, repeated_segments=0, sent_segments=0, bytes_in_part=0)
    outgoing: Any = SimpleNamespace(sender=None, round_trip=RoundTrip(), begin=lambda *_: None)
    outbound._outgoing = outgoing
    key = bytes(16)
    outbound._begin(Secrets(key, key, key, key, 1, 2, key), Claims([Attempt(key, CIPHERS[0], [(0, 5), (8, 4)])], b""))
    assert outbound._measure().done == transfer.resumed == 9 * CHUNK_SIZE
    outgoing.sender = sender
    done = []
    for sender.chunks_delivered in (0, 1, 2, 3, 4, 11):
        done.append(outbound._measure().done)
    assert [-(-size // CHUNK_SIZE) for size in done] == [9, 10, 11, 12, 13, 20]
    assert done[-1] == source.geometry.size
    sender.chunks_delivered, sender.bytes_in_part = 4, 50_000
    assert outbound._measure().done == 13 * CHUNK_SIZE + 50_000
    sender.chunks_delivered, sender.bytes_in_part = 10, CHUNK_SIZE
    assert outbound._measure().done == source.geometry.size - 1, "only the whole is the whole"
    source.close()

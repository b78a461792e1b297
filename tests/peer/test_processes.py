"""Clients that are killed or stopped in the middle of a transfer, as processes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from messenger.peer.handle import TransferDone
from messenger.peer.part import PartFile
from messenger.peer.source import SourceFile
from messenger.server import Server
from messenger.transfer.geometry import CHUNK_SIZE
from tests.peer.conftest import Enter
from tests.peer.program import Program

CHUNKS = 400
AGAIN_MAX = 4 * 1024 * 1024 // CHUNK_SIZE
"""Chunks that may be sent again."""


class Watch:
    """Counts the calls that get chunk after chunk done, and lets the one with some number wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type, method: str, stop_at: int) -> None:
        self.done = 0
        self._stop_at = stop_at
        self._reached = threading.Event()
        self._go_on = threading.Event()
        right: Callable[..., Any] = getattr(kind, method)

        def watched(one: Any, *rest: Any) -> Any:
            if self.done == self._stop_at:
                self._reached.set()
                assert self._go_on.wait(20)
            self.done += 1
            return right(one, *rest)

        monkeypatch.setattr(kind, method, watched)

    def wait(self) -> None:
        """Return when it is reached."""
        assert self._reached.wait(20)

    def go_on(self) -> None:
        """Let it go on."""
        self._go_on.set()


PHASES = [0, 1, 40, 250, 330]
"""Chunks after which a program is killed; soon after the last of these all of the file may be on its way."""


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_sender_goes_on_from_what_had_come(
    enter: Enter, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: int
) -> None:
    hans = enter("Hans")
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(CHUNKS * CHUNK_SIZE - 5))
    watch = Watch(monkeypatch, PartFile, "write", phase)
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path) as first:
        watch.wait()
        first.kill()
    watch.go_on()
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path) as second:
        end = second.outcome()
    assert end["done"] == end["size"], end
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    assert watch.done <= CHUNKS + AGAIN_MAX
    done = hans.wait_for(TransferDone)
    assert done.resumed == end["resumed"]
    assert done.resumed >= min((phase - AGAIN_MAX) * CHUNK_SIZE, end["size"])


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_receiver_goes_on_from_what_had_come(
    enter: Enter, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: int
) -> None:
    yoda = enter("Yoda")
    path = yoda.make("a.bin", CHUNKS * CHUNK_SIZE - 5)
    watch = Watch(monkeypatch, SourceFile, "seal", phase)
    inbox = tmp_path / "inbox"
    with Program(server.port, "Hans", inbox) as first:
        interrupted = yoda.client.send_file("Hans", path)
        watch.wait()
        had_come = interrupted.progress().done
        first.kill()
    watch.go_on()
    with Program(server.port, "Hans", inbox):
        again = yoda.client.send_file("Hans", path)
        again.result(20)
    assert [(one.name, one.read_bytes()) for one in inbox.iterdir()] == [("Yoda_a.bin", path.read_bytes())]
    assert again.resumed >= had_come - AGAIN_MAX * CHUNK_SIZE


def test_a_receiver_that_stands_still_for_two_seconds_gets_the_file_all_the_same(
    enter: Enter, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yoda = enter("Yoda")
    path = yoda.make("a.bin", CHUNKS * CHUNK_SIZE)
    watch = Watch(monkeypatch, SourceFile, "seal", 100)
    inbox = tmp_path / "inbox"
    with Program(server.port, "Hans", inbox) as receiver:
        sent = yoda.client.send_file("Hans", path)
        watch.wait()
        receiver.process.send_signal(signal.SIGSTOP)
        watch.go_on()
        wake = threading.Timer(2, receiver.process.send_signal, [signal.SIGCONT])
        wake.start()
        assert sent.result(20).seconds > 2
        wake.join()
    assert [one.read_bytes() for one in inbox.iterdir()] == [path.read_bytes()]

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
from tests.peer.conftest import Enter, Person
from tests.peer.program import Program

CHUNKS = 100
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


PHASES = [0, 40, 62, 82]
"""Chunks after which a program is killed; soon after the last of these all of the file may be on its way. All but the
first are more than twice what may be sent again."""


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
    assert had_come > AGAIN_MAX * CHUNK_SIZE or not phase
    watch.go_on()
    with Program(server.port, "Hans", inbox):
        again = yoda.client.send_file("Hans", path)
        again.result(20)
    assert [(one.name, one.read_bytes()) for one in inbox.iterdir()] == [("Yoda_a.bin", path.read_bytes())]
    assert again.resumed >= had_come - AGAIN_MAX * CHUNK_SIZE


def interrupt(server: Server, yoda: Person, path: Path, inbox: Path, **options: str) -> None:
    """Let Hans receive a file and be killed where he stands still."""
    with Program(server.port, "Hans", inbox, **options) as hans:
        yoda.client.send_file("Hans", path)
        assert hans.line() == "stopped"
        hans.kill()


@pytest.mark.parametrize(
    ("point", "again_max"), [("checking:20", AGAIN_MAX), ("finishing:0", AGAIN_MAX), ("placing:0", 0)]
)
def test_a_receiver_that_is_killed_at_a_bad_moment_goes_on(
    enter: Enter, server: Server, tmp_path: Path, point: str, again_max: int
) -> None:
    """While it looks at what is there, while the file gets its place, and when it has two names."""
    yoda = enter("Yoda")
    path = yoda.make("a.bin", CHUNKS * CHUNK_SIZE - 5)
    inbox = tmp_path / "inbox"
    if point.startswith("checking"):
        interrupt(server, yoda, path, inbox, stop="finishing:0")
    interrupt(server, yoda, path, inbox, stop=point)
    assert len(list(inbox.iterdir())) == (3 if point.startswith("placing") else 2)
    with Program(server.port, "Hans", inbox):
        again = yoda.client.send_file("Hans", path)
        again.result(20)
    assert [(one.name, one.read_bytes()) for one in inbox.iterdir()] == [("Yoda_a.bin", path.read_bytes())]
    assert again.resumed >= path.stat().st_size - again_max * CHUNK_SIZE


def test_a_sender_that_is_killed_while_it_compares_goes_on(
    enter: Enter, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hans = enter("Hans")
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(CHUNKS * CHUNK_SIZE - 5))
    watch = Watch(monkeypatch, PartFile, "write", 62)
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path) as first:
        watch.wait()
        first.kill()
    watch.go_on()
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path, stop="checking:20") as second:
        assert second.line() == "stopped"
        second.kill()
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path) as third:
        assert third.outcome()["done"] == path.stat().st_size
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    assert watch.done <= CHUNKS + AGAIN_MAX


def test_a_receiver_that_stands_still_for_two_seconds_gets_the_file_all_the_same(
    enter: Enter, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yoda = enter("Yoda")
    path = yoda.make("a.bin", CHUNKS * CHUNK_SIZE)
    watch = Watch(monkeypatch, SourceFile, "seal", 25)
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

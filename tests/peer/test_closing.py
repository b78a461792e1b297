"""What is begun while transfers are closed, or after: it ends at once, and nothing of it stays."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest

from messenger.config import FileConfig
from messenger.errors import ConfigError
from messenger.peer import transfers as transfers_module
from messenger.peer.engine import Engine
from messenger.peer.handle import TransferEnded
from messenger.peer.transfers import Transfers
from messenger.peer.udp import UdpPort
from tests.peer.conftest import offered
from tests.peer.endings import failure
from tests.support.files import open_descriptors

LEFT = ("closed", "Yoda has left")


class Alone:
    """Transfers without a server, and all that they say and tell."""

    def __init__(self, folder: Path) -> None:
        self.said: List[Tuple[str, Any]] = []
        self.told: List[Any] = []
        self.on_told: Callable[[], None] = lambda: None
        self.path = folder / "a.bin"
        self.path.write_bytes(b"a")
        self.files = Transfers(FileConfig(download_dir=folder), self._submit, self._emit)
        self.files.username = "Yoda"

    def _submit(self, kind: type, **fields: Any) -> None:
        self.said.append((kind.__name__, fields))

    def _emit(self, event: Any) -> None:
        self.told.append(event)
        on_told, self.on_told = self.on_told, lambda: None
        on_told()


def test_what_is_sent_after_the_end_fails_at_once(tmp_path: Path) -> None:
    alone = Alone(tmp_path)
    alone.files.close()
    before = open_descriptors()
    assert failure(alone.files.send("Hans", alone.path), 1) == LEFT
    assert [(type(event), event.code) for event in alone.told] == [(TransferEnded, "closed")]
    assert open_descriptors() == before
    assert alone.said == []


def test_what_is_begun_while_all_ends_is_never_offered_and_never_accepted(tmp_path: Path) -> None:
    """Here by whoever is told of the first end."""
    alone = Alone(tmp_path)
    before = open_descriptors()
    alone.files.send("Hans", alone.path)
    is_offered = threading.Event()
    alone.files.engine.call(is_offered.set)
    assert is_offered.wait(5)

    def begin_more() -> None:
        alone.files.send("Leia", alone.path)
        alone.files.take(offered(sender="Hans"))

    alone.on_told = begin_more
    alone.files.close()
    assert [(event.user, event.code, event.message) for event in alone.told] == [("Hans", *LEFT), ("Leia", *LEFT)]
    said = [(kind, fields["user"], fields.get("accepted"), fields.get("code")) for kind, fields in alone.said]
    assert said == [
        ("Offer", "Hans", None, None),
        ("Outcome", "Hans", None, "closed"),
        ("Answer", "Hans", False, "closed"),
    ]
    assert len(alone.files.list()) == 2
    assert open_descriptors() < before, "the port too"


def test_a_call_is_made_or_its_caller_knows_that_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(UdpPort(0))
    calls: List[bool] = []
    made: List[str] = []
    stop = engine._stop

    def stop_and_call() -> None:
        stop()
        calls.append(engine.call(lambda: made.append("late")))

    monkeypatch.setattr(engine, "_stop", stop_and_call)
    engine.start()
    engine.close()
    calls.append(engine.call(lambda: made.append("too late")))
    assert calls == [True, False]
    assert made == ["late"]


def test_a_controller_that_nobody_knows_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(ConfigError, match="no congestion control 'reno': it is one of patient, cubic"):
        Transfers(FileConfig(download_dir=tmp_path, congestion_control="reno"))
    assert open_descriptors() == before


def test_what_cannot_be_begun_leaves_no_file_open_and_no_transfer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Alone(tmp_path)
    before = open_descriptors()

    def fail() -> str:
        raise RuntimeError("a fault that was made for this test")

    monkeypatch.setattr(transfers_module, "fastest_cipher", fail)
    with pytest.raises(RuntimeError):
        alone.files.send("Hans", alone.path)
    assert open_descriptors() == before
    assert alone.files.list() == []
    alone.files.close()

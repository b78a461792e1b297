"""Stopping transfers in the middle, and what is told of their ends."""

from __future__ import annotations

import threading
from typing import Any, Tuple

import pytest

from messenger.peer import exchange
from messenger.peer.handle import Transfer, TransferEnded, TransferFailed
from messenger.peer.part import PartFile
from messenger.peer.source import SourceFile
from messenger.transfer import endpoint
from messenger.transfer.geometry import CHUNK_SIZE
from tests.peer.conftest import Person

SIZE = 40 * CHUNK_SIZE


class Gate:
    """Stops the sender in the middle of a file, or a receiver before its end, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, chunk: int = 20, kind: type = SourceFile) -> None:
        """`kind` may be `PartFile` instead: then it stops while the whole file gets its place."""
        self._reached = threading.Event()
        self._open = threading.Event()
        method = "seal" if kind is SourceFile else "finish"
        right = getattr(kind, method)

        def wait(one: Any, *rest: Any) -> Any:
            if kind is PartFile or rest == (chunk,):
                self._reached.set()
                assert self._open.wait(10)
            return right(one, *rest)

        monkeypatch.setattr(kind, method, wait)

    def wait(self) -> None:
        """Return when it is reached."""
        assert self._reached.wait(10)

    def open(self) -> None:
        """Let the sender go on."""
        self._open.set()


def failure(transfer: Transfer, within: float = 10) -> Tuple[str, str]:
    with pytest.raises(TransferFailed) as caught:
        transfer.result(within)
    return caught.value.code, str(caught.value)


def told(person: Person) -> Tuple[str, str]:
    event = person.wait_for(TransferEnded)
    return event.code, event.message


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the times of `messenger.transfer.endpoint` a hundredth of what they are."""
    monkeypatch.setattr(endpoint, "SILENCE_TOLD", 0.1)
    monkeypatch.setattr(endpoint, "SILENCE_MAX", 0.5)
    monkeypatch.setattr(exchange, "PROGRESS_SECONDS", 0.02)

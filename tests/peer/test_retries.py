"""The same file offered again: another attempt, or another file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from messenger.peer.handle import Transfer, TransferAsked, TransferDone
from messenger.peer.inbound import Inbound
from messenger.peer.part import PartFile
from messenger.peer.udp import UdpPort
from messenger.server import Server
from messenger.transfer.geometry import CHUNK_SIZE
from tests.peer.conftest import Enter, offered
from tests.peer.hosts import StillHost
from tests.peer.program import Program
from tests.peer.test_processes import AGAIN_MAX, CHUNKS, Watch

ONE, OTHER = "1" * 32, "2" * 32


def inbound(host: StillHost, folder: Path) -> Inbound:
    """Return a transfer that client ONE has offered."""
    handle = Transfer(1, "0" * 32, False, "Yoda", "a.bin", 100_000)
    return Inbound(host, handle, offered(client=ONE), folder, lambda function: None)


@pytest.mark.parametrize(
    ("differs", "gives_way"),
    [
        ({"client": OTHER}, True),
        ({"client": ONE}, False),
        ({"client": ONE, "address": "::1", "udp_port": 9}, False),
        ({"client": ""}, True),
        ({"client": OTHER, "name": "b.bin"}, False),
        ({"client": OTHER, "size": 100_001}, False),
        ({"client": OTHER, "sender": "Leia"}, False),
    ],
)
def test_a_file_gives_way_to_the_same_one_of_another_client_and_to_no_other(
    tmp_path: Path, differs: Any, gives_way: bool
) -> None:
    """However long nothing was heard of it: who sends a file twice while the path is gone for a while wants two."""
    host = StillHost()
    first = inbound(host, tmp_path)
    again = offered(**{"transfer": "9" * 32, **differs})
    assert first.gives_way_to(again) is gives_way
    host.engine.time += 25
    assert first.gives_way_to(again) is gives_way
    first._is_finishing = True
    assert first.is_placing(again) is gives_way


def test_every_offer_of_a_client_bears_its_id(enter: Enter) -> None:
    yoda, hans = enter("Yoda"), enter("Hans", accept="ask")
    for name in ("a.bin", "b.bin"):
        yoda.client.send_file("Hans", yoda.make(name, 10))
    hans.wait_for(TransferAsked, times=2)
    ids = {exchange._offered.client for exchange in hans.files._exchanges.values()}  # type: ignore[attr-defined]
    assert ids == {yoda.files.id}
    assert yoda.files.id != hans.files.id


def test_a_killed_sender_that_is_back_at_once_on_its_port_goes_on(
    enter: Enter, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but its id tells it from the one before, which may have been heard a moment ago."""
    hans = enter("Hans")
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(CHUNKS * CHUNK_SIZE - 5))
    free = UdpPort(0)
    free.close()
    watch = Watch(monkeypatch, PartFile, "write", 62)
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path, udp_port=free.number) as first:
        watch.wait()
        first.kill()
    watch.go_on()
    with Program(server.port, "Yoda", tmp_path / "Yoda", "Hans", path, udp_port=free.number) as second:
        end = second.outcome()
    assert end["done"] == end["size"], end
    assert hans.received() == {"Yoda_a.bin": path.read_bytes()}
    assert watch.done <= CHUNKS + AGAIN_MAX
    hans.wait_for(TransferDone)

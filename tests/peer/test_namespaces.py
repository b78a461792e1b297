"""Paths as the kernel makes them: small packets only, a slow link with a queue, firewalls. Needs root."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List

import pytest

from tests.conftest import ServeProcess
from tests.peer.namespaces import ADDRESSES, Cable
from tests.peer.program import Program
from tests.support.waiting import eventually


def send_over(cable: Cable, serve_process: ServeProcess, tmp_path: Path, size: int) -> Any:
    """Send a file from one end to the other, and return how it ended; server and sender are at the same end."""
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(size))
    served = serve_process("--bind", ADDRESSES[0], wrapper=cable.inside(0))
    with Program(served.port, "Hans", tmp_path / "Hans", wrapper=cable.inside(1), host=ADDRESSES[0]):
        sender = Program(
            served.port, "Yoda", tmp_path / "Yoda", "Hans", path, wrapper=cable.inside(0), host=ADDRESSES[0]
        )
        with sender:
            end = sender.outcome()
    served.end()
    assert "code" not in end, end
    assert (tmp_path / "Hans" / "Yoda_a.bin").read_bytes() == path.read_bytes()
    return end


def test_a_path_for_small_packets_only_gets_small_segments_from_the_start(
    serve_process: ServeProcess, tmp_path: Path
) -> None:
    """Of 1200 bytes: the larger ones that are tried do not get through."""
    with Cable(mtu=1280) as cable:
        end = send_over(cable, serve_process, tmp_path, 5_000_000)
    assert end["loss"] < 0.01


def test_a_slow_link_is_full_and_its_queue_is_not(serve_process: ServeProcess, tmp_path: Path) -> None:
    """At the best of three tries: programs that have to wait for a processor leave any link empty."""
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Cable(shape="tbf rate 20mbit burst 16kb latency 50ms") as cable:
            end = send_over(cable, serve_process, folder, 5_000_000)
        goodput = end["size"] * 8 / end["seconds"]
        if goodput >= 0.8 * 20e6 and end["loss"] < 0.05:
            return
    pytest.fail(f"{goodput / 1e6:.1f} Mbit/s, {end}")


@pytest.mark.parametrize("size", [1280, 1400])
def test_segments_shrink_when_the_path_does_and_the_rest_arrives_too(
    serve_process: ServeProcess, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(5_000_000))
    with Cable(shape="tbf rate 40mbit burst 16kb latency 50ms") as cable:
        served = serve_process("--bind", ADDRESSES[0], wrapper=cable.inside(0))
        with Program(served.port, "Hans", tmp_path / "Hans", wrapper=cable.inside(1), host=ADDRESSES[0]):
            part = tmp_path / "Hans" / "Yoda_a.bin.part"
            sender = Program(
                served.port, "Yoda", tmp_path / "Yoda", "Hans", path, wrapper=cable.inside(0), host=ADDRESSES[0]
            )
            with sender:
                eventually(lambda: part.exists() and part.stat().st_size >= 1_000_000, 20, "a fifth has arrived")
                cable.set_mtu(size)
                end = sender.outcome()
    assert "code" not in end, end
    assert (tmp_path / "Hans" / "Yoda_a.bin").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("ends", [[1], [0, 1]], ids=["the receiver's", "both"])
def test_firewalls_that_let_answers_in_are_no_obstacle(
    serve_process: ServeProcess, tmp_path: Path, ends: List[int]
) -> None:
    with Cable() as cable:
        for end in ends:
            cable.let_in_answers_only(end)
        assert send_over(cable, serve_process, tmp_path, 1_000_000)["done"] == 1_000_000

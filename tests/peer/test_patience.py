"""How long an offer waits for its answer: a minute, or as long as the receiver says that it still looks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from messenger.peer.handle import Transfer
from messenger.peer.inbound import Inbound
from messenger.peer.outbound import Outbound
from messenger.peer.source import SourceFile
from messenger.transfer.congestion import Cubic
from messenger.transfer.geometry import CHUNK_SIZE
from messenger.transfer.sealing import CIPHERS
from tests.peer.conftest import offered
from tests.peer.hosts import StillHost
from tests.peer.parts import interrupted

OFFERED_AT = 1000.0


@pytest.fixture
def host() -> StillHost:
    """The client of this test."""
    return StillHost()


@pytest.fixture
def outbound(host: StillHost, tmp_path: Path) -> Iterator[Outbound]:
    """An offer that was just made."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"a")
    source = SourceFile(path)
    outbound = Outbound(host, Transfer(1, "0" * 32, True, "Hans", "a.bin", 1), source, CIPHERS[0], Cubic, 0)
    outbound.offer()
    yield outbound
    source.close()


def test_an_offer_waits_for_a_minute(host: StillHost, outbound: Outbound) -> None:
    assert outbound.deadline() == OFFERED_AT + 60
    outbound.poll(OFFERED_AT + 59.9)
    assert not outbound.handle.is_ended
    outbound.poll(OFFERED_AT + 60)
    assert outbound.handle.error is not None
    assert outbound.handle.error.code == "no_answer"


def test_a_receiver_that_still_looks_has_another_minute_each_time(host: StillHost, outbound: Outbound) -> None:
    for seconds in range(20, 600, 20):
        host.engine.time = OFFERED_AT + seconds
        outbound.poll(host.engine.time)
        outbound.on_outcome("checking", "")
        assert outbound.deadline() == OFFERED_AT + seconds + 60
    outbound.poll(outbound.deadline())
    assert outbound.handle.error is not None
    assert outbound.handle.error.code == "no_answer"
    outbound.on_outcome("checking", "")  # too late
    assert outbound.deadline() == math.inf


def outcomes(host: StillHost) -> List[Tuple[str, str]]:
    return [(fields["user"], fields["code"]) for kind, fields in host.said if kind == "Outcome"]


@pytest.mark.parametrize(("asked_for", "said_at"), [(0, [20, 45]), (55, [0, 20, 45])])
def test_a_receiver_says_every_twenty_seconds_that_it_still_looks(
    host: StillHost, tmp_path: Path, asked_for: int, said_at: List[int]
) -> None:
    """Counted from the offer: a person may have taken some of the time already."""
    interrupted(tmp_path, [0, 1, 2, 3, 4])
    host.username = "Hans"
    offer = offered(size=5 * CHUNK_SIZE + 100)
    transfer = Transfer(1, offer.transfer, False, "Yoda", "a.bin", offer.size)
    inbound = Inbound(host, transfer, offer, tmp_path, lambda function: function())
    host.engine.time += asked_for
    inbound.accept()
    (steps,) = host.engine.steps
    said: List[int] = []
    for seconds in (0, 5, 20, 39, 45):  # there are more steps than that
        host.engine.time = OFFERED_AT + asked_for + seconds
        next(steps)
        said += [seconds] * (len(outcomes(host)) - len(said))
    for _ in steps:
        pass
    kind, fields = host.said[-1]
    assert (kind, fields["accepted"]) == ("Answer", True)
    assert said == said_at
    assert outcomes(host) == [("Yoda", "checking")] * len(said_at)

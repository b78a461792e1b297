"""Nobody can aim a client at a third party by many offers, or by many spellings of one address."""

from __future__ import annotations

import select
import socket
from typing import Iterator

import pytest

from messenger.peer.outbound import Outbound
from messenger.protocol.messages import Answered
from messenger.transfer import outgoing
from messenger.transfer.unproved import UNPROVED_MAX
from tests.peer.conftest import Enter
from tests.peer.endings import failure


@pytest.fixture
def third_party() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        sock.bind(("127.0.0.1", 0))
        yield sock


def heard(sock: socket.socket) -> int:
    """Return how many datagrams have come."""
    count = 0
    while select.select([sock], [], [], 0)[0]:
        sock.recv(65_536)
        count += 1
    return count


def test_a_user_who_names_a_third_party_in_many_answers_brings_it_ten_datagrams(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, third_party: socket.socket
) -> None:
    monkeypatch.setattr(outgoing, "OPENING_SECONDS", 0.5)
    on_answered = Outbound.on_answered

    def point_there(outbound: Outbound, answered: Answered) -> None:
        answered.address, answered.udp_port = "127.0.0.1", third_party.getsockname()[1]
        answered.addresses = ["::ffff:127.0.0.1", "::FFFF:7f00:1", "0:0::ffff:7f00:1"]
        on_answered(outbound, answered)

    monkeypatch.setattr(Outbound, "on_answered", point_there)
    yoda = enter("Yoda")
    enter("Hans")
    path = yoda.make("a.bin", 1000)
    for sent in [yoda.client.send_file("Hans", path) for _ in range(20)]:
        assert failure(sent)[0] == "no_path"
    assert 0 < heard(third_party) <= UNPROVED_MAX


def test_many_at_once_begin_as_soon_as_one_has_found_the_path(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait for it are woken: they need not look again."""
    monkeypatch.setattr(outgoing, "ASK_SECONDS", 60.0)
    monkeypatch.setattr(outgoing, "OPENING_SECONDS", 30.0)
    yoda, hans = enter("Yoda"), enter("Hans")
    paths = [yoda.make(f"{number}.bin", 1000) for number in range(30)]
    for sent in [yoda.client.send_file("Hans", path) for path in paths]:
        sent.result(20)
    assert len(hans.received()) == 30
